//! Any message, with its mailbox, and with its receiver.

use serde::Serialize;

use super::codec::{encode, size};
use super::{Message, Rank, Tag, ToDownload, ToTracker, ToUpload};

/// Any message, addressed to the mailbox that it is for. Its encoding is the message's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
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
        encode(self, bytes);
    }

    /// The length of the encoding, in bytes.
    pub fn size(&self) -> usize {
        size(self)
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
