//! The numbers of a rank's record, each looked at before it is believed.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use crate::seen::calls::{
    Call, Datatype, Kind, Level, Levels, Lie, Peer, Polling, RankRecord, Segment, Tag, Taken,
    ThreadRecord, What,
};
use swarm::protocol::Rank;

pub(super) const MAGIC: u32 = 0x3252_4742;
pub(super) const MOST_THREADS: usize = 256;
pub(super) const THREAD: usize = 64;
/// In the place of a message's sender: the call was cancelled.
pub(super) const CANCELLED: i32 = -3;
pub(super) const NAMES: usize = 64 + MOST_THREADS * THREAD;
pub(super) const MOST_NAMES: usize = 128;
pub(super) const NAME: usize = 48;
pub(super) const OF_MPI: usize = NAMES + MOST_NAMES * NAME;
pub(super) const MOST_OF_MPI: usize = 64;
pub(super) const HEADER: usize = OF_MPI + MOST_OF_MPI * 4;
pub(super) const CALL: usize = 80;

/// In the order of `number_of_type` in `handles.c`.
const DATATYPES: [Datatype; 25] = [
    Datatype::Other,
    Datatype::Bytes,
    Datatype::Bytes,
    basic("MPI_CHAR", 1),
    basic("MPI_SIGNED_CHAR", 1),
    basic("MPI_UNSIGNED_CHAR", 1),
    basic("MPI_SHORT", 2),
    basic("MPI_UNSIGNED_SHORT", 2),
    basic("MPI_INT", 4),
    basic("MPI_UNSIGNED", 4),
    basic("MPI_LONG", 8),
    basic("MPI_UNSIGNED_LONG", 8),
    basic("MPI_LONG_LONG", 8),
    basic("MPI_UNSIGNED_LONG_LONG", 8),
    basic("MPI_FLOAT", 4),
    basic("MPI_DOUBLE", 8),
    basic("MPI_C_BOOL", 1),
    basic("MPI_INT8_T", 1),
    basic("MPI_UINT8_T", 1),
    basic("MPI_INT16_T", 2),
    basic("MPI_UINT16_T", 2),
    basic("MPI_INT32_T", 4),
    basic("MPI_UINT32_T", 4),
    basic("MPI_INT64_T", 8),
    basic("MPI_UINT64_T", 8),
];

const fn basic(name: &'static str, size: u8) -> Datatype {
    Datatype::Basic { name, size }
}

/// What numbers of a record may be.
pub(super) struct Limits {
    /// The number of ranks of the run.
    pub ranks: u32,
    /// The number of segments that the recorder knows.
    pub segments: u32,
    /// When the first call of all ranks began.
    pub start: u64,
}

/// Numbers in the byte order of this host, by their offset.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub &'a [u8]);

impl Fields<'_> {
    fn u16(self, at: usize) -> u16 {
        u16::from_ne_bytes(self.0[at..at + 2].try_into().expect("two bytes"))
    }

    pub(super) fn u32(self, at: usize) -> u32 {
        u32::from_ne_bytes(self.0[at..at + 4].try_into().expect("four bytes"))
    }

    fn i32(self, at: usize) -> i32 {
        i32::from_ne_bytes(self.0[at..at + 4].try_into().expect("four bytes"))
    }

    pub(super) fn u64(self, at: usize) -> u64 {
        u64::from_ne_bytes(self.0[at..at + 8].try_into().expect("eight bytes"))
    }

    /// A time since the start; `None` if there is none.
    fn time(self, at: usize, start: u64) -> Option<Duration> {
        let time = self.u64(at);
        (time > 0).then(|| Duration::from_nanos(time.saturating_sub(start)))
    }

    /// Yes or no.
    fn flag(self, at: usize, what: &str) -> Result<bool, String> {
        match self.u32(at) {
            flag @ 0..=1 => Ok(flag == 1),
            other => damage(what, other),
        }
    }
}

/// What is wrong with a record: what was found where that cannot be.
fn damage<T>(what: &str, found: impl Display) -> Result<T, String> {
    Err(format!("{what} is {found}"))
}

/// Goes on if this is so.
fn ensure(is_so: bool, what: &str, found: impl Display) -> Result<(), String> {
    if is_so { Ok(()) } else { damage(what, found) }
}

/// The record of a rank from its header and its calls.
///
/// # Errors
/// When a number cannot be what the recorder wrote: says which.
pub(super) fn rank_record(
    header: Fields<'_>,
    calls: Fields<'_>,
    limits: &Limits,
) -> Result<RankRecord, String> {
    if header.0.iter().all(|byte| *byte == 0) {
        return Ok(RankRecord::default());
    }
    ensure(header.u32(0) == MAGIC, "its first word", header.u32(0))?;
    let size = header.u32(4);
    ensure(size as usize == CALL, "the length of a call", size)?;
    let used = header.u64(48);
    ensure(used >= HEADER as u64, "its used length", used)?;
    let counted = header.u32(56);
    // More are counted than there are places for, and then the last place is all of theirs.
    let threads = (counted as usize).min(MOST_THREADS);
    ensure(threads > 0, "the number of threads", counted)?;
    let mut record = RankRecord {
        levels: (level(header.i32(12))?.zip(level(header.i32(16))?))
            .map(|(asked, given)| Levels { asked, given }),
        finalize: header.time(40, limits.start),
        is_aborted: header.flag(20, "whether it aborted")?,
        is_cut: header.flag(24, "whether calls are missing")?,
        not_followed: names(header)?,
        lie: lie(header, limits)?,
        threads: (0..threads)
            .map(|number| {
                let at = 64 + number * THREAD;
                thread(Fields(&header.0[at..at + THREAD]), limits)
            })
            .collect::<Result<_, _>>()?,
        tasks: tasks(header, threads),
        ..RankRecord::default()
    };
    let read = read_calls(calls, limits, &mut record)?;
    let finalize = header.u64(40);
    if let (Some(first), true) = (calls.0.get(..CALL), finalize > 0) {
        let began = Fields(first).u64(24);
        ensure(finalize >= began, "the time of MPI_Finalize", finalize)?;
    }
    // A call that had no time to be recorded hides all behind it.
    record.is_cut |= read < calls.0.len();
    Ok(record)
}

/// The numbers of all threads, and of those of the MPI library; 0 is none.
fn tasks(header: Fields<'_>, threads: usize) -> BTreeSet<u32> {
    let of_program = (0..threads).map(|number| header.u32(64 + number * THREAD + 20));
    let of_mpi = (0..MOST_OF_MPI).map(|place| header.u32(OF_MPI + place * 4));
    (of_program.chain(of_mpi))
        .filter(|number| *number > 0)
        .collect()
}

/// What was not followed.
fn names(header: Fields<'_>) -> Result<Vec<Arc<str>>, String> {
    let number = header.u32(60);
    ensure(number as usize <= MOST_NAMES, "the number of names", number)?;
    let name = |place: usize| {
        let bytes = &header.0[NAMES + place * NAME..][..NAME];
        let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(NAME);
        let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"_ ".contains(byte);
        let (name, rest) = bytes.split_at(length);
        let is_name = !name.is_empty() && name.iter().all(is_letter) && !rest.is_empty();
        let name = String::from_utf8_lossy(name);
        ensure(is_name, "a name", name.escape_debug())?;
        Ok(name.into())
    };
    (0..number as usize).map(name).collect()
}

fn level(number: i32) -> Result<Option<Level>, String> {
    Ok(Some(match number {
        0 => return Ok(None),
        1 => Level::Single,
        2 => Level::Funneled,
        3 => Level::Serialized,
        4 => Level::Multiple,
        other => return damage("a thread level", other),
    }))
}

fn lie(header: Fields<'_>, limits: &Limits) -> Result<Option<Lie>, String> {
    let (to, segment) = (header.u32(32), header.u32(36));
    if !header.flag(28, "whether it lied")? {
        return Ok(None);
    }
    ensure(to < limits.ranks, "the rank that it lied to", to)?;
    Ok(Some(Lie {
        to: Rank(to),
        segment: known_segment(segment, limits)?,
    }))
}

fn known_segment(segment: Segment, limits: &Limits) -> Result<Segment, String> {
    ensure(segment < limits.segments, "a segment", segment)?;
    Ok(segment)
}

fn thread(bytes: Fields<'_>, limits: &Limits) -> Result<ThreadRecord, String> {
    let times = bytes.u64(24);
    let polling = || -> Result<Polling, String> {
        let kind = kind(bytes.u32(4))?;
        let is_look = matches!(kind.what(), What::Find | What::Wait);
        ensure(is_look, "what a thread looks by", kind)?;
        Ok(Polling {
            kind,
            peer: peer(bytes.i32(8)),
            tag: tag(bytes.i32(12)),
            comm: bytes.u32(16),
            times,
            since: bytes.time(32, limits.start).unwrap_or_default(),
        })
    };
    Ok(ThreadRecord {
        is_over: bytes.flag(0, "whether a thread is over")?,
        ended: bytes.time(40, limits.start),
        task: bytes.u32(20),
        polling: if times > 0 { Some(polling()?) } else { None },
    })
}

fn kind(number: u32) -> Result<Kind, String> {
    let mut kinds = Kind::ALL.iter().copied();
    let found = kinds.find(|kind| *kind as u32 == number);
    found.ok_or_else(|| format!("the kind of a call is {number}"))
}

fn peer(number: i32) -> Peer {
    match u32::try_from(number) {
        Ok(rank) => Peer::One(Rank(rank)),
        Err(_) if number == -1 => Peer::Any,
        Err(_) => Peer::None,
    }
}

fn tag(number: i32) -> Tag {
    match number {
        -1 => Tag::Any,
        0.. => Tag::One(number),
        _ => Tag::None,
    }
}

/// Reads all calls into the record. Returns the length of what was read.
fn read_calls(
    bytes: Fields<'_>,
    limits: &Limits,
    record: &mut RankRecord,
) -> Result<usize, String> {
    let mut latest = vec![0; record.threads.len()];
    let mut at = 0;
    while let Some(start) = bytes.0.get(at..at + CALL) {
        let size = Fields(start).u32(0) as usize;
        // A rank that was killed may not have finished this call. Nothing behind it can be found.
        if size == 0 {
            break;
        }
        let segments = Fields(start).u32(76) as usize;
        let expected = (CALL + segments.saturating_mul(4)).next_multiple_of(8);
        ensure(size == expected, "the length of a call", size)?;
        // There was no room to read it.
        let Some(bytes) = bytes.0.get(at..at + size) else {
            break;
        };
        let call = call(Fields(bytes), limits, record)?;
        let latest = &mut latest[usize::from(call.thread)];
        let began = Fields(bytes).u64(24);
        // All threads without a place share the last one.
        let is_in_turn = began >= *latest || usize::from(call.thread) == MOST_THREADS - 1;
        ensure(is_in_turn, "the beginning of a call", began)?;
        *latest = began;
        record.calls.push(call);
        at += size;
    }
    Ok(at)
}

fn call(bytes: Fields<'_>, limits: &Limits, record: &RankRecord) -> Result<Call, String> {
    let kind = kind(bytes.u16(4).into())?;
    let thread = bytes.u16(6);
    let threads = record.threads.len();
    ensure(
        usize::from(thread) < threads,
        "the thread of a call",
        thread,
    )?;
    let (began, returned, completed) = (bytes.u64(24), bytes.u64(32), bytes.u64(40));
    for end in [returned, completed] {
        ensure(end == 0 || end >= began, "the end of a call", end)?;
    }
    let error = bytes.i32(20);
    ensure(error >= 0, "the error of a call", error)?;
    let peer = peer(bytes.i32(8));
    if let Peer::One(Rank(number)) = peer {
        // A call with a wrong rank fails, or never returns.
        let is_possible = if kind == Kind::Join {
            (number as usize) < threads
        } else {
            number < limits.ranks || error > 0 || returned == 0
        };
        ensure(is_possible, "the other side of a call", number)?;
    }
    let number = bytes.u32(72) as usize;
    let (datatype, name) = if kind == Kind::Other {
        (
            Some(&Datatype::Other),
            record.not_followed.get(number).cloned(),
        )
    } else {
        (DATATYPES.get(number), None)
    };
    let (Some(&datatype), true) = (datatype, name.is_some() == (kind == Kind::Other)) else {
        return damage("the datatype of a call", number);
    };
    let segments = (0..bytes.u32(76) as usize).map(|nth| bytes.u32(CALL + 4 * nth));
    Ok(Call {
        thread,
        kind,
        name,
        peer,
        tag: tag(bytes.i32(12)),
        comm: bytes.u32(16),
        bytes: bytes.u64(48),
        datatype,
        started: bytes.time(24, limits.start).unwrap_or_default(),
        returned: bytes.time(32, limits.start),
        completed: bytes.time(40, limits.start),
        error: (error != 0).then_some(error),
        taken: taken(bytes, kind, limits)?,
        is_cancelled: bytes.i32(56) == CANCELLED,
        segments: segments
            .map(|segment| known_segment(segment, limits))
            .collect::<Result<_, _>>()?,
    })
}

/// What a call took or found.
fn taken(bytes: Fields<'_>, kind: Kind, limits: &Limits) -> Result<Option<Taken>, String> {
    let (from, tag) = (bytes.i32(56), bytes.i32(60));
    let takes = matches!(kind.what(), What::Receive | What::Find);
    let Ok(from) = u32::try_from(from) else {
        return Ok(None);
    };
    if !takes || bytes.u64(40) == 0 {
        return Ok(None);
    }
    ensure(from < limits.ranks, "the sender of a message", from)?;
    ensure(tag >= 0, "the tag of a message", tag)?;
    Ok(Some(Taken {
        from: Rank(from),
        tag,
        bytes: bytes.u64(64),
    }))
}
