//! The vocabulary of the swarm: who takes part, what is exchanged, and how it looks on the wire.
//!
//! A value of one of these types is right by construction: checked once, in its constructor or when
//! it is decoded, and trusted from then on. The rules R1-R12 that other modules refer to are in
//! `docs/protocol.md`.

mod codec;
mod content;
mod file_name;
mod letter;
mod message;
mod output_name;
#[cfg(any(test, feature = "samples"))]
#[allow(missing_docs)]
pub mod samples;
mod segment;
mod segment_set;
mod thread;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use codec::{decode, decode_letter, encode};
pub use content::{
    Answer, Availability, Call, Decline, Gained, Init, InitAck, Joined, Members, Missing,
    OwnedFile, Progress, Reason, SegmentAnswer, SegmentRequest, Swarm,
};
pub use file_name::FileName;
pub use letter::{Envelope, Letter};
pub use message::{Message, Tag, ToDownload, ToTracker, ToUpload};
pub use output_name::{is_output_name, output_name};
pub use segment::{Hashes, SegmentHash, SegmentIndex};
pub use segment_set::SegmentSet;
pub use thread::Thread;

/// A process of the run: 0 is the tracker, 1 and up are the clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rank(pub u32);

impl Rank {
    /// The tracker's rank.
    pub const TRACKER: Rank = Rank(0);

    /// All clients of a run that has `clients` of them, in order.
    pub fn clients(clients: usize) -> impl Iterator<Item = Rank> + Clone {
        (1..).map(Rank).take(clients)
    }
}

impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A file's number, dealt by the tracker once every client has registered: 0 and up in the order of
/// the names.
///
/// A file is known by its name to people and until registration ends, by its number afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId(pub u32);

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
