//! R10. The upload thread ends on STOP, and on nothing else.
//!
//! R12. When every client has sent ALL_COMPLETE, the tracker sends each one STOP and ends. No
//! message is left unreceived.

use std::collections::BTreeSet;

use super::known::Known;
use super::{Check, Offences, Passing, Rule, Way};
use swarm::event::{Deed, Thread};
use swarm::protocol::{Letter, Rank, ToTracker, ToUpload};

#[derive(Default)]
pub(super) struct Stopping {
    /// Who is done, for all that the tracker was told.
    done: BTreeSet<Rank>,
    /// Whom the tracker has sent STOP.
    stopped: BTreeSet<Rank>,
    /// Who has taken it.
    told: BTreeSet<Rank>,
    /// Whose upload thread has ended.
    ended: BTreeSet<Rank>,
    /// Whether the tracker has.
    is_over: bool,
}

impl Check for Stopping {
    fn message(&mut self, passing: &Passing<'_>, known: &Known, offences: &mut Offences) {
        let (from, to, tag) = (passing.from, passing.to, passing.letter.tag());
        let rank = passing.rank();
        if passing.thread == Thread::Upload && self.told.contains(&rank) {
            let verb = match passing.way {
                Way::Posted => "sent",
                Way::Taken => "took",
            };
            let text = format!("rank {rank}'s upload thread {verb} {tag} after STOP");
            offences.report(Rule::R10, text);
        }
        match (passing.way, passing.letter) {
            (Way::Taken, Letter::ToTracker(ToTracker::AllComplete { .. })) => {
                self.done.insert(from);
            }
            (Way::Posted, Letter::ToUpload(ToUpload::Stop)) => {
                let busy = known.clients().find(|client| !self.done.contains(client));
                if let Some(busy) = busy {
                    let text = format!("the tracker stopped rank {to} before rank {busy} was done");
                    offences.report(Rule::R12, text);
                }
                if !self.stopped.insert(to) {
                    let text = format!("the tracker stopped rank {to} a second time");
                    offences.report(Rule::R12, text);
                }
            }
            (Way::Taken, Letter::ToUpload(ToUpload::Stop)) => {
                self.told.insert(to);
            }
            (Way::Posted, _) if from == Rank::TRACKER && !self.stopped.is_empty() => {
                let text = format!("the tracker sent rank {to} {tag} after STOP");
                offences.report(Rule::R12, text);
            }
            (Way::Posted | Way::Taken, _) => {}
        }
    }

    fn deed(
        &mut self,
        rank: Rank,
        thread: Thread,
        deed: &Deed,
        known: &Known,
        offences: &mut Offences,
    ) {
        match (deed, thread) {
            (Deed::Ended, Thread::Upload) => {
                if !self.told.contains(&rank) && !known.is_refused {
                    let text = format!("rank {rank}'s upload thread ended without STOP");
                    offences.report(Rule::R10, text);
                }
                if !self.ended.insert(rank) {
                    let text = format!("rank {rank}'s upload thread ended twice");
                    offences.report(Rule::R10, text);
                }
            }
            (Deed::Ended, Thread::Tracker) => {
                if self.is_over {
                    offences.report(Rule::R12, "the tracker ended twice".to_owned());
                }
                if self.stopped.len() < known.clients && !known.is_refused {
                    let text = "the tracker ended before it had stopped every client".to_owned();
                    offences.report(Rule::R12, text);
                }
                self.is_over = true;
            }
            (
                Deed::Begun
                | Deed::Posted { .. }
                | Deed::Taken { .. }
                | Deed::Verified { .. }
                | Deed::WrongHash { .. }
                | Deed::Saved { .. }
                | Deed::Left
                | Deed::Ended,
                _,
            ) => {}
        }
    }

    fn owed(&self, known: &Known, owed: &mut Offences) {
        if known.is_refused {
            return;
        }
        for client in known.clients() {
            if !self.stopped.contains(&client) {
                owed.report(Rule::R12, format!("rank {client} was never sent STOP"));
            }
            if !self.ended.contains(&client) {
                let text = format!("rank {client}'s upload thread never ended");
                owed.report(Rule::R10, text);
            }
        }
        if !self.is_over {
            owed.report(Rule::R12, "the tracker never ended".to_owned());
        }
    }
}
