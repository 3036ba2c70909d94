//! Whether a run still moves, by time that it was really given.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::processes::{Tasks, bytes_moved, processor_times, tasks};
use crate::seen::calls::Recording;
use crate::seen::recording::{Activity, Record};
use crate::seen::standstill::{self, Threads};
use swarm::protocol::Rank;

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
    /// The threads that there were then.
    tasks: Tasks,
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
            tasks: Tasks::new(),
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
        let recording = self.record.read().ok()?;
        // They are looked up after what they do: whoever is known then waits, and makes no more of them.
        let (threads, tasks) = self.threads();
        let had_time = |(place, activity): (usize, &Option<Activity>)| {
            let process = activity.map(|activity| activity.process);
            let of =
                |times: &BTreeMap<u32, Duration>| process.and_then(|it| times.get(&it).copied());
            let [before, now] = [of(&self.times), of(&times)];
            // Who waits for itself alone needs none.
            let needs_none = || recording.ranks[place].is_locked(&threads[place].locked);
            let had_some =
                (before.zip(now)).is_some_and(|(before, now)| now >= before + PROCESSOR_TIME);
            had_some || needs_none()
        };
        if !self.before.iter().enumerate().all(had_time) {
            return None; // it may get some yet
        }
        if !standstill::is_proven(&recording, &threads) {
            self.begin_again(now);
            return None;
        }
        if self.is_suspect {
            return Some((still, recording));
        }
        self.is_suspect = true;
        self.times = times;
        self.tasks = tasks;
        None
    }

    /// The ranks of a recorded run whose processes have read or written since they had moved these bytes.
    pub(super) fn at_work(&self, before: &BTreeMap<u32, u64>) -> BTreeSet<Rank> {
        let now = bytes_moved();
        let has_moved = |process: u32| now.get(&process) > before.get(&process);
        let activities = self.record.activity().unwrap_or_default();
        let ranks = (0..).map(Rank).zip(activities);
        ranks
            .filter(|(_, activity)| activity.is_some_and(|it| has_moved(it.process)))
            .map(|(rank, _)| rank)
            .collect()
    }

    /// The threads that each rank has now, and what the system tells of them. Only those count as locked that have slept
    /// since one last had a close look.
    fn threads(&self) -> (Vec<Threads>, Tasks) {
        let tasks = tasks();
        let is_asleep = |process: u32, number: &u32, slept: &Option<u64>| {
            let before = self.tasks.get(&process).and_then(|tasks| tasks.get(number));
            slept.is_some() && (!self.is_suspect || before == Some(slept))
        };
        let threads = self.before.iter().map(|activity| {
            let process = activity.map_or(0, |activity| activity.process);
            let all = tasks.get(&process).into_iter().flatten();
            let locked = all
                .clone()
                .filter(|(number, slept)| is_asleep(process, number, slept));
            Threads {
                all: all.clone().map(|(number, _)| *number).collect(),
                locked: locked.map(|(number, _)| *number).collect(),
            }
        });
        (threads.collect(), tasks)
    }
}
