//! Numbers that are too large, too small or none, wherever a number may stand: in every option and in every
//! file. The program says what is wrong and where, or does what it was asked for. It never panics.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use bittorrent::cli::Arguments;
use clap::CommandFactory;
use support::job::program;
use swarm::limits::{LONGEST_TIME, MOST_CLIENTS, MOST_FILES, MOST_SEGMENTS};
use tempfile::TempDir;

/// What may stand behind an option.
#[derive(Clone, Copy)]
enum Number {
    /// 0, or this and more, up to this.
    Count(usize, usize),
    /// Seconds, of which there are some.
    Time,
    /// A 64-bit number.
    Seed,
    /// Megabytes or gigabytes.
    Size,
    /// Columns.
    Width,
}

/// Every option that takes a number.
const OPTIONS: [(&str, Number); 23] = [
    ("update-interval", Number::Count(1, MOST_SEGMENTS)),
    ("window", Number::Count(1, MOST_SEGMENTS)),
    ("members", Number::Count(1, MOST_CLIENTS)),
    ("upload-slots", Number::Count(0, MOST_SEGMENTS)),
    ("upload-time", Number::Time),
    ("seed", Number::Seed),
    ("corrupt", Number::Count(1, MOST_CLIENTS)),
    ("stall-timeout", Number::Time),
    ("terminal-width", Number::Width),
    ("latency", Number::Time),
    ("tracker-time", Number::Time),
    ("moments", Number::Time),
    ("clients", Number::Count(1, MOST_CLIENTS)),
    ("files", Number::Count(1, MOST_FILES)),
    ("segments", Number::Count(1, MOST_SEGMENTS)),
    ("owners", Number::Count(1, MOST_CLIENTS)),
    ("wants", Number::Count(0, MOST_FILES)),
    ("from", Number::Time),
    ("to", Number::Time),
    ("generated", Number::Count(0, 10_000)),
    ("runs", Number::Count(1, 10_000)),
    ("time-limit", Number::Time),
    ("memory", Number::Size),
];

/// No number at all, or one that fits nowhere.
const NEVER: [&str; 9] = [
    "-1",
    "-0.5",
    "NaN",
    "inf",
    "1e30",
    "1e-30",
    "0x10",
    "340282366920938463463374607431768211456",
    "-9223372036854775809",
];

/// What is refused, and what is not.
fn values(number: Number) -> (Vec<String>, Vec<String>) {
    let text = |numbers: &[usize]| numbers.iter().map(usize::to_string).collect();
    let (mut bad, good): (Vec<String>, Vec<String>) = match number {
        Number::Count(0, most) => (text(&[most + 1]), text(&[0, most])),
        Number::Count(least, most) => (text(&[least - 1, most + 1]), text(&[least, most])),
        Number::Time => {
            let most = LONGEST_TIME.as_secs() as usize;
            (text(&[most + 1, usize::MAX]), text(&[most]))
        }
        Number::Seed => (Vec::new(), text(&[0, usize::MAX])),
        Number::Size => (
            vec!["0G".into(), "17179869184G".into()],
            vec!["1M".into(), "17179869183G".into()],
        ),
        Number::Width => (text(&[65_536]), text(&[0, 65_535])),
    };
    bad.extend(NEVER.map(String::from));
    (bad, good)
}

#[test]
fn every_option_of_every_command_knows_its_numbers() {
    let mut command = Arguments::command();
    command.build();
    let commands = command.get_subcommands().cloned().chain([command.clone()]);
    let known: BTreeSet<&str> = OPTIONS.iter().map(|(name, _)| *name).collect();
    let mut seen = BTreeSet::new();
    for command in commands {
        for argument in command.get_arguments() {
            let Some(name) = argument.get_long() else {
                continue;
            };
            let name = name.to_owned();
            let parses = |value: &str| {
                let command = clap::Command::new("it").arg(argument.clone());
                command.try_get_matches_from(["it", &format!("--{name}={value}")])
            };
            let Some(&(known, number)) = OPTIONS.iter().find(|(known, _)| *known == name) else {
                let takes_a_number = ["1", "1s", "1M"].iter().any(|value| parses(value).is_ok());
                let takes_text = parses("a text").is_ok();
                assert!(takes_text || !takes_a_number, "--{name} is in no row");
                continue;
            };
            seen.insert(known);
            let (bad, good) = values(number);
            for value in bad {
                let error = parses(&value).expect_err(&value).to_string();
                let line = error.lines().next().unwrap();
                assert!(line.contains(&format!("--{name}")), "{value}: {error}");
            }
            for value in good {
                parses(&value).unwrap_or_else(|error| panic!("{error}"));
            }
        }
    }
    assert_eq!(seen, known);
}

/// Runs the program in a folder. It is to say nothing, or what is wrong there: in a few words.
fn runs(folder: &Path, arguments: &[&str], place: &str) -> bool {
    let mut command = Command::new("timeout");
    command.args(["60", program()]);
    let output = command.args(arguments).current_dir(folder).output();
    let output = output.expect("the program can be run");
    let stderr = String::from_utf8(output.stderr).expect("text");
    let shown = format!("{}: {stderr}", arguments.join(" "));
    match output.status.code() {
        Some(0) => assert_eq!(stderr, "", "{shown}"),
        // Who leaves too early to serve makes files missing, as the scenario wants it.
        Some(1) => assert!(stderr.contains("did not get"), "{shown}"),
        Some(2) => {
            assert!(stderr.contains(place), "{shown}");
            assert!(!stderr.contains("panicked"), "{shown}");
        }
        other => panic!("status {other:?}: {shown}"),
    }
    output.status.success()
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("it can be written");
    }
    folder
}

const CROWD: [&str; 8] = [
    "simulate",
    "-q",
    "--flash-crowd",
    "--clients=3",
    "--segments=20",
    "--seed=1",
    "--upload-time=1ms",
    "--latency=1ms",
];

#[test]
fn a_simulation_takes_the_largest_numbers_or_refuses_them() {
    let folder = folder(&[]);
    let run = |options: &[&str], place: &str| {
        let names: Vec<&str> = options
            .iter()
            .map(|it| it.split('=').next().unwrap())
            .collect();
        let base = CROWD
            .iter()
            .filter(|it| !names.contains(&it.split('=').next().unwrap()));
        let words: Vec<&str> = base.chain(options).copied().collect();
        runs(folder.path(), &words, place)
    };
    for name in ["update-interval", "window", "upload-slots"] {
        let option = format!("--{name}={MOST_SEGMENTS}");
        assert!(run(&[&option], ""));
        let design = ["--tracker-index=segments", "--segment-order=rarest-first"];
        assert!(run(
            &[&option, "--tracker-grants", design[0], design[1]],
            ""
        ));
    }
    assert!(run(&["--members=1000000"], ""));
    assert!(run(&["--seed=18446744073709551615"], ""));
    let year = "of virtual time";
    for times in [
        &["--latency=1year"][..],
        &["--latency=1ns..1year"],
        &["--latency=1year", "--upload-time=1ns"],
        &["--latency=0s", "--upload-time=1ns"],
        &["--upload-time=1year"],
        &["--upload-time=1year", "--upload-slots=0"],
        &["--tracker-time=1year"],
        &[
            "--tracker-time=1year",
            "--upload-time=1year",
            "--latency=1year",
        ],
    ] {
        run(times, year);
    }
    assert!(!run(&["--upload-time=1year", "--segments=200"], year));
    // What does not fit into any memory is refused before it is taken.
    let most = ["--clients=1000000", "--segments=10000000"];
    assert!(!run(&most, "GiB of memory"));
    assert!(!run(&["--corrupt=1000000"], "--corrupt 1000000"));
    assert!(!run(&["--owners=1000000"], "--owners 1000000"));
    let generate = ["generate", "here", "--files=1000000", most[0], most[1]];
    assert!(!runs(folder.path(), &generate, "GiB of memory"));
    assert!(!folder.path().join("here").exists());
}

/// What may be written where a file has a number or a time.
const WRITTEN: [&str; 16] = [
    "0",
    "1",
    "-1",
    "0.5",
    "1e30",
    "1e-30",
    "nan",
    "inf",
    "4294967295",
    "9223372036854775807",
    "99999999999999999999",
    "\"1year\"",
    "\"1ns\"",
    "\"584542046090year\"",
    "\"18446744073709551615s\"",
    "\"-1s\"",
];

#[test]
fn a_scenario_has_its_numbers_checked_by_line() {
    const KEYS: [&str; 7] = [
        "share",
        "arrives",
        "arrives_every",
        "upload_time",
        "leaves",
        "stays",
        "clients",
    ];
    let mut taken = BTreeSet::new();
    for key in KEYS {
        let whom = if matches!(key, "share" | "clients") {
            ""
        } else {
            "share = 1\n"
        };
        let before = if key == "stays" {
            "leaves = \"when done\"\n"
        } else {
            ""
        };
        let ranks = ["[1, \"2..4294967295\"]", "[\"1..3\"]", "[4294967296]"];
        let ranks = if key == "clients" { &ranks[..] } else { &[] };
        for value in WRITTEN.iter().chain(ranks) {
            let text = format!("[[class]]\nname = \"c\"\n{whom}{before}{key} = {value}\n");
            let folder = folder(&[("s.toml", &text)]);
            let words = [&CROWD[..], &["--scenario=s.toml"]].concat();
            let line = text.lines().count();
            if runs(folder.path(), &words, &format!("s.toml:{line}:")) {
                taken.insert(key);
            }
        }
    }
    assert_eq!(taken, BTreeSet::from(KEYS));
}

/// Files that have a length and take no room.
#[test]
fn inputs_that_do_not_fit_into_memory_are_refused_before_they_are_read() {
    let folder = folder(&[("in1.txt", "0 0\n"), ("in2.txt", "0 0\n")]);
    let here = folder.path();
    let traced = ["simulate", "-q", "-i", ".", "--trace", "t"];
    let run = |words: &[&str]| {
        let mut command = Command::new(program());
        command.args(words).current_dir(here);
        command.output().expect("the program can be run")
    };
    assert!(run(&traced).status.success());
    let input = fs::File::options().write(true).open(here.join("in2.txt"));
    input
        .expect("it is there")
        .set_len(1 << 42)
        .expect("it can have holes");
    for words in [&traced[..], &["check", "t", "--inputs", "."]] {
        let output = run(words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.contains("the swarm needs about 4096 GiB of memory, and "),
            "{said}"
        );
    }
}

#[test]
fn a_study_has_its_numbers_checked_by_line() {
    const KEYS: [&str; 5] = ["seed", "repetitions", "at-once", "axes.window", "window"];
    let mut taken = BTreeSet::new();
    for key in KEYS {
        for value in WRITTEN {
            let own = |of: &str| {
                if of == key {
                    format!("{of} = {value}\n")
                } else {
                    String::new()
                }
            };
            let value = if key == "axes.window" {
                format!("[{value}]")
            } else {
                value.to_owned()
            };
            let in_grid = match key {
                "repetitions" => own(key),
                "axes.window" => format!("repetitions = 1\n{key} = {value}\n"),
                _ => format!("repetitions = 1\n{}", own("at-once")),
            };
            let text = format!(
                "title = 't'\nclaim = 'c'\nsource = 's'\npictures = []\n{}\
                 [options]\nflash-crowd = true\nclients = 2\nsegments = 3\n{}[[grids]]\n{in_grid}",
                own("seed"),
                own("window"),
            );
            let folder = folder(&[("s.toml", &text)]);
            if runs(folder.path(), &["study", "s.toml"], "s.toml:") {
                taken.insert(key);
            }
        }
    }
    assert_eq!(taken, BTreeSet::from(KEYS));
    let axis = |name: &str| {
        format!(
            "axes.{name} = [{}]\n",
            (1..=400).map(|n| format!("{n},")).collect::<String>()
        )
    };
    let text = format!(
        "title = 't'\nclaim = 'c'\nsource = 's'\npictures = []\n\
         [options]\nflash-crowd = true\nclients = 2\nsegments = 3\n[[grids]]\nrepetitions = 1000\n{}{}{}",
        axis("window"),
        axis("update-interval"),
        axis("members"),
    );
    let folder = folder(&[("s.toml", &text)]);
    assert!(!runs(
        folder.path(),
        &["study", "s.toml"],
        "s.toml:12:6: expected at most 100000"
    ));
}

#[test]
fn an_input_has_its_numbers_checked_by_line() {
    let numbers = [
        "-1",
        "1e30",
        "nan",
        "1000001",
        "10000001",
        "18446744073709551616",
    ];
    for number in numbers {
        for (before, most) in [
            ("", MOST_FILES),
            ("0\n", MOST_FILES),
            ("1\nf ", MOST_SEGMENTS),
        ] {
            if number.parse().is_ok_and(|number: usize| number <= most) {
                continue;
            }
            let text = format!("{before}{number}\n");
            let folder = folder(&[("in1.txt", &text)]);
            let place = format!("in1.txt:{}: expected the number of ", text.lines().count());
            assert!(!runs(folder.path(), &["simulate", "-q", "-i", "."], &place));
        }
    }
}
