//! Whether a run still moves, by time that it was really given.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::processes::{processor_times, tasks};
use crate::seen::calls::Recording;
use crate::seen::recording::{Activity, Record};
use crate::seen::standstill;

/// How often one looks.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// A tick that comes later than this counts for nothing: the machine was stopped, or had no time for us, and so
/// none for the run.
const LATE: Duration = Duration::from_millis(500);

/// The processor time that each rank gets at least while it stands still. A message that is on its way comes in
/// much less.
const PROCESSOR_TIME: Duration = Duration::from_millis(50);

/// Counts the time that a run was given.
pub(super) struct Clock {
    last: Instant,
    /// The time of all ticks that came in time.
    pub(super) given: Duration,
    /// The time of all ticks. One that comes late counts as the longest that does not: while everything is stopped,
    /// nobody waits.
    pub(super) lived: Duration,
}

impl Clock {
    pub(super) fn new() -> Clock {
        Clock {
            last: Instant::now(),
            given: Duration::ZERO,
            lived: Duration::ZERO,
        }
    }

    /// Says whether this tick came in time.
    pub(super) fn tick(&mut self) -> bool {
        let passed = self.last.elapsed();
        self.last = Instant::now();
        let is_in_time = passed < LATE;
        self.lived += passed.min(LATE);
        if is_in_time {
            self.given += passed;
        }
        is_in_time
    }
}

/// Looks from time to time at what the ranks have done.
pub(super) struct Watch<'a> {
    record: &'a Record,
    /// How long nothing may change before it is looked at closely.
    patience: Duration,
    /// What each rank had done when that last changed.
    before: Vec<Option<Activity>>,
    /// When that was, in time that was given.
    since: Duration,
    /// The processor time of each process then, by its number as it knows it itself.
    times: BTreeMap<u32, Duration>,
    /// Whether it was looked at closely once, and stood still.
    is_suspect: bool,
}

impl Watch<'_> {
    pub(super) fn new(record: &Record, patience: Duration) -> Watch<'_> {
        Watch {
            record,
            patience,
            before: Vec::new(),
            since: Duration::ZERO,
            times: BTreeMap::new(),
            is_suspect: false,
        }
    }

    /// What is counted begins anew.
    pub(super) fn begin_again(&mut self, now: Duration) {
        self.since = now;
        self.times = processor_times();
        self.is_suspect = false;
    }

    /// The recording of a run that stands still for good, and for how long it has: no thread can go on, nothing has
    /// changed for as long as patience lasts, every rank had processor time meanwhile, and with twice the
    /// patience it is still so.
    pub(super) fn standstill(&mut self, now: Duration) -> Option<(Duration, Recording)> {
        let done = self.record.activity().unwrap_or_default();
        if done != self.before || done.contains(&None) {
            self.before = done;
            self.begin_again(now);
            return None;
        }
        let still = now - self.since;
        let needed = if self.is_suspect { 3 } else { 1 };
        if still < self.patience * needed {
            return None;
        }
        let times = processor_times();
        let had_time = |activity: &Option<Activity>| {
            let process = activity.map(|activity| activity.process);
            let of =
                |times: &BTreeMap<u32, Duration>| process.and_then(|it| times.get(&it).copied());
            let [before, now] = [of(&self.times), of(&times)];
            (before.zip(now)).is_some_and(|(before, now)| now >= before + PROCESSOR_TIME)
        };
        if !self.before.iter().all(had_time) {
            return None; // it may get some yet
        }
        let recording = self.record.read().ok()?;
        // They are looked up after what they do: whoever is known then waits, and makes no more of them.
        let tasks = self.tasks();
        if !standstill::is_proven(&recording) || !standstill::knows_all(&recording, &tasks) {
            self.begin_again(now);
            return None;
        }
        if self.is_suspect {
            return Some((still, recording));
        }
        self.is_suspect = true;
        self.times = times;
        None
    }

    /// The threads that each rank has now, by the numbers that it knows them by itself.
    fn tasks(&self) -> Vec<BTreeSet<u32>> {
        let mut of_processes = tasks();
        let processes = self.before.iter().flatten().map(|it| it.process);
        processes
            .map(|process| of_processes.remove(&process).unwrap_or_default())
            .collect()
    }
}
