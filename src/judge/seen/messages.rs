//! Which receive took which send: MPI keeps the messages of two ranks with one tag on one
//! communicator in order, so the n-th that was sent is the n-th that was taken.

use std::collections::{BTreeMap, VecDeque};

use crate::seen::calls::{Call, Comm, Peer, Recording, Tag, What};
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

/// The messages of a recording, in the order in which they were sent. Those of collective operations
/// are not among them.
pub fn messages(recording: &Recording) -> Vec<Message<'_>> {
    type Flow = (Comm, Rank, Rank, i32);
    let mut flows: BTreeMap<Flow, VecDeque<&Call>> = BTreeMap::new();
    for (to, record) in (0..).map(Rank).zip(&recording.ranks) {
        for call in &record.calls {
            if let (What::Receive, Some(taken)) = (call.kind.what(), call.taken) {
                let flow = (call.comm, taken.from, to, taken.tag);
                flows.entry(flow).or_default().push_back(call);
            }
        }
    }
    let mut messages = Vec::new();
    for (from, record) in (0..).map(Rank).zip(&recording.ranks) {
        for sent in &record.calls {
            if let (What::Send, Peer::One(to), Tag::One(tag)) =
                (sent.kind.what(), sent.peer, sent.tag)
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
    }
    messages.sort_by_key(|message| message.sent.started);
    messages
}
