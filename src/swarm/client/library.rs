//! The segments that a client holds: its download half stores them, and its upload half serves
//! them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
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
    /// When the client leaves the swarm, in nanoseconds since its INIT_ACK. [`NEVER`] until one of
    /// the two threads knows the time.
    closes: AtomicU64,
}

/// The value of [`Library::closes`] for a client that stays.
const NEVER: u64 = u64::MAX;

impl Default for Library {
    /// An empty library of a client that stays.
    fn default() -> Library {
        Library {
            files: Mutex::default(),
            closes: AtomicU64::new(NEVER),
        }
    }
}

/// The segments of one file.
enum Shelf {
    /// The client holds all of them.
    Full(Hashes),
    /// The client holds some. Each was compared with the promised hash when it came.
    Filling {
        promised: Hashes,
        held: SegmentSet,
        lacking: usize,
    },
}

impl Library {
    /// Adds a file that the client owns from the start.
    pub fn own(&self, file: FileId, hashes: Hashes) {
        self.files().insert(file, Shelf::Full(hashes));
    }

    /// Adds a file that is to be downloaded. The tracker has promised that its segments have these
    /// hashes.
    pub fn expect(&self, file: FileId, promised: Hashes) {
        let shelf = match promised.len() {
            0 => Shelf::Full(promised),
            lacking => Shelf::Filling {
                held: SegmentSet::none(lacking),
                promised,
                lacking,
            },
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
        let Shelf::Filling {
            promised,
            held,
            lacking,
        } = shelf
        else {
            return false;
        };
        if promised.get(segment) != Some(hash) || !held.insert(segment) {
            return false;
        }
        *lacking -= 1;
        if *lacking == 0 {
            *shelf = Shelf::Full(promised.clone());
        }
        true
    }

    /// A segment's hash, if the client holds it (R9).
    pub fn segment(&self, file: FileId, segment: SegmentIndex) -> Option<SegmentHash> {
        match self.files().get(&file)? {
            Shelf::Full(hashes) => hashes.get(segment),
            Shelf::Filling { promised, held, .. } => held
                .contains(segment)
                .then(|| promised.get(segment))
                .flatten(),
        }
    }

    /// The first held segment after this one. If there is none, or no `segment` is given: the first
    /// held segment of the file.
    pub fn next_held(&self, file: FileId, segment: Option<SegmentIndex>) -> Option<SegmentIndex> {
        let from = segment.map_or(0, |segment| segment.0 + 1);
        match self.files().get(&file)? {
            Shelf::Full(hashes) => {
                let position = if from < hashes.len() { from } else { 0 };
                (position < hashes.len()).then_some(SegmentIndex(position))
            }
            Shelf::Filling { held, .. } => held.from(from).or_else(|| held.from(0)),
        }
    }

    /// A file's hashes, if the client holds every segment of it.
    pub fn complete(&self, file: FileId) -> Option<Hashes> {
        match self.files().get(&file)? {
            Shelf::Full(hashes) => Some(hashes.clone()),
            Shelf::Filling { .. } => None,
        }
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
        match self {
            Shelf::Full(hashes) => write!(f, "all {} segments", hashes.len()),
            Shelf::Filling { held, .. } => held.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::samples::{hash, hashes};

    const FILE: FileId = FileId(3);

    #[test]
    fn an_owned_file_is_complete_and_every_segment_can_be_served() {
        let library = Library::default();
        library.own(FILE, hashes("ab"));
        assert_eq!(library.segment(FILE, SegmentIndex(1)), Some(hash(b'b')));
        assert_eq!(library.segment(FILE, SegmentIndex(2)), None);
        assert_eq!(library.segment(FileId(4), SegmentIndex(0)), None);
        assert_eq!(library.complete(FILE), Some(hashes("ab")));
    }

    #[test]
    fn a_segment_can_be_served_once_it_was_stored_and_not_before() {
        let library = Library::default();
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
        let library = Library::default();
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
    fn it_closes_at_the_first_of_the_times_that_it_is_to_close_at() {
        let library = Library::default();
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
        let library = Library::default();
        library.expect(FILE, hashes(""));
        assert_eq!(library.complete(FILE), Some(hashes("")));
    }
}
