//! `bittorrent generate` under the checker and under `launch`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use support::job::{Job, program};

fn generate(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program());
    command.arg("generate").arg(folder).args(arguments);
    command.output().expect("the program can be run")
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("it prints text")
}

#[test]
fn the_checker_accepts_what_is_generated() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, arguments) in [
        ("crowd", "--flash-crowd --clients 6 --segments 40"),
        ("all", "--clients 3 --files 12 --segments 5 --owners 2"),
        (
            "some",
            "--clients 5 --files 4 --segments 9 --wants 1 --seed 1",
        ),
        (
            "varied",
            "--clients 4 --files 9 --segments 50 --owners 3 --vary --seed 2",
        ),
        ("alone", "--clients 1 --files 2 --segments 3"),
    ] {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        let output = generate(&folder.path().join(name), &arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let out12 = fs::read_to_string(folder.path().join("all/out12.txt"));
    assert_eq!(out12.expect("file12 has its output").lines().count(), 5);
    let checker = Path::new(env!("CARGO_MANIFEST_DIR")).join("checker.sh");
    let output = Command::new(checker)
        .args(["--binary", program(), "--tests"])
        .arg(folder.path())
        .output()
        .expect("the checker can be run");
    assert!(
        text(&output.stdout).ends_with("Total: 5/5\n"),
        "{}",
        text(&output.stdout)
    );
}

#[test]
fn what_is_generated_can_be_launched_and_is_not_overwritten_by_accident() {
    let job = Job::new(0);
    let folder = job.folder.path().to_owned();
    let arguments = ["--clients", "3", "--files", "2", "--segments", "4"];
    let first = generate(&folder, &arguments);
    let said = text(&first.stdout);
    let seed = said
        .split("--seed ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    let seed = seed.expect("it says the seed");

    let job = job.launched().arguments(&["-q"]).run();
    assert_eq!(
        (job.status, job.outputs(".").len()),
        (Some(0), 4),
        "{}",
        job.stderr
    );

    let input = || fs::read_to_string(folder.join("in1.txt")).expect("an input");
    let generated = input();
    let again = [&arguments[..], &["--seed", seed]].concat();
    let refusal = generate(&folder, &again);
    assert_eq!(refusal.status.code(), Some(2));
    assert!(text(&refusal.stderr).ends_with("/in1.txt already: --force replaces the swarm\n"));
    for (seed, is_the_same) in [("0", false), (seed, true)] {
        let forced = [&arguments[..], &["--force", "--seed", seed]].concat();
        assert!(generate(&folder, &forced).status.success());
        assert_eq!(input() == generated, is_the_same);
    }
}

#[test]
fn shapes_that_cannot_be_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (arguments, message) in [
        (
            "--clients 0 --files 1 --segments 1",
            "error: invalid value '0' for '--clients <C>'",
        ),
        (
            "--clients 2 --segments 1",
            "error: the following required arguments were not provided:\n  --files <F>",
        ),
        (
            "--clients 2 --files 1 --segments 1 --owners 3",
            "error: --owners 3 is more than the 2 clients there are",
        ),
        (
            "--clients 2 --files 1 --segments 1 --wants some",
            "error: invalid value 'some' for '--wants <all|N>': expected 'all' or a number of files",
        ),
        (
            "--clients 2 --segments 1 --flash-crowd --files 2",
            "error: the argument '--flash-crowd' cannot be used with '--files <F>'",
        ),
    ] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let output = generate(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            text(&output.stderr).starts_with(message),
            "{}",
            text(&output.stderr)
        );
    }
    assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 0);
}
