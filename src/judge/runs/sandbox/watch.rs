//! Whether a run still moves.

use std::time::{Duration, Instant};

use crate::seen::calls::RankRecord;
use crate::seen::recording::Record;

/// A run hangs if all its threads wait for each other for this time: nothing can change any more.
pub(super) const STANDSTILL: Duration = Duration::from_secs(4);

/// Looks from time to time at what the ranks have done.
pub(super) struct Watch<'a> {
    record: &'a Record,
    /// The activity of each rank when it last changed.
    before: Vec<Option<(u64, u64)>>,
    since: Instant,
}

impl Watch<'_> {
    pub(super) fn new(record: &Record) -> Watch<'_> {
        Watch {
            record,
            before: Vec::new(),
            since: Instant::now(),
        }
    }

    /// Whether every thread of every rank waits for another one in a call of MPI, and nothing has changed for
    /// [`STANDSTILL`].
    pub(super) fn is_at_a_standstill(&mut self) -> bool {
        let now = self.record.activity().unwrap_or_default();
        if now != self.before || now.contains(&None) {
            self.before = now;
            self.since = Instant::now();
            return false;
        }
        if self.since.elapsed() < STANDSTILL {
            return false;
        }
        let is_standing = self
            .record
            .read()
            .is_ok_and(|it| it.ranks.iter().all(RankRecord::waits));
        if !is_standing {
            self.since = Instant::now();
        }
        is_standing
    }
}
