//! How a thread waits for a message: by looking again, ever less eagerly.

use std::thread;
use std::time::Duration;

/// So many times the thread looks again at once,
const SPINS: u32 = 16;
/// and so many times after it has let others run,
const YIELDS: u32 = 32;
/// and then after a sleep of this length, which doubles
const SHORTEST: Duration = Duration::from_micros(20);
/// up to this one.
const LONGEST: Duration = Duration::from_micros(1000);

/// One wait.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    rounds: u32,
}

impl Backoff {
    /// Lets some time pass, more than the last time.
    pub(super) fn wait(&mut self) {
        self.rounds += 1;
        if self.rounds <= SPINS {
            std::hint::spin_loop();
        } else if self.rounds <= SPINS + YIELDS {
            thread::yield_now();
        } else {
            let doublings = (self.rounds - SPINS - YIELDS - 1).min(16);
            thread::sleep((SHORTEST * (1 << doublings)).min(LONGEST));
        }
    }
}
