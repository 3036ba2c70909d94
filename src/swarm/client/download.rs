//! The download half of a client: one wanted file after another.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};

use super::fetch::{Fetch, Next};
use super::sources::Sources;
use super::{Leaving, Library, Outbox, Part, SavedFile};
use crate::event::Deed;
use crate::manifest::Manifest;
use crate::protocol::{
    Answer, Call, Decline, FileId, FileName, Hashes, Missing, Progress, Rank, Reason, Swarm,
    ToDownload, ToTracker, ToUpload,
};
use crate::settings::Settings;
use crate::statistics::{ClientStatistics, FileDownload, Recorded, Service, Traffic};

/// Fetches the wanted files in the order of the input, one at a time.
#[derive(Debug)]
pub struct Download {
    me: Rank,
    settings: Settings,
    library: Arc<Library>,
    /// The files that the client owns from the start. If one is wanted as well, it is saved without
    /// being fetched.
    owned: BTreeMap<FileName, Hashes>,
    wanted: VecDeque<FileName>,
    part: Part,
    sources: Sources,
    missing: Vec<Missing>,
    /// When the client asked for the swarm of the current file.
    begun: Recorded<Duration>,
    /// What the report will say of the files that are over.
    records: Recorded<Vec<FileDownload>>,
    /// The queues that the client has left, each until its farewell has come: of which file, and
    /// whose.
    left: BTreeSet<(FileId, Rank)>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The client has not arrived: nothing was asked for.
    Idle,
    /// The file's first SWARM_REQUEST is out.
    Joining(FileName),
    /// SEGMENT_REQUESTs are out, or UPDATE, or a further SWARM_REQUEST.
    Fetching(Box<Fetch>),
    /// The client holds the whole file, and it is being written.
    Saving(FileName),
    /// Nothing is left to download. The last calls of queues that the client has left are to come.
    Parting,
    /// ALL_COMPLETE was sent.
    Done,
}

impl Download {
    pub(super) fn new(
        me: Rank,
        Manifest { owned, wanted }: Manifest,
        library: Arc<Library>,
        settings: Settings,
        part: Part,
    ) -> Download {
        let owned = owned.into_iter().map(|file| (file.name, file.hashes));
        Download {
            me,
            settings,
            library,
            owned: owned.collect(),
            wanted: wanted.into(),
            part,
            sources: Sources::new(me, &settings),
            missing: Vec::new(),
            begun: Recorded::default(),
            records: Recorded::default(),
            left: BTreeSet::new(),
            state: State::Idle,
        }
    }

    /// The most messages that it posts while nobody takes any: for each segment in flight one
    /// request, or one to each of the other clients; a DECLINE to each; a CONFIRM for each granted
    /// segment; and to the tracker a FILE_COMPLETE and a SWARM_REQUEST, or an ALIVE.
    pub fn most_untaken(clients: usize, settings: &Settings) -> usize {
        let window = settings.window.get();
        (window.saturating_add(1).saturating_mul(clients))
            .saturating_add(window)
            .saturating_add(2)
    }

    /// Whether the client has not arrived yet.
    pub fn is_away(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// Takes the next message.
    ///
    /// # Errors
    /// When the message breaks the protocol. The machine cannot be used any more then.
    pub fn step(
        &mut self,
        now: Duration,
        from: Rank,
        message: ToDownload,
        outbox: &mut Outbox,
    ) -> Result<()> {
        self.state = match (self.take_state(), message) {
            (State::Joining(name), ToDownload::Swarm(Swarm::Joined(joined))) => {
                let segments = joined.hashes.len();
                self.library.expect(joined.file, joined.hashes.clone());
                let record = FileDownload::begin(name, segments, *self.begun, now);
                let fetch = Fetch::new(
                    now,
                    self.me,
                    joined,
                    record,
                    self.settings,
                    &mut self.sources,
                )?;
                self.advance(now, Box::new(fetch), outbox)
            }
            (State::Joining(name), ToDownload::Swarm(Swarm::Unknown)) => {
                self.go_without(now, name, Reason::NobodyHasIt, outbox)
            }
            (State::Fetching(mut fetch), ToDownload::Segment(answer)) => {
                let came = fetch.answered(now, from, &answer, &self.library)?;
                let (file, segment) = (answer.file, answer.segment);
                if let Answer::Ack(_) = answer.answer {
                    outbox.did(Deed::checked(came, from, file, segment));
                }
                if came && self.settings.tracker_grants {
                    outbox.send(Rank::TRACKER, ToTracker::Confirm { file, segment });
                }
                self.advance(now, fetch, outbox)
            }
            (state, ToDownload::Call(call)) if self.has_left(from, &call) => {
                if call.is_farewell {
                    self.left.remove(&(call.file, from));
                }
                match state {
                    State::Parting => self.part(now, outbox),
                    State::Idle
                    | State::Joining(_)
                    | State::Fetching(_)
                    | State::Saving(_)
                    | State::Done => state,
                }
            }
            (State::Fetching(mut fetch), ToDownload::Call(call)) if call.file == fetch.file => {
                fetch.called(now, from, &call, &mut ask(outbox));
                self.advance(now, fetch, outbox)
            }
            (State::Fetching(mut fetch), ToDownload::Availability(offer)) => {
                fetch.offered(now, from, &offer, &mut self.sources, &mut ask(outbox))?;
                self.advance(now, fetch, outbox)
            }
            (State::Fetching(mut fetch), ToDownload::Grant(file)) => {
                fetch.grant(file)?;
                self.advance(now, fetch, outbox)
            }
            (State::Fetching(mut fetch), ToDownload::Swarm(Swarm::Members(members))) => {
                fetch.refresh(now, members)?;
                self.advance(now, fetch, outbox)
            }
            (
                State::Idle
                | State::Joining(_)
                | State::Fetching(_)
                | State::Saving(_)
                | State::Parting
                | State::Done,
                ToDownload::InitAck(_)
                | ToDownload::Swarm(_)
                | ToDownload::Segment(_)
                | ToDownload::Call(_)
                | ToDownload::Availability(_)
                | ToDownload::Grant(_),
            ) => bail!("nobody asked for it"),
        };
        Ok(())
    }

    /// Hears how [`Effect::Save`](super::Effect::Save) went: well, or why not, in words for the
    /// user.
    ///
    /// # Panics
    /// When nothing is being saved.
    pub fn saved(&mut self, now: Duration, outcome: Result<(), String>, outbox: &mut Outbox) {
        let State::Saving(name) = self.take_state() else {
            panic!("nothing is being saved");
        };
        outbox.did(Deed::Saved {
            file: name.clone(),
            problem: outcome.as_ref().err().cloned(),
        });
        self.state = match outcome {
            Ok(()) => self.next_file(now, outbox),
            Err(why) => self.go_without(now, name, Reason::NotWritten(why), outbox),
        };
    }

    /// When there is something to do without a message, if ever. Call [`Download::wake`] then.
    pub fn due(&self) -> Option<Duration> {
        match &self.state {
            State::Idle => Some(self.part.arrival),
            State::Fetching(fetch) => {
                let leaves = self.library.closes().filter(|_| !fetch.is_left());
                fetch.due().into_iter().chain(leaves).min()
            }
            State::Joining(_) | State::Saving(_) | State::Parting | State::Done => None,
        }
    }

    /// Time has passed.
    pub fn wake(&mut self, now: Duration, outbox: &mut Outbox) {
        self.state = match self.take_state() {
            State::Fetching(mut fetch) => {
                fetch.wake(now);
                self.advance(now, fetch, outbox)
            }
            State::Idle if now >= self.part.arrival => self.next_file(now, outbox),
            state @ (State::Idle
            | State::Joining(_)
            | State::Saving(_)
            | State::Parting
            | State::Done) => state,
        };
    }

    /// Whether ALL_COMPLETE was sent.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// The files that it is still to download.
    pub fn to_download(&self) -> Vec<&FileName> {
        let is_lacking = |name: &&FileName| !self.owned.contains_key(*name);
        self.wanted.iter().filter(is_lacking).collect()
    }

    /// What the client has counted, with its upload half's service and what both halves sent.
    pub fn into_statistics(self, service: Service, sent: Traffic) -> ClientStatistics {
        ClientStatistics {
            owned: self.owned.into_keys().collect(),
            downloads: self.records.0,
            service,
            sent,
        }
    }

    fn take_state(&mut self) -> State {
        mem::replace(&mut self.state, State::Idle)
    }

    /// Goes on with a file: asks for more segments, and does what the file needs next.
    fn advance(&mut self, now: Duration, mut fetch: Box<Fetch>, outbox: &mut Outbox) -> State {
        if self.library.is_closed(now) {
            fetch.leave();
        }
        let next = fetch.next(&mut self.sources, &mut ask(outbox));
        match next {
            Next::Answers => State::Fetching(fetch),
            Next::Update => {
                outbox.send(Rank::TRACKER, ToTracker::Update(self.progress(&mut fetch)));
                State::Fetching(fetch)
            }
            Next::AskTracker => {
                let name = fetch.record.name.clone();
                outbox.send(Rank::TRACKER, ToTracker::SwarmRequest(name));
                State::Fetching(fetch)
            }
            Next::Complete => {
                let hashes = self.library.complete(fetch.file);
                let hashes = hashes.expect("the last segment was stored");
                let progress = self.progress(&mut fetch);
                let name = self.end(*fetch, outbox);
                outbox.send(Rank::TRACKER, ToTracker::FileComplete(progress));
                save(name, hashes, outbox)
            }
            Next::GiveUp => {
                let name = self.end(*fetch, outbox);
                self.go_without(now, name, Reason::NobodySendsIt, outbox)
            }
            Next::Leave => {
                let name = self.end(*fetch, outbox);
                self.go_without(now, name, Reason::ItLeft, outbox)
            }
        }
    }

    /// What the tracker may know of a file's progress (R2).
    fn progress(&self, fetch: &mut Fetch) -> Progress {
        let mut gained = fetch.gained();
        if !self.settings.knows_segments() {
            gained.clear();
        }
        Progress {
            file: fetch.file,
            gained,
        }
    }

    /// Leaves the queues for a file that is over, keeps its record, and returns its name.
    fn end(&mut self, mut fetch: Fetch, outbox: &mut Outbox) -> FileName {
        let file = fetch.file;
        for member in fetch.leave_queues() {
            let decline = Decline {
                file,
                waits: false,
                gained: Vec::new(),
            };
            outbox.send(member, ToUpload::Decline(decline));
            self.left.insert((file, member));
        }
        let record = fetch.into_record();
        let name = record.name.clone();
        self.records.push(record);
        name
    }

    /// Turns to the next wanted file. A file that is owned needs no fetching. A client that has
    /// left goes without the remaining files.
    fn next_file(&mut self, now: Duration, outbox: &mut Outbox) -> State {
        if self.library.is_closed(now) {
            let left = self.wanted.drain(..);
            self.missing.extend(left.map(|name| Missing {
                reason: Reason::ItLeft,
                name,
            }));
        }
        let Some(name) = self.wanted.pop_front() else {
            return self.part(now, outbox);
        };
        match self.owned.get(&name) {
            Some(hashes) => save(name, hashes.clone(), outbox),
            None => {
                outbox.send(Rank::TRACKER, ToTracker::SwarmRequest(name.clone()));
                *self.begun = now;
                State::Joining(name)
            }
        }
    }

    /// Whether a call is of a queue that the client has left. Calls come until the farewell does.
    fn has_left(&self, from: Rank, call: &Call) -> bool {
        self.left.contains(&(call.file, from))
    }

    /// Ends, if no more calls are to come.
    fn part(&mut self, now: Duration, outbox: &mut Outbox) -> State {
        if !self.left.is_empty() {
            return State::Parting;
        }
        if let Leaving::WhenDone(stay) = self.part.leaving {
            self.library.close(now.saturating_add(stay));
        }
        let missing = mem::take(&mut self.missing);
        outbox.send(Rank::TRACKER, ToTracker::AllComplete { missing });
        outbox.did(Deed::Ended);
        State::Done
    }

    fn go_without(
        &mut self,
        now: Duration,
        name: FileName,
        reason: Reason,
        outbox: &mut Outbox,
    ) -> State {
        self.missing.push(Missing { name, reason });
        self.next_file(now, outbox)
    }
}

fn ask(outbox: &mut Outbox) -> impl FnMut(Rank, ToUpload) {
    move |member, message| outbox.send(member, message)
}

fn save(name: FileName, hashes: Hashes, outbox: &mut Outbox) -> State {
    outbox.save(SavedFile {
        name: name.clone(),
        hashes,
    });
    State::Saving(name)
}

#[cfg(test)]
mod tests;
