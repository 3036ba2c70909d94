//! Any message, with its mailbox, and with its receiver.

use super::codec::{encode, size};
use super::{Message, Rank, Tag, ToDownload, ToTracker, ToUpload};

/// Any message, addressed to the mailbox that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the mailboxes' messages are documented where they are defined"
)]
pub enum Letter {
    ToTracker(ToTracker),
    ToDownload(ToDownload),
    ToUpload(ToUpload),
}

impl Letter {
    /// The kind of message inside.
    pub fn tag(&self) -> Tag {
        match self {
            Letter::ToTracker(message) => message.tag(),
            Letter::ToDownload(message) => message.tag(),
            Letter::ToUpload(message) => message.tag(),
        }
    }

    /// Appends the encoding of the message inside to `bytes`.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        match self {
            Letter::ToTracker(message) => encode(message, bytes),
            Letter::ToDownload(message) => encode(message, bytes),
            Letter::ToUpload(message) => encode(message, bytes),
        }
    }

    /// The length of the encoding, in bytes.
    pub fn size(&self) -> usize {
        match self {
            Letter::ToTracker(message) => size(message),
            Letter::ToDownload(message) => size(message),
            Letter::ToUpload(message) => size(message),
        }
    }

    /// The length of the lists that make a SWARM large, in bytes: the hashes of a file, and who holds
    /// what. For any other letter 0, because no thread has many large ones of those to come.
    pub fn size_of_lists(&self) -> usize {
        match self {
            Letter::ToDownload(ToDownload::Swarm(swarm)) => size(swarm),
            Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => 0,
        }
    }
}

impl From<ToTracker> for Letter {
    fn from(message: ToTracker) -> Self {
        Letter::ToTracker(message)
    }
}

impl From<ToDownload> for Letter {
    fn from(message: ToDownload) -> Self {
        Letter::ToDownload(message)
    }
}

impl From<ToUpload> for Letter {
    fn from(message: ToUpload) -> Self {
        Letter::ToUpload(message)
    }
}

/// What a state machine leaves for the post: a letter and its receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The receiver.
    pub to: Rank,
    /// The message, for one of the receiver's mailboxes.
    pub letter: Letter,
}

impl Envelope {
    /// Addresses a message.
    pub fn new(to: Rank, message: impl Into<Letter>) -> Envelope {
        Envelope {
            to,
            letter: message.into(),
        }
    }
}
