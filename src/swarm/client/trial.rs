//! When a client may ask a peer for a segment that the peer is not known to hold.

use std::time::Duration;

use crate::protocol::Rank;

/// The time from a failed trial to the next one, in upload times.
const PAUSE: u32 = 2;

/// A client tries one peer at a time. Where serving takes no time, a trial that fails is the last
/// one before the next list of members: in a flash crowd all peers have come equally far, so a
/// client that asks all of them is refused by all. Where serving takes time, the next trial is due
/// after about the time in which a client gains a segment. So trials cost in proportion to what is
/// gained, in a swarm of any size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trial {
    /// A peer can be tried.
    Due,
    /// This peer is being tried.
    Of(Rank),
    /// No peer is tried before the next list of members.
    Over,
    /// No peer is tried before this time.
    Paused(Duration),
}

impl Trial {
    /// A peer is asked for what it is not known to hold. If another peer is being tried, that one
    /// counts.
    pub(super) fn begin(&mut self, peer: Rank) {
        if *self == Trial::Due {
            *self = Trial::Of(peer);
        }
    }

    /// A peer has not refused what it was asked for.
    pub(super) fn succeed(&mut self, peer: Rank) {
        if *self == Trial::Of(peer) {
            *self = Trial::Due;
        }
    }

    /// A peer has refused what it was asked for.
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

    /// When the next trial is due, if it waits for a time.
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
