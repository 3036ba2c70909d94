//! Mailboxes over MPI.
//!
//! One message is one MPI message, and its MPI tag is its kind. Every kind of reader (the tracker,
//! the download threads, the upload threads) has a communicator of its own, on which every rank
//! can send to it and only it receives, from any source and with any tag. So no thread can take
//! another's message.
//!
//! # No thread waits inside MPI
//! A standard send may wait until its receive has begun, whatever the size of the message: a
//! library promises no buffer. A thread that waits in a send does not read its own mailbox, and two
//! that wait for each other never end. In the same way a receive may wait for a sender that has
//! stopped half-way, while others want to be served.
//!
//! So both are only posted: `MPI_Isend` and `MPI_Irecv` return at once, and a [`Transfer`] keeps the
//! bytes until the library is done with them. A thread asks for that whenever it looks for messages
//! and finds none, so nobody has to read before a thread goes on, and nothing rests on buffers of
//! the library or on how fast anybody reads. Before a thread ends, it waits until all that it has
//! posted is complete ([`Post::close`]).
//!
//! # Why bytes are lent by `unsafe`
//! rsmpi ties a request to a scope: the bytes have to live outside of it, and when it ends every
//! request in it must be complete. A scope around a thread's loop would keep the bytes of all
//! messages until the run is over; a scope around each message would wait for its reader. Only
//! `StaticScope` fits messages that come and go, and it takes bytes that live for ever. A
//! [`Transfer`] keeps that promise in the one way that does not cost the memory for ever: the bytes
//! live until the request is complete, or else they are never freed.
#![expect(
    unsafe_code,
    reason = "MPI handles cross threads and MPI borrows bytes here, and nowhere else"
)]

use std::marker::PhantomData;
use std::mem;
use std::slice;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use mpi::datatype::Equivalence;
use mpi::point_to_point::{Destination, Source};
use mpi::request::{Request, StaticScope};
use mpi::topology::{Communicator, Process, SimpleCommunicator};

use super::backoff::Backoff;
use super::post::Post;
use crate::protocol::{Letter, Message, Rank, ToDownload, ToTracker, ToUpload, decode};

/// Buffers larger than this are given back after use.
const KEPT: usize = 1 << 16;

/// While something is on its way, the thread looks again after this time at the latest: a large
/// message takes both sides, many times.
pub(super) const BRISK: Duration = Duration::from_micros(50);

/// A communicator that several threads use.
struct Shared(SimpleCommunicator);

// SAFETY: a communicator is a handle to an object of the MPI library, and `runtime::run` makes sure
// that the library provides MPI_THREAD_MULTIPLE, under which any thread may use any handle at any
// time. The handle is freed once, by the last owner of the `Arc`.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

/// A message on its way, and its bytes.
///
/// One that is dropped before it is complete leaves its bytes to the library, for good: that only
/// happens in a job that is being ended.
pub(super) struct Transfer {
    /// Until the library is done.
    request: Option<Request<'static, [u8]>>,
    /// Not touched as long as there is a request.
    bytes: Vec<u8>,
}

// SAFETY: a request is a handle, like a communicator, and used by one thread at a time.
unsafe impl Send for Transfer {}

impl Transfer {
    /// Begins to send bytes to a rank.
    pub(super) fn send(to: Process<'_>, tag: i32, bytes: Vec<u8>) -> Transfer {
        // SAFETY: a Vec's bytes stay in their place when it is moved. Nobody writes to them or frees
        // them before the request is complete: `bytes` is private, `into_bytes` asks whether it is,
        // and `drop` forgets them if it is not.
        let lent: &'static [u8] = unsafe { slice::from_raw_parts(bytes.as_ptr(), bytes.len()) };
        Transfer {
            request: Some(to.immediate_send_with_tag(StaticScope, lent, tag)),
            bytes,
        }
    }

    /// Begins to receive a message of a rank into bytes.
    fn receive(from: Process<'_>, tag: i32, mut bytes: Vec<u8>) -> Transfer {
        // SAFETY: as above, and nobody reads them either.
        let lent: &'static mut [u8] =
            unsafe { slice::from_raw_parts_mut(bytes.as_mut_ptr(), bytes.len()) };
        Transfer {
            request: Some(from.immediate_receive_into_with_tag(StaticScope, lent, tag)),
            bytes,
        }
    }

    /// How many bytes it has.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Asks the library whether it is done.
    pub(super) fn is_complete(&mut self) -> bool {
        self.request = self.request.take().and_then(|request| request.test().err());
        self.request.is_none()
    }

    /// The bytes, if the library is done with them.
    pub(super) fn into_bytes(mut self) -> Result<Vec<u8>, Transfer> {
        if self.is_complete() {
            Ok(mem::take(&mut self.bytes))
        } else {
            Err(self)
        }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        if let Some(request) = self.request.take() {
            mem::forget(request);
            mem::forget(mem::take(&mut self.bytes));
        }
    }
}

/// The mailboxes of all ranks, to post to.
#[derive(Clone)]
pub struct Mailboxes {
    tracker: Arc<Shared>,
    download: Arc<Shared>,
    upload: Arc<Shared>,
}

impl Mailboxes {
    /// The rank that is to read a letter, in the place where it reads letters of this kind.
    pub(super) fn reader(&self, to: Rank, letter: &Letter) -> Process<'_> {
        let mailbox = match letter {
            Letter::ToTracker(_) => &self.tracker,
            Letter::ToDownload(_) => &self.download,
            Letter::ToUpload(_) => &self.upload,
        };
        let rank = i32::try_from(to.0).expect("a rank came from MPI");
        mailbox.0.process_at_rank(rank)
    }

    /// How many clients there are.
    pub fn clients(&self) -> usize {
        let ranks = usize::try_from(self.tracker.0.size()).expect("a size is not negative");
        ranks - 1
    }
}

/// The mailboxes of one rank, to read from. The tracker has only the first, a client the others.
pub struct Own {
    /// The tracker's.
    pub tracker: Receiver<ToTracker>,
    /// A download thread's.
    pub download: Receiver<ToDownload>,
    /// An upload thread's.
    pub upload: Receiver<ToUpload>,
}

/// Opens the mailboxes of every rank of `world`, all of which must do so.
pub fn open(world: &impl Communicator) -> (Mailboxes, Own) {
    let [tracker, download, upload] = [(); 3].map(|()| Arc::new(Shared(world.duplicate())));
    let own = Own {
        tracker: Receiver::of(&tracker),
        download: Receiver::of(&download),
        upload: Receiver::of(&upload),
    };
    let mailboxes = Mailboxes {
        tracker,
        download,
        upload,
    };
    (mailboxes, own)
}

/// Where one rank's messages of one kind of reader are taken from. There is one of it a rank, so the
/// message that a probe finds is still there for the receive.
pub struct Receiver<M> {
    communicator: Arc<Shared>,
    /// What has begun to come, in the order in which it began.
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
    fn of(communicator: &Arc<Shared>) -> Receiver<M> {
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
        let message = self.receive_until(None, post)?;
        Ok(message.expect("it waits for ever"))
    }

    /// The same, but waits no longer than until a moment, if there is one.
    ///
    /// # Errors
    /// When the message cannot be decoded.
    pub(super) fn receive_until(
        &mut self,
        moment: Option<Instant>,
        post: &mut Post,
    ) -> Result<Option<(Rank, M)>> {
        let mut backoff = Backoff::default();
        post.urge();
        loop {
            if let Some(message) = self.look(post)? {
                return Ok(Some(message));
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

    /// Whether a message is here, and none of its sender's that comes before it is still on the way.
    fn is_next(&mut self, index: usize) -> bool {
        let (earlier, rest) = self.coming.split_at_mut(index);
        let coming = &mut rest[0];
        earlier.iter().all(|other| other.from != coming.from) && coming.transfer.is_complete()
    }
}

/// A buffer, emptied for its next use.
pub(super) fn recycled(mut buffer: Vec<u8>) -> Vec<u8> {
    buffer.clear();
    buffer.shrink_to(KEPT);
    buffer
}
