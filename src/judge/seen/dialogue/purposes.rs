//! What a message between clients is for, by the hash in it.

use std::collections::{BTreeMap, BTreeSet};

use crate::seen::calls::{Comm, Segment, Tag, Thread};
use crate::seen::known::Known;
use crate::seen::messages::Message;

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It asks for this segment.
    Ask(Segment),
    /// It brings this segment.
    Carry(Segment),
    /// It has a segment's hash, and it is not known whether it asks for it or brings it.
    Unclear,
    /// Anything else.
    Other,
}

/// What each message is for.
///
/// If only the sender lacked the segment at the start, it asks; if only the receiver did, the message
/// brings it. If both did, other messages decide: those with the same tag, or if these do both, those of
/// the same thread. If they do both as well, nothing is certain.
pub(super) fn purposes(known: &Known, messages: &[Message<'_>]) -> Vec<Purpose> {
    type Flow = (Comm, Tag);
    let flow = |message: &Message<'_>| -> Flow { (message.sent.comm, message.sent.tag) };
    let mut flows: BTreeMap<Flow, BTreeSet<bool>> = BTreeMap::new();
    let mut threads: BTreeMap<Thread, BTreeSet<bool>> = BTreeMap::new();
    let mut purposes = Vec::with_capacity(messages.len());
    for message in messages {
        let segment = known.only(&message.sent.segments);
        let segment = segment.filter(|_| message.is_between_clients());
        let Some(segment) = segment else {
            purposes.push(Purpose::Other);
            continue;
        };
        let lack = |client| known.lacks(client, segment);
        let purpose = match (lack(message.from), lack(message.to)) {
            (true, false) => Purpose::Ask(segment),
            (false, true) => Purpose::Carry(segment),
            (true, true) => Purpose::Unclear,
            (false, false) => Purpose::Other,
        };
        if matches!(purpose, Purpose::Ask(_) | Purpose::Carry(_)) {
            let asks = matches!(purpose, Purpose::Ask(_));
            flows.entry(flow(message)).or_default().insert(asks);
            threads.entry(message.sent.thread).or_default().insert(asks);
        }
        purposes.push(purpose);
    }
    let one = |seen: Option<&BTreeSet<bool>>| {
        (seen.filter(|seen| seen.len() == 1)).and_then(|seen| seen.first().copied())
    };
    for (message, purpose) in messages.iter().zip(&mut purposes) {
        let segment = known.only(&message.sent.segments);
        if let (Some(segment), true) = (segment, *purpose != Purpose::Other) {
            let by_flow = one(flows.get(&flow(message)));
            let asks = by_flow.or_else(|| one(threads.get(&message.sent.thread)));
            *purpose = match asks {
                Some(true) => Purpose::Ask(segment),
                Some(false) => Purpose::Carry(segment),
                None => Purpose::Unclear,
            };
        }
    }
    purposes
}
