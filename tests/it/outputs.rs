//! What every command does with the places of its outputs, and with a standard output that fails.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use support::job::{as_root, hash, prepare, program};
use tempfile::TempDir;

const STUDY: &str = r#"
title = "t"
claim = "c"
source = "s"
options = { flash-crowd = true, segments = 5 }
grids = [{ repetitions = 1, axes.clients = [2, 3] }]
[[pictures]]
name = "p"
title = "How long does it take?"
x = "clients"
y = "makespan"
"#;

/// A folder with an input of each kind: those of a swarm, a scenario, a study, and a trace.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let a = hash('a');
    for (name, text) in [
        ("in1.txt", format!("1 f 2 {a} {a} 0")),
        ("in2.txt", "0 1 f".into()),
        (
            "s.toml",
            "[[class]]\nname = \"late\"\nclients = [2]\narrives = \"1ms\"\n".into(),
        ),
        ("study.toml", STUDY.into()),
        ("points.toml", "of = 40\n".into()),
        ("older", "what an earlier time has left".into()),
    ] {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    symlink("in1.txt", folder.path().join("link")).expect("a link");
    // A part that a run has left, and inputs that are another run's outputs.
    for (name, text) in [
        ("old.parts/0.tracker", ""),
        ("store/client1_f", "0 1 f"),
        ("linked/in2.txt", "0 1 f"),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    symlink("../store/client1_f", folder.path().join("linked/in1.txt")).expect("a link");
    let traced = [
        "simulate", "-q", "-i", ".", "--trace", "t.jsonl", "--seed", "1",
    ];
    assert!(run(folder.path(), &traced).status.success());
    folder
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    command.args(["-k", "5", "60", program()]).args(arguments);
    prepare(&mut command, folder);
    command.envs(as_root());
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments)
        .output()
        .expect("the program can be run")
}

fn said(output: &Output) -> &str {
    str::from_utf8(&output.stderr).expect("it prints text")
}

/// The regular files of a folder and of those of the folders in it that were there from the start, and what is in them.
/// What mpirun keeps there is not among them.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let inside = ["old.parts", "store", "linked"].map(|name| folder.join(name));
    let folders = [folder.to_owned()].into_iter().chain(inside);
    let entries = folders.flat_map(|folder| fs::read_dir(folder).expect("it can be listed"));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let files = paths.filter(|path| path.is_file());
    files
        .map(|path| (path.clone(), fs::read(path).expect("it can be read")))
        .collect()
}

/// Runs a command line. Its words are apart by spaces, and `mpirun` stands for `launch` as for the rest.
fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

#[test]
fn an_output_that_is_also_an_input_or_another_output_is_refused_before_anything_is_written() {
    let folder = folder();
    let here = folder.path();
    let before = files(here);
    for line in [
        "simulate -i . --report in1.txt",
        "simulate -i . --trace link",
        "simulate -i . --report x --trace ./x",
        "simulate -i . --scenario s.toml --report s.toml",
        "simulate -i . -o . --trace client2_f",
        "launch -i . -o . --report in1.txt",
        "launch -i . -o . --trace link",
        "launch -i . -o . --report x --trace ./x",
        "launch -i . -o . --scenario s.toml --trace s.toml",
        "launch -i . -o . --report client2_f",
        "simulate -i . --report in5.txt",
        "simulate -i . --trace out1.txt",
        "simulate -i . -o new --trace client2_f",
        "launch -i . -o new --report in5.txt",
        "launch -i . -o new --trace ./out1.txt",
        "show t.jsonl -o in5.txt",
        "show t.jsonl --perfetto out1.txt",
        "study study.toml -o out --page in5.txt",
        "grade study.toml --report in5.txt",
        "grade study.toml --page client2_f",
        "show t.jsonl -o ./t.jsonl",
        "show t.jsonl --perfetto t.jsonl",
        "show t.jsonl -o p --perfetto p",
        "study study.toml -o out --page study.toml",
        "study study.toml -o out --page out/study/results.csv",
        "study study.toml -o out --page out/study/p.svg",
        "grade in1.txt --report in1.txt",
        "grade in1.txt --page link",
        "grade in1.txt --report x --page x",
        "grade in1.txt --points points.toml --page points.toml",
        "simulate -i linked -o store",
        "launch -i linked -o store",
        "simulate -i . --report new.parts --trace new",
        "launch -i . -o out --report new.parts --trace new",
        "simulate -i . --report old.parts/0.tracker",
        "simulate -i . --trace old.parts/2.upload",
        "launch -i . -o out --report old.parts/0.tracker",
        "launch -i . -o out --trace old.parts/2.upload",
        "show t.jsonl -o old.parts/0.tracker",
        "show t.jsonl --perfetto old.parts/0.tracker",
        "study study.toml -o out --page old.parts/0.tracker",
        "grade in1.txt --report old.parts/0.tracker",
        "grade in1.txt --page old.parts/2.upload",
    ] {
        let output = run(here, &words(line));
        assert_eq!(output.status.code(), Some(2), "{line}: {}", said(&output));
        assert!(
            said(&output).contains(": name another f"),
            "{line}: {}",
            said(&output)
        );
        assert!(output.stdout.is_empty(), "{line}");
        assert!(files(here) == before, "{line}");
    }
}

/// Each of these writes to standard output, which is that file.
#[test]
fn a_standard_output_that_is_also_an_input_or_another_output_is_refused() {
    let folder = folder();
    let here = folder.path();
    let before = files(here);
    for (line, stdout) in [
        ("simulate -i . --report /dev/stdout", "in1.txt"),
        ("simulate -i . --trace /dev/fd/1", "in2.txt"),
        (
            "simulate -i . --scenario s.toml --report /dev/stdout",
            "s.toml",
        ),
        ("simulate -i . --report older --trace /dev/stdout", "older"),
        ("show t.jsonl -o /dev/stdout", "t.jsonl"),
        ("show t.jsonl --perfetto /dev/stdout", "t.jsonl"),
        ("study study.toml -o out --page /dev/stdout", "study.toml"),
        ("grade in1.txt --report /dev/stdout", "in1.txt"),
        ("grade in1.txt --page /dev/stdout", "in1.txt"),
    ] {
        let file = File::options().append(true).open(here.join(stdout));
        let mut command = command(here, &words(line));
        let output = command.stdout(file.expect("a file")).output();
        let output = output.expect("it can be run");
        assert_eq!(output.status.code(), Some(2), "{line}: {}", said(&output));
        let why = ": name another file\n";
        assert!(said(&output).contains(why), "{line}: {}", said(&output));
        assert!(files(here) == before, "{line}");
    }
    // A pipe, too, is one place.
    for line in [
        "simulate -i . --report /dev/stdout --trace /dev/stdout",
        "show t.jsonl -o /dev/stdout --perfetto /dev/fd/1",
    ] {
        let output = run(here, &words(line));
        assert_eq!(output.status.code(), Some(2), "{line}: {}", said(&output));
        assert!(output.stdout.is_empty(), "{line}");
    }
    // A device that takes everything may take it twice.
    let twice = run(
        here,
        &words("simulate -q -i . --report /dev/null --trace /dev/null"),
    );
    assert!(twice.status.success(), "{}", said(&twice));
}

#[test]
fn where_standard_output_is_a_file_of_the_command_nothing_else_is_on_it() {
    let folder = folder();
    let here = folder.path();
    let is_json = |text: &str| serde_json::from_str::<serde_json::Value>(text).is_ok();
    let is_lines = |text: &str| text.lines().all(is_json);
    let is_page = |text: &str| text.starts_with("<!doctype html>") && text.ends_with("</html>\n");
    let is_markdown =
        |text: &str| text.starts_with("# What came out") && !text.contains("index.html");
    type Check<'a> = &'a dyn Fn(&str) -> bool;
    let lines: [(&str, Check<'_>); 8] = [
        ("simulate -i . --report /dev/stdout", &is_json),
        ("simulate -i . --trace /dev/stdout", &is_lines),
        ("launch -i . -o out --report /dev/stdout", &is_json),
        ("launch -i . -o out --trace /dev/stdout", &is_lines),
        ("show t.jsonl -o /dev/stdout", &is_page),
        ("show t.jsonl -o p.html --perfetto /dev/stdout", &is_json),
        ("study study.toml -o out --page /dev/stdout", &is_markdown),
        ("simulate -i . --report /proc/self/fd/1", &is_json),
    ];
    for (line, is_whole) in lines {
        let piped = run(here, &words(line));
        assert!(piped.status.success(), "{line}: {}", said(&piped));
        let text = String::from_utf8(piped.stdout.clone()).expect("text");
        assert!(!text.is_empty() && is_whole(&text), "{line}: {text}");
        assert!(!piped.stderr.is_empty(), "{line}: the words are elsewhere");
        let file = File::create(here.join("redirected")).expect("a file");
        let output = command(here, &words(line)).stdout(file).output();
        assert!(output.expect("it can be run").status.success(), "{line}");
        let text = fs::read_to_string(here.join("redirected")).expect("text");
        assert!(!text.is_empty() && is_whole(&text), "{line}: {text}");
    }
    // By its own name, too.
    let file = File::create(here.join("r.json")).expect("a file");
    let mut named = command(here, &words("simulate -i . --report r.json"));
    assert!(
        named
            .stdout(file)
            .status()
            .expect("it can be run")
            .success()
    );
    assert!(is_json(
        &fs::read_to_string(here.join("r.json")).expect("text")
    ));
    // Nobody reads what goes to this device: the words stay.
    let null = File::options()
        .write(true)
        .open("/dev/null")
        .expect("a device");
    let mut thrown = command(here, &words("simulate -i . --report /dev/null"));
    let thrown = thrown.stdout(null).output().expect("it can be run");
    assert!(
        thrown.status.success() && thrown.stderr.is_empty(),
        "{}",
        said(&thrown)
    );
}

#[test]
fn a_folder_that_a_command_writes_to_over_a_long_time_is_its_own() {
    let folder = folder();
    let here = folder.path();
    fs::create_dir_all(here.join("submissions/a")).expect("a folder");
    let generate = "generate new --flash-crowd --clients 2 --segments 2 --force";
    for (line, taken) in [
        ("study study.toml -o out", "out/study"),
        ("study study.toml -o out --force", "out/study"),
        (generate, "new"),
        ("grade --all submissions -o grades", "grades"),
    ] {
        let taken = here.join(taken);
        fs::create_dir_all(&taken).expect("a folder");
        fs::write(taken.join("results.csv"), "the other's").expect("a file");
        let other = File::open(&taken).expect("it can be opened");
        rustix::fs::flock(&other, rustix::fs::FlockOperation::LockExclusive).expect("a lock");
        let output = run(here, &words(line));
        assert_eq!(output.status.code(), Some(2), "{line}: {}", said(&output));
        let why = "belongs to a command that goes on: name another folder\n";
        assert!(said(&output).contains(why), "{line}: {}", said(&output));
        let names = fs::read_dir(&taken).expect("it can be listed").count();
        let results = fs::read_to_string(taken.join("results.csv")).expect("it is there");
        assert_eq!((names, &results[..]), (1, "the other's"), "{line}");
        drop(other);
        fs::remove_file(taken.join("results.csv")).expect("it can be removed");
        if !line.starts_with("grade") {
            assert!(run(here, &words(line)).status.success(), "{line}");
        }
        fs::remove_dir_all(&taken).expect("it can be removed");
    }
}

/// Every command with an output, and where it goes in the folder `taken`.
const WRITING: [&str; 11] = [
    "simulate -q -i . --report taken/new",
    "simulate -q -i . --trace taken/new",
    "simulate -q -i . --trace taken/new.zst",
    "simulate -q -i . -o taken",
    "launch -q -i . -o taken",
    "launch -q -i . -o out --report taken/new",
    "study study.toml -o out --page taken/new",
    "generate taken --flash-crowd --clients 2 --segments 2 --force",
    "show t.jsonl -o taken/new",
    "show t.jsonl -o /dev/null --perfetto taken/new",
    "manual taken",
];

#[test]
fn nothing_is_written_into_a_folder_that_another_command_has_for_itself() {
    let folder = folder();
    let taken = folder.path().join("taken");
    fs::create_dir(&taken).expect("a folder");
    let other = File::open(&taken).expect("it can be opened");
    rustix::fs::flock(&other, rustix::fs::FlockOperation::LockExclusive).expect("a lock");
    let graded = [
        "grade in1.txt --report taken/new",
        "grade in1.txt --page taken/new",
    ];
    for line in WRITING.into_iter().chain(graded) {
        let output = run(folder.path(), &words(line));
        assert_eq!(output.status.code(), Some(2), "{line}: {}", said(&output));
        let why = "belongs to a command that goes on: name another folder\n";
        assert!(said(&output).contains(why), "{line}: {}", said(&output));
        assert_eq!(fs::read_dir(&taken).expect("a folder").count(), 0, "{line}");
    }
}

#[test]
fn a_file_that_may_not_grow_is_told_as_a_full_disk() {
    for line in WRITING {
        if line.starts_with("launch") {
            continue; // mpirun itself needs files
        }
        let folder = folder();
        let here = folder.path();
        fs::create_dir(here.join("taken")).expect("a folder");
        let plain = command(here, &words(line));
        let mut limited = Command::new("sh");
        limited.args(["-c", "ulimit -f 0; exec \"$@\"", "sh"]);
        limited.arg(plain.get_program()).args(plain.get_args());
        prepare(&mut limited, here);
        let output = limited.output().expect("it can be run");
        assert_eq!(output.status.code(), Some(3), "{line}: {}", said(&output));
        let why = "File too large (os error 27)\n";
        assert!(said(&output).ends_with(why), "{line}: {}", said(&output));
        let place = if line.starts_with("study") {
            "out/study/results.csv"
        } else {
            "taken/"
        };
        assert!(said(&output).contains(place), "{line}: {}", said(&output));
        let left = fs::read_dir(here.join("taken")).expect("a folder").count();
        assert_eq!(left, 0, "{line}");
    }
}

#[test]
fn other_names_of_results_keep_what_they_had_when_a_study_goes_on() {
    let folder = folder();
    let here = folder.path();
    let study = words("study study.toml -o out");
    assert!(run(here, &study).status.success());
    let results = here.join("out/study/results.csv");
    let whole = fs::read_to_string(&results).expect("text");
    let (first, _) = whole.trim_end().rsplit_once('\n').expect("several lines");
    fs::write(&results, format!("{first}\n")).expect("a file");
    fs::hard_link(&results, here.join("kept")).expect("another name");
    assert!(run(here, &study).status.success());
    let kept = fs::read_to_string(here.join("kept")).expect("text");
    assert_eq!(kept, format!("{first}\n"));
    assert_eq!(fs::read_to_string(&results).expect("text"), whole);
}

#[test]
fn a_swarm_replaces_no_link_pipe_or_device() {
    let folder = folder();
    let here = folder.path();
    for kind in ["link", "nowhere", "pipe", "device"] {
        for name in ["in2.txt", "out1.txt", "in9.txt"] {
            let place = here.join(kind).with_extension(name);
            fs::create_dir(&place).expect("a folder");
            let path = place.join(name);
            match kind {
                "link" => symlink(here.join("older"), &path).expect("a link"),
                "nowhere" => symlink("nowhere", &path).expect("a link"),
                "device" => symlink("/dev/null", &path).expect("a link"),
                _ => {
                    let made = Command::new("mkfifo").arg(&path).status();
                    assert!(made.expect("there is a mkfifo").success());
                }
            }
            let mut generate = command(here, &["generate"]);
            generate.arg(&place);
            generate.args(words("--flash-crowd --clients 2 --segments 2 --force"));
            let output = generate.output().expect("it can be run");
            assert_eq!(output.status.code(), Some(2), "{}", said(&output));
            let why = format!(
                "{}: expected a regular file to replace, found ",
                path.display()
            );
            assert!(said(&output).contains(&why), "{}", said(&output));
            assert_eq!(fs::read_dir(&place).expect("a folder").count(), 1);
            assert!(fs::symlink_metadata(&path).is_ok_and(|it| !it.is_file()));
        }
    }
    let older = fs::read_to_string(here.join("older")).expect("it is there");
    assert_eq!(older, "what an earlier time has left");
}

#[test]
fn a_place_that_cannot_be_written_is_refused_before_the_work() {
    let folder = folder();
    let here = folder.path();
    let before = files(here);
    for (option, lines) in [
        (
            "--report",
            ["simulate -i .", "launch -i . -o .", "grade in1.txt"],
        ),
        ("--trace", ["simulate -i .", "launch -i . -o .", ""]),
        ("--output", ["show t.jsonl", "", ""]),
        ("--perfetto", ["show t.jsonl", "", ""]),
        ("--page", ["study study.toml -o out", "grade in1.txt", ""]),
        (
            "--output-dir",
            ["simulate -i .", "launch -i .", "study study.toml"],
        ),
    ] {
        for line in lines.into_iter().filter(|line| !line.is_empty()) {
            // No folder, or a file in the place of one.
            for place in ["nowhere/x", "older/x"] {
                if option == "--output-dir" && place == "nowhere/x" {
                    continue; // it is created
                }
                let output = run(here, &[&words(line)[..], &[option, place]].concat());
                let said = said(&output);
                assert_eq!(
                    output.status.code(),
                    Some(2),
                    "{line} {option} {place}: {said}"
                );
                assert!(!said.contains("panicked"), "{said}");
                assert!(files(here) == before, "{line} {option} {place}");
            }
        }
    }
}

#[test]
fn a_command_that_is_refused_leaves_no_new_folder() {
    let folder = folder();
    let here = folder.path();
    fs::create_dir_all(here.join("bad/submission")).expect("a folder");
    fs::write(here.join("bad/in1.txt"), "0 1").expect("a file");
    let long = format!("new/{}", "x".repeat(300));
    let before = files(here);
    for line in [
        "simulate -i . -o new/a --report nowhere/x",
        "simulate -i . -o new/a --report new/a/x --trace new/a/x",
        "simulate -i bad -o new/a",
        "launch -i . -o new/a --report nowhere/x",
        "launch -i . -o new/a --trace in1.txt",
        "launch -i bad -o new/a",
        "launch -i . -o new/a --trace new/b/t",
        "study study.toml -o new/a --page nowhere/x",
        "grade --all . -o new/a --tests nowhere",
        "grade --all bad/submission -o new/a",
        &format!("simulate -i . -o {long}"),
        &format!("launch -i . -o {long}"),
        &format!("study study.toml -o {long}"),
        &format!("grade --all . -o {long}"),
        &format!("generate {long} --flash-crowd --clients 2 --segments 2"),
        &format!("manual {long}"),
    ] {
        let output = run(here, &words(line));
        assert_eq!(output.status.code(), Some(2), "{line}: {}", said(&output));
        assert!(!here.join("new").exists(), "{line}");
        assert!(files(here) == before, "{line}");
    }
}

#[test]
fn what_a_command_makes_itself_is_there_for_its_other_outputs() {
    let folder = folder();
    let here = folder.path();
    for line in [
        "simulate -q -i . -o a/new --report a/new/r.json --trace a/new/t.jsonl",
        "launch -q -i . -o b/new --report b/new/r.json --trace b/new/t.jsonl",
        "study study.toml -o c/new --page c/new/study/page.md",
    ] {
        let output = run(here, &words(line));
        assert!(output.status.success(), "{line}: {}", said(&output));
    }
    for name in [
        "a/new/r.json",
        "a/new/t.jsonl",
        "b/new/r.json",
        "b/new/t.jsonl",
    ] {
        assert!(here.join(name).is_file(), "{name}");
    }
    assert!(here.join("c/new/study/page.md").is_file());
}

/// It stands for every device and every process that reads from a pipe.
#[test]
fn what_is_no_regular_file_is_written_through_and_stays() {
    let folder = folder();
    let here = folder.path();
    let pipe = here.join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("there is a mkfifo").success());
    let before = files(here);
    for (line, beginning) in [
        ("simulate -q -i . --report pipe", "{\n"),
        ("simulate -q -i . --trace pipe", "{\"schema\":"),
        ("launch -q -i . -o out --report pipe", "{\n"),
        ("launch -q -i . -o out --trace pipe", "{\"schema\":"),
        ("show t.jsonl -o pipe", "<!doctype html>"),
        ("show t.jsonl -o t.html --perfetto pipe", "[\n"),
        ("study study.toml -o out --page pipe", "# What came out"),
    ] {
        let reading = pipe.clone();
        let reader = thread::spawn(move || fs::read_to_string(reading).expect("text"));
        let output = run(here, &words(line));
        assert_eq!(output.status.code(), Some(0), "{line}: {}", said(&output));
        assert!(
            fs::metadata(&pipe).is_ok_and(|it| it.file_type().is_fifo()),
            "{line}"
        );
        let text = reader.join().expect("it reads");
        let start: String = text.chars().take(40).collect();
        assert!(text.starts_with(beginning), "{line}: {start}");
        _ = fs::remove_file(here.join("t.html"));
        assert!(files(here) == before, "{line}");
        let left = fs::read_dir(here).expect("it can be listed").flatten();
        let mut left = left.filter(|it| it.file_name().to_string_lossy().ends_with("pipe.parts"));
        assert!(left.next().is_none(), "{line}");
    }
}

#[test]
fn no_name_of_a_place_steers_the_terminal_or_breaks_a_line() {
    let folder = folder();
    let here = folder.path();
    let usual = ["in1.txt", "study.toml", "t.jsonl"];
    for name in usual {
        fs::copy(here.join(name), here.join(format!("c\nd{name}"))).expect("a copy");
    }
    for line in [
        "simulate -i . -o new --report a\u{1b}[2Jb",
        "simulate -i . --report nowhere\u{1b}[2J/b",
        "show t.jsonl -o a\u{1b}[2Jb",
        "show t.jsonl --perfetto a\u{1b}[2Jb",
        "study study.toml -o a\u{1b}[2J",
        "study study.toml -o a\u{1b}[2J --dry-run",
        "generate n\u{1b}[2J --flash-crowd --clients 2 --segments 2",
        "generate n\u{1b}[2J --flash-crowd --clients 2 --segments 2",
        "grade --all . -o in1.txt/\u{1b}[2J",
        "manual in1.txt/\u{1b}[2J",
        "simulate -i a\u{1b}[2J",
        "launch -i a\u{1b}[2J",
        "launch -i . -o in1.txt/\u{1b}[2J",
        "launch -i . --mpirun a\u{1b}[2J",
        "check a\u{1b}[2J",
        "check t.jsonl --inputs a\u{1b}[2J",
        "show c\nd\u{1b}[2Jt.jsonl",
        "show c\ndt.jsonl",
        "check c\ndin1.txt",
        "study c\ndin1.txt",
        "study c\ndstudy.toml --dry-run",
        "grade c\ndin1.txt",
        "grade . --all --tests a\u{1b}[2J",
        "grade in1.txt --points c\ndin1.txt",
        "simulate -i . --scenario c\ndin1.txt",
        "simulate -i . --window a\u{1b}[2J\nc",
        "show t.jsonl --from c\nd\u{1b}[2J",
        "a\u{1b}[2J",
    ] {
        let broken = line.contains("c\nd");
        let output = run(here, &words(line));
        let printed = [&output.stdout[..], &output.stderr].concat();
        assert!(!printed.contains(&0x1b), "{}", line.escape_debug());
        let printed = String::from_utf8(printed).expect("text");
        let is_shown = !broken || printed.contains("c\u{fffd}d");
        assert!(is_shown, "{}: {printed}", line.escape_debug());
        assert!(
            !printed.contains("c\nd"),
            "{}: {printed}",
            line.escape_debug()
        );
    }
}

#[test]
fn two_runs_with_one_trace_do_not_share_its_parts() {
    let folder = folder();
    let here = folder.path();
    let parts = here.join("new.parts");
    fs::create_dir(&parts).expect("a folder");
    fs::write(parts.join("1.upload"), "the other run's").expect("a file");
    let other = File::open(&parts).expect("it can be opened");
    rustix::fs::flock(&other, rustix::fs::FlockOperation::LockExclusive).expect("a lock");
    symlink("new", here.join("name")).expect("a link");
    symlink("name", here.join("another")).expect("a link");
    let line = "launch -q -i . -o out --trace new";
    for line in [
        line,
        "launch -q -i . -o out --trace name",
        "launch -q -i . -o out --trace another",
    ] {
        let output = run(here, &words(line));
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        let why = "rank 0: new.parts belongs to a run that goes on: name another --trace\n";
        assert!(said(&output).contains(why), "{}", said(&output));
        assert!(parts.join("1.upload").is_file());
    }
    drop(other);
    // By whatever name, what a run has left is found.
    for name in ["new", "name", "another"] {
        let read = run(here, &["check", name]);
        assert!(said(&read).contains("new.parts"), "{name}: {}", said(&read));
    }
    assert!(run(here, &words(line)).status.success());
    assert!(here.join("new").is_file() && !parts.exists());
}

/// What each command prints, if it prints anything.
const PRINTING: [&str; 13] = [
    "--help",
    "-V",
    "help simulate",
    "simulate -i . --report new.json --trace new.jsonl",
    "study study.toml -o out",
    "study study.toml -o out --dry-run",
    "generate new --flash-crowd --clients 3 --segments 2 --force",
    "check t.jsonl",
    "check t.jsonl --json",
    "show t.jsonl",
    "completions bash",
    "completions zsh",
    "manual man",
];

#[test]
fn nobody_needs_to_read_what_a_command_prints() {
    let folder = folder();
    let here = folder.path();
    for line in PRINTING {
        let usual = run(here, &words(line));
        let (reader, unread) = io::pipe().expect("a pipe");
        drop(reader);
        let plain = command(here, &words(line));
        let mut closed = Command::new("sh");
        closed.args(["-c", "exec \"$@\" >&-", "sh"]);
        closed.arg(plain.get_program()).args(plain.get_args());
        prepare(&mut closed, here);
        let mut unheard = plain;
        unheard.stdout(unread);
        for mut command in [closed, unheard] {
            let output = command.output().expect("it can be run");
            assert_eq!(output.status, usual.status, "{line}: {}", said(&output));
            assert_eq!(said(&output), said(&usual), "{line}");
        }
    }
}

#[test]
fn a_full_disk_under_what_is_printed_is_told_and_takes_nothing_with_it() {
    let folder = folder();
    let here = folder.path();
    for line in PRINTING {
        let full = || {
            Stdio::from(
                File::options()
                    .write(true)
                    .open("/dev/full")
                    .expect("a device"),
            )
        };
        let mut command = command(here, &words(line));
        let output = command.stdout(full()).output().expect("it can be run");
        let (status, why) = match line {
            "manual man" => (0, ""),
            _ => (
                3,
                "bittorrent: cannot print: No space left on device (os error 28)\n",
            ),
        };
        assert_eq!(
            output.status.code(),
            Some(status),
            "{line}: {}",
            said(&output)
        );
        assert_eq!(said(&output), why, "{line}");
        let output = command.stderr(full()).output().expect("it can be run");
        assert_eq!(output.status.code(), Some(status), "{line}");
    }
    for name in [
        "new.json",
        "new.jsonl",
        "out/study/index.html",
        "t.html",
        "new/in3.txt",
    ] {
        assert!(here.join(name).is_file(), "{name}");
    }
}

/// mpirun reads what its ranks print, and then they have written their files.
#[test]
fn a_swarm_leaves_its_files_whoever_reads_what_it_prints() {
    let folder = folder();
    let here = folder.path();
    let mut command = command(
        here,
        &words("launch -i . -o out --report new.json --trace new.jsonl"),
    );
    let mut child = command.spawn().expect("it can be run");
    let mut first = [0; 1];
    let mut printed = child.stdout.take().expect("a pipe");
    printed.read_exact(&mut first).expect("it prints");
    // The first letter is there: so are the files.
    for name in ["new.json", "new.jsonl", "out/client2_f"] {
        assert!(here.join(name).is_file(), "{name}");
    }
    drop(printed);
    child.wait().expect("it ends");
}
