//! A part of a trace: what one thread did, in its order.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::line::unplaced;
use super::record::{DeedKind, HEAD, Head, deed};
use super::{PartHeader, SCHEMA};
use crate::event::{Event, Thread};
use crate::links::followed;
use crate::protocol::{Letter, Rank};
use crate::shown::Shown;

/// The longest header, in bytes.
const LONGEST_HEADER: u64 = 1 << 20;
/// The size of a part's buffer, in bytes. Many parts are read at once, so it is small.
const BUFFER: usize = 1 << 14;

/// The folder of a trace's parts: beside the file at the end of all links, for a trace may have several names.
pub fn parts_folder(trace: &Path) -> PathBuf {
    let trace = followed(trace).unwrap_or_else(|_| trace.to_owned());
    let mut folder = trace.into_os_string();
    folder.push(".parts");
    folder.into()
}

/// The path of a thread's part.
pub fn part_path(folder: &Path, rank: Rank, thread: Thread) -> PathBuf {
    folder.join(format!("{rank}.{thread}"))
}

/// The thread whose part has this name, if one has.
pub fn part_owner(name: &OsStr) -> Option<(Rank, Thread)> {
    let name = name.to_str()?;
    let (rank, thread) = name.split_once('.')?;
    let threads = [Thread::Tracker, Thread::Download, Thread::Upload];
    let thread = threads
        .into_iter()
        .find(|candidate| candidate.to_string() == thread)?;
    let owner = (Rank(rank.parse().ok()?), thread);
    (name == format!("{}.{thread}", owner.0)).then_some(owner)
}

/// The events of a part. An event that is cut off at the end is none: its thread was stopped while it
/// wrote.
pub struct TracePart<R = BufReader<File>> {
    header: PartHeader,
    path: PathBuf,
    content: R,
    /// The number of bytes that were read.
    position: u64,
    /// The number of messages of each flow so far.
    numbers: HashMap<(DeedKind, Rank, Thread), u64>,
    is_over: bool,
}

impl TracePart {
    /// Opens a part. `None`: it ends inside its header.
    ///
    /// # Errors
    /// When it cannot be read, or is no part.
    pub fn open(path: &Path) -> Result<Option<TracePart>> {
        let file = File::open(path).with_context(|| path.shown())?;
        TracePart::new(path.into(), BufReader::with_capacity(BUFFER, file))
    }
}

impl<R: BufRead> TracePart<R> {
    fn new(path: PathBuf, mut content: R) -> Result<Option<TracePart<R>>> {
        let mut line = Vec::new();
        let read = content
            .by_ref()
            .take(LONGEST_HEADER)
            .read_until(b'\n', &mut line);
        let length = read.with_context(|| path.shown())?;
        if !line.ends_with(b"\n") && line.len() < LONGEST_HEADER as usize {
            return Ok(None);
        }
        let header = header(&line).with_context(|| path.shown())?;
        Ok(Some(TracePart {
            header,
            path,
            content,
            position: length as u64,
            numbers: HashMap::new(),
            is_over: false,
        }))
    }

    /// What it says of the run and of the thread.
    pub fn header(&self) -> &PartHeader {
        &self.header
    }

    /// The thread that wrote it.
    pub fn owner(&self) -> (Rank, Thread) {
        (Rank(self.header.rank), self.header.thread)
    }

    fn event(&mut self) -> Result<Option<Event>> {
        let mut bytes = Vec::new();
        if !self.read(HEAD as u64, &mut bytes)? {
            return Ok(None);
        }
        let head = bytes.first_chunk().expect("it was read whole");
        let head = Head::from_bytes(head)?;
        bytes.clear();
        if !self.read(head.length.into(), &mut bytes)? {
            return Ok(None);
        }
        let (rank, thread) = self.owner();
        let numbers = &mut self.numbers;
        let number = |letter: &Letter| {
            let flow = (head.kind, head.other, Thread::reader(letter));
            let number = numbers.entry(flow).or_default();
            *number += 1;
            *number
        };
        let deed = deed(head, &bytes, number)?;
        self.position += HEAD as u64 + u64::from(head.length);
        Ok(Some(Event {
            time: head.time,
            rank,
            thread,
            deed,
        }))
    }

    /// Appends the next `length` bytes. Returns whether there were that many. What is not there takes no
    /// memory, whatever a head promises.
    fn read(&mut self, length: u64, bytes: &mut Vec<u8>) -> Result<bool> {
        let read = self.content.by_ref().take(length).read_to_end(bytes)?;
        Ok(read as u64 == length)
    }
}

/// Its events, in their order. Behind an error there are none.
impl<R: BufRead> Iterator for TracePart<R> {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Result<Event>> {
        if self.is_over {
            return None;
        }
        let event = self.event();
        self.is_over = !matches!(event, Ok(Some(_)));
        let place = || {
            format!(
                "{}: the record at byte {}",
                self.path.shown(),
                self.position
            )
        };
        event.with_context(place).transpose()
    }
}

fn header(line: &[u8]) -> Result<PartHeader> {
    let header: PartHeader = serde_json::from_slice(line)
        .map_err(|error| unplaced(&error).context("expected the header of a part of a trace"))?;
    check_schema(header.schema)?;
    header.clock.check()?;
    Ok(header)
}

pub(super) fn check_schema(schema: u32) -> Result<()> {
    ensure!(
        schema == SCHEMA,
        "expected a trace of schema {SCHEMA}, found one of schema {schema}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::ClockReport;
    use super::super::record::append;
    use super::super::samples::deeds;
    use super::*;
    use crate::event::Deed;
    use crate::report::Plan;
    use crate::scenario::Cast;
    use crate::settings::Settings;

    fn some_header() -> PartHeader {
        let plan = Plan {
            settings: Settings::default(),
            clients: 3,
            corrupt: vec![],
            cast: Cast::default(),
        };
        PartHeader {
            schema: SCHEMA,
            version: "1.2.3".into(),
            run: 5,
            rank: 2,
            thread: Thread::Download,
            plan,
            clock: ClockReport {
                rank: 2,
                host: "here".into(),
                offset: -1.5,
                uncertainty: 1e-6,
            },
        }
    }

    fn bytes(deeds: &[Deed]) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(&some_header()).unwrap();
        bytes.push(b'\n');
        for (time, deed) in (0..).zip(deeds) {
            append(&mut bytes, Duration::from_nanos(time), deed);
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Vec<Result<Event>> {
        TracePart::new("p".into(), bytes)
            .unwrap()
            .map_or(vec![], Iterator::collect)
    }

    #[test]
    fn a_part_that_is_cut_off_anywhere_has_the_events_before() {
        let deeds = deeds();
        let bytes = bytes(&deeds);
        let mut most = 0;
        for length in 0..=bytes.len() {
            let events = read(&bytes[..length]);
            assert!(events.len() == most || events.len() == most + 1);
            most = events.len();
            assert!(events.iter().all(Result::is_ok));
        }
        assert_eq!(most, deeds.len());
    }

    #[test]
    fn messages_are_numbered_by_flow() {
        let stop = |to| Deed::Posted {
            to: Rank(to),
            number: 0,
            bytes: 1,
            letter: crate::protocol::ToUpload::Stop.into(),
        };
        let events = read(&bytes(&[stop(1), stop(2), stop(1)]));
        let number = |event: Result<Event>| {
            let Deed::Posted { number, bytes, .. } = event.unwrap().deed else {
                panic!("only posts are in it");
            };
            (number, bytes)
        };
        let numbers: Vec<_> = events.into_iter().map(number).collect();
        assert_eq!(numbers, [(1, 1), (1, 1), (2, 1)]);
    }

    #[test]
    fn what_is_no_part_is_described() {
        let hostile = |tail: &[u8]| {
            let mut bytes = bytes(&[Deed::Begun]);
            bytes.extend(tail);
            let mut events = read(&bytes);
            assert!(events.remove(0).is_ok());
            let [Err(error)] = &events[..] else {
                panic!("{events:?}");
            };
            format!("{error:#}")
        };
        let at = bytes(&[Deed::Begun]).len();
        assert_eq!(
            hostile(&[0xff; 40]),
            format!(
                "p: the record at byte {at}: expected an event, found one of the unknown kind 255"
            )
        );
        let mut record = [0; HEAD + 1];
        (record[8], record[9], record[14], record[HEAD]) = (1, 9, 1, 7);
        let error = hostile(&record);
        assert!(
            error.contains("expected STOP, found 1 bytes that are none"),
            "{error}"
        );

        let error = TracePart::new("p".into(), &b"hello\n"[..])
            .err()
            .expect("no part");
        let error = format!("{error:#}");
        assert!(
            error.starts_with("p: expected the header of a part of a trace: "),
            "{error}"
        );
        let endless = vec![b'x'; 1 << 21];
        assert!(TracePart::new("p".into(), &endless[..]).is_err());
        let mut promise = bytes(&[]);
        promise.extend([
            0, 0, 0, 0, 0, 0, 0, 0, 1, 9, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
        ]);
        assert!(
            read(&promise).is_empty(),
            "four gigabytes are promised, and none is there"
        );
    }

    #[test]
    fn a_part_is_known_by_its_name() {
        for (rank, thread) in [(0, Thread::Tracker), (12, Thread::Upload)] {
            let path = part_path(Path::new("t.parts"), Rank(rank), thread);
            let name = path.file_name().unwrap();
            assert_eq!(part_owner(name), Some((Rank(rank), thread)));
        }
        for name in [
            "1.download.copy",
            "+1.upload",
            "01.upload",
            "x.upload",
            "1",
            "1.main",
        ] {
            assert_eq!(part_owner(name.as_ref()), None);
        }
        assert_eq!(
            parts_folder(Path::new("a/t.zst")),
            Path::new("a/t.zst.parts")
        );
    }
}
