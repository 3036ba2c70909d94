//! R9, where serving takes time: who finds no slot waits in a queue, and is called.
//!
//! A client calls only who waits in its queue, and suggests only what it holds. Who is called asks or
//! declines. Who waits no longer is told so, once. What clients tell each other of their segments is true.

use std::collections::{BTreeMap, BTreeSet};

use super::{Hearing, Passing, RuleCheck, Way};
use swarm::client::Conduct;
use swarm::protocol::{Answer, Call, FileId, Letter, Rank, SegmentIndex, ToDownload, ToUpload};

#[derive(Default)]
pub(super) struct Queues {
    /// The places of clients in queues, as those know them who have the queues.
    places: BTreeMap<Waiter, Place>,
    /// The clients that know that they wait.
    waits: BTreeSet<Waiter>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Waiter {
    /// The client that has the queue, and the one that waits.
    at: Rank,
    who: Rank,
    file: FileId,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Waiting,
    Called,
    /// It has left the queue, and is to be told that it waits no longer.
    Leaving,
}

impl RuleCheck for Queues {
    fn message(&mut self, passing: &Passing<'_>, hearing: &mut Hearing<'_>) {
        let (from, to) = (passing.from, passing.to);
        let waiter = |at, who, file| Waiter { at, who, file };
        match (passing.way, passing.letter) {
            (Way::Posted, Letter::ToDownload(ToDownload::Segment(answer))) => {
                told(from, to, answer.file, &answer.gained, hearing);
                if answer.answer == Answer::Busy {
                    let place = self.places.entry(waiter(from, to, answer.file));
                    place.or_insert(Place::Waiting);
                }
            }
            (Way::Taken, Letter::ToDownload(ToDownload::Segment(answer))) => {
                if answer.answer == Answer::Busy {
                    self.waits.insert(waiter(from, to, answer.file));
                }
            }
            (Way::Posted, Letter::ToUpload(ToUpload::SegmentRequest(request))) => {
                told(from, to, request.file, &request.gained, hearing);
            }
            (Way::Taken, Letter::ToUpload(ToUpload::SegmentRequest(request))) => {
                if request.is_called {
                    self.answer(waiter(to, from, request.file), hearing);
                }
            }
            (Way::Posted, Letter::ToDownload(ToDownload::Call(call))) => {
                told(from, to, call.file, &call.gained, hearing);
                self.call(waiter(from, to, call.file), call, hearing);
            }
            (Way::Taken, Letter::ToDownload(ToDownload::Call(call))) => {
                if call.segment.is_none() {
                    self.waits.remove(&waiter(from, to, call.file));
                }
            }
            (Way::Posted, Letter::ToUpload(ToUpload::Decline(decline))) => {
                told(from, to, decline.file, &decline.gained, hearing);
                let waiter = waiter(to, from, decline.file);
                if !self.waits.contains(&waiter) {
                    let text = format!(
                        "rank {from} declined a call of rank {to}, at which it did not wait"
                    );
                    hearing.report(text);
                } else if !decline.waits {
                    self.waits.remove(&waiter);
                }
            }
            (Way::Taken, Letter::ToUpload(ToUpload::Decline(decline))) => {
                let waiter = waiter(to, from, decline.file);
                if decline.waits {
                    self.answer(waiter, hearing);
                } else {
                    self.places.insert(waiter, Place::Leaving); // the last call need not be answered
                }
            }
            (Way::Posted | Way::Taken, _) => {}
        }
    }

    fn owed(&mut self, hearing: &mut Hearing<'_>) {
        for (&Waiter { at, who, .. }, place) in &self.places {
            let text = match place {
                Place::Waiting => continue,
                Place::Called => format!("rank {who} never answered rank {at}'s call"),
                Place::Leaving => {
                    format!("rank {at} never told rank {who} that it waits no longer")
                }
            };
            hearing.report(text);
        }
    }
}

impl Queues {
    /// Takes the answer to a call.
    fn answer(&mut self, waiter: Waiter, hearing: &mut Hearing<'_>) {
        let Waiter { at, who, .. } = waiter;
        match self.places.get_mut(&waiter) {
            Some(place @ Place::Called) => *place = Place::Waiting,
            Some(Place::Waiting | Place::Leaving) | None => {
                hearing.report(format!(
                    "rank {who} answered a call that rank {at} had not made"
                ));
            }
        }
    }

    fn call(&mut self, waiter: Waiter, call: &Call, hearing: &mut Hearing<'_>) {
        let known = hearing.known;
        let Waiter { at, who, file } = waiter;
        let place = self.places.get(&waiter).copied();
        match (call.segment, place) {
            (Some(segment), Some(Place::Waiting)) => {
                self.places.insert(waiter, Place::Called);
                let is_honest = known.part(at).conduct == Conduct::Honest;
                if is_honest && !known.has_come(at, file, segment) {
                    let segment = known.segment(file, segment);
                    let text = format!(
                        "rank {at} suggested {segment} to rank {who}, which it did not hold"
                    );
                    hearing.doubt(text);
                }
            }
            (Some(_), Some(Place::Called)) => {
                hearing.report(format!("rank {at} called rank {who} twice"));
            }
            (Some(_), Some(Place::Leaving) | None) => {
                hearing.report(format!("rank {at} called rank {who}, which did not wait"));
            }
            (None, Some(Place::Leaving)) if call.is_farewell => _ = self.places.remove(&waiter),
            (None, _) if !call.is_farewell && known.has_left(at) => {
                self.places.remove(&waiter);
            }
            (None, Some(Place::Waiting | Place::Called | Place::Leaving) | None) => {
                let text =
                    format!("rank {at} told rank {who} without a reason that it waits no longer");
                hearing.report(text);
            }
        }
    }
}

/// Checks what a client tells another of its segments.
fn told(me: Rank, to: Rank, file: FileId, gained: &[SegmentIndex], hearing: &mut Hearing<'_>) {
    let known = hearing.known;
    if gained.is_empty() {
        return;
    }
    if !known.serving_takes_time {
        let text = format!("rank {me} told rank {to} what it holds, though serving takes no time");
        hearing.report(text);
    }
    if let Some(&segment) = gained.iter().find(|&&new| !known.has_come(me, file, new)) {
        let segment = known.segment(file, segment);
        let text = format!("rank {me} told rank {to} that it holds {segment}, which it did not");
        hearing.doubt(text);
    }
}
