//! R8. When nothing is left to download, a client sends ALL_COMPLETE, once. Its upload thread goes
//! on.
//!
//! With it the client reports the files that it asked for and did not complete, or could not write;
//! and, if it is one that leaves before it has all, those that it did not even ask for.
//! The download thread ends then, and sends nothing more. If the judge knows the client's input: by then
//! the client has asked for each file that the input wants and does not own.

use std::collections::{BTreeMap, BTreeSet};

use super::{Hearing, Passing, RuleCheck, Way};
use swarm::event::{Deed, Event, Thread};
use swarm::protocol::{FileName, Letter, Missing, Rank, Reason, ToTracker};

#[derive(Default)]
pub(super) struct Finishing {
    /// The files that a client has asked for.
    asked: BTreeMap<Rank, BTreeSet<FileName>>,
    /// Those of them that it has not got.
    lacking: BTreeMap<Rank, BTreeSet<FileName>>,
    /// The clients that have sent ALL_COMPLETE.
    done: BTreeSet<Rank>,
    /// The clients whose download thread has ended.
    ended: BTreeSet<Rank>,
}

impl RuleCheck for Finishing {
    fn message(&mut self, passing: &Passing<'_>, hearing: &mut Hearing<'_>) {
        let known = hearing.known;
        let from = passing.from;
        let (Way::Posted, Thread::Download) = (passing.way, passing.thread) else {
            return;
        };
        if self.done.contains(&from) {
            let tag = passing.letter.tag();
            hearing.report(format!("rank {from} sent {tag} after ALL_COMPLETE"));
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
                    let text = format!("rank {from} left without '{name}', and was to stay for it");
                    hearing.report(text);
                }
                // A client that leaves need not have asked for every file.
                let counts = |file: &&Missing| !left(file) || asked.contains(&file.name);
                let reported = missing.iter().filter(counts);
                let reported: BTreeSet<_> = reported.map(|file| file.name.clone()).collect();
                if self.done.insert(from)
                    && let Some(name) = lacking.symmetric_difference(&reported).next()
                {
                    let but = match lacking.contains(name) {
                        true => "did not get",
                        false => "got",
                    };
                    hearing.report(format!(
                        "rank {from} sent ALL_COMPLETE with a wrong word about '{name}', \
                         which it {but}"
                    ));
                }
                if let Some(Ok(input)) = known.inputs.get(&from) {
                    let has_left = |name: &FileName| {
                        missing.iter().filter(left).any(|file| file.name == *name)
                    };
                    let owns = |name: &FileName| input.owned.iter().any(|file| file.name == *name);
                    let is_forgotten =
                        |name: &&FileName| !(asked.contains(*name) || has_left(name) || owns(name));
                    if let Some(name) = input.wanted.iter().find(is_forgotten) {
                        hearing.report(format!(
                            "rank {from} sent ALL_COMPLETE and never asked for '{name}', \
                             which its input wants"
                        ));
                    }
                }
            }
            Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => {}
        }
    }

    fn deed(&mut self, event: &Event, hearing: &mut Hearing<'_>) {
        let rank = event.rank;
        if let Deed::Saved { file, problem } = &event.deed {
            let lacking = self.lacking.entry(rank).or_default();
            if problem.is_some() {
                lacking.insert(file.clone());
            } else {
                lacking.remove(file);
            }
        }
        if event.deed == Deed::Ended && event.thread == Thread::Download {
            if !self.done.contains(&rank) && !hearing.known.is_refused {
                let text = format!("rank {rank}'s download thread ended without ALL_COMPLETE");
                hearing.report(text);
            }
            if !self.ended.insert(rank) {
                hearing.report(format!("rank {rank}'s download thread ended twice"));
            }
        }
    }

    fn owed(&mut self, hearing: &mut Hearing<'_>) {
        let known = hearing.known;
        if known.is_refused {
            return;
        }
        for client in known.clients() {
            if !self.done.contains(&client) {
                hearing.report(format!("rank {client} never sent ALL_COMPLETE"));
            } else if !self.ended.contains(&client) {
                hearing.report(format!("rank {client}'s download thread never ended"));
            }
        }
    }
}
