//! R6. After every interval of segments the client sends UPDATE and goes on with the members that it
//! is answered. Requests may be in flight then, but no new one is made before the answer. The last
//! segment is told by FILE_COMPLETE alone.

use std::collections::{BTreeMap, BTreeSet};

use super::{Hearing, Passing, RuleCheck, Way};
use swarm::protocol::{FileId, Letter, Rank, ToDownload, ToTracker, ToUpload};

#[derive(Default)]
pub(super) struct Updates {
    /// The clients that wait for the answer to UPDATE.
    awaiting: BTreeSet<Rank>,
    /// The number of UPDATEs that a client has sent about a file.
    updates: BTreeMap<(Rank, FileId), usize>,
}

impl RuleCheck for Updates {
    fn message(&mut self, passing: &Passing<'_>, hearing: &mut Hearing<'_>) {
        let known = hearing.known;
        let from = passing.from;
        let interval = known.settings.update_interval.get();
        match (passing.way, passing.letter) {
            (Way::Taken, Letter::ToDownload(ToDownload::Swarm(_))) => {
                self.awaiting.remove(&passing.to);
            }
            (Way::Posted, Letter::ToUpload(ToUpload::SegmentRequest(request))) => {
                let file = request.file;
                let told = self.told(from, file).saturating_mul(interval);
                if self.awaiting.contains(&from) {
                    let segment = known.segment(file, request.segment);
                    hearing.report(format!(
                        "rank {from} asked for {segment} before its UPDATE was answered"
                    ));
                } else if known.count(from, file) >= told.saturating_add(interval) {
                    let segment = known.segment(file, request.segment);
                    hearing.report(format!(
                        "rank {from} asked for {segment} before it sent the UPDATE that was due"
                    ));
                }
            }
            (Way::Posted, Letter::ToTracker(ToTracker::Update(told))) => {
                if !self.awaiting.insert(from) {
                    let text = format!("rank {from} sent UPDATE before the last was answered");
                    hearing.report(text);
                }
                let updates = self.updates.entry((from, told.file)).or_default();
                *updates += 1;
                let least = updates.saturating_mul(interval);
                let most = least.saturating_add(known.settings.window.get());
                let count = known.count(from, told.file);
                if !(least..most).contains(&count) {
                    let name = known.name(told.file);
                    hearing.report(format!(
                        "rank {from} sent its UPDATE number {updates} about {name} \
                         with {count} segments"
                    ));
                }
            }
            (Way::Posted, Letter::ToTracker(ToTracker::FileComplete(told))) => {
                let due = known.count(from, told.file).saturating_sub(1) / interval;
                let updates = self.told(from, told.file);
                if updates != due {
                    let name = known.name(told.file);
                    hearing.report(format!(
                        "rank {from} completed {name} with {updates} UPDATEs instead of {due}"
                    ));
                }
            }
            (Way::Posted | Way::Taken, _) => {}
        }
    }

    fn owed(&mut self, hearing: &mut Hearing<'_>) {
        for client in hearing.known.unanswered(true) {
            hearing.report(format!("the tracker never answered rank {client}'s UPDATE"));
        }
    }
}

impl Updates {
    fn told(&self, client: Rank, file: FileId) -> usize {
        self.updates.get(&(client, file)).copied().unwrap_or(0)
    }
}
