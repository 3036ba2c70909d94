//! How a thread waits for a message: by looking again, ever less eagerly.
//!
//! Two threads of a rank that block inside MPI fight over its progress engine and burn both cores,
//! so every wait is a series of looks with pauses between them. The constants are measured, on 2
//! cores with Open MPI 4.1.4 (median and worst of 9 runs): sleeps that *double* are quick to
//! overshoot, and 2 clients with 20,000 segments then take 1,037 ms (1,611 ms). Sleeps of an
//! eighth of the time waited so far, after enough yields, take 16 ms (20 ms), and with more ranks
//! than cores nothing is lost: 16 clients with 14,000 segments take 57 ms (67 ms) instead of
//! 59 ms (69 ms).
//!
//! How long to spin and to yield, from 4 clients with 400,000 segments (medians of 5 runs, seconds):
//!
//! | looks at once | 4 yields | 32 | 128 | 512 |
//! |---|---|---|---|---|
//! | 0 | 1.26 | 0.97 | 1.05 | 0.89 |
//! | 4 | 0.90 | 0.87 | 0.77 | 0.92 |
//! | 32 | 0.82 | 0.77 | 0.68 | 0.64 |
//! | 128 | 0.78 | 0.66 | 0.77 | 0.64 |
//!
//! That is for few ranks. With many to a core, a thread that looks again keeps another from work: 200
//! threads that waited in this way took both cores from those that had a message. So a thread looks the
//! less often, and sleeps the longer, the more ranks there are to a core. Against the same pauses for any
//! number, in runs that took turns on a busy machine, one file of 100 segments takes 0.48 of the time
//! with 100 clients (4 pairs). With 16 there was no clear difference. 10 files of 1000 segments take
//! 0.69 of the time with 16 clients (5 pairs) and 0.80 with 4 (9 pairs).
//!
//! The longest sleep is what an idle thread costs. A client that waits for segments of 200 ms took
//! 0.023 seconds of processor time a second with sleeps of up to 1 ms, 0.02 with 2 ms, 0.013 with 5, and
//! as much with 8: by then it is the part of the time that counts.

use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use crate::launch;

/// The first looks follow each other at once. This is their number where a core has one rank.
const SPINS: u32 = 32;
/// The fewest looks that follow each other at once, however many ranks share a core. With 16 clients on 2
/// cores, 12 instead of 4 take 0.95 of the time (40 pairs); 8 take 0.98 and 16 take 0.96. With 48 clients there
/// was no clear difference (12 instead of 1: 1.02, 7 pairs). More were not tried.
const FEWEST_SPINS: u32 = 12;
/// Before each of the next looks the thread lets others run. This is their number where a core has one
/// rank.
const YIELDS: u32 = 128;
/// Then the thread sleeps. The sleep is the time that it has waited, divided by this, so that a message
/// is late by little.
const PART: u32 = 8;
/// The shortest sleep. A shorter one is more work than a yield.
const SHORTEST: Duration = Duration::from_micros(20);
/// The longest sleep. With it an idle thread costs next to nothing.
const LONGEST: Duration = Duration::from_millis(5);

/// How many ranks share a core of this host: at least 1, and 1 if the launcher does not say.
static RANKS_TO_A_CORE: LazyLock<u32> = LazyLock::new(|| {
    let cores = u32::try_from(num_cpus::get_physical()).unwrap_or(u32::MAX);
    let ranks = launch::ranks_here().unwrap_or(1);
    (ranks / cores.max(1)).max(1)
});

/// One wait.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    looks: u32,
    sleeping_since: Option<Instant>,
}

impl Backoff {
    /// Whether it has lasted so long that the thread has time for work that is not urgent.
    pub(super) fn is_long(&self) -> bool {
        const LONG: Duration = Duration::from_millis(1);
        self.sleeping_since
            .is_some_and(|since| since.elapsed() >= LONG)
    }

    /// Lets some time pass before the next look, but not more than `longest`.
    pub(super) fn pause(&mut self, longest: Duration) {
        let ranks = *RANKS_TO_A_CORE;
        let (spins, yields) = ((SPINS / ranks).max(FEWEST_SPINS), YIELDS / ranks);
        self.looks = self.looks.saturating_add(1);
        if self.looks <= spins {
            std::hint::spin_loop();
        } else if self.looks <= spins + yields {
            thread::yield_now();
        } else {
            let waited = self
                .sleeping_since
                .get_or_insert_with(Instant::now)
                .elapsed();
            let shortest = (SHORTEST * ranks).min(LONGEST);
            thread::sleep((waited / PART).clamp(shortest, LONGEST).min(longest));
        }
    }
}
