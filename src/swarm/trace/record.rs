//! An event as bytes in a part: a head of fixed length, and the message as MPI had it. One is written for
//! every message that passes, so writing is a copy and nothing else.
//!
//! | bytes | of the head, little-endian |
//! |---|---|
//! | 8 | nanoseconds since the start, on rank 0's clock |
//! | 1 | what was done |
//! | 1 | the message's tag |
//! | 4 | the other rank |
//! | 4 | how many bytes follow: the message's, or what else belongs to the event |
//!
//! A record does not say which message of its flow it has. That follows from the records before it,
//! because a flow has one thread at each end.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::event::Deed;
use crate::limits::LONGEST_RUN;
use crate::protocol::{Letter, Rank, decode_letter, encode};

/// The length of a head, in bytes.
pub const HEAD: usize = 18;

/// What was done: a [`Deed`] without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants of Deed are documented")]
pub enum DeedKind {
    Begun,
    Posted,
    Taken,
    Verified,
    WrongHash,
    Saved,
    Left = 7,
    Ended = 6,
}

impl DeedKind {
    /// The kind of a deed.
    pub fn of(deed: &Deed) -> DeedKind {
        match deed {
            Deed::Begun => DeedKind::Begun,
            Deed::Posted { .. } => DeedKind::Posted,
            Deed::Taken { .. } => DeedKind::Taken,
            Deed::Verified { .. } => DeedKind::Verified,
            Deed::WrongHash { .. } => DeedKind::WrongHash,
            Deed::Saved { .. } => DeedKind::Saved,
            Deed::Left => DeedKind::Left,
            Deed::Ended => DeedKind::Ended,
        }
    }

    /// All kinds. The place is the number in the head.
    const ALL: [DeedKind; 8] = [
        DeedKind::Begun,
        DeedKind::Posted,
        DeedKind::Taken,
        DeedKind::Verified,
        DeedKind::WrongHash,
        DeedKind::Saved,
        DeedKind::Ended,
        DeedKind::Left,
    ];
}

/// What a record begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Since the start, on rank 0's clock.
    pub time: Duration,
    /// What was done.
    pub kind: DeedKind,
    /// The message's tag, as a number.
    pub tag: u8,
    /// The other rank.
    pub other: Rank,
    /// How many bytes follow.
    pub length: u32,
}

impl Head {
    /// The head of a record with these bytes behind it. `tag` is the message's; 0 where there is none.
    pub fn new(time: Duration, kind: DeedKind, other: Rank, tag: i32, bytes: &[u8]) -> Head {
        Head {
            time,
            kind,
            tag: u8::try_from(tag).expect("there are few tags"),
            other,
            length: length(bytes),
        }
    }

    /// Its bytes, as the table above has them.
    pub fn to_bytes(self) -> [u8; HEAD] {
        let time = u64::try_from(self.time.as_nanos()).unwrap_or(u64::MAX);
        let mut bytes = [0; HEAD];
        bytes[..8].copy_from_slice(&time.to_le_bytes());
        bytes[8] = self.kind as u8;
        bytes[9] = self.tag;
        bytes[10..14].copy_from_slice(&self.other.0.to_le_bytes());
        bytes[14..].copy_from_slice(&self.length.to_le_bytes());
        bytes
    }

    /// Reads the bytes of a head.
    ///
    /// # Errors
    /// When no kind has this number, or no run takes this time.
    pub fn from_bytes(bytes: &[u8; HEAD]) -> Result<Head> {
        let (time, rest) = bytes.split_first_chunk().expect("a head is longer");
        let (&[kind, tag], rest) = rest.split_first_chunk().expect("a head is longer");
        let (other, rest) = rest.split_first_chunk().expect("a head is longer");
        let (length, _) = rest.split_first_chunk().expect("a head is longer");
        let Some(&kind) = DeedKind::ALL.get(usize::from(kind)) else {
            bail!("expected an event, found one of the unknown kind {kind}");
        };
        let time = Duration::from_nanos(u64::from_le_bytes(*time));
        ensure!(time <= LONGEST_RUN, "expected a time, found {time:?}");
        Ok(Head {
            time,
            kind,
            tag,
            other: Rank(u32::from_le_bytes(*other)),
            length: u32::from_le_bytes(*length),
        })
    }
}

/// Appends the record of a deed to `record`.
pub fn append(record: &mut Vec<u8>, time: Duration, deed: &Deed) {
    let start = record.len();
    record.extend([0; HEAD]);
    let (other, tag) = match deed {
        Deed::Posted {
            to: other, letter, ..
        }
        | Deed::Taken {
            from: other,
            letter,
            ..
        } => {
            letter.encode(record);
            (*other, letter.tag().number())
        }
        Deed::Verified {
            from,
            file,
            segment,
        }
        | Deed::WrongHash {
            from,
            file,
            segment,
        } => {
            encode(&(file, segment), record);
            (*from, 0)
        }
        Deed::Saved { file, problem } => {
            encode(&(file, problem), record);
            (Rank::TRACKER, 0)
        }
        Deed::Begun | Deed::Left | Deed::Ended => (Rank::TRACKER, 0),
    };
    let (head, bytes) = record[start..].split_at_mut(HEAD);
    head.copy_from_slice(&Head::new(time, DeedKind::of(deed), other, tag, bytes).to_bytes());
}

/// The deed of a record. `number` says which message of its flow a letter is.
///
/// # Errors
/// When the bytes behind the head are not what the head promises.
pub fn deed(head: Head, bytes: &[u8], number: impl FnOnce(&Letter) -> u64) -> Result<Deed> {
    let Head {
        kind, tag, other, ..
    } = head;
    Ok(match kind {
        DeedKind::Begun => Deed::Begun,
        DeedKind::Posted => {
            let letter = decode_letter(tag.into(), bytes)?;
            Deed::Posted {
                to: other,
                number: number(&letter),
                bytes: bytes.len(),
                letter,
            }
        }
        DeedKind::Taken => {
            let letter = decode_letter(tag.into(), bytes)?;
            Deed::Taken {
                from: other,
                number: number(&letter),
                bytes: bytes.len(),
                letter,
            }
        }
        DeedKind::Verified | DeedKind::WrongHash => {
            let (file, segment) = decoded(bytes, "a file and a position")?;
            Deed::checked(kind == DeedKind::Verified, other, file, segment)
        }
        DeedKind::Saved => {
            let (file, problem) = decoded(bytes, "a file's name")?;
            Deed::Saved { file, problem }
        }
        DeedKind::Left => Deed::Left,
        DeedKind::Ended => Deed::Ended,
    })
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("an MPI message holds at most 2 GiB")
}

fn decoded<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T> {
    postcard::from_bytes(bytes)
        .with_context(|| format!("expected {what}, found {} bytes", bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::super::samples::deeds;
    use super::*;

    #[test]
    fn every_deed_round_trips_and_every_truncated_record_is_an_error_or_nothing() {
        for expected in deeds() {
            let mut record = Vec::new();
            append(&mut record, Duration::from_nanos(17), &expected);
            let (head, bytes) = record.split_first_chunk().unwrap();
            let head = Head::from_bytes(head).unwrap();
            assert_eq!(head.time, Duration::from_nanos(17));
            assert_eq!(head.length as usize, bytes.len());
            let number = |_: &Letter| 3;
            assert_eq!(deed(head, bytes, number).unwrap(), expected);
            for length in 0..bytes.len() {
                deed(head, &bytes[..length], number).unwrap_err();
            }
        }
    }

    #[test]
    fn an_unknown_kind_is_an_error() {
        let mut bytes = [0; HEAD];
        bytes[8] = 8;
        let error = Head::from_bytes(&bytes).unwrap_err().to_string();
        assert_eq!(error, "expected an event, found one of the unknown kind 8");
    }
}
