//! The threads of a run: who sends and who reads.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Letter, Rank};

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
        match letter {
            Letter::ToTracker(_) => Thread::Tracker,
            Letter::ToDownload(_) => Thread::Download,
            Letter::ToUpload(_) => Thread::Upload,
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
