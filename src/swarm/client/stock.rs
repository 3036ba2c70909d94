//! What a client can give of a file, and what of it to suggest.

use super::Library;
use crate::protocol::{FileId, SegmentIndex, SegmentSet};

/// Of this many segments that it could give, a client suggests the one that the fewest others hold.
const SUGGESTED_OF: usize = 8;

/// What the client itself can give of a file.
#[derive(Debug)]
pub(super) struct Stock {
    pub(super) held: SegmentSet,
    /// How many of the segments that it has gained are in `held`.
    gained: usize,
    /// For each segment, how many of the clients that have asked are known to hold it.
    pub(super) copies: Vec<u32>,
    /// Where the search for the next suggestion begins.
    next: usize,
}

impl Stock {
    /// What the library holds of a file by now.
    pub(super) fn of(file: FileId, library: &Library) -> Stock {
        let mut stock = Stock {
            held: SegmentSet::none(0),
            gained: 0,
            copies: Vec::new(),
            next: 0,
        };
        stock.grow(file, library);
        stock
    }

    /// The number of the file's segments: none, if the file is not known yet.
    pub(super) fn segments(&self) -> usize {
        self.copies.len()
    }

    /// Takes in what the library holds by now, and returns what is new.
    pub(super) fn grow(&mut self, file: FileId, library: &Library) -> Vec<SegmentIndex> {
        if self.copies.is_empty() {
            let (segments, owned) = library.extent(file);
            self.copies = vec![0; segments];
            self.held = if owned {
                SegmentSet::all(segments)
            } else {
                SegmentSet::none(segments)
            };
        }
        let news = library.gained(file, self.gained, usize::MAX);
        self.gained += news.len();
        for &segment in &news {
            self.held.insert(segment);
        }
        news
    }

    /// Of the next segments that it holds and a client does not, the one with the fewest copies.
    pub(super) fn suggest(&mut self, lacked_by: &SegmentSet) -> Option<SegmentIndex> {
        let next = (self.held).without_from(lacked_by, self.next);
        let best = (next.take(SUGGESTED_OF)).min_by_key(|segment| self.copies[segment.0])?;
        self.next = best.0 + 1;
        Some(best)
    }
}
