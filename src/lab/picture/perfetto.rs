//! A trace in the JSON format of Chrome's tracing, which the Perfetto viewer reads: a process for each
//! rank, a track for each thread, and an arrow for each message.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::messages::Key;
use crate::rules::{Passing, Way};
use swarm::event::{Deed, Event, Thread};
use swarm::protocol::Rank;
use swarm::trace::Reader;

/// The length of a deed on its track, unless the thread's next one comes sooner: an arrow needs something to
/// begin and to end at.
const LENGTH: Duration = Duration::from_micros(1);

/// What a slice is shorter than the time to its thread's next one: where slices touch, the viewer may take
/// them for overlapping, and leave one out with its arrow.
const BETWEEN: Duration = Duration::from_nanos(1);

/// One of Chrome's trace events. Times are in microseconds.
#[derive(Serialize)]
struct Entry<'a, T> {
    name: &'a str,
    ph: &'a str,
    pid: u32,
    tid: u32,
    /// What a kind of event (`ph`) has besides.
    #[serde(flatten)]
    rest: T,
}

#[derive(Serialize)]
struct SliceOfTrack {
    ts: Box<RawValue>,
    dur: Box<RawValue>,
    args: Value,
}

#[derive(Serialize)]
struct ArrowEnd {
    ts: Box<RawValue>,
    id: u64,
    cat: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bp: Option<&'static str>,
}

/// Writes all events of a trace.
///
/// # Errors
/// When the trace cannot be read, or nothing can be written.
pub(super) fn write(events: Reader, out: impl Write) -> Result<()> {
    let mut list = List {
        out,
        is_empty: true,
    };
    let mut tracks: BTreeMap<(Rank, Thread), Slice> = BTreeMap::new();
    let mut arrows = Arrows::default();
    for event in events {
        let (line, event) = event?;
        let (who, time) = ((event.rank, event.thread), event.time);
        let arrow = arrows.at(&event);
        match tracks.insert(who, Slice { line, event, arrow }) {
            None => list.name(who)?,
            Some(before) => list.slice(&before, time.saturating_sub(before.event.time))?,
        }
    }
    for last in tracks.values() {
        list.slice(last, Duration::MAX)?;
    }
    list.end()
}

/// An event that waits for the time of its thread's next one.
struct Slice {
    line: u64,
    event: Event,
    /// The arrow that begins or ends here.
    arrow: Option<(Way, u64)>,
}

/// The arrows, numbered from 1 on.
#[derive(Default)]
struct Arrows {
    underway: HashMap<Key, u64>,
    drawn: u64,
}

impl Arrows {
    /// The arrow that begins or ends at an event. There is none where only its end is known.
    fn at(&mut self, event: &Event) -> Option<(Way, u64)> {
        let passing = Passing::of(event)?;
        let key = Key::of(&passing);
        match passing.way {
            Way::Posted => {
                self.drawn += 1;
                self.underway.insert(key, self.drawn);
                Some((passing.way, self.drawn))
            }
            Way::Taken => Some((passing.way, self.underway.remove(&key)?)),
        }
    }
}

/// A list of entries that is written as it grows.
struct List<W> {
    out: W,
    is_empty: bool,
}

impl<W: Write> List<W> {
    fn add<T: Serialize>(
        &mut self,
        name: &str,
        ph: &str,
        who: (Rank, Thread),
        rest: T,
    ) -> Result<()> {
        let before = if self.is_empty { "[\n" } else { ",\n" };
        self.is_empty = false;
        let (pid, tid) = (who.0.0, track(who.1));
        let entry = Entry {
            name,
            ph,
            pid,
            tid,
            rest,
        };
        let written = self.out.write_all(before.as_bytes());
        written
            .and_then(|()| serde_json::to_writer(&mut self.out, &entry).map_err(Into::into))
            .context("cannot write for Perfetto")
    }

    fn end(mut self) -> Result<()> {
        let end: &[u8] = if self.is_empty { b"[]\n" } else { b"\n]\n" };
        self.out.write_all(end).context("cannot write for Perfetto")
    }

    /// What a thread's track and its rank's group are called.
    fn name(&mut self, who: (Rank, Thread)) -> Result<()> {
        let (rank, thread) = who;
        let group = match rank {
            Rank::TRACKER => "tracker".to_owned(),
            client => format!("client {client}"),
        };
        for (name, called) in [("process_name", group), ("thread_name", thread.to_string())] {
            self.add(name, "M", who, json!({ "args": { "name": called } }))?;
        }
        Ok(())
    }

    /// An event as a slice of its track, with the arrow's end.
    fn slice(&mut self, slice: &Slice, until_next: Duration) -> Result<()> {
        let Slice { line, event, arrow } = slice;
        let who = (event.rank, event.thread);
        let (name, args) = content(*line, &event.deed);
        let ts = microseconds(event.time);
        let dur = microseconds(LENGTH.min(until_next.saturating_sub(BETWEEN)));
        let whole = SliceOfTrack {
            ts: ts.clone(),
            dur,
            args,
        };
        self.add(&name, "X", who, whole)?;
        let (ph, id, bp) = match *arrow {
            None => return Ok(()),
            Some((Way::Posted, id)) => ("s", id, None),
            Some((Way::Taken, id)) => ("f", id, Some("e")),
        };
        let cat = "message";
        self.add("message", ph, who, ArrowEnd { ts, id, cat, bp })
    }
}

/// A slice's name, and what the viewer says of it.
fn content(line: u64, deed: &Deed) -> (String, Value) {
    match deed {
        Deed::Begun => ("begun".into(), json!({ "line": line })),
        Deed::Left => ("left".into(), json!({ "line": line })),
        Deed::Ended => ("ended".into(), json!({ "line": line })),
        Deed::Posted {
            to, bytes, letter, ..
        } => {
            let args = json!({ "line": line, "to": to, "bytes": bytes });
            (format!("post {}", letter.tag()), args)
        }
        Deed::Taken {
            from,
            bytes,
            letter,
            ..
        } => {
            let args = json!({ "line": line, "from": from, "bytes": bytes });
            (format!("take {}", letter.tag()), args)
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
            let is_right = matches!(deed, Deed::Verified { .. });
            let name = if is_right { "verified" } else { "wrong hash" };
            let args = json!({ "line": line, "from": from, "file": file, "segment": segment });
            (name.into(), args)
        }
        Deed::Saved { file, problem } => {
            let args = json!({ "line": line, "name": file, "problem": problem });
            ("saved".into(), args)
        }
    }
}

/// A thread's place in its rank's group.
fn track(thread: Thread) -> u32 {
    match thread {
        Thread::Tracker => 0,
        Thread::Download => 1,
        Thread::Upload => 2,
    }
}

/// All nanoseconds of a time, as a decimal: the nearest binary fraction may be one nanosecond off.
fn microseconds(time: Duration) -> Box<RawValue> {
    let (whole, fraction) = (time.as_micros(), time.subsec_nanos() % 1000);
    RawValue::from_string(format!("{whole}.{fraction:03}")).expect("a decimal is JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_keeps_every_nanosecond() {
        for (nanoseconds, expected) in [
            (0, "0.000"),
            (1, "0.001"),
            (999_999, "999.999"),
            (1_000_000_020, "1000000.020"),
            (3_155_760_000_000_000_007, "3155760000000000.007"),
        ] {
            let time = Duration::from_nanos(nanoseconds);
            assert_eq!(microseconds(time).get(), expected);
        }
    }
}
