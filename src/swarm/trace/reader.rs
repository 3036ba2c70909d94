//! A trace, read event by event: a file, or the parts that a run left which was broken off.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::line::{parse, unplaced};
use super::part::{check_schema, part_owner, parts_folder};
use super::{ClockReport, Header, Merge, TracePart};
use crate::event::{Deed, Event, Thread};
use crate::limits::MOST_CLIENTS;
use crate::protocol::Rank;
use crate::report::Plan;
use crate::shown::Shown;
use crate::text_file;

/// The longest line, in bytes: the most memory that one takes.
const LONGEST_LINE: u64 = 1 << 30;

/// The first bytes of a file that is compressed by Zstandard.
const ZSTANDARD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The first bytes of one that is compressed by gzip.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The events of a trace, each with the number of its line. Parts have no lines: there it is the line that
/// the event would have in the file. Behind an error there is nothing.
pub struct Reader {
    path: PathBuf,
    header: Header,
    source: Source,
    /// The last line that was read.
    line: u64,
    is_over: bool,
}

/// The parts of a trace, each with its thread.
type Streams = Vec<((Rank, Thread), TracePart)>;

enum Source {
    Lines(Lines),
    Parts(Box<Merge<TracePart>>),
}

impl Reader {
    /// Opens a trace: a file, compressed or not; where there is none, the parts that a run left which
    /// was broken off, whose folder may be named as well.
    ///
    /// # Errors
    /// When there is no trace, or what is there cannot be read as one.
    pub fn open(path: &Path) -> Result<Reader> {
        Reader::of(path, Merge::new)
    }

    /// The same, but of a run that was broken off nothing is left out: a message that was taken may lack
    /// its posting.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn open_uncut(path: &Path) -> Result<Reader> {
        Reader::of(path, Merge::uncut)
    }

    fn of(path: &Path, merge: fn(Streams) -> Merge<TracePart>) -> Result<Reader> {
        let folder = parts_folder(path);
        let (header, source) = if path.is_dir() {
            parts(path, merge)?
        } else if !path.exists() && folder.is_dir() {
            parts(&folder, merge)?
        } else {
            let (header, lines) = Lines::open(path)?;
            (header, Source::Lines(lines))
        };
        Ok(Reader {
            path: path.into(),
            header,
            source,
            line: 1,
            is_over: false,
        })
    }

    /// The first line of the trace, or the common header of its parts.
    pub fn header(&self) -> &Header {
        &self.header
    }

    fn event(&mut self) -> Result<Option<Event>> {
        match &mut self.source {
            Source::Lines(lines) => lines.event(self.line, self.header.complete),
            Source::Parts(merge) => merge.next().transpose(),
        }
    }
}

impl Iterator for Reader {
    type Item = Result<(u64, Event)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        self.line += 1;
        let event = self.event().and_then(|event| {
            if let Some(event) = &event {
                check(event, self.header.clients)
                    .with_context(|| format!("{}:{}", self.path.shown(), self.line))?;
            }
            Ok(event)
        });
        self.is_over = !matches!(event, Ok(Some(_)));
        Some(event.transpose()?.map(|event| (self.line, event)))
    }
}

/// Whether a run can have as many clients as a header says.
fn check_clients(header: &Header) -> Result<()> {
    let clients = header.clients;
    ensure!(
        clients <= MOST_CLIENTS,
        "expected at most {MOST_CLIENTS} clients, found {clients}"
    );
    Ok(())
}

/// Whether an event can be of a run of this many clients.
fn check(event: &Event, clients: usize) -> Result<()> {
    let (other, least) = match &event.deed {
        Deed::Posted { to: other, .. } | Deed::Taken { from: other, .. } => (*other, 0),
        Deed::Verified { from, .. } | Deed::WrongHash { from, .. } => (*from, 1),
        Deed::Begun | Deed::Saved { .. } | Deed::Left | Deed::Ended => (Rank::TRACKER, 0),
    };
    if let Deed::Posted { bytes, .. } | Deed::Taken { bytes, .. } = &event.deed {
        ensure!(
            i32::try_from(*bytes).is_ok(),
            "expected a message of at most 2 GiB, found one of {bytes} bytes"
        );
    }
    let (rank, thread) = (event.rank, event.thread);
    for (rank, least) in [(rank, 0), (other, least)] {
        ensure!(
            (least..=clients).contains(&(rank.0 as usize)),
            "expected a rank from {least} to {clients}, found {rank}"
        );
    }
    ensure!(
        (rank == Rank::TRACKER) == (thread == Thread::Tracker),
        "expected a thread of rank {rank}, found its {thread} thread"
    );
    Ok(())
}

/// The parts in a folder, and their common header.
fn parts(folder: &Path, merge: fn(Streams) -> Merge<TracePart>) -> Result<(Header, Source)> {
    let shown = folder.shown();
    let mut parts: Vec<TracePart> = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| shown.to_string())? {
        let path = entry.with_context(|| shown.to_string())?.path();
        let Some(expected) = path.file_name().and_then(part_owner) else {
            continue;
        };
        let Some(part) = TracePart::open(&path)? else {
            continue;
        };
        let (rank, thread) = part.owner();
        ensure!(
            (rank, thread) == expected,
            "{}: expected its own content, found that of {rank}.{thread}",
            path.shown()
        );
        parts.push(part);
    }
    parts.sort_by_key(TracePart::owner);
    let Some(first) = parts.first() else {
        bail!("{shown}: expected the parts of a trace, found none");
    };
    let first = first.header();
    if let Some(other) = parts.iter().find(|part| part.header().run != first.run) {
        let (rank, thread) = other.owner();
        bail!(
            "{shown}: expected the parts of one run, found those of two: {}.{} and {rank}.{thread}",
            first.rank,
            first.thread
        );
    }
    let mut clocks: Vec<_> = parts
        .iter()
        .map(|part| part.header().clock.clone())
        .collect();
    clocks.dedup_by_key(|clock| clock.rank);
    let header = Header {
        schema: first.schema,
        version: first.version.clone(),
        plan: first.plan.clone(),
        clients: first.plan.clients,
        complete: false,
        clocks,
    };
    check_clients(&header).with_context(|| shown.to_string())?;
    let streams = parts.into_iter().map(|part| (part.owner(), part)).collect();
    Ok((header, Source::Parts(Box::new(merge(streams)))))
}

/// The lines of a file.
struct Lines {
    path: PathBuf,
    content: Box<dyn BufRead>,
    text: Vec<u8>,
    /// The threads that have begun and not ended.
    at_work: BTreeSet<(Rank, Thread)>,
    /// Whether there was an event.
    has_begun: bool,
}

impl Lines {
    fn open(path: &Path) -> Result<(Header, Lines)> {
        let shown = || path.shown();
        let mut file = BufReader::new(File::open(path).with_context(shown)?);
        let start = file.fill_buf().with_context(shown)?;
        let is_compressed = start.starts_with(&ZSTANDARD);
        ensure!(
            !start.starts_with(&GZIP),
            "{}: expected a trace, compressed by zstd or not at all, found what gzip has compressed",
            path.shown()
        );
        let mut content: Box<dyn BufRead> = if is_compressed {
            let unpacked = zstd::Decoder::with_buffer(file).with_context(shown)?;
            Box::new(BufReader::new(unpacked))
        } else {
            Box::new(file)
        };
        text_file::skip_mark(&mut content).with_context(|| format!("{}:1", path.shown()))?;
        let mut lines = Lines {
            path: path.into(),
            content,
            text: Vec::new(),
            at_work: BTreeSet::new(),
            has_begun: false,
        };
        let header = lines
            .header()
            .with_context(|| format!("{}:1", path.shown()))?;
        Ok((header, lines))
    }

    fn header(&mut self) -> Result<Header> {
        let Some(text) = self.next()? else {
            bail!("expected the header of a trace, found an empty file");
        };
        let header: Header =
            serde_json::from_str(text).map_err(|error| not_a_header(text, error))?;
        check_schema(header.schema)?;
        check_clients(&header)?;
        header.clocks.iter().try_for_each(ClockReport::check)?;
        Ok(header)
    }

    /// The next event; says so if the trace ends before all threads have.
    fn event(&mut self, line: u64, is_complete: bool) -> Result<Option<Event>> {
        let event = self.whole_event(is_complete);
        event.with_context(|| format!("{}:{line}", self.path.shown()))
    }

    fn whole_event(&mut self, is_complete: bool) -> Result<Option<Event>> {
        let Some(text) = self.next()? else {
            if let (true, Some((rank, thread))) = (is_complete, self.at_work.first()) {
                bail!(
                    "expected more events, for the {thread} thread of rank {rank} has not ended, \
                     found the end of the file"
                );
            }
            ensure!(
                self.has_begun || !is_complete,
                "expected an event, for the header says that the trace is complete, found the end of the file"
            );
            return Ok(None);
        };
        let event = parse(text)?;
        self.has_begun = true;
        let who = (event.rank, event.thread);
        if event.deed == Deed::Begun {
            self.at_work.insert(who);
        } else if event.deed == Deed::Ended {
            self.at_work.remove(&who);
        }
        Ok(Some(event))
    }

    /// The next line, if there is one.
    fn next(&mut self) -> Result<Option<&str>> {
        self.text.clear();
        let content = &mut self.content;
        let read = content.take(LONGEST_LINE).read_until(b'\n', &mut self.text);
        if read.context("cannot be read")? == 0 {
            return Ok(None);
        }
        if self.text.pop() != Some(b'\n') {
            ensure!(
                (self.text.len() as u64) < LONGEST_LINE - 1,
                "expected a line, found one that is longer than {LONGEST_LINE} bytes"
            );
            bail!("expected a whole line, found the end of the file in it");
        }
        let text = str::from_utf8(&self.text);
        Ok(Some(text.context("expected text in UTF-8")?))
    }
}

/// Why a line is no header. That it has settings of a newer version is told apart.
fn not_a_header(text: &str, error: serde_json::Error) -> anyhow::Error {
    let told: Value = serde_json::from_str(text).unwrap_or_default();
    if let Some(Err(schema)) = told["schema"]
        .as_u64()
        .map(|schema| check_schema(u32::try_from(schema).unwrap_or(u32::MAX)))
    {
        return schema;
    }
    match Plan::deserialize(&told["settings"]) {
        Err(unknown) if told["settings"].is_object() => {
            unplaced(&unknown).context("settings that this version does not know")
        }
        Ok(_) | Err(_) => unplaced(&error).context("expected the header of a trace"),
    }
}

#[cfg(test)]
mod tests;
