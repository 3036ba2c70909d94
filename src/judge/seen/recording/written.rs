//! Writes records as the recorder does, for tests.

use std::os::unix::fs::FileExt;
use std::time::Duration;

use super::Record;
use super::fields::{CALL, CANCELLED, HEADER, MAGIC, NAME, NAMES, OF_MPI, THREAD};
use crate::seen::calls::{Call, Kind, Peer, RankRecord, Recording, Tag};

/// When the first call begins, on the host's clock.
const START: u64 = 1 << 40;

/// A place for numbers.
struct Bytes(Vec<u8>);

impl Bytes {
    fn put<const N: usize>(&mut self, at: usize, bytes: [u8; N]) {
        self.0[at..at + N].copy_from_slice(&bytes);
    }

    fn time(&mut self, at: usize, time: Option<Duration>) {
        let nanoseconds = time.map_or(0, |time| START + time.as_nanos() as u64);
        self.put(at, nanoseconds.to_ne_bytes());
    }

    fn peer_and_tag(&mut self, at: usize, peer: Peer, tag: Tag) {
        let peer = match peer {
            Peer::One(rank) => rank.0 as i32,
            Peer::Any => -1,
            Peer::None => -2,
        };
        let tag = match tag {
            Tag::One(tag) => tag,
            Tag::Any => -1,
            Tag::None => -2,
        };
        self.put(at, peer.to_ne_bytes());
        self.put(at + 4, tag.to_ne_bytes());
    }
}

impl Record {
    /// Writes what the recorder would have written.
    pub(crate) fn write(&self, recording: &Recording) {
        for (file, record) in self.files.iter().zip(&recording.ranks) {
            let bytes = bytes(record);
            file.write_all_at(&bytes, 0).expect("a record");
        }
    }

    /// Writes a word somewhere into a rank's record.
    pub(crate) fn damage(&self, rank: usize, at: u64, word: u32) {
        let file = &self.files[rank];
        file.write_all_at(&word.to_ne_bytes(), at)
            .expect("a record");
    }

    /// Makes a rank's record so long.
    pub(crate) fn set_length(&self, rank: usize, length: u64) {
        self.files[rank].set_len(length).expect("a record");
    }
}

/// What there is of a rank's record before its calls, and the length of a call.
pub(crate) const LENGTHS: [u64; 2] = [HEADER as u64, CALL as u64];

fn bytes(record: &RankRecord) -> Vec<u8> {
    let mut header = Bytes(vec![0; HEADER]);
    let calls = record.calls.iter();
    let calls: Vec<u8> = calls.flat_map(|it| call(it, record)).collect();
    header.put(0, MAGIC.to_ne_bytes());
    header.put(4, (CALL as u32).to_ne_bytes());
    header.put(8, 4711u32.to_ne_bytes());
    if let Some(levels) = record.levels {
        header.put(12, (levels.asked as i32 + 1).to_ne_bytes());
        header.put(16, (levels.given as i32 + 1).to_ne_bytes());
    }
    header.time(40, record.finalize);
    header.put(48, ((HEADER + calls.len()) as u64).to_ne_bytes());
    header.put(56, (record.threads.len() as u32).to_ne_bytes());
    header.put(60, (record.not_followed.len() as u32).to_ne_bytes());
    for (place, name) in record.not_followed.iter().enumerate() {
        header.0[NAMES + place * NAME..][..name.len()].copy_from_slice(name.as_bytes());
    }
    for (place, task) in record.tasks.iter().enumerate() {
        header.put(OF_MPI + place * 4, task.to_ne_bytes());
    }
    for (number, thread) in record.threads.iter().enumerate() {
        let at = 64 + number * THREAD;
        header.put(at, u32::from(thread.is_over).to_ne_bytes());
        header.put(at + 20, thread.task.to_ne_bytes());
        header.time(at + 40, thread.ended);
        if let Some(looks) = &thread.polling {
            header.put(at + 4, (looks.kind as u32).to_ne_bytes());
            header.peer_and_tag(at + 8, looks.peer, looks.tag);
            header.put(at + 24, looks.times.to_ne_bytes());
            header.time(at + 32, Some(looks.since));
        }
    }
    [header.0, calls].concat()
}

fn call(call: &Call, record: &RankRecord) -> Vec<u8> {
    let size = (CALL + 4 * call.segments.len()).next_multiple_of(8);
    let mut bytes = Bytes(vec![0; size]);
    bytes.put(0, (size as u32).to_ne_bytes());
    bytes.put(4, (call.kind as u16).to_ne_bytes());
    bytes.put(6, call.thread.to_ne_bytes());
    bytes.peer_and_tag(8, call.peer, call.tag);
    bytes.put(16, call.comm.to_ne_bytes());
    bytes.put(20, call.error.unwrap_or(0).to_ne_bytes());
    bytes.time(24, Some(call.started));
    bytes.time(32, call.returned);
    bytes.time(40, call.completed);
    bytes.put(48, call.bytes.to_ne_bytes());
    let from = if call.is_cancelled { CANCELLED } else { -2 };
    bytes.put(56, from.to_ne_bytes());
    if let Some(taken) = call.taken {
        bytes.put(56, (taken.from.0 as i32).to_ne_bytes());
        bytes.put(60, taken.tag.to_ne_bytes());
        bytes.put(64, taken.bytes.to_ne_bytes());
    }
    // All that tests make up are bytes.
    let name = |name| record.not_followed.iter().position(|known| known == name);
    let number = call.name.as_ref().map_or(Some(1), name);
    let number = number.expect("it is among the names") as u32;
    bytes.put(72, number.to_ne_bytes());
    bytes.put(76, (call.segments.len() as u32).to_ne_bytes());
    for (nth, segment) in call.segments.iter().enumerate() {
        bytes.put(CALL + 4 * nth, segment.to_ne_bytes());
    }
    assert!(call.kind != Kind::Join, "no test needs it");
    bytes.0
}
