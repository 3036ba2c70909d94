//! The threads of a run: who sends and who reads.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Letter, Rank};

/// A thread of a run, by what it does. A client sends INIT and takes INIT_ACK before it has its two
/// threads; that counts as its download thread's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Thread {
    /// The one of rank 0.
    Tracker,
    /// The one of a client that fetches files.
    Download,
    /// The one of a client that serves them.
    Upload,
}

impl Thread {
    /// The thread that reads a letter.
    pub fn reader(letter: &Letter) -> Thread {
        match letter {
            Letter::ToTracker(_) => Thread::Tracker,
            Letter::ToDownload(_) => Thread::Download,
            Letter::ToUpload(_) => Thread::Upload,
        }
    }

    /// The thread of rank `from` that sends a letter, whether or not it should.
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
        self.serialize(f)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::messages;
    use super::*;

    #[test]
    fn a_letter_is_read_where_its_tag_says() {
        for (letter, _) in messages() {
            assert_eq!(Thread::reader(&letter), letter.tag().reader());
        }
    }
}
