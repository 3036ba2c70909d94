//! What touches MPI, threads and files: it moves messages between the machines, and decides
//! nothing.
//!
//! A message's way:
//! * `tracker` is rank 0's loop, and `client` the two threads of every other rank. Each thread drives a
//!   machine, and carries its messages.
//! * `post` is a thread's way out. It never waits for a reader.
//! * `address` says to which communicator a message goes.
//! * `transfer` is a message on its way through MPI.
//! * `mailbox` is where a thread takes messages from, and `backoff` how it waits for one.
//!
//! Beside the threads:
//! * `recorder` writes what a thread does into its part of the trace.
//! * `watch` ends the job when nothing moves or a signal comes (`patience` says for how long that is), and `progress` shows how far the
//!   downloads are.
//! * `clock` is the time, on this rank and on rank 0.
//!
//! A whole run:
//! * `run` is a rank's way through it.
//! * `start` is the job before MPI has started, and `agree` what all ranks then agree on.
//! * `assembly` watches the start and the end, at which every rank waits for every other.
//! * `tracing` begins the parts of the trace, and makes one file of them.
//! * `gather` is what ranks tell each other outside the protocol, and `host` where a rank is.
//! * `job` is the run as any thread of any rank can end it.
//!
//! A crew is what ranks are that carry out a study together, and no swarm:
//! * `crew` is a rank's way through it. Rank 0 is the `lead`, each other a `worker`.
//! * `dealer` decides who gets what next. `desk` is the thread of a rank that works, and `line` how ranks talk.
//! * `ticker` says when to look how long a rank has not been heard of.
//!
//! What a room names never names it back.

mod address;
mod agree;
mod assembly;
mod backoff;
mod client;
mod clock;
mod crew;
mod dealer;
mod desk;
mod gather;
mod host;
mod job;
mod lead;
mod line;
mod mailbox;
mod patience;
mod post;
mod progress;
mod recorder;
mod run;
mod start;
mod ticker;
mod tracing;
mod tracker;
mod transfer;
mod watch;
mod worker;

pub use crew::crew;
pub use desk::Work;
pub use job::Job;
pub use lead::{Halt, Lead};
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
