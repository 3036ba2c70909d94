//! The figures of the report, counted anew from the events of a run.

use std::collections::BTreeMap;
use std::time::Duration;

use swarm::event::{Deed, Event};
use swarm::protocol::{
    Answer, FileId, FileName, Init, InitAck, Letter, Rank, SegmentIndex, SegmentSet, Swarm,
    ToDownload, ToTracker,
};
use swarm::report::Measured;
use swarm::settings::Settings;
use swarm::statistics::{ClientStatistics, FileDownload, Makespan, Traffic};

/// What the ranks of a run have counted, as far as its events tell. Its times are those of events, so they may
/// differ from the report's by the time between a deed and its record.
#[derive(Default)]
pub(super) struct Recount {
    clients: BTreeMap<Rank, Client>,
    tracker: Traffic,
    makespan: Makespan,
}

#[derive(Default)]
struct Client {
    statistics: ClientStatistics,
    /// The time at which it took its INIT_ACK.
    started: Duration,
    /// The file that it asked for and has not joined, and since when.
    joining: Option<(FileName, Duration)>,
    fetched: BTreeMap<FileId, Fetched>,
}

/// A file that a client has joined the swarm of.
struct Fetched {
    /// The place of its record among the client's downloads.
    place: usize,
    held: SegmentSet,
    lacking: usize,
}

impl Recount {
    /// Takes the next event. Returns whether its client then holds a segment that it did not hold before.
    pub(super) fn see(&mut self, event: &Event) -> bool {
        let Event {
            time, rank, deed, ..
        } = event;
        match deed {
            Deed::Posted { bytes, letter, .. } => {
                let tag = letter.tag();
                if *rank == Rank::TRACKER {
                    self.tracker.count(tag, *bytes);
                } else {
                    let client = self.clients.entry(*rank).or_default();
                    client.statistics.sent.count(tag, *bytes);
                    client.posted(*time, letter);
                }
            }
            Deed::Taken { letter, .. } if *rank == Rank::TRACKER => {
                self.makespan.heard(*time, letter.tag());
            }
            Deed::Taken { letter, .. } => {
                self.clients.entry(*rank).or_default().taken(*time, letter);
            }
            Deed::Verified {
                from,
                file,
                segment,
            } => {
                let client = self.clients.entry(*rank).or_default();
                return client.verified(*time, *from, *file, *segment);
            }
            Deed::Begun
            | Deed::WrongHash { .. }
            | Deed::Saved { .. }
            | Deed::Left
            | Deed::Ended => {}
        }
        false
    }

    /// The measures of a run of `clients` clients.
    pub(super) fn measured(mut self, settings: &Settings, clients: usize) -> Measured {
        let statistics: Vec<ClientStatistics> = Rank::clients(clients)
            .map(|client| self.clients.remove(&client).unwrap_or_default().statistics)
            .collect();
        Measured::new(settings, &statistics, &self.tracker, &self.makespan)
    }
}

impl Client {
    fn posted(&mut self, now: Duration, letter: &Letter) {
        match letter {
            Letter::ToTracker(ToTracker::Init(Init::Ready(owned))) => {
                self.statistics.owned = owned.iter().map(|file| file.name.clone()).collect();
            }
            Letter::ToTracker(ToTracker::SwarmRequest(name)) => {
                let asked = now.saturating_sub(self.started);
                let is_fetched = |download: &FileDownload| download.name == *name;
                if !self.statistics.downloads.iter().any(is_fetched) {
                    self.joining = Some((name.clone(), asked));
                }
            }
            Letter::ToDownload(ToDownload::Segment(answer)) => {
                let service = &mut self.statistics.service;
                *match answer.answer {
                    Answer::Ack(_) => &mut service.served,
                    Answer::Nack => &mut service.refused,
                    Answer::Busy => &mut service.busy,
                } += 1;
            }
            Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => {}
        }
    }

    fn taken(&mut self, now: Duration, letter: &Letter) {
        match letter {
            Letter::ToDownload(ToDownload::InitAck(InitAck::Start(_))) => self.started = now,
            Letter::ToDownload(ToDownload::Swarm(Swarm::Joined(joined))) => {
                if let Some((name, begun)) = self.joining.take() {
                    let now = now.saturating_sub(self.started);
                    let segments = joined.hashes.len();
                    let fetched = Fetched {
                        place: self.statistics.downloads.len(),
                        held: SegmentSet::none(segments),
                        lacking: segments,
                    };
                    self.fetched.insert(joined.file, fetched);
                    let record = FileDownload::begin(name, segments, begun, now);
                    self.statistics.downloads.push(record);
                }
            }
            Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => {}
        }
    }

    fn verified(&mut self, now: Duration, from: Rank, file: FileId, segment: SegmentIndex) -> bool {
        let Some(fetched) = self.fetched.get_mut(&file) else {
            return false;
        };
        let is_new = fetched.held.insert(segment);
        if is_new {
            fetched.lacking -= 1;
            let record = &mut self.statistics.downloads[fetched.place];
            record.gained(now.saturating_sub(self.started), from, fetched.lacking);
        }
        is_new
    }
}
