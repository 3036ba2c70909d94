//! How old the last list of members is, and when a client that only waits asks the tracker for a new one.

use std::time::Duration;

use crate::limits::LONGEST_TIME;

/// The age of a list of members, in upload times, at which a client that only waits for members asks the
/// tracker for a new one. The first list may be older than the swarm: it lasts for one upload time.
const STALE: u32 = 5;

/// After this many lists in a row that brought no segment, each twice as old as the one before when the
/// next was asked for, the client counts on no call any more. A member may be wrong about what it lacks.
pub(super) const PATIENCE: u32 = 8;

/// The age of the last list of members. Where serving takes no time, no list becomes too old.
#[derive(Debug)]
pub(super) struct Freshness {
    upload_time: Duration,
    /// When the last list becomes too old. `None`: never.
    stale: Option<Duration>,
    /// The number of lists in a row that brought no segment, the last one included, where lists become too
    /// old.
    lists: u32,
    /// The age at which the last list becomes too old.
    lasts: Duration,
}

impl Freshness {
    /// Of a swarm in which serving a segment takes `upload_time`. No list has come.
    pub(super) fn new(upload_time: Duration) -> Freshness {
        Freshness {
            upload_time,
            stale: None,
            lists: 0,
            lasts: Duration::ZERO,
        }
    }

    /// There is a new list. `is_first`: the client holds no segment, and waits in queues.
    pub(super) fn renew(&mut self, now: Duration, is_first: bool) {
        // Where serving takes no time, only a member that a scenario makes slow keeps a slot.
        if self.upload_time.is_zero() {
            return;
        }
        // Who waits for a member that takes a year is not to ask the tracker every second.
        self.lasts = match self.lists {
            0 if is_first => self.upload_time,
            0 => self.upload_time * STALE,
            1.. => (self.lasts * 2).min(LONGEST_TIME),
        };
        self.lists = self.lists.saturating_add(1);
        self.stale = Some(now + self.lasts);
    }

    /// A segment has come.
    pub(super) fn gained(&mut self) {
        self.lists = 0;
    }

    /// The number of lists in a row before the last one that brought no segment.
    pub(super) fn in_vain(&self) -> usize {
        usize::try_from(self.lists.saturating_sub(1)).unwrap_or(usize::MAX)
    }

    /// Whether no call is to be counted on, for more than [`PATIENCE`] lists in a row brought no segment.
    pub(super) fn is_out_of_patience(&self) -> bool {
        self.lists > PATIENCE
    }

    /// When the last list becomes too old, if ever.
    pub(super) fn stale(&self) -> Option<Duration> {
        self.stale
    }

    /// Whether the last list is too old.
    pub(super) fn is_stale(&self, now: Duration) -> bool {
        self.stale.is_some_and(|stale| stale <= now)
    }
}
