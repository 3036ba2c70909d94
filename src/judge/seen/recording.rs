//! Reads what the profiling library recorded: `profiling/profiling.h` and `record.c` have the layout.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use crate::seen::calls::{
    Call, Datatype, Kind, Level, Levels, Lie, Peer, Polling, RankRecord, Recording, Tag, Taken,
    ThreadRecord, What,
};
use crate::seen::known::Known;
use swarm::protocol::Rank;

/// The bytes of a rank's file. Calls beyond it are not recorded. The part that is not used takes no room
/// on the disk.
const SIZE: u64 = 64 << 20;

const MAGIC: u32 = 0x3152_4742;
const MOST_THREADS: usize = 256;
const HEADER: usize = 64 + MOST_THREADS * THREAD;
const THREAD: usize = 64;
const CALL: usize = 80;

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

/// Where the ranks of a run write what they call. The files are open before the run: whatever the program puts in
/// their places, these are read.
#[derive(Debug)]
pub struct Record {
    files: Vec<File>,
}

impl Record {
    /// Makes a folder ready for the records of `ranks` ranks, and writes the hashes that the recorder is to
    /// recognise.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn prepare(folder: &Path, ranks: usize, known: &Known) -> io::Result<Record> {
        fs::create_dir_all(folder)?;
        let file = |rank| {
            let mut options = File::options();
            options.read(true).write(true).create_new(true);
            let file = options.open(folder.join(format!("rank{rank}")))?;
            file.set_len(SIZE)?;
            Ok(file)
        };
        let segments: Vec<String> = (known.segments.iter())
            .map(|segment| {
                let owners = known.files[segment.file].owners.iter();
                let bits: u64 = owners
                    .filter(|owner| owner.0 < 64)
                    .map(|it| 1 << it.0)
                    .sum();
                format!("{} {bits:x}\n", segment.hash)
            })
            .collect();
        let text = format!("{}\n{}", segments.len(), segments.concat());
        fs::write(folder.join("hashes"), text)?;
        Ok(Record {
            files: (0..ranks).map(file).collect::<io::Result<_>>()?,
        })
    }

    /// What each rank has done so far. `None` if it has not come to MPI.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn activity(&self) -> io::Result<Vec<Option<Activity>>> {
        self.files.iter().map(activity).collect()
    }

    /// Reads the records of all ranks.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read(&self) -> io::Result<Recording> {
        let read: Vec<Vec<u8>> = self.files.iter().map(bytes).collect::<io::Result<_>>()?;
        let starts = read.iter().filter_map(|bytes| {
            let first = Bytes(bytes.get(HEADER..HEADER + CALL)?);
            (first.u32(0) > 0).then(|| first.u64(24))
        });
        let start = starts.min().unwrap_or(0);
        let ranks = read.iter().map(|bytes| rank_record(Bytes(bytes), start));
        Ok(Recording {
            ranks: ranks.collect(),
        })
    }
}

/// How much a rank has done. As long as it is the same, it has done nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// The number of its process, as it knows it itself.
    pub process: u32,
    /// The bytes that it has recorded.
    recorded: u64,
    /// Its looks that found no message.
    looks: u64,
}

fn activity(file: &File) -> io::Result<Option<Activity>> {
    let mut header = vec![0; HEADER];
    file.read_exact_at(&mut header, 0)?;
    let header = Bytes(&header);
    if header.u32(0) != MAGIC {
        return Ok(None);
    }
    let looks = (0..MOST_THREADS).map(|thread| header.u64(64 + thread * THREAD + 24));
    Ok(Some(Activity {
        process: header.u32(8),
        recorded: header.u64(48),
        looks: looks.fold(0, u64::wrapping_add),
    }))
}

/// What is used of a rank's file.
fn bytes(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; HEADER];
    file.read_exact_at(&mut bytes, 0)?;
    let used = Bytes(&bytes).u64(48).clamp(HEADER as u64, SIZE);
    bytes.resize(used as usize, 0);
    file.read_exact_at(&mut bytes[HEADER..], HEADER as u64)?;
    Ok(bytes)
}

/// Numbers in the byte order of this host, by their offset.
#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn u16(self, at: usize) -> u16 {
        u16::from_ne_bytes(self.0[at..at + 2].try_into().expect("two bytes"))
    }

    fn u32(self, at: usize) -> u32 {
        u32::from_ne_bytes(self.0[at..at + 4].try_into().expect("four bytes"))
    }

    fn i32(self, at: usize) -> i32 {
        i32::from_ne_bytes(self.0[at..at + 4].try_into().expect("four bytes"))
    }

    fn u64(self, at: usize) -> u64 {
        u64::from_ne_bytes(self.0[at..at + 8].try_into().expect("eight bytes"))
    }

    /// A time since the start; `None` if there is none.
    fn time(self, at: usize, start: u64) -> Option<Duration> {
        let time = self.u64(at);
        (time > 0).then(|| Duration::from_nanos(time.saturating_sub(start)))
    }
}

fn rank_record(file: Bytes<'_>, start: u64) -> RankRecord {
    if file.u32(0) != MAGIC {
        return RankRecord::default();
    }
    let threads = (file.u32(56) as usize).min(MOST_THREADS);
    let lie = || Lie {
        to: Rank(file.u32(32)),
        segment: file.u32(36),
    };
    RankRecord {
        levels: level(file.i32(12))
            .zip(level(file.i32(16)))
            .map(|(asked, given)| Levels { asked, given }),
        finalize: file.time(40, start),
        is_aborted: file.u32(20) != 0,
        is_cut: file.u32(24) != 0,
        lie: (file.u32(28) != 0).then(lie),
        threads: (0..threads)
            .map(|number| thread(Bytes(&file.0[64 + number * THREAD..][..THREAD]), start))
            .collect(),
        calls: calls(file, start),
    }
}

fn level(number: i32) -> Option<Level> {
    match number {
        1 => Some(Level::Single),
        2 => Some(Level::Funneled),
        3 => Some(Level::Serialized),
        4 => Some(Level::Multiple),
        _ => None,
    }
}

fn thread(bytes: Bytes<'_>, start: u64) -> ThreadRecord {
    let times = bytes.u64(24);
    let polling = || {
        Some(Polling {
            kind: kind(bytes.u32(4))?,
            peer: peer(bytes.i32(8)),
            tag: tag(bytes.i32(12)),
            comm: bytes.u32(16),
            times,
            since: bytes.time(32, start).unwrap_or_default(),
        })
    };
    ThreadRecord {
        is_over: bytes.u32(0) != 0,
        polling: if times > 0 { polling() } else { None },
    }
}

fn kind(number: u32) -> Option<Kind> {
    let mut kinds = Kind::ALL.iter().copied();
    kinds.find(|kind| *kind as u32 == number)
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

fn calls(file: Bytes<'_>, start: u64) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut at = HEADER;
    while let Some(bytes) = file.0.get(at..) {
        let size = match bytes.get(..4) {
            Some(_) => Bytes(bytes).u32(0) as usize,
            None => break,
        };
        // A rank that was killed may not have finished this record. Nothing behind it can be found.
        if size < CALL || size > bytes.len() {
            break;
        }
        calls.extend(call(Bytes(&bytes[..size]), start));
        at += size;
    }
    calls
}

fn call(bytes: Bytes<'_>, start: u64) -> Option<Call> {
    let kind = kind(bytes.u16(4).into())?;
    let error = bytes.i32(20);
    let completed = bytes.time(40, start);
    let from = u32::try_from(bytes.i32(56)).ok();
    let takes = matches!(kind.what(), What::Receive | What::Find);
    let segments = (bytes.u32(76) as usize).min((bytes.0.len() - CALL) / 4);
    Some(Call {
        thread: bytes.u16(6),
        kind,
        peer: peer(bytes.i32(8)),
        tag: tag(bytes.i32(12)),
        comm: bytes.u32(16),
        bytes: bytes.u64(48),
        datatype: DATATYPES
            .get(bytes.u32(72) as usize)
            .copied()
            .unwrap_or(Datatype::Other),
        started: bytes.time(24, start).unwrap_or_default(),
        returned: bytes.time(32, start),
        completed,
        error: (error != 0).then_some(error),
        taken: from
            .filter(|_| takes && completed.is_some())
            .map(|from| Taken {
                from: Rank(from),
                tag: bytes.i32(60),
                bytes: bytes.u64(64),
            }),
        segments: (0..segments).map(|nth| bytes.u32(CALL + 4 * nth)).collect(),
    })
}
