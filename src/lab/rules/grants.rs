//! R4 with `--tracker-grants`: a segment is asked for when it was granted, and confirmed when it
//! came. As many as a window may be granted that have not come. Without grants nobody speaks of
//! them.

use std::collections::BTreeMap;

use super::known::Known;
use super::{Check, Offences, Passing, Rule, Way};
use swarm::protocol::{
    FileId, Letter, Rank, SegmentIndex, SegmentSet, ToDownload, ToTracker, ToUpload,
};

#[derive(Default)]
pub(super) struct Grants {
    downloads: BTreeMap<(Rank, FileId), Download>,
}

/// The grants for one client's download of a file.
#[derive(Default)]
struct Download {
    /// How many the tracker has sent, and how many the client has taken.
    sent: usize,
    taken: usize,
    /// The segments that the client has asked for, and how many they are.
    begun: Option<SegmentSet>,
    begun_count: usize,
    /// Those that it has confirmed, and of how many the tracker has heard.
    confirmed: Option<SegmentSet>,
    confirmed_count: usize,
    heard: usize,
}

impl Check for Grants {
    fn message(&mut self, passing: &Passing<'_>, known: &Known, offences: &mut Offences) {
        let (from, to) = (passing.from, passing.to);
        let grants = known.settings.tracker_grants;
        let text = match (passing.way, passing.letter) {
            (Way::Posted, Letter::ToDownload(ToDownload::Grant(file))) => {
                let segments = known.file(*file).map_or(0, |file| file.hashes.len());
                let download = self.download(to, *file);
                download.sent += 1;
                let most =
                    (download.heard.saturating_add(known.settings.window.get())).min(segments);
                let too_many = !grants || download.sent > most;
                too_many.then(|| {
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
                let is_new = insert(&mut download.confirmed, *file, *segment, known);
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
                self.begins(from, request.file, request.segment, known)
            }
            (Way::Posted, Letter::ToUpload(ToUpload::AvailabilityRequest { file, segment }))
                if grants =>
            {
                self.begins(from, *file, *segment, known)
            }
            (Way::Posted | Way::Taken, _) => None,
        };
        if let Some(text) = text {
            offences.report(Rule::R4, text);
        }
    }

    fn owed(&self, known: &Known, owed: &mut Offences) {
        if !known.settings.tracker_grants {
            return;
        }
        for (client, file, count) in known.downloads() {
            let download = self.downloads.get(&(client, file));
            if download.map_or(0, |download| download.confirmed_count) < count {
                let name = known.name(file);
                let text = format!("rank {client} did not confirm every segment of {name}");
                owed.report(Rule::R4, text);
            }
        }
    }
}

impl Grants {
    fn download(&mut self, client: Rank, file: FileId) -> &mut Download {
        self.downloads.entry((client, file)).or_default()
    }

    fn begins(
        &mut self,
        client: Rank,
        file: FileId,
        segment: SegmentIndex,
        known: &Known,
    ) -> Option<String> {
        let download = self.download(client, file);
        let is_new = insert(&mut download.begun, file, segment, known);
        download.begun_count += usize::from(is_new);
        (download.begun_count > download.taken).then(|| {
            let segment = known.segment(file, segment);
            format!("rank {client} asked for {segment}, which was not granted")
        })
    }
}

/// Whether a segment of a file is new to a set.
fn insert(
    set: &mut Option<SegmentSet>,
    file: FileId,
    segment: SegmentIndex,
    known: &Known,
) -> bool {
    known.file(file).is_some_and(|file| {
        set.get_or_insert_with(|| SegmentSet::none(file.hashes.len()))
            .insert(segment)
    })
}
