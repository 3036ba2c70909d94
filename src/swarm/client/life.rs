//! A client's life. It registers with the tracker (R1). Then its two halves work side by side:
//! [`Download`], until it has sent ALL_COMPLETE, and [`Upload`], until it has taken STOP.
//!
//! Each of the three is a machine. It takes a message, or hears that time has passed, and puts what
//! it wants done into an [`Outbox`]. Its driver does that: the runtime with a thread for each half,
//! the twin with a list of clients.

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};

use super::{Download, Leaving, Library, Part, Upload};
use crate::event::Deed;
use crate::manifest::Manifest;
use crate::protocol::{
    Envelope, FileName, Hashes, Init, InitAck, Letter, Rank, ToDownload, ToTracker,
};
use crate::settings::Settings;

/// What a machine wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Post a message.
    Send(Envelope),
    /// Write an output, and tell [`Download::saved`] how it went.
    Save(SavedFile),
    /// Record a deed.
    Did(Deed),
}

/// A file that the client holds whole, to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedFile {
    /// Its name.
    pub name: FileName,
    /// Its verified hashes.
    pub hashes: Hashes,
}

/// Effects in their order. An iterator takes out the next one.
#[derive(Debug, Default)]
pub struct Outbox {
    effects: VecDeque<Effect>,
    is_recorded: bool,
}

impl Outbox {
    /// An empty outbox. It drops deeds unless `is_recorded`.
    pub fn new(is_recorded: bool) -> Outbox {
        Outbox {
            effects: VecDeque::new(),
            is_recorded,
        }
    }

    /// A thread begins.
    pub fn begin(&mut self) {
        self.did(Deed::Begun);
    }

    pub(super) fn send(&mut self, to: Rank, message: impl Into<Letter>) {
        self.post(Envelope::new(to, message));
    }

    pub(super) fn post(&mut self, envelope: Envelope) {
        self.effects.push_back(Effect::Send(envelope));
    }

    pub(super) fn save(&mut self, file: SavedFile) {
        self.effects.push_back(Effect::Save(file));
    }

    pub(super) fn did(&mut self, deed: Deed) {
        if self.is_recorded {
            self.effects.push_back(Effect::Did(deed));
        }
    }
}

#[cfg(test)]
impl Outbox {
    /// The messages in it.
    pub(super) fn letters(self) -> Vec<Envelope> {
        let envelope = |effect| match effect {
            Effect::Send(envelope) => Some(envelope),
            Effect::Save(_) | Effect::Did(_) => None,
        };
        self.filter_map(envelope).collect()
    }
}

impl Iterator for Outbox {
    type Item = Effect;

    fn next(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }
}

/// A client that does not know yet whether the swarm starts.
#[derive(Debug)]
pub struct Registration {
    me: Rank,
    input: Result<Manifest, Vec<String>>,
    settings: Settings,
    part: Part,
}

impl Registration {
    /// A client with this input, or with the problems of it.
    pub fn new(
        me: Rank,
        input: Result<Manifest, Vec<String>>,
        settings: Settings,
        part: Part,
    ) -> Registration {
        Registration {
            me,
            input,
            settings,
            part,
        }
    }

    /// Sends INIT.
    pub fn register(&self, outbox: &mut Outbox) {
        outbox.send(Rank::TRACKER, ToTracker::Init(init(&self.input)));
    }

    /// Takes INIT_ACK. Returns the client's two halves, or nothing if the swarm does not start.
    ///
    /// # Errors
    /// When the message is not the tracker's INIT_ACK, or does not fit the client's INIT.
    pub fn answered(
        self,
        from: Rank,
        message: ToDownload,
        outbox: &mut Outbox,
    ) -> Result<Option<(Download, Upload)>> {
        let numbers = match (from, message) {
            (Rank::TRACKER, ToDownload::InitAck(InitAck::Start(numbers))) => numbers,
            (Rank::TRACKER, ToDownload::InitAck(InitAck::Refused)) => {
                outbox.did(Deed::Ended);
                return Ok(None);
            }
            (from, message) => bail!("expected INIT_ACK, found {message:?} from rank {from}"),
        };
        let manifest = self.input.ok();
        let manifest = manifest.context("expected a refusal, found INIT_ACK")?;
        ensure!(
            numbers.len() == manifest.owned.len(),
            "expected INIT_ACK with {} numbers of files, found {}",
            manifest.owned.len(),
            numbers.len()
        );
        let upload_time = (self.part.upload_time).unwrap_or(self.settings.upload_time);
        let library = Arc::new(Library::new(!upload_time.is_zero()));
        if let Leaving::At(time) = self.part.leaving {
            library.close(time);
        }
        for (id, file) in numbers.iter().zip(&manifest.owned) {
            library.own(*id, file.hashes.clone());
        }
        let lengths = manifest.owned.iter().map(|file| file.hashes.len());
        let owned: Vec<_> = numbers.into_iter().zip(lengths).collect();
        let Registration {
            me, settings, part, ..
        } = self;
        let upload = Upload::new(Arc::clone(&library), &owned, &settings, part);
        let download = Download::new(me, manifest, library, settings, part);
        Ok(Some((download, upload)))
    }
}

/// What a client tells the tracker of its input (R1).
pub fn init(input: &Result<Manifest, Vec<String>>) -> Init {
    match input {
        Ok(manifest) => Init::Ready(manifest.owned.clone()),
        Err(problems) => Init::Unable(problems.clone()),
    }
}
