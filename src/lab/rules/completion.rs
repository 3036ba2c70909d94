//! R7. With a file's last segment the client sends FILE_COMPLETE and saves the file.
//!
//! It saves the file before the thread does anything else, but for saying that it is alive. A file
//! that it owns and wants it only saves.

use std::collections::{BTreeMap, BTreeSet};

use super::known::Known;
use super::{Check, Offences, Passing, Rule, Way};
use swarm::event::{Deed, Thread};
use swarm::protocol::{FileId, FileName, Letter, Rank, Swarm, Tag, ToDownload, ToTracker};

#[derive(Default)]
pub(super) struct Completion {
    /// Who holds a whole file, and has not said so.
    whole: BTreeMap<Rank, FileId>,
    /// Who has said so, and not saved it.
    unsaved: BTreeMap<Rank, FileName>,
    saved: BTreeSet<(Rank, FileName)>,
}

impl Check for Completion {
    fn message(&mut self, passing: &Passing<'_>, known: &Known, offences: &mut Offences) {
        let (from, to) = (passing.from, passing.to);
        let is_download = passing.thread == Thread::Download && passing.letter.tag() != Tag::Alive;
        if is_download && let Some(name) = self.unsaved.remove(&passing.rank()) {
            let rank = passing.rank();
            offences.report(Rule::R7, format!("rank {rank} did not save '{name}'"));
        }
        match (passing.way, passing.letter) {
            (Way::Taken, Letter::ToDownload(ToDownload::Segment(answer)))
                if passing.news.gained =>
            {
                let segments = known.file(answer.file).map(|file| file.hashes.len());
                if segments == Some(known.count(to, answer.file)) {
                    self.whole.insert(to, answer.file);
                }
            }
            (Way::Taken, Letter::ToDownload(ToDownload::Swarm(Swarm::Joined(joined)))) => {
                if joined.hashes.is_empty() {
                    self.whole.insert(to, joined.file);
                }
            }
            (Way::Posted, Letter::ToTracker(ToTracker::FileComplete(told))) => {
                if self.whole.get(&from) == Some(&told.file) {
                    self.whole.remove(&from);
                } else {
                    let text = format!(
                        "rank {from} sent FILE_COMPLETE about {} with {} segments, \
                         of which none was the last that it lacked",
                        known.name(told.file),
                        known.count(from, told.file),
                    );
                    offences.report(Rule::R7, text);
                }
                if let Some(file) = known.file(told.file) {
                    self.unsaved.insert(from, file.name.clone());
                }
            }
            (
                Way::Posted,
                Letter::ToTracker(ToTracker::SwarmRequest(_) | ToTracker::AllComplete { .. }),
            ) => {
                if let Some(file) = self.whole.remove(&from) {
                    offences.report(Rule::R7, untold(from, file, known));
                }
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
        let Deed::Saved { file: name, .. } = deed else {
            return;
        };
        let told = self.unsaved.remove(&rank);
        let owns = known
            .named(name)
            .is_some_and(|file| file.owners.contains(&rank));
        if thread != Thread::Download || told.as_ref() != Some(name) && !owns {
            let text = format!("rank {rank} saved '{name}' without FILE_COMPLETE");
            offences.report(Rule::R7, text);
        } else if !self.saved.insert((rank, name.clone())) {
            offences.report(
                Rule::R7,
                format!("rank {rank} saved '{name}' a second time"),
            );
        }
    }

    fn owed(&self, known: &Known, owed: &mut Offences) {
        for (&rank, &file) in &self.whole {
            owed.report(Rule::R7, untold(rank, file, known));
        }
        for (rank, name) in &self.unsaved {
            owed.report(Rule::R7, format!("rank {rank} did not save '{name}'"));
        }
    }
}

fn untold(rank: Rank, file: FileId, known: &Known) -> String {
    let name = known.name(file);
    format!("rank {rank} did not send FILE_COMPLETE when it held all of {name}")
}
