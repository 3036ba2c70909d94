//! Which messages a receive takes or a probe finds.

use crate::seen::calls::{Call, Comm, Peer, Polling, Tag};
use crate::seen::messages::Message;
use swarm::protocol::Rank;

/// The source, the tag and the communicator that a message has to have.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Pattern {
    pub comm: Comm,
    pub peer: Peer,
    pub tag: Tag,
}

/// Each of these patterns once.
pub(crate) fn distinct(all: impl IntoIterator<Item = Pattern>) -> Vec<Pattern> {
    let mut found = Vec::new();
    for pattern in all {
        if !found.contains(&pattern) {
            found.push(pattern);
        }
    }
    found
}

impl Pattern {
    /// The pattern of a call.
    pub(crate) fn of(call: &Call) -> Pattern {
        let &Call {
            comm, peer, tag, ..
        } = call;
        Pattern { comm, peer, tag }
    }

    /// The pattern of looks that found nothing.
    pub(crate) fn of_looks(looks: &Polling) -> Pattern {
        let &Polling {
            comm, peer, tag, ..
        } = looks;
        Pattern { comm, peer, tag }
    }

    /// The same from any rank.
    pub(crate) fn with_any_source(self) -> Pattern {
        let peer = Peer::Any;
        Pattern { peer, ..self }
    }

    /// Whether it matches a message on this communicator.
    pub(crate) fn takes(&self, comm: Comm, from: Rank, tag: i32) -> bool {
        self.comm == comm
            && matches!(self.peer, Peer::Any | Peer::One(_))
            && (self.peer == Peer::Any || self.peer == Peer::One(from))
            && (self.tag == Tag::Any || self.tag == Tag::One(tag))
    }

    /// Whether it matches what a call of this rank sends.
    pub(crate) fn takes_from(&self, from: Rank, sent: &Call) -> bool {
        matches!(sent.tag, Tag::One(tag) if self.takes(sent.comm, from, tag))
    }

    /// Whether it matches a message.
    pub(crate) fn matches(&self, message: &Message<'_>) -> bool {
        self.takes_from(message.from, message.sent)
    }

    /// Whether there can be a message that both match.
    pub(crate) fn meets(&self, other: &Pattern) -> bool {
        let waits = |pattern: &Pattern| pattern.peer != Peer::None;
        self.comm == other.comm
            && (waits(self) && waits(other))
            && (self.peer == other.peer || self.peer == Peer::Any || other.peer == Peer::Any)
            && (self.tag == other.tag || self.tag == Tag::Any || other.tag == Tag::Any)
    }
}
