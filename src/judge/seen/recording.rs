//! Reads what the profiling library recorded: `profiling/profiling.h` and `record.c` have the layout.
//!
//! A program can write into the records of its ranks, by mistake or on purpose. So the files may have any bytes and any
//! length: `fields` looks at each number, and nothing of a record counts that has a wrong one.

mod fields;
#[cfg(test)]
mod written;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::seen::calls::{RankRecord, Recording};
use crate::seen::known::Known;
use fields::{CALL, Fields, HEADER, Limits, MAGIC, MOST_THREADS, THREAD};
#[cfg(test)]
pub(crate) use written::LENGTHS;

/// The bytes of a rank's file. Calls beyond it are not recorded. The part that is not used takes no room
/// on the disk.
const SIZE: u64 = 64 << 20;

/// The most bytes of calls that are read of all ranks together. Calls beyond it count as not recorded.
const MOST_BYTES: u64 = 256 << 20;

/// Where the ranks of a run write what they call. The files are open before the run: whatever the program puts in
/// their places, these are read.
#[derive(Debug)]
pub struct Record {
    files: Vec<File>,
    /// The number of segments that the recorder knows.
    segments: u32,
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
            segments: known.segments.len() as u32,
        })
    }

    /// What each rank has done so far. `None` if it has not come to MPI.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn activity(&self) -> io::Result<Vec<Option<Activity>>> {
        self.files.iter().map(activity).collect()
    }

    /// Reads the records of all ranks. One that is damaged says so, and has nothing else in it.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read(&self) -> io::Result<Recording> {
        let starts: Vec<Option<u64>> = self.files.iter().map(start).collect::<io::Result<_>>()?;
        let start = starts.into_iter().flatten().min().unwrap_or(0);
        let limits = Limits {
            ranks: self.files.len() as u32,
            segments: self.segments,
            start,
        };
        let mut room = MOST_BYTES;
        let ranks = (self.files.iter()).map(|file| rank_record(file, &limits, &mut room));
        Ok(Recording {
            ranks: ranks.collect::<io::Result<_>>()?,
        })
    }
}

/// Reads a rank's file, as far as there is room for its calls.
fn rank_record(file: &File, limits: &Limits, room: &mut u64) -> io::Result<RankRecord> {
    let length = file.metadata()?.len();
    let shorter = || {
        let damage = format!("its file has {length} bytes, and had {SIZE}");
        Ok(RankRecord::damaged(damage))
    };
    if length != SIZE {
        return shorter();
    }
    let Some(header) = part(file, HEADER, 0)? else {
        return shorter();
    };
    let used = Fields(&header).u64(48);
    let wanted = used.clamp(HEADER as u64, SIZE) - HEADER as u64;
    let given = wanted.min(*room);
    *room -= given;
    let Some(calls) = part(file, given as usize, HEADER as u64)? else {
        return shorter();
    };
    let read = fields::rank_record(Fields(&header), Fields(&calls), limits);
    let mut record = read.unwrap_or_else(RankRecord::damaged);
    record.is_cut |= given < used.saturating_sub(HEADER as u64);
    Ok(record)
}

/// Reads a part of a file. `None` if it is no longer there: somebody has made the file shorter.
fn part(file: &File, length: usize, at: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = vec![0; length];
    match file.read_exact_at(&mut bytes, at) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
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
    let Some(header) = part(file, HEADER, 0)? else {
        return Ok(None);
    };
    let header = Fields(&header);
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

/// When the first call of a rank began, in nanoseconds of the host's clock. `None` if it made none.
fn start(file: &File) -> io::Result<Option<u64>> {
    let first = part(file, CALL, HEADER as u64)?;
    Ok(first.and_then(|first| {
        let first = Fields(&first);
        (first.u32(0) > 0).then(|| first.u64(24))
    }))
}
