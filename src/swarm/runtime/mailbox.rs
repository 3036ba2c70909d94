//! Where a thread takes its messages from.

use std::marker::PhantomData;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use mpi::datatype::Equivalence;
use mpi::point_to_point::Source;
use mpi::topology::Communicator;

use super::address::Mailboxes;
use super::backoff::Backoff;
use super::post::Post;
use super::transfer::{BRISK, SharedCommunicator, Transfer, recycled};
use crate::protocol::{Message, Rank, Thread, ToDownload, ToTracker, ToUpload, decode};

/// The mailboxes of one rank, to read from. The tracker has only the first, a client the others.
pub struct Own {
    /// The tracker's.
    pub tracker: Receiver<ToTracker>,
    /// A download thread's.
    pub download: Receiver<ToDownload>,
    /// An upload thread's.
    pub upload: Receiver<ToUpload>,
}

/// Opens the mailboxes of all ranks of `world`, each of which must call this.
pub fn open(world: &impl Communicator) -> (Mailboxes, Own) {
    let mailboxes = Mailboxes::open(world);
    let own = Own {
        tracker: Receiver::of(mailboxes.of(Thread::Tracker)),
        download: Receiver::of(mailboxes.of(Thread::Download)),
        upload: Receiver::of(mailboxes.of(Thread::Upload)),
    };
    (mailboxes, own)
}

/// One mailbox of this rank. Only its owner takes messages out of it, so the message that a probe finds
/// is still there for the receive.
pub struct Receiver<M> {
    communicator: Arc<SharedCommunicator>,
    /// The messages that have begun to come, in the order in which they began.
    coming: Vec<Coming>,
    /// A buffer for the next message.
    spare: Vec<u8>,
    messages: PhantomData<fn() -> M>,
}

/// A message that is being received.
struct Coming {
    from: i32,
    tag: i32,
    transfer: Transfer,
}

impl<M: Message> Receiver<M> {
    fn of(communicator: &Arc<SharedCommunicator>) -> Receiver<M> {
        Receiver {
            communicator: Arc::clone(communicator),
            coming: Vec::new(),
            spare: Vec::new(),
            messages: PhantomData,
        }
    }

    /// Waits for the next message and its sender, while what the thread has posted goes out.
    ///
    /// # Errors
    /// When the message cannot be decoded.
    pub fn receive(&mut self, post: &mut Post) -> Result<(Rank, M)> {
        let message = self.receive_until(None, || false, post)?;
        Ok(message.expect("it waits for ever"))
    }

    /// The same, but returns `None` if no message is here at `moment`, if there is one.
    ///
    /// # Errors
    /// When the message cannot be decoded.
    pub(super) fn receive_until(
        &mut self,
        moment: Option<Instant>,
        is_nudged: impl Fn() -> bool,
        post: &mut Post,
    ) -> Result<Option<(Rank, M)>> {
        let mut backoff = Backoff::default();
        post.urge();
        loop {
            if let Some(message) = self.look(post)? {
                return Ok(Some(message));
            }
            if is_nudged() {
                return Ok(None);
            }
            let mut left = Duration::MAX;
            if let Some(moment) = moment {
                left = moment.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Ok(None);
                }
            }
            if !post.go_on()? || !self.coming.is_empty() {
                left = left.min(BRISK);
            }
            post.pause(&mut backoff, left);
        }
    }

    /// The next message that is here, if there is one.
    fn look(&mut self, post: &mut Post) -> Result<Option<(Rank, M)>> {
        if let Some(status) = self.communicator.0.any_process().immediate_probe() {
            let (from, tag) = (status.source_rank(), status.tag());
            let length = status.count(u8::equivalent_datatype());
            let length = usize::try_from(length).expect("a message has a length");
            let mut bytes = mem::take(&mut self.spare);
            bytes.resize(length, 0);
            let sender = self.communicator.0.process_at_rank(from);
            let transfer = Transfer::receive(sender, tag, bytes);
            self.coming.push(Coming {
                from,
                tag,
                transfer,
            });
        }
        let Some(index) = (0..self.coming.len()).find(|&index| self.is_next(index)) else {
            return Ok(None);
        };
        let Coming {
            from,
            tag,
            transfer,
        } = self.coming.remove(index);
        let bytes = transfer.into_bytes().ok().expect("it has come");
        let from = Rank(u32::try_from(from).expect("a message has a sender"));
        let message: M =
            decode(tag, &bytes).with_context(|| format!("a message from rank {from}"))?;
        post.recorder.taken(from, message.tag(), &bytes);
        self.spare = recycled(bytes);
        Ok(Some((from, message)))
    }

    /// Whether the message at `index` is here, and no earlier one of its sender is still on its way.
    fn is_next(&mut self, index: usize) -> bool {
        let (earlier, rest) = self.coming.split_at_mut(index);
        let coming = &mut rest[0];
        earlier.iter().all(|other| other.from != coming.from) && coming.transfer.is_complete()
    }
}
