//! R4 with `--tracker-grants`: a client asks for a segment when it has a grant, and confirms it when it
//! has come. At most a window's grants are out that are not confirmed. Without the option there are no
//! grants and no confirmations.

use std::collections::BTreeMap;

use super::known::{KnownFile, KnownSwarm};
use super::{Hearing, Passing, RuleCheck, Way};
use swarm::protocol::{
    FileId, Letter, Rank, SegmentIndex, SegmentSet, ToDownload, ToTracker, ToUpload,
};

#[derive(Default)]
pub(super) struct Grants {
    downloads: BTreeMap<(Rank, FileId), GrantedDownload>,
}

/// The grants for one client's download of a file.
#[derive(Default)]
struct GrantedDownload {
    /// The number of grants that the tracker has sent, and of those that the client has taken.
    sent: usize,
    taken: usize,
    /// The segments that the client has asked for, and their number.
    begun: Option<SegmentSet>,
    begun_count: usize,
    /// The segments that it has confirmed, their number, and of how many the tracker has heard.
    confirmed: Option<SegmentSet>,
    confirmed_count: usize,
    heard: usize,
}

impl RuleCheck for Grants {
    fn message(&mut self, passing: &Passing<'_>, hearing: &mut Hearing<'_>) {
        let known = hearing.known;
        let (from, to) = (passing.from, passing.to);
        let grants = known.settings.tracker_grants;
        hearing.report(match (passing.way, passing.letter) {
            (Way::Posted, Letter::ToDownload(ToDownload::Grant(file))) => {
                let segments = known.file(*file).map_or(0, |file| file.hashes.len());
                let download = self.download(to, *file);
                download.sent += 1;
                let window = known.settings.window.get();
                let most = download.heard.saturating_add(window).min(segments);
                (!grants || download.sent > most).then(|| {
                    let name = known.name(*file);
                    format!("the tracker granted rank {to} more segments of {name} than it may")
                })
            }
            (Way::Taken, Letter::ToDownload(ToDownload::Grant(file))) => {
                self.download(to, *file).taken += 1;
                None
            }
            (Way::Posted, Letter::ToTracker(ToTracker::Confirm { file, segment })) => {
                let has_come = known.has_come(from, *file, *segment);
                let download = self.download(from, *file);
                let is_new = insert(&mut download.confirmed, *segment, known.file(*file));
                download.confirmed_count += usize::from(is_new);
                (!grants || !has_come || !is_new).then(|| {
                    let segment = known.segment(*file, *segment);
                    format!("rank {from} confirmed {segment}, which had not come or was confirmed")
                })
            }
            (Way::Taken, Letter::ToTracker(ToTracker::Confirm { file, .. })) => {
                self.download(from, *file).heard += 1;
                None
            }
            (Way::Posted, Letter::ToUpload(ToUpload::SegmentRequest(request))) if grants => {
                self.begins(from, (request.file, request.segment), known)
            }
            (Way::Posted, Letter::ToUpload(ToUpload::AvailabilityRequest { file, segment }))
                if grants =>
            {
                self.begins(from, (*file, *segment), known)
            }
            (Way::Posted | Way::Taken, _) => None,
        });
    }

    fn owed(&mut self, hearing: &mut Hearing<'_>) {
        let known = hearing.known;
        if !known.settings.tracker_grants {
            return;
        }
        for (client, file, count) in known.downloads() {
            let download = self.downloads.get(&(client, file));
            if download.map_or(0, |download| download.confirmed_count) < count {
                let name = known.name(file);
                let text = format!("rank {client} did not confirm every segment of {name}");
                hearing.report(text);
            }
        }
    }
}

impl Grants {
    fn download(&mut self, client: Rank, file: FileId) -> &mut GrantedDownload {
        self.downloads.entry((client, file)).or_default()
    }

    fn begins(
        &mut self,
        client: Rank,
        (file, segment): (FileId, SegmentIndex),
        known: &KnownSwarm,
    ) -> Option<String> {
        let download = self.download(client, file);
        let is_new = insert(&mut download.begun, segment, known.file(file));
        download.begun_count += usize::from(is_new);
        (download.begun_count > download.taken).then(|| {
            let segment = known.segment(file, segment);
            format!("rank {client} asked for {segment}, which was not granted")
        })
    }
}

/// Adds a segment of a file to a set. Returns whether it is new.
fn insert(set: &mut Option<SegmentSet>, segment: SegmentIndex, file: Option<&KnownFile>) -> bool {
    let Some(file) = file else { return false };
    let none = || SegmentSet::none(file.hashes.len());
    set.get_or_insert_with(none).insert(segment)
}
