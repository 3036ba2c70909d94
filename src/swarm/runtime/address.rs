//! Where a message goes: one communicator for each kind of reader.
//!
//! The kinds are the tracker, the download threads and the upload threads. Every rank can send on each
//! communicator, and only its reader receives there, from any source and with any tag. So no thread
//! takes another's message. One message is one MPI message, and its MPI tag is its kind.

use std::sync::Arc;

use mpi::topology::{Communicator, Process};

use super::transfer::SharedCommunicator;
use crate::protocol::{Letter, Rank, Thread};

/// The mailboxes of all ranks, to post to: a communicator for each kind of reader, in the order of
/// [`Thread`].
#[derive(Clone)]
pub struct Mailboxes([Arc<SharedCommunicator>; 3]);

impl Mailboxes {
    /// Opens them. Every rank of `world` must call this.
    pub(super) fn open(world: &impl Communicator) -> Mailboxes {
        Mailboxes([(); 3].map(|()| Arc::new(SharedCommunicator(world.duplicate()))))
    }

    /// Where `reader` reads, on any rank.
    pub(super) fn of(&self, reader: Thread) -> &Arc<SharedCommunicator> {
        &self.0[reader as usize]
    }

    /// The rank that is to read a letter, in the place where it reads letters of this kind.
    pub(super) fn reader(&self, to: Rank, letter: &Letter) -> Process<'_> {
        let rank = i32::try_from(to.0).expect("a rank came from MPI");
        self.of(Thread::reader(letter)).0.process_at_rank(rank)
    }

    /// How many clients there are.
    pub fn clients(&self) -> usize {
        let ranks = usize::try_from(self.0[0].0.size()).expect("a size is not negative");
        ranks - 1
    }
}
