//! The segments that a client holds: its download half stores them, and its upload half serves
//! them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use crate::protocol::{FileId, Hashes, SegmentHash, SegmentIndex, SegmentSet};

/// The one thing that a client's two threads share.
///
/// Every method takes the lock, looks, and gives it back. No lock is held across a message, a file
/// or another lock. So a thread waits for the lock no longer than a look takes, and the two threads
/// cannot block each other for ever.
#[derive(Debug)]
pub struct Library {
    files: Mutex<BTreeMap<FileId, Shelf>>,
    /// Whether others are told what the client has gained: where serving takes time.
    is_told: bool,
    /// When the client leaves the swarm, in nanoseconds since its INIT_ACK. [`NEVER`] until one of
    /// the two threads knows the time.
    closes: AtomicU64,
    /// The number of segments that were stored. The upload half looks at it all the time, and takes no
    /// lock for it.
    all_gained: AtomicUsize,
}

/// The value of [`Library::closes`] for a client that stays.
const NEVER: u64 = u64::MAX;

/// The segments of one file.
struct Shelf {
    /// As the owner has them, or as the tracker has promised.
    hashes: Hashes,
    /// Which segments the client holds. Each that came was compared with the promised hash.
    held: SegmentSet,
    /// Those that came, in this order.
    gained: Vec<SegmentIndex>,
    /// The number of segments that it does not hold.
    lacking: usize,
}

impl Library {
    /// An empty library of a client that stays. With `is_told` it can say what it has gained since when.
    pub fn new(is_told: bool) -> Library {
        Library {
            files: Mutex::default(),
            is_told,
            closes: AtomicU64::new(NEVER),
            all_gained: AtomicUsize::new(0),
        }
    }

    /// Adds a file that the client owns from the start.
    pub fn own(&self, file: FileId, hashes: Hashes) {
        let shelf = Shelf {
            held: SegmentSet::all(hashes.len()),
            gained: Vec::new(),
            lacking: 0,
            hashes,
        };
        self.files().insert(file, shelf);
    }

    /// Adds a file that is to be downloaded. The tracker has promised that its segments have these
    /// hashes.
    pub fn expect(&self, file: FileId, promised: Hashes) {
        let shelf = Shelf {
            held: SegmentSet::none(promised.len()),
            gained: Vec::new(),
            lacking: promised.len(),
            hashes: promised,
        };
        self.files().insert(file, shelf);
    }

    /// Stores a downloaded segment, if it is lacking and its hash is the promised one (R4). Returns
    /// whether it did.
    pub fn store(&self, file: FileId, segment: SegmentIndex, hash: SegmentHash) -> bool {
        let mut files = self.files();
        let Some(shelf) = files.get_mut(&file) else {
            return false;
        };
        if shelf.hashes.get(segment) != Some(hash) || !shelf.held.insert(segment) {
            return false;
        }
        shelf.lacking -= 1;
        if self.is_told {
            shelf.gained.push(segment);
            self.all_gained.fetch_add(1, Ordering::Release);
        }
        true
    }

    /// A segment's hash, if the client holds it (R9).
    pub fn segment(&self, file: FileId, segment: SegmentIndex) -> Option<SegmentHash> {
        let files = self.files();
        let shelf = files.get(&file)?;
        let is_held = shelf.held.contains(segment);
        is_held.then(|| shelf.hashes.get(segment)).flatten()
    }

    /// The number of a file's segments, and whether the client owns it. A file that is not known has
    /// none.
    pub fn extent(&self, file: FileId) -> (usize, bool) {
        let files = self.files();
        files.get(&file).map_or((0, false), |shelf| {
            let owns = shelf.lacking == 0 && shelf.gained.is_empty();
            (shelf.hashes.len(), owns)
        })
    }

    /// The segments that came after the first `known` ones, but `most` at most.
    pub fn gained(&self, file: FileId, known: usize, most: usize) -> Vec<SegmentIndex> {
        let files = self.files();
        let gained = files.get(&file).map_or(&[][..], |shelf| &shelf.gained);
        let news = gained.get(known..).unwrap_or_default();
        news[..news.len().min(most)].to_vec()
    }

    /// The number of segments that came, of all files.
    pub fn all_gained(&self) -> usize {
        self.all_gained.load(Ordering::Acquire)
    }

    /// Adds 1 to the number of copies of each segment that it holds. Every file that it knows gets an entry.
    pub fn count(&self, copies: &mut BTreeMap<FileId, Vec<u32>>) {
        for (&file, shelf) in &*self.files() {
            let copies = copies.entry(file).or_default();
            copies.resize(shelf.hashes.len(), 0);
            for segment in shelf.held.iter() {
                copies[segment.0] += 1;
            }
        }
    }

    /// A file's hashes, if the client holds every segment of it.
    pub fn complete(&self, file: FileId) -> Option<Hashes> {
        let files = self.files();
        let shelf = files.get(&file)?;
        (shelf.lacking == 0).then(|| shelf.hashes.clone())
    }

    /// Notes that the client leaves at this time. The earliest such time counts.
    pub fn close(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(NEVER);
        self.closes.fetch_min(nanoseconds, Ordering::SeqCst);
    }

    /// When the client leaves, if that is known.
    pub fn closes(&self) -> Option<Duration> {
        let nanoseconds = self.closes.load(Ordering::SeqCst);
        (nanoseconds != NEVER).then(|| Duration::from_nanos(nanoseconds))
    }

    /// Whether the client has left.
    pub fn is_closed(&self, now: Duration) -> bool {
        self.closes().is_some_and(|time| time <= now)
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<FileId, Shelf>> {
        self.files
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

/// Shows which segments are held, and no hashes.
impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lacking {
            0 => write!(f, "all {} segments", self.hashes.len()),
            _ => self.held.fmt(f),
        }?;
        self.gained.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::samples::{hash, hashes};

    const FILE: FileId = FileId(3);

    #[test]
    fn an_owned_file_is_complete_and_every_segment_can_be_served() {
        let library = Library::new(false);
        library.own(FILE, hashes("ab"));
        assert_eq!(library.segment(FILE, SegmentIndex(1)), Some(hash(b'b')));
        assert_eq!(library.segment(FILE, SegmentIndex(2)), None);
        assert_eq!(library.segment(FileId(4), SegmentIndex(0)), None);
        assert_eq!(library.complete(FILE), Some(hashes("ab")));
    }

    #[test]
    fn a_segment_can_be_served_once_it_was_stored_and_not_before() {
        let library = Library::new(false);
        library.expect(FILE, hashes("ab"));
        assert_eq!(library.segment(FILE, SegmentIndex(0)), None);
        assert!(library.store(FILE, SegmentIndex(0), hash(b'a')));
        assert_eq!(library.segment(FILE, SegmentIndex(0)), Some(hash(b'a')));
        assert_eq!(library.complete(FILE), None);
        assert!(library.store(FILE, SegmentIndex(1), hash(b'b')));
        assert_eq!(library.complete(FILE), Some(hashes("ab")));
    }

    #[test]
    fn only_the_promised_hash_in_its_own_place_is_stored_and_only_once() {
        let library = Library::new(false);
        library.expect(FILE, hashes("aba"));
        assert!(
            !library.store(FILE, SegmentIndex(1), hash(b'a')),
            "the hash of another position"
        );
        assert!(
            !library.store(FILE, SegmentIndex(3), hash(b'a')),
            "beyond the end"
        );
        assert!(
            !library.store(FileId(4), SegmentIndex(0), hash(b'a')),
            "a file that nobody expects"
        );
        assert!(library.store(FILE, SegmentIndex(0), hash(b'a')));
        assert!(
            !library.store(FILE, SegmentIndex(0), hash(b'a')),
            "held already"
        );
        assert_eq!(
            library.segment(FILE, SegmentIndex(2)),
            None,
            "an equal hash elsewhere is another segment"
        );
    }

    #[test]
    fn what_came_is_told_in_order_and_nothing_where_nobody_is_told() {
        let [told, quiet] = [true, false].map(Library::new);
        for library in [&told, &quiet] {
            library.own(FileId(0), hashes("xy"));
            library.expect(FILE, hashes("abc"));
            for (position, letter) in [(2, b'c'), (0, b'a'), (1, b'x')] {
                library.store(FILE, SegmentIndex(position), hash(letter));
            }
        }
        let news = |known, most| -> Vec<usize> {
            let news = told.gained(FILE, known, most);
            news.into_iter().map(|segment| segment.0).collect()
        };
        assert_eq!(news(0, 9), [2, 0]);
        assert_eq!((news(0, 1), news(1, 9)), (vec![2], vec![0]));
        assert!(news(2, 9).is_empty() && news(7, 9).is_empty());
        assert_eq!((told.all_gained(), quiet.all_gained()), (2, 0));
        assert_eq!(quiet.gained(FILE, 0, 9), []);
        assert_eq!(told.extent(FileId(0)), (2, true));
        assert_eq!(told.extent(FILE), (3, false));
        assert_eq!(told.extent(FileId(9)), (0, false));
    }

    #[test]
    fn it_closes_at_the_first_of_the_times_that_it_is_to_close_at() {
        let library = Library::new(false);
        let [early, late] = [1, 2].map(Duration::from_secs);
        assert!(!library.is_closed(Duration::MAX));
        library.close(late);
        assert!(!library.is_closed(early) && library.is_closed(late));
        library.close(early);
        library.close(late);
        assert_eq!(library.closes(), Some(early));
    }

    #[test]
    fn a_file_without_segments_is_complete_from_the_start() {
        let library = Library::new(false);
        library.expect(FILE, hashes(""));
        assert_eq!(library.complete(FILE), Some(hashes("")));
    }
}
