//! A thread's way out: messages are posted, and kept until the MPI library is done with them.
//!
//! What is out at a time is bounded by the protocol: a machine knows the most messages that it posts
//! while no reader takes any (`most_untaken` of each machine), and a thread that has more than twice as
//! many out ends the job. Large messages, each of which may have the hashes of a whole file, go out
//! one after another.

use std::collections::VecDeque;
use std::mem;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::address::Mailboxes;
use super::backoff::Backoff;
use super::recorder::Recorder;
use super::transfer::{BRISK, Transfer, recycled};
use crate::protocol::{Envelope, Rank};
use crate::statistics::Traffic;

/// Up to this many messages may be out before `send` asks which of them are complete.
const FEW: usize = 16;

/// The fewest bytes of a large message.
const LARGE: usize = 1 << 20;

/// The longest time that a large message waits for the one before, whose reader may never take it.
const PATIENCE: Duration = Duration::from_millis(100);

/// One thread's way out for every message, whoever reads it.
pub struct Post {
    mailboxes: Mailboxes,
    /// The messages that the library is not done with, each with its reader.
    out: Vec<(Rank, Transfer)>,
    /// The most messages that the thread's machine posts while no reader takes any.
    most_untaken: usize,
    /// When more messages are out, `send` asks which of them are complete. It is twice the number that
    /// was out the last time, so that asking costs little however many there are.
    asks_at: usize,
    /// Large messages that wait for another one to be complete, each with the messages behind it for
    /// the same reader. They are encoded later, or they would take the memory of as many files as there
    /// are clients.
    held_back: VecDeque<Envelope>,
    /// When the last large message was posted.
    large_posted: Option<Instant>,
    /// A buffer for the next message: the last one's, if the library was done with it at once.
    spare: Vec<u8>,
    sent: Traffic,
    /// For the trace: what the thread posts, takes, and does besides.
    pub(super) recorder: Recorder,
}

impl Post {
    /// For a thread whose machine posts at most `most_untaken` messages while no reader takes any.
    pub fn new(mailboxes: &Mailboxes, most_untaken: usize, recorder: Recorder) -> Post {
        Post {
            mailboxes: mailboxes.clone(),
            out: Vec::new(),
            most_untaken,
            asks_at: FEW,
            held_back: VecDeque::new(),
            large_posted: None,
            spare: Vec::new(),
            sent: Traffic::default(),
            recorder,
        }
    }

    /// Posts a message, and does not wait for its reader.
    ///
    /// # Errors
    /// When the message is larger than MPI can send, which is 2 GiB; or when more are out than the
    /// protocol allows, because a rank asks and does not read.
    pub fn send(&mut self, envelope: Envelope) -> Result<()> {
        let is_behind = self.held_back.iter().any(|other| other.to == envelope.to);
        if is_behind || !self.has_room(&envelope) {
            self.held_back.push_back(envelope);
        } else {
            self.post(envelope)?;
        }
        if !self.held_back.is_empty() {
            self.go_on()?;
        }
        if self.out.len() > self.asks_at {
            self.complete();
            self.check()?;
            self.asks_at = 2 * self.out.len() + FEW;
        }
        Ok(())
    }

    /// Whether a message may go out now.
    fn has_room(&mut self, envelope: &Envelope) -> bool {
        if envelope.letter.size_of_lists() < LARGE {
            return true;
        }
        self.complete();
        let is_large = |(_, transfer): &(Rank, Transfer)| transfer.len() >= LARGE;
        let is_recent = |posted: Instant| posted.elapsed() < PATIENCE;
        !(self.large_posted.is_some_and(is_recent) && self.out.iter().any(is_large))
    }

    fn post(&mut self, Envelope { to, letter }: Envelope) -> Result<()> {
        let mut bytes = mem::take(&mut self.spare);
        bytes.clear();
        letter.encode(&mut bytes);
        let (tag, length) = (letter.tag(), bytes.len());
        ensure!(
            i32::try_from(length).is_ok(),
            "{tag} for rank {to} has {length} bytes, more than an MPI message holds"
        );
        self.sent.count(tag, length);
        self.recorder.posted(to, tag, &bytes);
        let reader = self.mailboxes.reader(to, &letter);
        match Transfer::send(reader, tag.number(), bytes).into_bytes() {
            Ok(bytes) => self.spare = recycled(bytes),
            Err(transfer) => self.out.push((to, transfer)),
        }
        if length >= LARGE {
            self.large_posted = Some(Instant::now());
        }
        Ok(())
    }

    /// Asks whether one of the messages that are out is complete. A library may move messages on only when
    /// it is asked, and a thread that always finds one to take would not ask otherwise.
    pub(super) fn urge(&mut self) {
        if let Some((_, transfer)) = self.out.first_mut()
            && transfer.is_complete()
        {
            self.out.swap_remove(0);
        }
    }

    /// Lets go of what the library is done with.
    fn complete(&mut self) {
        self.out.retain_mut(|(_, transfer)| !transfer.is_complete());
    }

    /// The same, and posts what was held back as far as there is room. Returns whether nothing is left.
    pub(super) fn go_on(&mut self) -> Result<bool> {
        self.complete();
        while let Some(envelope) = self.held_back.pop_front() {
            if !self.has_room(&envelope) {
                self.held_back.push_front(envelope);
                break;
            }
            self.post(envelope)?;
        }
        Ok(self.out.is_empty() && self.held_back.is_empty())
    }

    /// Checks how many messages are out. The limit is twice the number that no reader has taken: a
    /// library may learn that a message was taken only after the answer to it has come.
    fn check(&self) -> Result<()> {
        let most = 2 * self.most_untaken;
        let mut readers: Vec<Rank> = self.out.iter().map(|(to, _)| *to).collect();
        readers.sort_unstable();
        let slowest = readers.chunk_by(Rank::eq).max_by_key(|same| same.len());
        if let Some(slowest) = slowest.filter(|_| readers.len() > most) {
            bail!(
                "{} messages wait to be taken, {} of them by rank {}; the protocol has at most {most}",
                readers.len(),
                slowest.len(),
                slowest[0]
            );
        }
        Ok(())
    }

    /// Waits until the library is done with everything. Returns what was sent, and the recorder.
    ///
    /// # Errors
    /// As [`Post::send`].
    pub fn close(mut self) -> Result<(Traffic, Recorder)> {
        let mut backoff = Backoff::default();
        while !self.go_on()? {
            self.pause(&mut backoff, BRISK);
        }
        Ok((self.sent, self.recorder))
    }

    /// Lets some time pass, at most `longest`. A long wait may be the last thing that the thread does, so
    /// its records are written first.
    pub(super) fn pause(&mut self, backoff: &mut Backoff, longest: Duration) {
        if self.recorder.is_on() && backoff.is_long() {
            self.recorder.flush();
        }
        backoff.pause(longest);
    }
}
