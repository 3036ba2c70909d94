//! What happens in a run, one event after another.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::protocol::{FileId, FileName, Letter, Rank, SegmentIndex, Tag};

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

/// The threads of a run by what they do. What a client does before it has its two, which is to send
/// INIT and to take INIT_ACK, counts as its download thread's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Thread {
    /// Rank 0's.
    Tracker,
    /// A client's that fetches files.
    Download,
    /// A client's that serves them.
    Upload,
}

impl Thread {
    /// The thread of its rank that reads a letter.
    pub fn reader(letter: &Letter) -> Thread {
        Thread::reading(letter.tag())
    }

    /// The thread that reads messages of a kind.
    pub fn reading(tag: Tag) -> Thread {
        match tag {
            Tag::Init
            | Tag::SwarmRequest
            | Tag::Update
            | Tag::FileComplete
            | Tag::AllComplete
            | Tag::Alive
            | Tag::Confirm => Thread::Tracker,
            Tag::InitAck | Tag::Swarm | Tag::Segment | Tag::Availability | Tag::Grant => {
                Thread::Download
            }
            Tag::SegmentRequest | Tag::AvailabilityRequest | Tag::Stop => Thread::Upload,
        }
    }

    /// The thread of a rank that sends it.
    pub fn sender(from: Rank, letter: &Letter) -> Thread {
        match letter {
            _ if from == Rank::TRACKER => Thread::Tracker,
            Letter::ToTracker(_) | Letter::ToUpload(_) => Thread::Download,
            Letter::ToDownload(_) => Thread::Upload,
        }
    }
}

impl fmt::Display for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Thread::Tracker => "tracker",
            Thread::Download => "download",
            Thread::Upload => "upload",
        })
    }
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
