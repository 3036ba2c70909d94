//! What happens in a run, one event after another.

use std::time::Duration;

pub use crate::protocol::Thread;
use crate::protocol::{FileId, FileName, Letter, Rank, SegmentIndex};

/// Something that a thread did.
///
/// The events of one thread are in their order. Those of several are ordered by their messages: the
/// n-th message of a flow is posted before it is taken. Times only draw pictures.
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
        /// Which message it is of its flow, those from one rank to one mailbox, from 1 on.
        number: u64,
        /// How long its encoding is.
        bytes: usize,
        /// The message.
        letter: Letter,
    },
    /// It took a message.
    Taken {
        /// The rank that posted it.
        from: Rank,
        /// Which message it is of its flow, those from one rank to one mailbox, from 1 on.
        number: u64,
        /// How long its encoding is.
        bytes: usize,
        /// The message.
        letter: Letter,
    },
    /// It held the hash that a member sent against the promised one, and they were the same (R4).
    Verified {
        /// Who sent it.
        from: Rank,
        /// The file.
        file: FileId,
        /// The position.
        segment: SegmentIndex,
    },
    /// They were not.
    WrongHash {
        /// Who sent it.
        from: Rank,
        /// The file.
        file: FileId,
        /// The position.
        segment: SegmentIndex,
    },
    /// It wrote an output (R7), or could not, for this reason.
    Saved {
        /// The file.
        file: FileName,
        /// Why there is no output.
        problem: Option<String>,
    },
    /// It serves nobody any more: its client has left.
    Left,
    /// It ended.
    Ended,
}

impl Deed {
    /// What a thread did that held a hash from a member against the promised one.
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
