use tempfile::TempDir;

use super::super::samples::{deeds, event};
use super::super::{ClockReport, PartHeader, SCHEMA, part_path, record, write};
use super::*;
use crate::report::Plan;
use crate::scenario::Cast;
use crate::settings::Settings;

fn header() -> Header {
    let plan = Plan {
        settings: Settings::default(),
        clients: 3,
        corrupt: vec![],
        cast: Cast::default(),
    };
    Header {
        schema: SCHEMA,
        version: "1.2.3".into(),
        plan,
        clients: 3,
        complete: true,
        clocks: vec![clock(3)],
    }
}

fn clock(rank: u32) -> ClockReport {
    ClockReport {
        rank,
        host: "here".into(),
        offset: -1.5,
        uncertainty: 1e-6,
    }
}

fn events() -> Vec<Event> {
    let events = (0..).zip(deeds()).map(|(time, deed)| event(time, 3, deed));
    events.collect()
}

fn written(is_compressed: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let events = events().into_iter().map(Ok);
    write(&mut bytes, is_compressed, &header(), events).unwrap();
    bytes
}

/// What a file of these bytes is read as; an error in words.
fn read(bytes: &[u8]) -> Result<(Header, Vec<(u64, Event)>), String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("t");
    fs::write(&path, bytes).unwrap();
    let described = |error: anyhow::Error| {
        let shown = path.display().to_string();
        format!("{error:#}").replace(&shown, "t")
    };
    let reader = Reader::open(&path).map_err(described)?;
    let header = reader.header().clone();
    let events = reader.collect::<Result<_>>().map_err(described)?;
    Ok((header, events))
}

#[test]
fn a_trace_is_read_as_it_was_written_compressed_or_not() {
    for is_compressed in [false, true] {
        let (found, lines) = read(&written(is_compressed)).unwrap();
        assert_eq!(found, header());
        assert!(lines.into_iter().eq((2..).zip(events())));
    }
}

#[test]
fn a_file_that_is_no_trace_or_not_all_of_one_is_described() {
    let whole = written(false);
    assert_eq!(
        read(b"").unwrap_err(),
        "t:1: expected the header of a trace, found an empty file"
    );
    let error = read(b"hello\n").unwrap_err();
    assert!(
        error.starts_with("t:1: expected the header of a trace: "),
        "{error}"
    );
    let error = read(&[&b"\xff"[..], &whole].concat()).unwrap_err();
    assert!(error.starts_with("t:1: expected text in UTF-8"), "{error}");
    let error = read(&[&b"\xff\xfe"[..], &whole].concat()).unwrap_err();
    assert_eq!(error, "t:1: it is in UTF-16: save it in UTF-8");
    let marked = [&b"\xef\xbb\xbf"[..], &whole].concat();
    assert!(read(&marked).is_ok());
    let text = String::from_utf8(whole.clone()).unwrap();
    let crowd = text.replacen(
        "\"clients\":3,\"complete\"",
        "\"clients\":4000000000,\"complete\"",
        1,
    );
    assert_eq!(
        read(crowd.as_bytes()).unwrap_err(),
        "t:1: expected at most 1000000 clients, found 4000000000"
    );
    for (name, found) in [
        ("offset", "1e18"),
        ("offset", "-31557600.5"),
        ("uncertainty", "-1e-6"),
        ("uncertainty", "1e300"),
    ] {
        let before = if name == "offset" { "-1.5" } else { "1e-6" };
        let clock = text.replacen(
            &format!("\"{name}\":{before}"),
            &format!("\"{name}\":{found}"),
            1,
        );
        let error = read(clock.as_bytes()).unwrap_err();
        let why = format!("t:1: expected an {name} of the clock of rank 3 from ");
        assert!(error.starts_with(&why), "{error}");
        assert!(
            error.ends_with(&format!(" seconds, found {found}")),
            "{error}"
        );
    }
    let few = text.replacen(
        "\"clients\":3,\"complete\"",
        "\"clients\":1,\"complete\"",
        1,
    );
    let error = read(few.as_bytes()).unwrap_err();
    assert!(
        error.contains(": expected a rank from 0 to 1, found "),
        "{error}"
    );
    let other = String::from_utf8(whole.clone()).unwrap();
    let other = other.replacen("\"schema\":2", "\"schema\":9", 1);
    assert_eq!(
        read(other.as_bytes()).unwrap_err(),
        "t:1: expected a trace of schema 2, found one of schema 9"
    );
    let newer = String::from_utf8(whole.clone()).unwrap();
    let newer = newer.replacen("\"round-robin\"", "\"newest\"", 1);
    assert_eq!(
        read(newer.as_bytes()).unwrap_err(),
        "t:1: settings that this version does not know: --peer-selection has no 'newest'"
    );
    let torn = read(&whole[..whole.len() - 1]).unwrap_err();
    let lines = events().len() + 1;
    assert_eq!(
        torn,
        format!("t:{lines}: expected a whole line, found the end of the file in it")
    );
    let second = whole.iter().position(|byte| *byte == b'\n').unwrap();
    let third = whole[second + 1..]
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap();
    assert_eq!(
        read(&whole[..second + third + 2]).unwrap_err(),
        "t:3: expected more events, for the download thread of rank 3 has not ended, \
         found the end of the file"
    );
    assert_eq!(
        read(&whole[..=second]).unwrap_err(),
        "t:2: expected an event, for the header says that the trace is complete, \
         found the end of the file"
    );
    let foreign = [&whole[..=second], b"{\"a\": 1}\n"].concat();
    let foreign = read(&foreign).unwrap_err();
    assert!(
        foreign.starts_with("t:2: expected an event: unknown field `a`, "),
        "{foreign}"
    );
    assert!(
        !foreign.contains(" column "),
        "the line is told already: {foreign}"
    );
    let gone = Reader::open(Path::new("/nowhere/t"))
        .err()
        .expect("nothing is there");
    let gone = format!("{gone:#}");
    assert!(gone.starts_with("/nowhere/t: No such file"), "{gone}");
}

#[test]
fn a_compressed_trace_that_is_cut_off_or_damaged_is_an_error() {
    let whole = written(true);
    for length in 0..whole.len() {
        read(&whole[..length]).unwrap_err();
    }
    for place in 4..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x55;
        // Its checksum tells, unless nothing was lost.
        if let Ok((header, events)) = read(&damaged) {
            assert_eq!((header, events), read(&whole).unwrap(), "byte {place}");
        }
    }
}

/// What each of the two threads did. Whoever sent them messages has left no part.
fn left_events() -> impl Iterator<Item = Event> {
    (events().into_iter()).filter(|event| !matches!(event.deed, Deed::Taken { .. }))
}

/// A folder with the parts of two threads, of these runs.
fn left(runs: [u64; 2]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let parts = parts_folder(&folder.path().join("t"));
    fs::create_dir(&parts).unwrap();
    for (thread, run) in [Thread::Download, Thread::Upload].into_iter().zip(runs) {
        let header = PartHeader {
            schema: SCHEMA,
            version: "1.2.3".into(),
            run,
            rank: 3,
            thread,
            plan: header().plan,
            clock: clock(3),
        };
        let mut bytes = serde_json::to_vec(&header).unwrap();
        bytes.push(b'\n');
        for event in left_events() {
            record::append(&mut bytes, event.time, &event.deed);
        }
        bytes.extend([1, 2, 3]);
        fs::write(part_path(&parts, Rank(3), thread), bytes).unwrap();
    }
    fs::write(parts.join("notes"), "not a part").unwrap();
    fs::write(parts.join("9.upload"), "{\"sch").unwrap();
    folder
}

#[test]
fn the_parts_of_a_run_that_was_broken_off_are_a_trace() {
    let folder = left([1, 1]);
    for name in ["t", "t.parts"] {
        let reader = Reader::open(&folder.path().join(name)).unwrap();
        let expected = Header {
            complete: false,
            ..header()
        };
        assert_eq!(*reader.header(), expected);
        let events: Vec<_> = reader.map(Result::unwrap).collect();
        assert_eq!(events.len(), 2 * left_events().count());
        assert!(
            events
                .iter()
                .map(|(line, _)| *line)
                .eq(2..2 + events.len() as u64)
        );
    }
}

#[test]
fn parts_of_two_runs_and_a_folder_without_any_are_errors() {
    let described = |path: &Path| {
        let error = Reader::open(path).err().expect("it is no trace");
        format!("{error:#}").replace(&path.display().to_string(), "t")
    };
    assert_eq!(
        described(&left([1, 2]).path().join("t.parts")),
        "t: expected the parts of one run, found those of two: 3.download and 3.upload"
    );
    assert_eq!(
        described(TempDir::new().unwrap().path()),
        "t: expected the parts of a trace, found none"
    );
}
