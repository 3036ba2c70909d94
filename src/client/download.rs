//! The download half of a client: one wanted file after another.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

use anyhow::{Result, bail};

use super::fetch::{Fetch, Next};
use super::selection::RoundRobin;
use super::{Library, Settings};
use crate::protocol::{
    Envelope, FileName, Hashes, Missing, OwnedFile, Rank, Reason, Swarm, ToDownload, ToTracker,
    ToUpload,
};

/// Fetches the wanted files in the order of the input, one at a time.
#[derive(Debug)]
pub struct Download {
    me: Rank,
    settings: Settings,
    library: Arc<Library>,
    /// Owned from the start, by name: what is wanted as well is saved without being fetched.
    owned: Vec<OwnedFile>,
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
    /// ALL_COMPLETE was sent.
    Done,
}

/// What the download half wants done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Post a message.
    Send(Envelope),
    /// Write an output.
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
        self.state = match (mem::replace(&mut self.state, State::Idle), message) {
            (
                State::Joining(name),
                ToDownload::Swarm(Swarm::Joined {
                    file,
                    hashes,
                    members,
                }),
            ) => {
                self.library.expect(file, hashes.clone());
                self.advance(
                    Box::new(Fetch::new(name, file, hashes, self.others(members))),
                    effects,
                )
            }
            (State::Joining(name), ToDownload::Swarm(Swarm::Unknown)) => {
                self.missing.push(Missing {
                    name,
                    reason: Reason::NobodyHasIt,
                });
                self.next_file(effects)
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
                | State::Done,
                message @ (ToDownload::InitAck(_) | ToDownload::Swarm(_) | ToDownload::Segment(_)),
            ) => bail!("nobody asked for {message:?}"),
        };
        Ok(())
    }

    /// Whether ALL_COMPLETE was sent.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Goes on with a file: more requests, or what comes when none is in flight.
    fn advance(&mut self, mut fetch: Box<Fetch>, effects: &mut Vec<Effect>) -> State {
        let step = fetch.next(self.settings, &mut self.sources, |member, request| {
            effects.push(Effect::Send(Envelope::new(
                member,
                ToUpload::SegmentRequest(request),
            )));
        });
        let mut tell_tracker =
            |message: ToTracker| effects.push(Effect::Send(Envelope::new(Rank::TRACKER, message)));
        match step {
            Next::Answers => State::Fetching(fetch),
            Next::Update => {
                tell_tracker(ToTracker::Update(fetch.file));
                State::Refreshing(fetch)
            }
            Next::AskTracker => {
                tell_tracker(ToTracker::SwarmRequest(fetch.name.clone()));
                State::Refreshing(fetch)
            }
            Next::Complete => {
                let hashes = self
                    .library
                    .complete(fetch.file)
                    .expect("its last segment was stored");
                tell_tracker(ToTracker::FileComplete(fetch.file));
                effects.push(Effect::Save(SavedFile {
                    name: fetch.name,
                    hashes,
                }));
                self.next_file(effects)
            }
            Next::GiveUp => {
                self.missing.push(Missing {
                    name: fetch.name,
                    reason: Reason::NobodySendsIt,
                });
                self.next_file(effects)
            }
        }
    }

    /// Turns to the next wanted file; there is nothing to fetch of one that is owned.
    fn next_file(&mut self, effects: &mut Vec<Effect>) -> State {
        while let Some(name) = self.wanted.pop_front() {
            match self.owned.iter().find(|file| file.name == name) {
                Some(file) => effects.push(Effect::Save(SavedFile {
                    name,
                    hashes: file.hashes.clone(),
                })),
                None => {
                    let request = ToTracker::SwarmRequest(name.clone());
                    effects.push(Effect::Send(Envelope::new(Rank::TRACKER, request)));
                    return State::Joining(name);
                }
            }
        }
        let missing = mem::take(&mut self.missing);
        effects.push(Effect::Send(Envelope::new(
            Rank::TRACKER,
            ToTracker::AllComplete { missing },
        )));
        State::Done
    }

    /// The members that the client can ask: all but itself.
    fn others(&self, mut members: Vec<Rank>) -> Vec<Rank> {
        members.retain(|&member| member != self.me);
        members
    }
}

#[cfg(test)]
mod tests;
