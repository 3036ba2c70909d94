//! Which receive took which send. MPI keeps the messages from one rank to another with one tag on one
//! communicator in order, so the n-th receive took the n-th send.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use crate::seen::calls::{Call, Comm, Peer, Recording, Tag, What};
use crate::seen::words::{count, who};
use swarm::protocol::Rank;

/// A message from one rank to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Message<'a> {
    /// Who sent it.
    pub from: Rank,
    /// To whom.
    pub to: Rank,
    /// The call that sent it.
    pub sent: &'a Call,
    /// The call that took it, if one did.
    pub taken: Option<&'a Call>,
}

impl<'a> Message<'a> {
    /// The call that surely took it: one that took as many bytes. If the number is another, a receive
    /// before it was not recorded.
    pub fn surely_taken(&self) -> Option<&'a Call> {
        let bytes = self.sent.bytes;
        (self.taken).filter(|call| call.taken.is_some_and(|taken| taken.bytes == bytes))
    }

    /// Whether it goes from one client to another.
    pub fn is_between_clients(&self) -> bool {
        self.from != Rank::TRACKER && self.to != Rank::TRACKER && self.from != self.to
    }
}

/// `32 bytes from client 1 to client 2 with tag 5`.
impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, tag) = (count(self.sent.bytes, "byte"), self.sent.tag);
        let (from, to) = (who(self.from), who(self.to));
        write!(f, "{bytes} from {from} to {to} with {tag}")
    }
}

/// The messages of a recording, in the order in which they were sent, without those of collective
/// operations.
pub fn messages(recording: &Recording) -> Vec<Message<'_>> {
    type Flow = (Comm, Rank, Rank, i32);
    let mut flows: BTreeMap<Flow, VecDeque<&Call>> = BTreeMap::new();
    for (to, call) in recording.calls() {
        if let (What::Receive, Some(taken)) = (call.kind.what(), call.taken) {
            let flow = (call.comm, taken.from, to, taken.tag);
            flows.entry(flow).or_default().push_back(call);
        }
    }
    let mut messages = Vec::new();
    for (from, sent) in recording.calls() {
        if let (What::Send, Peer::One(to), Tag::One(tag)) = (sent.kind.what(), sent.peer, sent.tag)
            && !sent.is_cancelled
        {
            let taken = flows.get_mut(&(sent.comm, from, to, tag));
            messages.push(Message {
                from,
                to,
                sent,
                taken: taken.and_then(VecDeque::pop_front),
            });
        }
    }
    messages.sort_by_key(|message| message.sent.started);
    messages
}
