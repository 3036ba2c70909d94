//! What touches MPI, threads and files: it moves messages between the machines, and decides
//! nothing.
//!
//! A run goes through these rooms, and each names only rooms above it:
//! * A message's way: a machine's thread gives it to its `post`, which looks up its `address`. It is a
//!   `transfer` on both sides until the reader's `mailbox` has all of it. A thread that finds none waits
//!   as `backoff` says, and its `recorder` writes down what it does for the trace.
//! * Around the protocol: `gather` is what ranks tell each other before and after it, `host` where each
//!   rank is, and `clock` what time it is, on this rank and on rank 0.
//! * Against a hang: `job` is the run as any thread of any rank can end it. `assembly` watches the start
//!   and the end, and `watch` what is between them.
//! * A rank's part: `tracker` is rank 0's loop, whose `progress` is shown, `client` the two threads of
//!   every other rank. `tracing` makes one trace of all their records.
//! * A whole run: `start` is its job before MPI has started, `agree` what all ranks agree on, and `run`
//!   the way from there to the exit status.

mod address;
mod agree;
mod assembly;
mod backoff;
mod client;
mod clock;
mod gather;
mod host;
mod job;
mod mailbox;
mod post;
mod progress;
mod recorder;
mod run;
mod start;
mod tracing;
mod tracker;
mod transfer;
mod watch;

pub use job::Job;
pub use run::run;

/// What carries the messages, without the machines: the benchmark measures what the message layer
/// can do in the layout of a swarm.
#[doc(hidden)]
pub mod carriage {
    pub use super::address::Mailboxes;
    pub use super::mailbox::{Own, Receiver, open};
    pub use super::post::Post;
    pub use super::recorder::Recorder;
}
