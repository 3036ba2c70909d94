//! An event as a line of JSON.

use std::io::Write;

use anyhow::{Context, Error, Result, ensure};
use serde::de::DeserializeOwned;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::Header;
use super::record::DeedKind;
use crate::event::{Deed, Event, Thread};
use crate::protocol::{
    FileId, FileName, Letter, Rank, SegmentIndex, ToDownload, ToTracker, ToUpload,
};
use crate::seconds;

/// Writes a whole trace, compressed or not.
///
/// # Errors
/// When it cannot be written, or an event cannot be read.
pub fn write(
    mut out: impl Write,
    is_compressed: bool,
    header: &Header,
    events: impl Iterator<Item = Result<Event>>,
) -> Result<()> {
    if is_compressed {
        let mut packed = zstd::Encoder::new(&mut out, zstd::DEFAULT_COMPRESSION_LEVEL)?;
        packed.include_checksum(true)?;
        write_lines(&mut packed, header, events)?;
        packed.finish()?;
        Ok(())
    } else {
        write_lines(&mut out, header, events)
    }
}

fn write_lines(
    out: &mut impl Write,
    header: &Header,
    events: impl Iterator<Item = Result<Event>>,
) -> Result<()> {
    let mut line = serde_json::to_vec(header)?;
    line.push(b'\n');
    out.write_all(&line)?;
    for event in events {
        line.clear();
        append(&event?, &mut line)?;
        out.write_all(&line)?;
    }
    Ok(())
}

/// Appends an event as JSON, and a line break.
pub(super) fn append(event: &Event, lines: &mut Vec<u8>) -> serde_json::Result<()> {
    serde_json::to_writer(&mut *lines, event)?;
    lines.push(b'\n');
    Ok(())
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Event {
            time,
            rank,
            thread,
            deed,
        } = self;
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("time", &time.as_secs_f64())?;
        line.serialize_entry("rank", rank)?;
        line.serialize_entry("thread", thread)?;
        line.serialize_entry("event", &DeedKind::of(deed))?;
        match deed {
            Deed::Begun | Deed::Left | Deed::Ended => {}
            Deed::Posted {
                to: other,
                number,
                bytes,
                letter,
            }
            | Deed::Taken {
                from: other,
                number,
                bytes,
                letter,
            } => {
                let is_posted = matches!(deed, Deed::Posted { .. });
                line.serialize_entry(if is_posted { "to" } else { "from" }, other)?;
                line.serialize_entry("mailbox", &Thread::reader(letter))?;
                line.serialize_entry("tag", &format_args!("{}", letter.tag()))?;
                line.serialize_entry("number", number)?;
                line.serialize_entry("bytes", bytes)?;
                line.serialize_entry("message", letter)?;
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
                line.serialize_entry("from", from)?;
                line.serialize_entry("file", file)?;
                line.serialize_entry("segment", segment)?;
            }
            Deed::Saved { file, problem } => {
                line.serialize_entry("name", file)?;
                line.serialize_entry("problem", problem)?;
            }
        }
        line.end()
    }
}

/// The fields of a line. The event says which of the optional ones must be there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    time: f64,
    rank: Rank,
    thread: Thread,
    event: DeedKind,
    to: Option<Rank>,
    from: Option<Rank>,
    mailbox: Option<Thread>,
    tag: Option<String>,
    number: Option<u64>,
    bytes: Option<usize>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    file: Option<FileId>,
    segment: Option<SegmentIndex>,
    name: Option<FileName>,
    problem: Option<String>,
}

/// The event that a line says.
///
/// # Errors
/// When it is no event. Says what was expected, and what was found.
pub(super) fn parse(text: &str) -> Result<Event> {
    let line: Line<'_> = serde_json::from_str(text)
        .map_err(|error| unplaced(&error).context("expected an event"))?;
    let time = seconds::of(line.time).map_err(Error::msg)?;
    let deed = match line.event {
        DeedKind::Begun => Deed::Begun,
        DeedKind::Posted => Deed::Posted {
            to: given(line.to, "to", line.event)?,
            number: given(line.number, "number", line.event)?,
            bytes: given(line.bytes, "bytes", line.event)?,
            letter: letter(&line)?,
        },
        DeedKind::Taken => Deed::Taken {
            from: given(line.from, "from", line.event)?,
            number: given(line.number, "number", line.event)?,
            bytes: given(line.bytes, "bytes", line.event)?,
            letter: letter(&line)?,
        },
        DeedKind::Verified | DeedKind::WrongHash => Deed::checked(
            line.event == DeedKind::Verified,
            given(line.from, "from", line.event)?,
            given(line.file, "file", line.event)?,
            given(line.segment, "segment", line.event)?,
        ),
        DeedKind::Saved => Deed::Saved {
            file: given(line.name, "name", line.event)?,
            problem: line.problem,
        },
        DeedKind::Left => Deed::Left,
        DeedKind::Ended => Deed::Ended,
    };
    Ok(Event {
        time,
        rank: line.rank,
        thread: line.thread,
        deed,
    })
}

fn given<T>(field: Option<T>, name: &str, event: DeedKind) -> Result<T> {
    field.with_context(|| format!("expected the field \"{name}\" of {event:?}, found none"))
}

/// The message of a line, which is its mailbox's and has its tag.
fn letter(line: &Line<'_>) -> Result<Letter> {
    let text = given(line.message, "message", line.event)?;
    let tag = given(line.tag.as_deref(), "tag", line.event)?;
    let letter = match given(line.mailbox, "mailbox", line.event)? {
        Thread::Tracker => message::<ToTracker>(text, tag)?,
        Thread::Download => message::<ToDownload>(text, tag)?,
        Thread::Upload => message::<ToUpload>(text, tag)?,
    };
    let found = letter.tag();
    ensure!(
        found.to_string() == tag,
        "expected {tag}, found {found} inside"
    );
    Ok(letter)
}

fn message<M: DeserializeOwned + Into<Letter>>(text: &RawValue, tag: &str) -> Result<Letter> {
    let message: M = serde_json::from_str(text.get())
        .map_err(|error| unplaced(&error).context(format!("expected {tag}")))?;
    Ok(message.into())
}

/// What is wrong with a line's JSON, without the place there: the line's own place in the trace is told.
pub(super) fn unplaced(error: &serde_json::Error) -> Error {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = error.to_string();
    Error::msg(text.strip_suffix(&place).unwrap_or(&text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::samples::{deeds, event};
    use super::*;

    #[test]
    fn every_event_round_trips_and_every_truncated_line_is_an_error() {
        for deed in deeds() {
            let event = event(12_345_678_901_234_567, 3, deed);
            let line = serde_json::to_string(&event).unwrap();
            let back = parse(&line).unwrap();
            assert_eq!(back.deed, event.deed, "{line}");
            for end in (0..line.len()).filter(|&end| line.is_char_boundary(end)) {
                parse(&line[..end]).unwrap_err();
            }
        }
    }

    #[test]
    fn a_time_keeps_its_nanoseconds_for_a_month() {
        for nanoseconds in [0, 1, 999, 1_234_567, 2_592_000_123_456_789] {
            let event = event(nanoseconds, 3, Deed::Begun);
            let line = serde_json::to_string(&event).unwrap();
            assert_eq!(parse(&line).unwrap(), event, "{line}");
        }
    }

    #[test]
    fn a_line_is_as_documented() {
        let stop = Deed::Posted {
            to: Rank(2),
            number: 1,
            bytes: 1,
            letter: ToUpload::Stop.into(),
        };
        let event = Event {
            rank: Rank::TRACKER,
            thread: Thread::Tracker,
            ..event(1_234_567, 0, stop)
        };
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"time":0.001234567,"rank":0,"thread":"tracker","event":"posted","to":2,"mailbox":"upload","tag":"STOP","number":1,"bytes":1,"message":"Stop"}"#
        );
    }

    #[test]
    fn what_is_no_event_is_described() {
        let start = r#"{"time":1,"rank":1,"thread":"upload","event":"#;
        let described = |rest: &str| format!("{:#}", parse(&format!("{start}{rest}")).unwrap_err());
        assert!(described(r#""flown"}"#).starts_with("expected an event: unknown variant `flown`"));
        assert_eq!(
            described(r#""verified","from":1,"file":2}"#),
            "expected the field \"segment\" of Verified, found none"
        );
        let taken = r#""taken","from":0,"number":1,"bytes":1,"mailbox":"upload","message":"Stop","#;
        assert_eq!(
            described(&format!(r#"{taken}"tag":"SEGMENT_REQUEST"}}"#)),
            "expected SEGMENT_REQUEST, found STOP inside"
        );
        let time = r#"{"time":-1,"rank":1,"thread":"upload","event":"begun"}"#;
        let error = format!("{:#}", parse(time).unwrap_err());
        assert!(
            error.ends_with("in seconds, 0 to 3155760000, found -1"),
            "{error}"
        );
    }
}
