//! When a client asks a peer for a segment that it is not known to hold.

use std::time::Duration;

use crate::protocol::Rank;

/// So many upload times after a trial has failed the next one is due.
const PAUSE: u32 = 2;

/// Peers are tried one at a time. Where serving takes no time, a trial that fails is the last one
/// before the next list of members: in a flash crowd all are equally far, and who asks all is refused
/// by all. Where it takes time, the next one is due in the time in which a client gains about a
/// segment, so that trials cost in proportion to what is gained, in a swarm of any size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trial {
    /// One can be tried.
    Due,
    /// This one is being tried.
    Of(Rank),
    /// Not before the next list.
    Over,
    /// Not before this time.
    Paused(Duration),
}

impl Trial {
    /// A peer is tried. Another one may be at the same time, if it is asked all the same.
    pub(super) fn begin(&mut self, peer: Rank) {
        if *self == Trial::Due {
            *self = Trial::Of(peer);
        }
    }

    /// A peer has held what it was asked for; at least it has not refused it.
    pub(super) fn succeed(&mut self, peer: Rank) {
        if *self == Trial::Of(peer) {
            *self = Trial::Due;
        }
    }

    /// A peer has refused.
    pub(super) fn fail(&mut self, peer: Rank, now: Duration, upload_time: Duration) {
        if *self == Trial::Of(peer) {
            *self = if upload_time.is_zero() {
                Trial::Over
            } else {
                Trial::Paused(now.saturating_add(upload_time.saturating_mul(PAUSE)))
            };
        }
    }

    /// There is a new list of members.
    pub(super) fn relist(&mut self) {
        if *self == Trial::Over {
            *self = Trial::Due;
        }
    }

    /// When the next one is due, if that is a question of time.
    pub(super) fn due(self) -> Option<Duration> {
        match self {
            Trial::Paused(time) => Some(time),
            Trial::Due | Trial::Of(_) | Trial::Over => None,
        }
    }

    /// Time has passed.
    pub(super) fn wake(&mut self, now: Duration) {
        if self.due().is_some_and(|time| time <= now) {
            *self = Trial::Due;
        }
    }
}
