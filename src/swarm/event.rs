//! What happens in a run, one event after another.

use std::time::Duration;

pub use crate::protocol::Thread;
use crate::protocol::{FileId, FileName, Letter, Rank, SegmentIndex};

/// Something that a thread did.
///
/// The events of one thread are in their order. The events of two threads are ordered by their messages:
/// the n-th message of a flow is posted before it is taken. Times are only for pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Since the start of the run, on one clock for all ranks.
    pub time: Duration,
    /// The thread's rank.
    pub rank: Rank,
    /// Which of its threads.
    pub thread: Thread,
    /// What it did.
    pub deed: Deed,
}

/// What a thread did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// It began.
    Begun,
    /// It posted a message.
    Posted {
        /// The rank that is to take it.
        to: Rank,
        /// The number of the message in its flow (from one rank to one mailbox), from 1.
        number: u64,
        /// The length of its encoding.
        bytes: usize,
        /// The message.
        letter: Letter,
    },
    /// It took a message.
    Taken {
        /// The rank that posted it.
        from: Rank,
        /// The number of the message in its flow (from one rank to one mailbox), from 1.
        number: u64,
        /// The length of its encoding.
        bytes: usize,
        /// The message.
        letter: Letter,
    },
    /// It compared the hash that a member sent with the promised one, and they were the same (R4).
    Verified {
        /// The rank that sent it.
        from: Rank,
        /// The file.
        file: FileId,
        /// The position.
        segment: SegmentIndex,
    },
    /// It compared them, and they differed.
    WrongHash {
        /// The rank that sent it.
        from: Rank,
        /// The file.
        file: FileId,
        /// The position.
        segment: SegmentIndex,
    },
    /// It wrote an output (R7), or could not.
    Saved {
        /// The file.
        file: FileName,
        /// Why there is no output.
        problem: Option<String>,
    },
    /// Its client has left, and serves no more.
    Left,
    /// It ended.
    Ended,
}

impl Deed {
    /// What a thread did that compared a hash from a member with the promised one.
    pub fn checked(is_right: bool, from: Rank, file: FileId, segment: SegmentIndex) -> Deed {
        if is_right {
            Deed::Verified {
                from,
                file,
                segment,
            }
        } else {
            Deed::WrongHash {
                from,
                file,
                segment,
            }
        }
    }
}
