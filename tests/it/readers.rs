//! What every reader makes of files that were damaged, or saved by an editor with habits of its own: it reads
//! them, or says what is wrong. It never panics, and never takes what is not there.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use bittorrent::cli;
use lab::check::Checked;
use lab::picture::Show;
use lab::study::{Studies, Threads};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use support::job::program;
use support::repository::root;
use swarm::event::Thread;
use swarm::manifest;
use swarm::protocol::Rank;
use swarm::report::Report;
use swarm::scenario;
use swarm::settings::Settings;
use swarm::trace::{ClockReport, PartHeader, Reader, part_path, record};
use tempfile::TempDir;

/// How often each reader is tried, unless PROPTEST_CASES says so.
const CASES: u32 = 2000;

/// What is wrong with a file: where, as a part of it, and what.
#[derive(Debug, Clone)]
enum Damage {
    Flip(f64, u8),
    Cut(f64, f64),
    End(f64),
    Double(f64),
    Swap(f64, f64),
    Insert(f64, Vec<u8>),
    /// Another number in place of the first one behind the place.
    Number(f64, &'static str),
}

const NUMBERS: [&str; 16] = [
    "0",
    "-1",
    "1",
    "2",
    "255",
    "65536",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "1e308",
    "1e999",
    "0.5",
    "NaN",
    "99999999.5",
    "",
];

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let place = || 0.0..1.0;
    let one = prop_oneof![
        (place(), 0..8u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        (place(), 0.0..0.1).prop_map(|(at, length)| Damage::Cut(at, length)),
        place().prop_map(Damage::End),
        place().prop_map(Damage::Double),
        (place(), place()).prop_map(|(one, other)| Damage::Swap(one, other)),
        (place(), prop::collection::vec(any::<u8>(), 1..6))
            .prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (place(), prop::sample::select(&NUMBERS[..]))
            .prop_map(|(at, text)| Damage::Number(at, text)),
        (place(), prop::sample::select(&NUMBERS[..]))
            .prop_map(|(at, text)| Damage::Number(at, text)),
    ];
    prop::collection::vec(one, 1..4)
}

fn damaged(original: &[u8], damage: &[Damage]) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for one in damage {
        let length = bytes.len();
        let at = |part: f64| (part * length as f64) as usize;
        let lines = || {
            bytes
                .split_inclusive(|&byte| byte == b'\n')
                .collect::<Vec<_>>()
        };
        match one {
            Damage::Flip(place, bit) => {
                if let Some(byte) = bytes.get_mut(at(*place)) {
                    *byte ^= 1 << bit;
                }
            }
            Damage::Cut(place, part) => {
                bytes.drain(at(*place)..at((place + part).min(1.0)));
            }
            Damage::End(place) => bytes.truncate(at(*place)),
            Damage::Double(place) => {
                let mut lines = lines();
                let line = (place * lines.len() as f64) as usize;
                lines.extend(lines.get(line).copied());
                lines[line.min(length)..].rotate_right(usize::from(!bytes.is_empty()));
                bytes = lines.concat();
            }
            Damage::Swap(one, other) => {
                let mut lines = lines();
                let [one, other] = [one, other].map(|part| (part * lines.len() as f64) as usize);
                if !lines.is_empty() {
                    lines.swap(one, other);
                }
                bytes = lines.concat();
            }
            Damage::Insert(place, more) => {
                bytes.splice(at(*place)..at(*place), more.iter().copied());
            }
            Damage::Number(place, text) => {
                let place = at(*place);
                let is_digit = |byte: &u8| byte.is_ascii_digit();
                if let Some(start) = bytes[place..].iter().position(is_digit) {
                    let rest = &bytes[place + start..];
                    let end = rest
                        .iter()
                        .position(|byte| !is_digit(byte))
                        .unwrap_or(rest.len());
                    let range = place + start..place + start + end;
                    bytes.splice(range, text.bytes());
                }
            }
        }
    }
    bytes
}

/// Has a reader read a file that is damaged in many ways. `read` says whether it was taken: some are.
fn try_all(original: &[u8], read: impl Fn(&[u8]) -> bool) {
    assert!(read(original), "it is good");
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    let config = Config {
        cases: cases.unwrap_or(CASES),
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let refused = Cell::new(0);
    let result = TestRunner::new_with_rng(config, rng).run(&damage(), |damage| {
        let bytes = damaged(original, &damage);
        refused.set(refused.get() + u32::from(!read(&bytes)));
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(refused.get() > CASES / 20, "{refused:?} were refused");
}

/// Writes a file anew. A file system may take milliseconds to write over one.
fn put(path: &Path, bytes: &[u8]) {
    let _ = fs::remove_file(path);
    fs::write(path, bytes).expect("a file");
}

/// A run of three clients, simulated.
fn recorded() -> (TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let words = "simulate -q --clients 3 --files 2 --segments 3 --seed 1 --upload-time 1ms --window 2 \
                 --trace t.jsonl --report r.json";
    let mut command = Command::new(program());
    command
        .args(words.split_whitespace())
        .current_dir(folder.path());
    assert!(command.status().expect("it can be run").success());
    let trace = fs::read(folder.path().join("t.jsonl")).expect("a trace");
    (folder, trace)
}

/// Checks a trace and draws it, both ways. Returns whether it could be read.
fn checked_and_drawn(folder: &Path, trace: &Path) -> bool {
    let is_read = Checked::new(trace, None).is_ok();
    let show = Show {
        trace: trace.to_owned(),
        output: Some(folder.join("page.html")),
        perfetto: Some(folder.join("perfetto.json")),
        window: None,
    };
    for drawn in [&show.output, &show.perfetto].into_iter().flatten() {
        let _ = fs::remove_file(drawn);
    }
    // What can be checked can be drawn, but for a crowd.
    show.run().is_ok() && is_read
}

#[test]
fn a_damaged_trace_is_checked_and_drawn_or_refused() {
    let (folder, trace) = recorded();
    let path = folder.path().join("damaged");
    try_all(&trace, |bytes| {
        put(&path, bytes);
        checked_and_drawn(folder.path(), &path)
    });
}

#[test]
fn damaged_parts_of_a_trace_are_checked_and_drawn_or_refused() {
    let (folder, _) = recorded();
    let reader = Reader::open(&folder.path().join("t.jsonl")).expect("a trace");
    let header = reader.header().clone();
    let mut parts: BTreeMap<(Rank, Thread), Vec<u8>> = BTreeMap::new();
    for event in reader {
        let (_, event) = event.expect("an event");
        let part = parts.entry((event.rank, event.thread)).or_insert_with(|| {
            let clock = ClockReport {
                rank: event.rank.0,
                ..header.clocks[0].clone()
            };
            let header = PartHeader {
                schema: header.schema,
                version: header.version.clone(),
                run: 7,
                rank: event.rank.0,
                thread: event.thread,
                plan: header.plan.clone(),
                clock,
            };
            let mut text = serde_json::to_vec(&header).expect("JSON");
            text.push(b'\n');
            text
        });
        record::append(part, event.time, &event.deed);
    }
    let place = folder.path().join("x.parts");
    fs::create_dir(&place).expect("a folder");
    for (&(rank, thread), content) in &parts {
        fs::write(part_path(&place, rank, thread), content).expect("a part");
    }
    for who in [(Rank(0), Thread::Tracker), (Rank(2), Thread::Download)] {
        let path = part_path(&place, who.0, who.1);
        try_all(&parts[&who], |bytes| {
            put(&path, bytes);
            checked_and_drawn(folder.path(), &place)
        });
        fs::write(&path, &parts[&who]).expect("a part");
    }
}

#[test]
fn a_damaged_input_is_read_or_refused() {
    let input = fs::read(root().join("inputs/test2/in1.txt")).expect("an input");
    try_all(&input, |bytes| manifest::parse(bytes).is_ok());
}

#[test]
fn a_damaged_scenario_is_played_or_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("s.toml");
    let original = fs::read(root().join("inputs/scenarios/flash-crowd.toml")).expect("a scenario");
    try_all(&original, |bytes| {
        put(&path, bytes);
        let text = scenario::text(&path);
        text.and_then(|text| scenario::deal(&path, &text, 20, &Settings::default()))
            .is_ok()
    });
}

const STUDY: &str = "\
title = 't'
claim = 'c'
source = 's'
seed = 5
[combinations.design]
one = { window = 1, tracker-grants = true }
two = { upload-time = '5ms', latency = '1us..9us' }
[options]
flash-crowd = true
segments = 3
[[grids]]
repetitions = 2
axes.clients = [2, 3]
axes.design = ['one', 'two']
[[pictures]]
name = 'p'
title = '?'
x = 'clients'
y = 'makespan'
lines = 'design'
log = 'x'
";

/// What a study says that is only to say how much there is to do.
fn planned(folder: &Path) -> bool {
    let studies = Studies {
        files: vec![folder.join("s.toml")],
        output_dir: folder.to_owned(),
        dry_run: true,
        force: false,
        page: None,
        stall_timeout: None,
    };
    let runs = studies.read(cli::simulation);
    runs.is_ok_and(|runs| studies.run(&runs, &mut Threads(&runs)).is_ok())
}

#[test]
fn a_damaged_study_is_planned_or_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    try_all(STUDY.as_bytes(), |bytes| {
        put(&folder.path().join("s.toml"), bytes);
        planned(folder.path())
    });
}

#[test]
fn damaged_results_are_gone_on_with_or_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("s.toml"), STUDY).expect("a file");
    let mut command = Command::new(program());
    command.args(["study", "s.toml"]).current_dir(folder.path());
    assert!(command.output().expect("it can be run").status.success());
    let path = folder.path().join("s/results.csv");
    let results = fs::read(&path).expect("results");
    try_all(&results, |bytes| {
        put(&path, bytes);
        planned(folder.path())
    });
}

#[test]
fn a_damaged_report_is_read_or_refused() {
    let (folder, _) = recorded();
    let report = fs::read(folder.path().join("r.json")).expect("a report");
    try_all(&report, |bytes| {
        serde_json::from_slice::<Report>(bytes).is_ok()
    });
}

/// A file as each reader has it, and the command that reads it.
fn readers(folder: &Path) -> Vec<(&'static str, Vec<&'static str>)> {
    let shape = "simulate -q --flash-crowd --clients 5 --segments 4 --seed 1 --scenario s.toml";
    let (recorded, trace) = recorded();
    for (name, content) in [
        ("in1.txt", &b"0\n0\n"[..]),
        ("in2.txt", b"0\n0\n"),
        ("in3.txt", b"0\n0\n"),
        ("s.toml", b"[[class]]\nname = 'a'\nshare = 0.5\n"),
        ("works.toml", STUDY.as_bytes()),
        ("t.jsonl", &trace),
    ] {
        fs::write(folder.join(name), content).expect("a file");
    }
    drop(recorded);
    let words = |line: &'static str| line.split(' ').collect();
    vec![
        ("in1.txt", words("simulate -q -i .")),
        ("s.toml", words(shape)),
        ("works.toml", words("study works.toml --dry-run")),
        ("t.jsonl", words("check t.jsonl")),
        ("t.jsonl", words("show t.jsonl --perfetto p.json")),
    ]
}

fn run(folder: &Path, words: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(program());
    let output = command.args(words).current_dir(folder).output();
    let output = output.expect("the program can be run");
    let stderr = String::from_utf8(output.stderr).expect("text");
    (output.status.code(), stderr)
}

#[test]
fn every_reader_skips_a_byte_order_mark_and_names_utf_16() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, words) in readers(folder.path()) {
        let path = folder.path().join(name);
        let plain = fs::read(&path).expect("a file");
        let of = |content: &[u8]| {
            fs::write(&path, content).expect("a file");
            run(folder.path(), &words)
        };
        let expected = of(&plain);
        assert_eq!(
            of(&[b"\xef\xbb\xbf", &plain[..]].concat()),
            expected,
            "{words:?}"
        );
        let utf_16: Vec<u8> = (plain.iter()).flat_map(|&byte| [byte, 0]).collect();
        let (status, stderr) = of(&[b"\xff\xfe", &utf_16[..]].concat());
        assert_eq!(status, Some(2), "{words:?}: {stderr}");
        assert!(stderr.contains(name), "{words:?}: {stderr}");
        assert!(
            stderr.contains("it is in UTF-16: save it in UTF-8"),
            "{words:?}: {stderr}"
        );
        fs::write(&path, plain).expect("a file");
    }
}

#[test]
fn no_reader_reads_a_line_without_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let readers = readers(folder.path());
    for (name, words) in readers.into_iter().filter(|(name, _)| *name != "t.jsonl") {
        let path = folder.path().join(name);
        let plain = fs::read(&path).expect("a file");
        let mut file = fs::File::create(&path).expect("a file");
        let line = vec![b'a'; 1 << 20];
        (0..20).for_each(|_| file.write_all(&line).expect("it can be written"));
        let (status, stderr) = run(folder.path(), &words);
        assert_eq!(status, Some(2), "{words:?}: {stderr}");
        assert!(stderr.contains(name), "{words:?}: {stderr}");
        assert!(stderr.len() < 300, "{words:?}: {stderr}");
        fs::write(&path, plain).expect("a file");
    }
}

#[test]
fn no_commands_message_lets_a_name_steer_the_terminal() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    readers(folder.path());
    let name = "a\u{1b}[2Jb\u{202e}c";
    let crowd = "simulate -q --flash-crowd --clients 5 --segments 4 --scenario";
    for line in [
        "check",
        "show",
        "simulate -q -i",
        "study",
        "grade",
        "check t.jsonl --inputs",
        crowd,
    ] {
        let words: Vec<&str> = line.split(' ').chain([name]).collect();
        let (status, stderr) = run(folder.path(), &words);
        assert_eq!(status, Some(2), "{line}: {stderr:?}");
        assert!(
            stderr.contains("a\u{fffd}[2Jb\u{fffd}c"),
            "{line}: {stderr:?}"
        );
    }
}
