//! The line between the ranks of a crew. Messages are posted, and kept until MPI is done with them.

use mpi::datatype::Equivalence;
use mpi::point_to_point::Source;
use mpi::topology::{Communicator, SimpleCommunicator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::backoff::Backoff;
use super::transfer::{BRISK, Transfer};

/// What rank 0 says to another.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ToWorker {
    /// Do the piece of this number, after those before it.
    Do(usize),
    /// There is nothing more to do, and nothing more that is wanted.
    Over,
}

/// What another says to rank 0.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ToLead<T> {
    /// Its first word: the name of its host, and its marks, or why it has none.
    Here(String, Result<Vec<(String, u64)>, String>),
    /// It has done a piece.
    Done(usize, T),
    /// It goes on.
    Alive,
    /// Its last word.
    Bye,
}

/// This rank's end of the line.
pub(super) struct Line {
    world: SimpleCommunicator,
    /// What MPI is not done with.
    out: Vec<Transfer>,
    /// A message that has begun to come, and its sender.
    coming: Option<(i32, Transfer)>,
}

impl Line {
    /// Nobody else takes messages of this communicator.
    pub(super) fn new(world: SimpleCommunicator) -> Line {
        Line {
            world,
            out: Vec::new(),
            coming: None,
        }
    }

    /// How many ranks there are.
    pub(super) fn ranks(&self) -> usize {
        usize::try_from(self.world.size()).expect("a size is not negative")
    }

    /// Posts a message.
    pub(super) fn send(&mut self, to: usize, message: &impl Serialize) {
        let bytes = postcard::to_stdvec(message).expect("a vector takes anything");
        let to = i32::try_from(to).expect("a rank came from MPI");
        let to = self.world.process_at_rank(to);
        self.out.push(Transfer::send(to, 0, bytes));
    }

    /// The next message that is here, and its sender.
    pub(super) fn look<M: DeserializeOwned>(&mut self) -> Option<(usize, M)> {
        self.is_clear();
        if self.coming.is_none() {
            let status = self.world.any_process().immediate_probe()?;
            let (from, length) = (
                status.source_rank(),
                status.count(u8::equivalent_datatype()),
            );
            let length = usize::try_from(length).expect("a message has a length");
            let sender = self.world.process_at_rank(from);
            let transfer = Transfer::receive(sender, status.tag(), vec![0; length]);
            self.coming = Some((from, transfer));
        }
        let (from, transfer) = self.coming.take()?;
        match transfer.into_bytes() {
            Ok(bytes) => {
                let message = postcard::from_bytes(&bytes);
                let from = usize::try_from(from).expect("a message has a sender");
                Some((from, message.expect("all ranks run the same program")))
            }
            Err(transfer) => {
                self.coming = Some((from, transfer));
                None
            }
        }
    }

    /// Whether MPI is done with all that was sent.
    pub(super) fn is_clear(&mut self) -> bool {
        self.out.retain_mut(|transfer| !transfer.is_complete());
        self.out.is_empty()
    }

    /// Waits until it is.
    pub(super) fn clear(&mut self) {
        let mut backoff = Backoff::default();
        while !self.is_clear() {
            backoff.pause(BRISK);
        }
    }
}
