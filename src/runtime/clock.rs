//! The one clock of a rank, which the machines see as the time since its start.

use std::time::{Duration, Instant};

/// Started when the rank starts its part of the swarm.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Clock {
        Clock(Instant::now())
    }

    pub(super) fn now(self) -> Duration {
        self.0.elapsed()
    }

    /// The moment at which it shows this time; none, if that is too far away to be said.
    pub(super) fn moment(self, time: Duration) -> Option<Instant> {
        self.0.checked_add(time)
    }
}
