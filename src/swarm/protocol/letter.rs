//! Any message, with its mailbox, and with its receiver.

use serde::Serialize;

use super::codec::{encode, size};
use super::{Joined, Members, Message, Rank, Swarm, Tag, ToDownload, ToTracker, ToUpload};

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
        match self {
            Letter::ToDownload(ToDownload::Swarm(swarm)) => KINDS + size_of_swarm(swarm),
            Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => size(self),
        }
    }

    /// The length of the lists that make a SWARM large, in bytes: the hashes of a file, and who holds
    /// what. For any other letter 0, because no thread has many large ones of those to come.
    pub fn size_of_lists(&self) -> usize {
        match self {
            Letter::ToDownload(ToDownload::Swarm(swarm)) => size_of_swarm(swarm),
            Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => 0,
        }
    }
}

/// The bytes that say which kind of message it is.
const KINDS: usize = 1;

/// The length of the encoding of a SWARM. The lists of ranks of a large swarm are most of it, and a run has
/// many: they are counted and not encoded.
fn size_of_swarm(swarm: &Swarm) -> usize {
    match swarm {
        Swarm::Joined(Joined {
            file,
            hashes,
            size: members_in_all,
            members,
            seeds,
            held,
        }) => {
            KINDS
                + size(&(file, hashes, members_in_all, held))
                + size_of_ranks(members)
                + size_of_ranks(seeds)
        }
        Swarm::Members(Members {
            size: members_in_all,
            members,
            seeds,
            gained,
        }) => {
            KINDS + size(&(members_in_all, gained)) + size_of_ranks(members) + size_of_ranks(seeds)
        }
        Swarm::Unknown => size(swarm),
    }
}

/// The length of the encoding of a list of ranks: a byte has seven bits of a number.
fn size_of_ranks(ranks: &[Rank]) -> usize {
    let more = |rank: &Rank| [7, 14, 21, 28].map(|bits| u32::from(rank.0 >> bits > 0));
    let more: u32 = ranks
        .iter()
        .map(|rank| more(rank).iter().sum::<u32>())
        .sum();
    size(&ranks.len()) + ranks.len() + more as usize
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

#[cfg(test)]
mod tests {
    use super::super::samples::messages;
    use super::*;

    #[test]
    fn the_size_of_a_letter_is_the_length_of_its_encoding() {
        let ranks = [
            0,
            1,
            127,
            128,
            16_383,
            16_384,
            2_097_151,
            2_097_152,
            u32::MAX >> 4,
            u32::MAX,
        ];
        let members = Members {
            size: 300,
            members: ranks.map(Rank).into(),
            seeds: (0..200).map(Rank).collect(),
            gained: vec![],
        };
        let large = Letter::from(ToDownload::Swarm(Swarm::Members(members)));
        let samples = messages().into_iter().map(|(letter, _)| letter);
        for letter in samples.chain([large]) {
            let mut bytes = Vec::new();
            letter.encode(&mut bytes);
            assert_eq!(letter.size(), bytes.len(), "{letter:?}");
        }
    }
}
