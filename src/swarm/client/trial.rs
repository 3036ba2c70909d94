//! When a client may ask a peer for a segment that the peer is not known to hold.

use crate::protocol::Rank;

/// A client tries one peer at a time. A trial that fails is the last one before the next list of
/// members: in a flash crowd all peers have come equally far, so a client that asks all of them is
/// refused by all. So trials cost in proportion to what is gained, in a swarm of any size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trial {
    /// A peer can be tried.
    Due,
    /// This peer is being tried.
    Of(Rank),
    /// No peer is tried before the next list of members.
    Over,
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
    pub(super) fn fail(&mut self, peer: Rank) {
        if *self == Trial::Of(peer) {
            *self = Trial::Over;
        }
    }

    /// There is a new list of members.
    pub(super) fn relist(&mut self) {
        if *self == Trial::Over {
            *self = Trial::Due;
        }
    }
}
