//! The download half of a client: one wanted file after another.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};

use super::fetch::{Fetch, Next};
use super::sources::Sources;
use super::{Leaving, Library, Part};
use crate::protocol::{
    Envelope, FileId, FileName, Hashes, Missing, OwnedFile, Progress, Rank, Reason, SegmentIndex,
    Swarm, ToDownload, ToTracker, ToUpload,
};
use crate::settings::Settings;
use crate::statistics::{FileDownload, Recorded};

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
    /// ALL_COMPLETE was sent.
    Done,
}

/// What the download half wants done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Post a message.
    Send(Envelope),
    /// Write an output, and report to [`Download::saved`].
    Save(SavedFile),
}

/// A file that is held whole, as it is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedFile {
    /// Its name.
    pub name: FileName,
    /// Its hashes, every one of them verified.
    pub hashes: Hashes,
}

impl Download {
    pub(super) fn new(
        me: Rank,
        owned: Vec<OwnedFile>,
        wanted: Vec<FileName>,
        library: Arc<Library>,
        settings: Settings,
    ) -> Download {
        let sources = Sources::new(me, &settings);
        let owned = owned
            .into_iter()
            .map(|file| (file.name, file.hashes))
            .collect();
        let wanted = wanted.into();
        Download {
            me,
            settings,
            library,
            owned,
            wanted,
            part: Part::default(),
            sources,
            missing: Vec::new(),
            begun: Recorded::default(),
            records: Recorded::default(),
            state: State::Idle,
        }
    }

    /// The same, in a part.
    pub(super) fn playing(self, part: Part) -> Download {
        Download { part, ..self }
    }

    /// The most messages that it posts while nobody takes any: for each segment in flight one
    /// request, or one to each of the other clients; a CONFIRM for each granted segment; and to the
    /// tracker a FILE_COMPLETE and a SWARM_REQUEST, or an ALIVE.
    pub fn most_untaken(clients: usize, settings: &Settings) -> usize {
        let window = settings.window.get();
        (window.saturating_mul(clients))
            .saturating_add(window)
            .saturating_add(2)
    }

    /// Makes the first move, if the client has arrived. All times are since its INIT_ACK.
    pub fn begin(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        if now >= self.part.arrival {
            self.state = self.next_file(now, effects);
        }
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
        effects: &mut Vec<Effect>,
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
                self.advance(now, Box::new(fetch), effects)
            }
            (State::Joining(name), ToDownload::Swarm(Swarm::Unknown)) => {
                self.go_without(now, name, Reason::NobodyHasIt, effects)
            }
            (State::Fetching(mut fetch), ToDownload::Segment(answer)) => {
                let came = fetch.answered(now, from, &answer, &self.library)?;
                if came && self.settings.tracker_grants {
                    let (file, segment) = (answer.file, answer.segment);
                    tell_tracker(ToTracker::Confirm { file, segment }, effects);
                }
                self.advance(now, fetch, effects)
            }
            (State::Fetching(mut fetch), ToDownload::Availability(offer)) => {
                fetch.offered(now, from, &offer, &mut self.sources, &mut ask(effects))?;
                self.advance(now, fetch, effects)
            }
            (State::Fetching(mut fetch), ToDownload::Grant(file)) => {
                fetch.grant(file)?;
                self.advance(now, fetch, effects)
            }
            (State::Fetching(mut fetch), ToDownload::Swarm(Swarm::Members(members))) => {
                fetch.refresh(now, members)?;
                self.advance(now, fetch, effects)
            }
            (
                State::Idle
                | State::Joining(_)
                | State::Fetching(_)
                | State::Saving(_)
                | State::Done,
                ToDownload::InitAck(_)
                | ToDownload::Swarm(_)
                | ToDownload::Segment(_)
                | ToDownload::Availability(_)
                | ToDownload::Grant(_),
            ) => bail!("nobody asked for it"),
        };
        Ok(())
    }

    /// Hears how [`Effect::Save`] went: well, or why not, in words for the user.
    ///
    /// # Panics
    /// When nothing is being saved.
    pub fn saved(&mut self, now: Duration, outcome: Result<(), String>, effects: &mut Vec<Effect>) {
        let State::Saving(name) = self.take_state() else {
            panic!("nothing is being saved");
        };
        self.state = match outcome {
            Ok(()) => self.next_file(now, effects),
            Err(why) => self.go_without(now, name, Reason::NotWritten(why), effects),
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
            State::Joining(_) | State::Saving(_) | State::Done => None,
        }
    }

    /// Time has passed.
    pub fn wake(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        self.state = match self.take_state() {
            State::Fetching(mut fetch) => {
                fetch.wake(now);
                self.advance(now, fetch, effects)
            }
            State::Idle if now >= self.part.arrival => self.next_file(now, effects),
            state @ (State::Idle | State::Joining(_) | State::Saving(_) | State::Done) => state,
        };
    }

    /// Whether ALL_COMPLETE was sent.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Whether a segment is held.
    pub fn holds(&self, file: FileId, segment: SegmentIndex) -> bool {
        self.library.segment(file, segment).is_some()
    }

    /// What became of each file that the client joined the swarm of.
    pub fn into_records(self) -> Vec<FileDownload> {
        self.records.0
    }

    fn take_state(&mut self) -> State {
        mem::replace(&mut self.state, State::Idle)
    }

    /// Goes on with a file: asks for more segments, and does what the file needs next.
    fn advance(
        &mut self,
        now: Duration,
        mut fetch: Box<Fetch>,
        effects: &mut Vec<Effect>,
    ) -> State {
        if self.library.is_closed(now) {
            fetch.leave();
        }
        let next = fetch.next(&mut self.sources, &mut ask(effects));
        match next {
            Next::Answers => State::Fetching(fetch),
            Next::Update => {
                tell_tracker(ToTracker::Update(self.progress(&mut fetch)), effects);
                State::Fetching(fetch)
            }
            Next::AskTracker => {
                let name = fetch.record.name.clone();
                tell_tracker(ToTracker::SwarmRequest(name), effects);
                State::Fetching(fetch)
            }
            Next::Complete => {
                let hashes = self.library.complete(fetch.file);
                let hashes = hashes.expect("the last segment was stored");
                tell_tracker(ToTracker::FileComplete(self.progress(&mut fetch)), effects);
                let name = self.record(*fetch);
                save(name, hashes, effects)
            }
            Next::GiveUp => {
                let name = self.record(*fetch);
                self.go_without(now, name, Reason::NobodySendsIt, effects)
            }
            Next::Leave => {
                let name = self.record(*fetch);
                self.go_without(now, name, Reason::ItLeft, effects)
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

    /// Keeps the record of a file that is over, and returns its name.
    fn record(&mut self, fetch: Fetch) -> FileName {
        let record = fetch.record.0;
        let name = record.name.clone();
        self.records.push(record);
        name
    }

    /// Turns to the next wanted file. A file that is owned needs no fetching. A client that has
    /// left goes without the remaining files.
    fn next_file(&mut self, now: Duration, effects: &mut Vec<Effect>) -> State {
        if self.library.is_closed(now) {
            let left = self.wanted.drain(..);
            self.missing.extend(left.map(|name| Missing {
                reason: Reason::ItLeft,
                name,
            }));
        }
        let Some(name) = self.wanted.pop_front() else {
            if let Leaving::WhenDone(stay) = self.part.leaving {
                self.library.close(now.saturating_add(stay));
            }
            let missing = mem::take(&mut self.missing);
            tell_tracker(ToTracker::AllComplete { missing }, effects);
            return State::Done;
        };
        match self.owned.get(&name) {
            Some(hashes) => save(name, hashes.clone(), effects),
            None => {
                tell_tracker(ToTracker::SwarmRequest(name.clone()), effects);
                *self.begun = now;
                State::Joining(name)
            }
        }
    }

    fn go_without(
        &mut self,
        now: Duration,
        name: FileName,
        reason: Reason,
        effects: &mut Vec<Effect>,
    ) -> State {
        self.missing.push(Missing { name, reason });
        self.next_file(now, effects)
    }
}

fn ask(effects: &mut Vec<Effect>) -> impl FnMut(Rank, ToUpload) {
    move |member, message| effects.push(Effect::Send(Envelope::new(member, message)))
}

fn tell_tracker(message: ToTracker, effects: &mut Vec<Effect>) {
    effects.push(Effect::Send(Envelope::new(Rank::TRACKER, message)));
}

fn save(name: FileName, hashes: Hashes, effects: &mut Vec<Effect>) -> State {
    effects.push(Effect::Save(SavedFile {
        name: name.clone(),
        hashes,
    }));
    State::Saving(name)
}

#[cfg(test)]
mod tests;
