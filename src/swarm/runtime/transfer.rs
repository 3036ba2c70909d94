//! A message on its way through MPI, in either direction.
//!
//! # No thread waits inside MPI
//! A standard send may wait until its receive has begun, whatever the size of the message: a
//! library promises no buffer. A thread that waits in a send does not read its own mailbox, and two
//! that wait for each other never end. In the same way a receive may wait for a sender that has
//! stopped half-way, while other ranks want to be served.
//!
//! So both are only posted: `MPI_Isend` and `MPI_Irecv` return at once, and a [`Transfer`] keeps the
//! bytes until the library is done with them. A thread asks for that whenever it looks for messages
//! and finds none. So no rank has to read before a thread goes on, and nothing rests on buffers of
//! the library or on how fast a rank reads. Before a thread ends, it waits until everything that it
//! has posted is complete (`Post::close`).
//!
//! # Why bytes are lent by `unsafe`
//! rsmpi ties a request to a scope: the bytes have to live outside of it, and when it ends every
//! request in it must be complete. A scope around a thread's loop would keep the bytes of all
//! messages until the run is over. A scope around each message would wait for its reader. Only
//! `StaticScope` fits messages that come and go, and it takes bytes that live for ever. A
//! [`Transfer`] keeps that promise without the memory: the bytes live until the request is complete,
//! or else they are never freed.
#![expect(
    unsafe_code,
    reason = "MPI handles cross threads and MPI borrows bytes here, and nowhere else"
)]

use std::mem;
use std::slice;
use std::time::Duration;

use mpi::point_to_point::{Destination, Source};
use mpi::request::{Request, StaticScope};
use mpi::topology::{Process, SimpleCommunicator};

/// The longest pause between two looks at a transfer. A large message takes both sides, many times.
pub(super) const BRISK: Duration = Duration::from_micros(50);

/// The most bytes that a buffer keeps after its use.
const KEPT: usize = 1 << 16;

/// A communicator that several threads use.
pub(super) struct SharedCommunicator(pub(super) SimpleCommunicator);

// SAFETY: a communicator is a handle to an object of the MPI library, and `agree` makes sure that the
// library provides MPI_THREAD_MULTIPLE, under which any thread may use any handle at any time. The
// handle is freed once, by the last owner of an `Arc`.
unsafe impl Send for SharedCommunicator {}
// SAFETY: as above.
unsafe impl Sync for SharedCommunicator {}

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
    pub(super) fn receive(from: Process<'_>, tag: i32, mut bytes: Vec<u8>) -> Transfer {
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

/// A buffer for its next use. What is in it means nothing, but need not be written before MPI writes there.
pub(super) fn recycled(mut buffer: Vec<u8>) -> Vec<u8> {
    buffer.truncate(KEPT);
    buffer.shrink_to(KEPT);
    buffer
}
