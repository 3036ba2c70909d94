//! R10. The upload thread ends on STOP, and on nothing else.
//!
//! R12. When every client has sent ALL_COMPLETE, the tracker sends each one STOP and ends. No
//! message is left unreceived.

use std::collections::BTreeSet;

use super::{Hearing, Passing, Rule, RuleCheck, Way};
use swarm::event::{Deed, Event, Thread};
use swarm::protocol::{Letter, Rank, ToUpload};

#[derive(Default)]
pub(super) struct Stopping {
    /// The clients that were sent STOP.
    stopped: BTreeSet<Rank>,
    /// The clients that have taken it.
    told: BTreeSet<Rank>,
    /// The clients whose upload thread has ended.
    ended: BTreeSet<Rank>,
    /// Whether the tracker has ended.
    is_over: bool,
}

impl RuleCheck for Stopping {
    fn message(&mut self, passing: &Passing<'_>, hearing: &mut Hearing<'_>) {
        let known = hearing.known;
        let (from, to, tag) = (passing.from, passing.to, passing.letter.tag());
        let rank = passing.rank();
        if passing.thread == Thread::Upload && self.told.contains(&rank) {
            let verb = passing.way.verb();
            let text = format!("rank {rank}'s upload thread {verb} {tag} after STOP");
            hearing.report(text);
        }
        match (passing.way, passing.letter) {
            (Way::Posted, Letter::ToUpload(ToUpload::Stop)) => {
                let busy = known.clients().find(|client| !known.done.contains(client));
                if let Some(busy) = busy {
                    let text = format!("the tracker stopped rank {to} before rank {busy} was done");
                    hearing.report_against(Rule::R12, text);
                }
                if !self.stopped.insert(to) {
                    let text = format!("the tracker stopped rank {to} a second time");
                    hearing.report_against(Rule::R12, text);
                }
            }
            (Way::Taken, Letter::ToUpload(ToUpload::Stop)) => {
                self.told.insert(to);
            }
            (Way::Posted, _) if from == Rank::TRACKER && !self.stopped.is_empty() => {
                let text = format!("the tracker sent rank {to} {tag} after STOP");
                hearing.report_against(Rule::R12, text);
            }
            (Way::Posted | Way::Taken, _) => {}
        }
    }

    fn deed(&mut self, event: &Event, hearing: &mut Hearing<'_>) {
        let (rank, known) = (event.rank, hearing.known);
        if event.deed != Deed::Ended {
            return;
        }
        match event.thread {
            Thread::Upload => {
                if !self.told.contains(&rank) && !known.is_refused {
                    hearing.report(format!("rank {rank}'s upload thread ended without STOP"));
                }
                if !self.ended.insert(rank) {
                    hearing.report(format!("rank {rank}'s upload thread ended twice"));
                }
            }
            Thread::Tracker => {
                if self.is_over {
                    hearing.report_against(Rule::R12, "the tracker ended twice".into());
                }
                if self.stopped.len() < known.clients && !known.is_refused {
                    let text = "the tracker ended before it had stopped every client";
                    hearing.report_against(Rule::R12, text.into());
                }
                self.is_over = true;
            }
            Thread::Download => {}
        }
    }

    fn owed(&mut self, hearing: &mut Hearing<'_>) {
        if hearing.known.is_refused {
            return;
        }
        for client in hearing.known.clients() {
            if !self.stopped.contains(&client) {
                hearing.report_against(Rule::R12, format!("rank {client} was never sent STOP"));
            }
            if !self.ended.contains(&client) {
                hearing.report(format!("rank {client}'s upload thread never ended"));
            }
        }
        if !self.is_over {
            hearing.report_against(Rule::R12, "the tracker never ended".into());
        }
    }
}
