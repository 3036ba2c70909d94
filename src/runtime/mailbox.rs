//! Mailboxes over MPI.
//!
//! One message is one MPI message, and its MPI tag is its kind. Every kind of reader (the tracker,
//! the download threads, the upload threads) has a communicator of its own, on which every rank
//! can send to it and only it receives, from any source and with any tag. So no thread can take
//! another's message.
//!
//! # Blocking sends cannot block each other for good
//! A large message may make `MPI_Send` wait until its receiver takes it. Who sends one to the
//! tracker (INIT, ALL_COMPLETE, and UPDATE and FILE_COMPLETE where they carry positions) waits for
//! the tracker alone. The tracker sends large ones (INIT_ACK, SWARM) only to clients that have asked
//! for them, and that send it nothing large before they have them. All else is small, and the
//! library takes it at once.
#![expect(
    unsafe_code,
    reason = "MPI handles cross threads here, and nowhere else"
)]

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mpi::datatype::Equivalence;
use mpi::point_to_point::{Destination, Source};
use mpi::topology::{Communicator, SimpleCommunicator};

use super::backoff::Backoff;
use crate::protocol::{Message, Rank, decode, encode};
use crate::statistics::Traffic;

/// Buffers larger than this are given back after use.
const KEPT: usize = 1 << 16;

/// A communicator that several threads use.
struct Shared(SimpleCommunicator);

// SAFETY: a communicator is a handle to an object of the MPI library, and `runtime::run` makes sure
// that the library provides MPI_THREAD_MULTIPLE, under which any thread may use any handle at any
// time. The handle is freed once, by the last owner of the `Arc`.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

/// Where messages of one kind of reader are posted, to any rank.
pub(super) struct Sender<M> {
    communicator: Arc<Shared>,
    buffer: Vec<u8>,
    sent: Traffic,
    messages: PhantomData<fn(M)>,
}

/// Where one rank's messages of one kind of reader are taken from. There is one of it a rank, so the
/// message that a probe finds is still there for the receive.
pub(super) struct Receiver<M> {
    communicator: Arc<Shared>,
    buffer: Vec<u8>,
    messages: PhantomData<fn() -> M>,
}

/// Opens a mailbox on every rank of `world`, all of which must do so, and in the same order.
pub(super) fn open<M: Message>(world: &impl Communicator) -> (Sender<M>, Receiver<M>) {
    let communicator = Arc::new(Shared(world.duplicate()));
    let sender = Sender {
        communicator: Arc::clone(&communicator),
        buffer: Vec::new(),
        sent: Traffic::default(),
        messages: PhantomData,
    };
    (
        sender,
        Receiver {
            communicator,
            buffer: Vec::new(),
            messages: PhantomData,
        },
    )
}

impl<M: Message> Sender<M> {
    /// Posts a message.
    ///
    /// # Errors
    /// When the message is larger than MPI can send, which is 2 GiB.
    pub(super) fn send(&mut self, to: Rank, message: &M) -> Result<()> {
        encode(message, &mut self.buffer);
        ensure!(
            i32::try_from(self.buffer.len()).is_ok(),
            "{} for rank {to} has {} bytes, more than an MPI message holds",
            message.tag(),
            self.buffer.len()
        );
        let to = i32::try_from(to.0).expect("a rank came from MPI");
        let tag = message.tag().number();
        self.communicator
            .0
            .process_at_rank(to)
            .send_with_tag(&self.buffer[..], tag);
        self.sent.count(message.tag(), self.buffer.len());
        recycle(&mut self.buffer);
        Ok(())
    }

    /// What it has sent.
    pub(super) fn sent(&self) -> &Traffic {
        &self.sent
    }
}

/// Another sender to the same mailboxes, which has sent nothing yet.
impl<M> Clone for Sender<M> {
    fn clone(&self) -> Self {
        Sender {
            communicator: Arc::clone(&self.communicator),
            buffer: Vec::new(),
            sent: Traffic::default(),
            messages: PhantomData,
        }
    }
}

impl<M: Message> Receiver<M> {
    /// Waits for the next message and its sender.
    ///
    /// # Errors
    /// When the message cannot be decoded.
    pub(super) fn receive(&mut self) -> Result<(Rank, M)> {
        let mut backoff = Backoff::default();
        loop {
            match self.try_receive()? {
                Some(message) => return Ok(message),
                None => backoff.pause(Duration::MAX),
            }
        }
    }

    /// Waits for the next message and its sender, but not longer than `patience`.
    ///
    /// # Errors
    /// When the message cannot be decoded.
    pub(super) fn receive_within(&mut self, patience: Duration) -> Result<Option<(Rank, M)>> {
        let start = Instant::now();
        let mut backoff = Backoff::default();
        loop {
            let message = self.try_receive()?;
            let left = patience.saturating_sub(start.elapsed());
            if message.is_some() || left.is_zero() {
                return Ok(message);
            }
            backoff.pause(left);
        }
    }

    fn try_receive(&mut self) -> Result<Option<(Rank, M)>> {
        let anybody = self.communicator.0.any_process();
        let Some(status) = anybody.immediate_probe() else {
            return Ok(None);
        };
        let length = status.count(u8::equivalent_datatype());
        let length = usize::try_from(length).expect("a message has a length");
        self.buffer.resize(length, 0);
        let sender = self.communicator.0.process_at_rank(status.source_rank());
        sender.receive_into_with_tag(&mut self.buffer[..], status.tag());
        let from = Rank(u32::try_from(status.source_rank()).expect("a message has a sender"));
        let message = decode(status.tag(), &self.buffer)
            .with_context(|| format!("a message from rank {from}"))?;
        recycle(&mut self.buffer);
        Ok(Some((from, message)))
    }
}

/// Empties a buffer for its next use.
fn recycle(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(KEPT);
}
