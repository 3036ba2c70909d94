//! The hints that a client adds to a refusal: which segments it holds, and which segments others
//! got from it.

use std::collections::{BTreeMap, VecDeque};

use super::Library;
use crate::protocol::{FileId, Hint, Rank, SegmentIndex};

/// The most segments of its own that a client names in one refusal.
const OWN: usize = 4;

/// The most segments that a client names in one refusal because it has sent them to others.
const OTHERS: usize = 8;

/// What a client has named to others, and sent to them.
///
/// The client names its own segments in turn. Otherwise clients that fetch in the same order would
/// all get the same segments from it, and have nothing to give each other. So a seed sends every
/// segment once before it sends any again (super-seeding). To say what to ask for is the Suggest
/// Piece of BitTorrent's Fast Extension (BEP 6). Of the segments that others hold, the client names
/// those that it sent last: they are the rarest.
#[derive(Debug, Default)]
pub(super) struct Hints {
    /// The segment of each file that was named last.
    last: BTreeMap<FileId, SegmentIndex>,
    /// The segment that was named to each client that has an appointment.
    suggested: BTreeMap<Rank, (FileId, SegmentIndex)>,
    /// Segments that were named to a client, which then took another one.
    left: VecDeque<(FileId, SegmentIndex)>,
    /// The segments that were sent, each with the client that got it, the last one first.
    sent: VecDeque<(FileId, Hint)>,
}

impl Hints {
    /// The hints for a client whose request is refused because `me` does not hold the segment.
    pub(super) fn for_nack(
        &mut self,
        me: Rank,
        asker: Rank,
        file: FileId,
        library: &Library,
    ) -> Vec<Hint> {
        let first = self.next(file, library);
        self.list(me, asker, file, first, library)
    }

    /// The hints for a client that gets an appointment. It is told the same segment first until it
    /// has got a slot.
    pub(super) fn for_busy(
        &mut self,
        me: Rank,
        asker: Rank,
        file: FileId,
        library: &Library,
    ) -> Vec<Hint> {
        let before = self.suggested.get(&asker);
        let first = match before {
            Some(&(of, segment)) if of == file => Some(segment),
            Some(_) | None => self.leftover(file).or_else(|| self.next(file, library)),
        };
        if let Some(segment) = first {
            self.suggested.insert(asker, (file, segment));
        }
        self.list(me, asker, file, first, library)
    }

    /// A client has got a slot, for this segment.
    pub(super) fn admitted(&mut self, client: Rank, file: FileId, segment: SegmentIndex) {
        if let Some(suggested) = self.suggested.remove(&client)
            && suggested != (file, segment)
        {
            self.left.push_back(suggested);
        }
    }

    /// A segment was sent, so that `holder` holds it.
    pub(super) fn sent(&mut self, holder: Rank, file: FileId, segment: SegmentIndex) {
        self.sent.push_front((file, Hint { holder, segment }));
        self.sent.truncate(2 * OTHERS);
    }

    fn leftover(&mut self, file: FileId) -> Option<SegmentIndex> {
        let place = self.left.iter().position(|&(of, _)| of == file)?;
        self.left.remove(place).map(|(_, segment)| segment)
    }

    /// The client's own segment whose turn it is.
    fn next(&mut self, file: FileId, library: &Library) -> Option<SegmentIndex> {
        let next = library.next_held(file, self.last.get(&file).copied())?;
        self.last.insert(file, next);
        Some(next)
    }

    fn list(
        &self,
        me: Rank,
        asker: Rank,
        file: FileId,
        first: Option<SegmentIndex>,
        library: &Library,
    ) -> Vec<Hint> {
        let mut own: Vec<SegmentIndex> = first.into_iter().collect();
        while own.len() < OWN
            && let Some(next) = library.next_held(file, own.last().copied())
            && !own.contains(&next)
        {
            own.push(next);
        }
        let others = (self.sent.iter())
            .filter(|(of, hint)| *of == file && hint.holder != asker)
            .map(|(_, hint)| *hint);
        let own = own.into_iter().map(|segment| Hint {
            holder: me,
            segment,
        });
        own.chain(others.take(OTHERS)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::samples::hashes;

    const FILE: FileId = FileId(0);
    const ME: Rank = Rank(1);

    fn library() -> Library {
        let library = Library::default();
        library.own(FILE, hashes("abcdefg"));
        library
    }

    /// The rank and the segment of each hint.
    fn pairs(hints: &[Hint]) -> Vec<(u32, usize)> {
        (hints.iter().map(|hint| (hint.holder.0, hint.segment.0))).collect()
    }

    fn suggestion(hints: &[Hint]) -> usize {
        hints[0].segment.0
    }

    #[test]
    fn every_segment_is_named_before_any_is_named_first_again() {
        let (library, mut hints) = (library(), Hints::default());
        let mut busy = |asker| hints.for_busy(ME, Rank(asker), FILE, &library);
        let named: Vec<usize> = (2..10).map(|asker| suggestion(&busy(asker))).collect();
        assert_eq!(named, [0, 1, 2, 3, 4, 5, 6, 0]);
        assert_eq!(pairs(&busy(7)), [(1, 5), (1, 6), (1, 0), (1, 1)]);
    }

    #[test]
    fn who_comes_again_hears_of_the_same_segment_until_it_has_taken_one() {
        let (library, mut hints) = (library(), Hints::default());
        let busy =
            |hints: &mut Hints, asker| suggestion(&hints.for_busy(ME, Rank(asker), FILE, &library));
        assert_eq!([2, 2, 3].map(|asker| busy(&mut hints, asker)), [0, 0, 1]);
        hints.admitted(Rank(2), FILE, SegmentIndex(0));
        hints.admitted(Rank(3), FILE, SegmentIndex(6));
        let named = [2, 3].map(|asker| busy(&mut hints, asker));
        assert_eq!(named, [1, 2], "somebody left segment 1");
    }

    #[test]
    fn who_is_refused_hears_what_others_have_got_but_not_what_it_has_got_itself() {
        let (library, mut hints) = (Library::default(), Hints::default());
        library.expect(FILE, hashes("ab"));
        assert_eq!(hints.for_nack(ME, Rank(2), FILE, &library), []);
        hints.sent(Rank(2), FILE, SegmentIndex(0));
        hints.sent(Rank(3), FILE, SegmentIndex(1));
        hints.sent(Rank(3), FileId(7), SegmentIndex(1));
        let mut nack = |asker| pairs(&hints.for_nack(ME, Rank(asker), FILE, &library));
        assert_eq!(nack(4), [(3, 1), (2, 0)]);
        assert_eq!(nack(3), [(2, 0)]);
    }
}
