//! R8. When nothing is left to download, a client sends ALL_COMPLETE, once. Its upload thread goes
//! on.
//!
//! With it the client reports the files that it asked for and did not complete, or could not write;
//! and, if it is one that leaves before it has all, those that it did not even ask for.
//! The download thread ends then, and sends nothing more.

use std::collections::{BTreeMap, BTreeSet};

use super::known::Known;
use super::{Check, Offences, Passing, Rule, Way};
use swarm::event::{Deed, Thread};
use swarm::protocol::{FileName, Letter, Missing, Rank, Reason, ToTracker};

#[derive(Default)]
pub(super) struct Finishing {
    /// What a client has asked for,
    asked: BTreeMap<Rank, BTreeSet<FileName>>,
    /// and not got.
    lacking: BTreeMap<Rank, BTreeSet<FileName>>,
    /// Who has sent ALL_COMPLETE.
    done: BTreeSet<Rank>,
    /// Whose thread has ended.
    ended: BTreeSet<Rank>,
}

impl Check for Finishing {
    fn message(&mut self, passing: &Passing<'_>, known: &Known, offences: &mut Offences) {
        let from = passing.from;
        let (Way::Posted, Thread::Download) = (passing.way, passing.thread) else {
            return;
        };
        let mut report = |text| offences.report(Rule::R8, text);
        if self.done.contains(&from) {
            let tag = passing.letter.tag();
            report(format!("rank {from} sent {tag} after ALL_COMPLETE"));
        }
        match passing.letter {
            Letter::ToTracker(ToTracker::SwarmRequest(name)) => {
                let lacking = self.lacking.entry(from).or_default();
                lacking.insert(name.clone());
                self.asked.entry(from).or_default().insert(name.clone());
            }
            Letter::ToTracker(ToTracker::FileComplete(told)) => {
                if let Some(file) = known.file(told.file) {
                    self.lacking.entry(from).or_default().remove(&file.name);
                }
            }
            Letter::ToTracker(ToTracker::AllComplete { missing }) => {
                let lacking = self.lacking.remove(&from).unwrap_or_default();
                let asked = self.asked.remove(&from).unwrap_or_default();
                let left = |file: &&Missing| file.reason == Reason::ItLeft;
                if let Some(Missing { name, .. }) = missing.iter().find(left)
                    && !known.part(from).may_leave_midway()
                {
                    report(format!(
                        "rank {from} left without '{name}', and was to stay for it"
                    ));
                }
                // Who leaves need not have asked for everything.
                let counts = |file: &&Missing| !left(file) || asked.contains(&file.name);
                let reported = missing.iter().filter(counts);
                let reported: BTreeSet<_> = reported.map(|file| file.name.clone()).collect();
                if self.done.insert(from)
                    && let Some(name) = lacking.symmetric_difference(&reported).next()
                {
                    let but = if lacking.contains(name) {
                        "did not get"
                    } else {
                        "got"
                    };
                    report(format!(
                        "rank {from} sent ALL_COMPLETE with a wrong word about '{name}', \
                         which it {but}"
                    ));
                }
            }
            Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => {}
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
        let mut report = |text| offences.report(Rule::R8, text);
        match deed {
            Deed::Saved { file, problem } => {
                let lacking = self.lacking.entry(rank).or_default();
                if problem.is_some() {
                    lacking.insert(file.clone());
                } else {
                    lacking.remove(file);
                }
            }
            Deed::Ended if thread == Thread::Download => {
                if !self.done.contains(&rank) && !known.is_refused {
                    report(format!(
                        "rank {rank}'s download thread ended without ALL_COMPLETE"
                    ));
                }
                if !self.ended.insert(rank) {
                    report(format!("rank {rank}'s download thread ended twice"));
                }
            }
            Deed::Ended
            | Deed::Left
            | Deed::Begun
            | Deed::Posted { .. }
            | Deed::Taken { .. }
            | Deed::Verified { .. }
            | Deed::WrongHash { .. } => {}
        }
    }

    fn owed(&self, known: &Known, owed: &mut Offences) {
        if known.is_refused {
            return;
        }
        for client in known.clients() {
            if !self.done.contains(&client) {
                owed.report(Rule::R8, format!("rank {client} never sent ALL_COMPLETE"));
            } else if !self.ended.contains(&client) {
                let text = format!("rank {client}'s download thread never ended");
                owed.report(Rule::R8, text);
            }
        }
    }
}
