//! `bittorrent study` under a real `mpirun`: all ranks simulate, and what comes out is what one process leaves.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use support::job::{Job, Outcome, hash, mpi, program};
use support::profiling::profiled;
use swarm::launch::Mpi;
use tempfile::TempDir;

/// All that a study may have: combinations, classes, moments, inputs, a schedule, and runs that go on alone.
const STUDY: &str = r#"
title = "Does it work?"
claim = "It does."
source = "Nobody, 2026"
classes = ["late"]
moments = ["1ms", "1s"]

[combinations.swarm]
crowd = { flash-crowd = true, clients = 5, segments = 20 }
given = { input-dir = "in" }
best = { flash-crowd = true, clients = 5, segments = 20, oracle = true }
parts = { flash-crowd = true, clients = 5, segments = 20, scenario = "parts.toml" }

[options]
latency = "10us..90us"

[[grids]]
repetitions = 6
axes.swarm = ["crowd", "parts"]
axes.upload-time = ["1ms", "2ms"]

[[grids]]
repetitions = 2
at-once = 1
axes.swarm = ["given", "best"]
axes.upload-time = ["1ms"]

[[pictures]]
name = "makespan"
title = "How long does it take?"
x = "upload-time"
y = "makespan"
lines = "swarm"
"#;

const PARTS: &str = "[[class]]\nname = 'late'\nclients = [2]\narrives = '3ms'\n";

/// A job in a folder with a study, `works.toml`.
fn job(ranks: usize, study: &str) -> Job {
    let job = Job::new(ranks).file("works.toml", study);
    let job = job.file("parts.toml", PARTS);
    fs::create_dir(job.folder.path().join("in")).expect("a folder");
    let job = job.file("in/in1.txt", &format!("1 f 2 {0} {0} 0", hash('a')));
    let job = job.file("in/in2.txt", "0 1 f");
    job.arguments(&["study", "works.toml", "--page", "page.md"])
}

/// What a study leaves, by name.
fn left(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder.join("works")).expect("a folder");
    let paths = entries.map(|entry| entry.expect("it can be listed").path());
    let read = |path: &Path| fs::read_to_string(path).expect("text");
    let name = |path: &Path| path.file_name().expect("a name").display().to_string();
    let mut left: BTreeMap<_, _> = paths.map(|path| (name(&path), read(&path))).collect();
    left.insert("page.md".into(), read(&folder.join("page.md")));
    left
}

/// The same from one process.
fn of_one_process(study: &str) -> (BTreeMap<String, String>, String) {
    let job = job(1, study);
    let mut command = Command::new(program());
    command.args(["study", "works.toml", "--page", "page.md"]);
    let output = command.current_dir(job.folder.path()).output();
    let output = output.expect("the program can be run");
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(0), "{said}");
    (left(job.folder.path()), said)
}

/// Runs a study that goes well, and leaves what one process leaves.
fn assert_leaves(job: Job, expected: &(BTreeMap<String, String>, String)) {
    let job = job.run();
    assert_eq!(job.status, Some(0), "{}", job.stderr);
    assert!(left(job.folder.path()) == expected.0);
    assert_eq!(job.stderr, expected.1);
    assert_eq!(job.stdout, "works: works/index.html\n");
}

#[test]
fn a_study_leaves_the_same_bytes_whatever_the_number_of_ranks() {
    let expected = of_one_process(STUDY);
    for ranks in [1, 2, 4] {
        assert_leaves(job(ranks, STUDY), &expected);
    }
}

#[test]
fn a_study_leaves_the_same_bytes_where_every_send_waits_for_its_receive() {
    let expected = of_one_process(STUDY);
    for deed in ["synchronous", "noise:1"] {
        assert_leaves(profiled(job(3, STUDY), deed), &expected);
    }
}

#[test]
fn of_a_study_that_is_not_carried_out_the_first_rank_speaks() {
    let planned = job(3, STUDY).arguments(&["--dry-run"]).run();
    assert_eq!((planned.status, &*planned.stderr), (Some(0), ""));
    assert!(
        planned
            .stdout
            .starts_with("works: 28 runs of 6 combinations, 0 of them done; ")
    );
    assert_eq!(planned.stdout.lines().count(), 1);
    assert!(!planned.folder.path().join("works").exists());

    let bad = job(3, &STUDY.replace("claim", "clam")).run();
    bad.assert_refused(&["bittorrent: works.toml:3:1: unknown field `clam`, "]);

    let held = job(2, STUDY).file("works", "in the way").run();
    held.assert_refused(&["bittorrent: --output-dir: "]);
}

/// What a rank does before it becomes the program, in the words of a shell.
fn with_rank(job: Job, rank: u32, deed: &str) -> Job {
    let this = swarm::launch::rank_in_shell();
    let script = format!("[ {this} != {rank} ] || {{ {deed}; }}; exec \"$@\"");
    job.behind(&["sh", "-c", &script, "sh"])
}

#[test]
fn a_rank_with_other_files_or_another_program_is_refused() {
    let copy = "cp -R works.toml parts.toml in other && cd other";
    let lay = |deed: &str| {
        let job = job(3, STUDY);
        fs::create_dir(job.folder.path().join("other")).expect("a folder");
        with_rank(job, 2, deed).run()
    };
    for (deed, why) in [
        ("sed -i s/10us/11us/ works.toml", "the study 'works' is not"),
        ("sed -i 's/= 6/= 7/' works.toml", "the study 'works' is not"),
        ("echo >>parts.toml", "parts.toml is not"),
        ("echo >>in/in2.txt", "in/in2.txt is not"),
        ("echo 0 0 >in/in3.txt", "in/in3.txt is not"),
        (
            "cp \"$1\" p && echo >>p && shift && set -- ./p \"$@\"",
            "the program is not",
        ),
    ] {
        let job = lay(&format!("{copy} && {deed}"));
        let why = format!(": {why} the same as that of rank 0\n");
        job.assert_refused(&["bittorrent: rank 2, on ", &why]);
        assert!(!job.folder.path().join("works").exists());
    }
    let job = lay("cd other");
    job.assert_refused(&[
        "bittorrent: rank 2, on ",
        ": cannot read works.toml: No such file",
    ]);
    let job = lay(&format!(
        "{copy} && sed -i 's|T|# T|; s/Does/Do/' works.toml"
    ));
    assert_eq!(job.status, Some(0), "{}", job.stderr);
}

#[test]
fn a_run_that_cannot_be_done_is_told_once() {
    let study = STUDY.replace("upload-time = [\"1ms\"", "upload-time = [\"365day\"");
    let study = study.replace("segments = 20", "segments = 200");
    let job = job(3, &study).run();
    assert_eq!(job.status, Some(2), "{}", job.stderr);
    job.assert_says(&[
        "bittorrent: bittorrent simulate ",
        "more than 100 years of virtual time",
    ]);
}

/// Takes some seconds, in hundreds of runs.
fn long() -> String {
    let study = STUDY.replace("segments = 20", "segments = 200");
    study.replace("repetitions = 6", "repetitions = 200")
}

const RESULTS: &str = "works/results.csv";

/// Starts a study, or goes on with it, and has this done when there is one more result.
fn interrupted(
    folder: TempDir,
    arguments: &[&str],
    deed: impl FnOnce(&mut support::job::Running),
) -> Outcome {
    let length = |folder: &Path| fs::metadata(folder.join(RESULTS)).map_or(0, |file| file.len());
    let before = length(folder.path());
    let mut job = Job::new(3).arguments(&["study", "works.toml", "--page", "page.md"]);
    job.folder = folder;
    let mut job = job.arguments(arguments).start();
    job.wait_for_bytes(RESULTS, (before + 1).max(1000));
    deed(&mut job);
    job.end()
}

#[test]
fn a_study_that_is_interrupted_goes_on() {
    let study = long();
    let expected = of_one_process(&study);
    let mut folder = job(3, &study).folder;
    for (rank, signal) in [
        (Some(0), "TERM"),
        (Some(2), "TERM"),
        (Some(1), "KILL"),
        (None, "TERM"),
    ] {
        let job = interrupted(folder, &[], |job| match rank {
            Some(rank) => job.signal(rank, signal),
            None => job.signal_mpirun(signal),
        });
        // MPICH's mpirun may end with 0 where the signal comes to itself.
        if rank.is_some() || mpi().1 == Mpi::OPEN_MPI {
            assert_ne!(job.status, Some(0), "{}", job.stderr);
        }
        // An mpirun that ends the others leaves rank 0 a few milliseconds, and MPICH's may forget what it says.
        if rank == Some(0) && mpi().1 == Mpi::OPEN_MPI {
            job.assert_says(&[
                "bittorrent: SIGTERM came; works/results.csv has what is done, and the same \
                 command goes on\n",
            ]);
        }
        let results = fs::read_to_string(job.folder.path().join(RESULTS)).expect("text");
        assert!(results.ends_with('\n') && expected.0["results.csv"].starts_with(&results));
        assert!(results != expected.0["results.csv"], "it was done too soon");
        folder = job.folder;
    }
    let mut job = Job::new(2).arguments(&["study", "works.toml", "--page", "page.md"]);
    job.folder = folder;
    assert_leaves(job, &expected);
}

#[test]
fn a_rank_that_stops_ends_the_study_after_the_stall_timeout() {
    let folder = job(3, &long()).folder;
    let job = interrupted(folder, &["--stall-timeout", "3s"], |job| {
        job.signal(2, "STOP")
    });
    assert!(matches!(job.status, Some(4 | 9)), "{}", job.stderr);
    job.assert_says(&[
        "bittorrent: rank 2 was not heard of for 3s (--stall-timeout); rank 2 is stopped; \
         works/results.csv has what is done, and the same command goes on\n",
    ]);
}

#[test]
fn a_rank_that_is_stopped_before_it_begins_ends_the_study_after_the_stall_timeout() {
    let job = with_rank(job(3, STUDY), 1, "kill -s STOP $$");
    let job = job.arguments(&["--stall-timeout", "3s"]).run_to_any_end();
    job.assert_says(&["MPI did not start within 3s (--stall-timeout); rank 1 is stopped; ranks 0, 2 are waiting\n"]);
}
