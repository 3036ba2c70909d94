//! The download half of a client: one wanted file after another.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::Arc;

use anyhow::{Result, bail};

use super::fetch::{Fetch, Next};
use super::selection::RoundRobin;
use super::{Library, Settings};
use crate::protocol::{
    Envelope, FileName, Hashes, Joined, Missing, OwnedFile, Rank, Reason, Swarm, ToDownload,
    ToTracker, ToUpload,
};

/// Fetches the wanted files in the order of the input, one at a time.
#[derive(Debug)]
pub struct Download {
    me: Rank,
    settings: Settings,
    library: Arc<Library>,
    /// Owned from the start, by name: what is wanted as well is saved without being fetched.
    owned: BTreeMap<FileName, Hashes>,
    wanted: VecDeque<FileName>,
    sources: RoundRobin,
    missing: Vec<Missing>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing was asked for yet.
    Idle,
    /// The file's first SWARM_REQUEST is out.
    Joining(FileName),
    /// SEGMENT_REQUESTs are out.
    Fetching(Box<Fetch>),
    /// UPDATE or a further SWARM_REQUEST is out, and no SEGMENT_REQUEST.
    Refreshing(Box<Fetch>),
    /// The file is held whole, and is being written.
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
        let sources = RoundRobin::starting_behind(me);
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
            sources,
            missing: Vec::new(),
            state: State::Idle,
        }
    }

    /// Makes the first move.
    pub fn begin(&mut self, effects: &mut Vec<Effect>) {
        self.state = self.next_file(effects);
    }

    /// Takes the next message.
    ///
    /// # Errors
    /// When the protocol has no place for it; the machine is of no use then.
    pub fn step(
        &mut self,
        from: Rank,
        message: ToDownload,
        effects: &mut Vec<Effect>,
    ) -> Result<()> {
        self.state = match (self.take_state(), message) {
            (State::Joining(name), ToDownload::Swarm(Swarm::Joined(joined))) => {
                let Joined {
                    file,
                    hashes,
                    members,
                } = joined;
                self.library.expect(file, hashes.clone());
                let fetch = Fetch::new(name, file, hashes, self.others(members));
                self.advance(Box::new(fetch), effects)
            }
            (State::Joining(name), ToDownload::Swarm(Swarm::Unknown)) => {
                self.go_without(name, Reason::NobodyHasIt, effects)
            }
            (State::Fetching(mut fetch), ToDownload::Segment(answer)) => {
                fetch.answered(from, answer, &self.library)?;
                self.advance(fetch, effects)
            }
            (State::Refreshing(mut fetch), ToDownload::Swarm(Swarm::Members(members))) => {
                fetch.refresh(self.others(members));
                self.advance(fetch, effects)
            }
            (
                State::Idle
                | State::Joining(_)
                | State::Fetching(_)
                | State::Refreshing(_)
                | State::Saving(_)
                | State::Done,
                ToDownload::InitAck(_) | ToDownload::Swarm(_) | ToDownload::Segment(_),
            ) => bail!("nobody asked for it"),
        };
        Ok(())
    }

    /// Hears how [`Effect::Save`] went: well, or why not, in words for the user.
    ///
    /// # Panics
    /// When nothing is being saved.
    pub fn saved(&mut self, outcome: Result<(), String>, effects: &mut Vec<Effect>) {
        let State::Saving(name) = self.take_state() else {
            panic!("nothing is being saved");
        };
        self.state = match outcome {
            Ok(()) => self.next_file(effects),
            Err(why) => self.go_without(name, Reason::NotWritten(why), effects),
        };
    }

    /// Whether ALL_COMPLETE was sent.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    fn take_state(&mut self) -> State {
        mem::replace(&mut self.state, State::Idle)
    }

    /// Goes on with a file: more requests, or what comes when none is in flight.
    fn advance(&mut self, mut fetch: Box<Fetch>, effects: &mut Vec<Effect>) -> State {
        let next = fetch.next(self.settings, &mut self.sources, |member, request| {
            let message = ToUpload::SegmentRequest(request);
            effects.push(Effect::Send(Envelope::new(member, message)));
        });
        match next {
            Next::Answers => State::Fetching(fetch),
            Next::Update => {
                tell_tracker(ToTracker::Update(fetch.file), effects);
                State::Refreshing(fetch)
            }
            Next::AskTracker => {
                tell_tracker(ToTracker::SwarmRequest(fetch.name.clone()), effects);
                State::Refreshing(fetch)
            }
            Next::Complete => {
                let hashes = self.library.complete(fetch.file);
                let hashes = hashes.expect("the last segment was stored");
                tell_tracker(ToTracker::FileComplete(fetch.file), effects);
                save(fetch.name, hashes, effects)
            }
            Next::GiveUp => self.go_without(fetch.name, Reason::NobodySendsIt, effects),
        }
    }

    /// Turns to the next wanted file; there is nothing to fetch of one that is owned.
    fn next_file(&mut self, effects: &mut Vec<Effect>) -> State {
        let Some(name) = self.wanted.pop_front() else {
            let missing = mem::take(&mut self.missing);
            tell_tracker(ToTracker::AllComplete { missing }, effects);
            return State::Done;
        };
        match self.owned.get(&name) {
            Some(hashes) => save(name, hashes.clone(), effects),
            None => {
                tell_tracker(ToTracker::SwarmRequest(name.clone()), effects);
                State::Joining(name)
            }
        }
    }

    fn go_without(&mut self, name: FileName, reason: Reason, effects: &mut Vec<Effect>) -> State {
        self.missing.push(Missing { name, reason });
        self.next_file(effects)
    }

    /// The members that the client can ask: all but itself.
    fn others(&self, mut members: Vec<Rank>) -> Vec<Rank> {
        members.retain(|&member| member != self.me);
        members
    }
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
