//! R7. With a file's last segment the client sends FILE_COMPLETE and saves the file.
//!
//! It saves the file before the thread does anything else; only ALIVE may come between. A file that it
//! owns and wants is only saved.

use std::collections::{BTreeMap, BTreeSet};

use super::known::KnownFile;
use super::{Hearing, Passing, RuleCheck, Way};
use swarm::event::{Deed, Event, Thread};
use swarm::protocol::{FileId, FileName, Letter, Rank, Swarm, Tag, ToDownload, ToTracker};

#[derive(Default)]
pub(super) struct Completion {
    /// The clients that hold a whole file and have not said so.
    whole: BTreeMap<Rank, FileId>,
    /// The clients that have said so, and not saved the file.
    unsaved: BTreeMap<Rank, FileName>,
    saved: BTreeSet<(Rank, FileName)>,
}

impl RuleCheck for Completion {
    fn message(&mut self, passing: &Passing<'_>, hearing: &mut Hearing<'_>) {
        let known = hearing.known;
        let (from, to) = (passing.from, passing.to);
        if passing.thread == Thread::Download && passing.letter.tag() != Tag::Alive {
            self.has_saved(passing.rank(), hearing);
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
                    hearing.report(format!(
                        "rank {from} sent FILE_COMPLETE about {} with {} segments, \
                         of which none was the last that it lacked",
                        known.name(told.file),
                        known.count(from, told.file),
                    ));
                }
                if let Some(file) = known.file(told.file) {
                    self.unsaved.insert(from, file.name.clone());
                }
            }
            (
                Way::Posted,
                Letter::ToTracker(ToTracker::SwarmRequest(_) | ToTracker::AllComplete { .. }),
            ) => self.has_told(from, hearing),
            (Way::Posted | Way::Taken, _) => {}
        }
    }

    fn deed(&mut self, event: &Event, hearing: &mut Hearing<'_>) {
        let (rank, known) = (event.rank, hearing.known);
        let Deed::Saved { file: name, .. } = &event.deed else {
            return;
        };
        let is_told = self.unsaved.remove(&rank).as_ref() == Some(name);
        let owns = |file: &KnownFile| file.owners.contains(&rank);
        let is_due = is_told || known.named(name).is_some_and(owns);
        if event.thread != Thread::Download || !is_due {
            hearing.report(format!("rank {rank} saved '{name}' without FILE_COMPLETE"));
        } else if !self.saved.insert((rank, name.clone())) {
            hearing.report(format!("rank {rank} saved '{name}' a second time"));
        }
    }

    fn owed(&mut self, hearing: &mut Hearing<'_>) {
        for rank in hearing.known.clients() {
            self.has_told(rank, hearing);
        }
        for rank in hearing.known.clients() {
            self.has_saved(rank, hearing);
        }
    }
}

impl Completion {
    /// A client goes on: it must have told of the file that it holds whole.
    fn has_told(&mut self, rank: Rank, hearing: &mut Hearing<'_>) {
        if let Some(file) = self.whole.remove(&rank) {
            let name = hearing.known.name(file);
            let text = format!("rank {rank} did not send FILE_COMPLETE when it held all of {name}");
            hearing.report(text);
        }
    }

    /// A client goes on: it must have saved the file that it told of.
    fn has_saved(&mut self, rank: Rank, hearing: &mut Hearing<'_>) {
        if let Some(name) = self.unsaved.remove(&rank) {
            hearing.report(format!("rank {rank} did not save '{name}'"));
        }
    }
}
