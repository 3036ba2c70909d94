//! `bittorrent grade` on the gallery: right programs are accused of nothing, and each wrong one of what is
//! wrong with it.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use crate::gallery::{DEFECTS, Defect, Shows, program};
use fastrand::Rng;
use judge::checks::{Check, Subject};
use judge::runs::cases;
use lab::generate::{self, Shape};
use serde_json::Value;
use support::job;
use swarm::launch::Mpi;
use swarm::signals::Interrupt;
use tempfile::TempDir;

/// A program, graded.
pub(super) struct Graded {
    pub output: Said,
    report: Value,
}

/// Grades a program on a test of the repository.
pub(super) fn grade(program: &Path, test: &str, options: &[&str]) -> Graded {
    let test = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("inputs")
        .join(test);
    grade_on(program, &test, options)
}

/// Grades a program on the tests in a folder.
fn grade_on(program: &Path, tests: &Path, options: &[&str]) -> Graded {
    let output = run(&[
        &[
            program.to_str().expect("a readable path"),
            "--tests",
            tests.to_str().expect("a readable path"),
        ],
        options,
    ]
    .concat());
    let report = fs::read_to_string(output.folder.path().join("r.json"));
    let report = report.unwrap_or_else(|_| panic!("no report: {}{}", output.stdout, output.stderr));
    Graded {
        report: serde_json::from_str(&report).expect("a report"),
        output,
    }
}

/// What `grade` said.
pub(super) struct Said {
    folder: TempDir,
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

pub(super) fn run(options: &[&str]) -> Said {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new("timeout");
    command
        .args(["-k", "5", "300", job::program(), "grade"])
        .args(["--seed", "1", "--quiet", "--generated", "0"])
        .args(job::recorders())
        .args(["--report", "r.json", "--page", "p.html"])
        .args(options);
    job::prepare(&mut command, folder.path());
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("timeout is installed");
    let text = |bytes| String::from_utf8(bytes).expect("plain words");
    Said {
        status: status.code(),
        stdout: text(stdout),
        stderr: text(stderr),
        folder,
    }
}

impl Graded {
    /// The names of the checks with this verdict.
    pub fn checks(&self, verdict: &str) -> BTreeSet<&str> {
        let checks = self.report["checks"].as_array().expect("checks");
        let checks = checks.iter().filter(|check| check["verdict"] == verdict);
        checks.filter_map(|check| check["check"].as_str()).collect()
    }

    /// Nothing is wrong, and all of these are right.
    pub fn assert_right(&self, checks: &[Check]) {
        let Said {
            status,
            stdout,
            stderr,
            ..
        } = &self.output;
        assert_eq!(self.checks("wrong"), BTreeSet::new(), "{stdout}");
        assert_eq!((*status, &**stderr), (Some(0), ""), "{stdout}");
        let right = self.checks("right");
        for check in checks {
            assert!(right.contains(check.name()), "{}: {stdout}", check.name());
        }
    }
}

/// What the defects of a subject have to show. Runs that hang are waited for, which takes long and little else: so two
/// defects are looked at at once.
fn every_defect_is_named(subject: Subject) {
    let defects = DEFECTS.iter().filter(|it| it.1.subject() == subject);
    let defects: Vec<&Defect> = defects.collect();
    thread::scope(|scope| {
        for half in [0, 1] {
            let defects = defects.iter().skip(half).step_by(2);
            scope.spawn(move || defects.for_each(|defect| is_named(defect)));
        }
    });
    let of_subject = Check::ALL
        .into_iter()
        .filter(|check| check.subject() == subject);
    let seen: BTreeSet<Check> = defects.iter().map(|it| it.1).collect();
    assert_eq!(
        seen,
        of_subject.collect(),
        "every check has a program that it finds wrong"
    );
}

fn is_named(&(defect, check, shows): &Defect) {
    // These need what only Open MPI does: see the gallery.
    if job::mpi().1 != Mpi::OPEN_MPI && shows == Shows::WithNoise {
        return;
    }
    let conditions = match shows {
        Shows::Always | Shows::WithManyFiles | Shows::WithNoise => "noise",
        Shows::WithSynchronousSends => "synchronous",
        Shows::WithOwnInput => "as-it-is,own-input",
        Shows::WithALie => "lying",
    };
    let shapes = tempfile::tempdir().expect("a temporary folder");
    let (tests, runs) = if shows == Shows::WithManyFiles {
        (made_up(shapes.path(), "names"), "1")
    } else if check == Check::Serving {
        (crowd(shapes.path()), "5")
    } else if check == Check::Sources {
        (inputs("test4"), "1")
    } else if check == Check::Receivers {
        // Which of two threads takes a message that both wait for is chance.
        (inputs("test1"), "5")
    } else {
        (
            inputs("test1"),
            // Two that hang end it.
            if shows == Shows::WithNoise { "30" } else { "1" },
        )
    };
    // Long: where threads wait by asking without end, a few of them fill a small machine.
    let graded = grade_on(
        &program("swarm", &[defect]),
        &tests,
        &[
            "--conditions",
            conditions,
            "--runs",
            runs,
            "--time-limit",
            "60s",
        ],
    );
    let Said { status, stdout, .. } = &graded.output;
    assert_eq!(*status, Some(1), "{defect}: {stdout}");
    let wrong = graded.checks("wrong");
    assert!(wrong.contains(check.name()), "{defect}: {stdout}");
    let (_, said, consequences) = SAID
        .iter()
        .find(|(name, ..)| *name == defect)
        .expect("every defect is here");
    for other in wrong.iter().filter(|name| **name != check.name()) {
        assert!(consequences.contains(other), "{defect}, {other}: {stdout}");
    }
    let words: Vec<&str> = stdout.split_whitespace().collect();
    assert!(words.join(" ").contains(said), "{defect}: {stdout}");
}

/// What is said of each defect, and what else it makes wrong. A library that is called by two threads
/// against its will does anything.
const SAID: &[(&str, &str, &[&str])] = &[
    ("NO_TERMINATOR", "goes on after the right hash", &[]),
    ("PRINTS_NOTHING", "client 1 wrote no client1_file3", &[]),
    ("DROPS_LAST", "client1_file3", &[]),
    (
        "CRASH_AT_END",
        "died of a segmentation fault (SIGSEGV)",
        &[],
    ),
    (
        "FEW_FILES",
        "died of a segmentation fault (SIGSEGV)",
        &["outputs"],
    ),
    (
        "RARE_HANG",
        "it waits for a lock, or for another thread to wake it",
        &[],
    ),
    ("IN_ORDER", "has sent it such a message", &[]),
    ("BUFFERED", "waits in MPI_Send for client", &[]),
    (
        "FORKS",
        "a process was still there after all ranks had ended",
        &[],
    ),
    (
        "SINGLE",
        "but MPI_Init is for programs in which one thread calls MPI",
        &[
            "concurrency",
            "crash",
            "hang",
            "errors",
            "outputs",
            "leftover",
        ],
    ),
    (
        "SERIALIZED",
        "but MPI gave it only MPI_THREAD_SERIALIZED",
        &["crash", "hang", "errors", "outputs", "leftover"],
    ),
    // Who gets a message that makes no sense to it gives up or waits for ever.
    (
        "ANY_TAG",
        "waited for such a message, too",
        &["crash", "hang"],
    ),
    (
        "TRUNCATES",
        "bytes in MPI_Recv, too little for a message of",
        &["crash"],
    ),
    ("TYPES", "sends MPI_INT", &[]),
    ("LEFTOVER", "3 messages were sent and never received", &[]),
    (
        "NEVER_WAITS",
        "and never completed, first MPI_Isend of",
        &[],
    ),
    (
        "NO_FINALIZE",
        "ended without MPI_Finalize",
        &["crash", "hang"],
    ),
    (
        "ONE_THREAD",
        "talks with the other clients in one thread only",
        &[],
    ),
    ("EAGER", "before the tracker heard of client 3", &[]),
    (
        "ALL_INPUTS",
        "where each client finds only its own input",
        &[],
    ),
    ("FORGETS", "told the tracker of 50 of the", &["outputs"]),
    (
        "FROM_TRACKER",
        "never received a message from another client",
        &[],
    ),
    ("OK_WITHOUT_LOOKING", "did not have", &[]),
    ("NOT_VERIFIED", "took a wrong hash for segment", &[]),
    ("FIRST_SEED", "though 2 clients own it", &[]),
    ("NO_UPDATE", "without a message to the tracker", &[]),
    (
        "NEVER_SERVES",
        "none of them served a segment of it to another",
        &[],
    ),
    (
        "NEVER_LISTED",
        "none of them served a segment of it to another",
        &[],
    ),
    ("STOPS_EARLY", "called MPI_Finalize", &["hang"]),
];

/// Writes the made-up test of this shape into a folder.
fn made_up(folder: &Path, shape: &str) -> PathBuf {
    let cases = cases::generated(2, 1);
    let case = cases
        .iter()
        .find(|case| case.name == shape)
        .expect("it is one of the first");
    for (client, text) in (1..).zip(&case.texts) {
        fs::write(folder.join(format!("in{client}.txt")), text).expect("a file");
    }
    folder.to_owned()
}

/// Writes a test into a folder in which one client owns a file, and three want it.
fn crowd(folder: &Path) -> PathBuf {
    let shape = Shape::FlashCrowd {
        seeds: NonZeroUsize::MIN,
        leechers: 3,
        segments: NonZeroUsize::new(30).expect("30 is not 0"),
    };
    let swarm = shape.swarm(&mut Rng::with_seed(1));
    generate::write(folder, &swarm, false, &Interrupt::default())
        .expect("the folder can be written");
    folder.to_owned()
}

pub(super) fn inputs(test: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("inputs")
        .join(test)
}

#[test]
fn every_defect_of_an_outcome_is_named() {
    every_defect_is_named(Subject::Outcome);
}

#[test]
fn every_misuse_of_mpi_is_named() {
    every_defect_is_named(Subject::Mpi);
}

#[test]
fn every_offence_against_the_assignment_is_named() {
    every_defect_is_named(Subject::Assignment);
}

/// Ours is right in everything.
#[test]
fn our_program_is_right_in_everything() {
    let graded = grade(Path::new(job::program()), "", &["--runs", "1"]);
    graded.assert_right(&Check::ALL);
    assert_eq!(graded.report["marks"]["total"], 40.0);
    let beyond = graded.report["beyond"]
        .as_array()
        .expect("there are tests beyond the assignment");
    assert!(
        beyond.iter().all(|check| check["verdict"] != "wrong"),
        "{}",
        graded.output.stdout
    );
}

/// What is right as long as fresh memory is empty is shown in every run in which it is not, wherever the memory is.
#[test]
fn a_string_without_end_is_found_where_memory_is_dirty() {
    for defect in ["UNENDED", "UNENDED_STACK"] {
        let options = [
            "--conditions",
            "as-it-is,dirty-memory",
            "--runs",
            "3",
            "--time-limit",
            "10s",
        ];
        let graded = grade(&program("swarm", &[defect]), "test1", &options);
        let stdout = &graded.output.stdout;
        assert_eq!(graded.output.status, Some(1), "{defect}: {stdout}");
        let runs = graded.report["tests"][0]["runs"].as_array().expect("runs");
        let dirty = (runs.iter()).find(|tally| tally["condition"] == "dirty-memory");
        let dirty = dirty.expect("memory was dirty");
        assert_eq!(dirty["right"], 0, "{defect}: {stdout}");
        assert_eq!(graded.report["marks"]["total"], 40.0, "{defect}: {stdout}");
        let note = graded.report["notes"][0].as_str().unwrap_or_default();
        let expected = "what it does depends on what happens to lie in memory";
        assert!(note.starts_with(expected), "{defect}: {stdout}");
    }
}

/// It ends some of its ranks, which leave no word of how, and then hangs. A program that has only crashed is not said to
/// hang.
#[test]
fn an_mpirun_that_hangs_when_its_ranks_have_ended_is_not_the_programs_fault() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mpirun = folder.path().join("mpirun");
    let script = format!("#!/bin/sh\n{} \"$@\" || exec sleep 1000\n", job::mpi().0);
    fs::write(&mpirun, script).expect("a file");
    fs::set_permissions(&mpirun, Permissions::from_mode(0o755)).expect("a program");
    let mpirun = mpirun.to_str().expect("a readable path");
    let options = [
        "--mpirun",
        mpirun,
        "--conditions",
        "as-it-is,own-input",
        "--runs",
        "1",
    ];
    let graded = grade(&program("cheat", &[]), "test1", &options);
    let stdout = &graded.output.stdout;
    let wrong = graded.checks("wrong");
    assert_eq!(wrong, BTreeSet::from(["own-input", "peers"]), "{stdout}");
}

/// Each kind of memory that a program can find fresh.
#[test]
fn all_fresh_memory_is_dirty() {
    let options = ["--conditions", "dirty-memory", "--runs", "1"];
    let graded = grade(&program("memory", &[]), "test1", &options);
    let stdout = &graded.output.stdout;
    // It is no swarm, and writes nothing.
    let wrong = graded.checks("wrong");
    assert!(wrong.contains("outputs"), "{stdout}");
    assert!(!wrong.contains("crash"), "{stdout}");
}

/// It takes all files from the other clients' inputs.
#[test]
fn a_program_that_never_sends_a_message_is_found_out() {
    let options = ["--conditions", "as-it-is,own-input", "--runs", "1"];
    let graded = grade(&program("cheat", &[]), "test1", &options);
    let wrong = graded.checks("wrong");
    let stdout = &graded.output.stdout;
    assert_eq!(wrong, BTreeSet::from(["own-input", "peers"]), "{stdout}");
}

#[test]
fn a_program_that_is_not_seen_to_call_mpi_is_not_called_right() {
    let options = ["--conditions", "as-it-is,noise", "--runs", "1"];
    let graded = grade(&program("swarm", &["EXECS"]), "test1", &options);
    let Said { status, stdout, .. } = &graded.output;
    assert_eq!(*status, Some(3), "{stdout}");
    assert!(stdout.contains("no call of MPI was seen"), "{stdout}");
    assert_eq!(graded.checks("wrong"), BTreeSet::new(), "{stdout}");
}

/// If what is known to be right fails, too, nothing is said of a program.
#[test]
fn where_the_machine_is_at_fault_there_is_no_verdict() {
    let program = program("swarm", &[]);
    let tests = inputs("test1");
    let [program, tests] = [&program, &tests].map(|path| path.to_str().expect("a readable path"));
    let said = run(&[
        program,
        "--tests",
        tests,
        "--runs",
        "1",
        "--",
        "--bogus-option",
    ]);
    assert_eq!(said.status, Some(2), "{}", said.stdout);
    let expected = "no verdict: an empty MPI program does not run here";
    assert!(said.stderr.contains(expected), "{}", said.stderr);
    assert_eq!(said.stdout, "");
}

/// An mpirun that sometimes says that a rank has failed, though none has, as Open MPI's does now and then on a machine that is
/// very busy: each time, or not again when the same run is repeated.
#[test]
fn what_only_mpirun_says_counts_if_it_comes_again() {
    let program = program("swarm", &[]);
    let real = job::mpi().0;
    for (complains, status, wrong) in [
        ("[ $((calls % 2)) -eq 0 ]", 0, BTreeSet::new()),
        ("true", 1, BTreeSet::from(["crash"])),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mpirun = folder.path().join("mpirun");
        let text = format!(
            "#!/bin/sh\n{real} \"$@\" || exit\ncase \"$*\" in *{program}*)\n\
             echo >>\"$0.calls\"; calls=$(($(wc -l <\"$0.calls\") - 1)); ! {complains} || exit 1;;\nesac\n",
            program = program.display()
        );
        fs::write(&mpirun, text).expect("a file");
        fs::set_permissions(&mpirun, Permissions::from_mode(0o755)).expect("ours");
        let options = [
            "--mpirun",
            mpirun.to_str().expect("a readable path"),
            "--conditions",
            "as-it-is",
            "--runs",
            "1",
        ];
        let graded = grade(&program, "test1", &options);
        let Said { stdout, .. } = &graded.output;
        assert_eq!(graded.output.status, Some(status), "{stdout}");
        assert_eq!(graded.checks("wrong"), wrong, "{stdout}");
        let marks = if status == 0 { 40.0 } else { 0.0 };
        assert_eq!(graded.report["marks"]["total"], marks, "{stdout}");
    }
}

/// It blocks, as courses teach it.
#[test]
fn a_program_that_blocks_in_both_threads_is_right() {
    let seen: Vec<Check> = Check::ALL
        .into_iter()
        .filter(|check| *check != Check::Sources)
        .collect();
    grade(&program("swarm", &[]), "test1", &["--runs", "1"]).assert_right(&seen);
    grade(
        &program("swarm", &[]),
        "test4",
        &["--runs", "1", "--conditions", "noise"],
    )
    .assert_right(&[Check::Sources]);
}

/// What it receives would seem to be left, if the functions that it asks the library for were not followed.
#[test]
fn a_program_that_asks_for_a_function_by_its_name_is_right() {
    let of_messages = [Check::Leftover, Check::Stopping, Check::Receivers];
    let options = ["--runs", "1", "--conditions", "as-it-is"];
    grade(&program("swarm", &["BY_NAME"]), "test1", &options).assert_right(&of_messages);
}

/// Nothing can be recognised in what its clients say to each other.
#[test]
fn what_cannot_be_told_is_not_called_wrong() {
    let graded = grade(&program("other", &[]), "test2", &["--runs", "1"]);
    graded.assert_right(&[
        Check::Outputs,
        Check::Hang,
        Check::Concurrency,
        Check::TwoThreads,
        Check::Registration,
    ]);
    for check in [
        "answers",
        "verification",
        "sources",
        "updates",
        "serving",
        "stopping",
    ] {
        assert!(
            graded.checks("cannot-be-told").contains(check),
            "{}",
            graded.output.stdout
        );
    }
}

#[test]
fn what_cannot_be_run_is_refused_and_says_why() {
    for (program, reason) in [
        ("nowhere", "cannot find nowhere"),
        ("/bin/sh", "uses no shared MPI library"),
        (
            concat!(env!("CARGO_MANIFEST_DIR"), "/checker.sh"),
            "a script cannot be graded",
        ),
    ] {
        let said = run(&[
            program,
            "--tests",
            inputs("test1").to_str().expect("a readable path"),
        ]);
        assert_eq!(said.status, Some(2));
        assert!(said.stderr.contains(reason), "{}", said.stderr);
        assert!(!said.folder.path().join("r.json").exists());
    }
}

/// A program that does one thing that is not its business, and says so by its exit status.
fn busybody(folder: &Path, deed: &str) -> PathBuf {
    let source = folder.join("busybody.c");
    let text = format!(
        "#include <mpi.h>\n#include <stdio.h>\n#include <stdlib.h>\n\
         int main(int argc, char **argv) {{\n\
         MPI_Init(&argc, &argv); int is_done = {deed}; MPI_Finalize(); return is_done ? 7 : 0; }}\n"
    );
    fs::write(&source, text).expect("a file");
    let program = folder.join("busybody");
    let mut mpicc = Command::new(std::env::var("MPICC").unwrap_or_else(|_| "mpicc".into()));
    mpicc.arg("-o").args([&program, &source]);
    job::prepare(&mut mpicc, folder);
    let output = mpicc
        .output()
        .expect("the MPI library's mpicc is installed");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    program
}

const ONE_NOISY_RUN: [&str; 4] = ["--conditions", "noise", "--runs", "1"];

#[test]
fn a_program_in_name_spaces_of_its_own_is_judged_as_ever() {
    let graded = run(&[
        &[
            program("swarm", &[]).to_str().expect("a readable path"),
            "--isolate",
            "--tests",
            inputs("test1").to_str().expect("a readable path"),
        ],
        &ONE_NOISY_RUN[..],
    ]
    .concat());
    if graded.status == Some(2) && std::env::var_os("REQUIRE_HOSTS").is_none() {
        assert!(graded.stderr.contains("--isolate: "), "{}", graded.stderr);
        eprintln!("skipped: {}", graded.stderr);
        return;
    }
    assert_eq!(graded.status, Some(0), "{}{}", graded.stdout, graded.stderr);
}

#[test]
fn a_rank_has_no_more_memory_than_it_may() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = busybody(folder.path(), "malloc(3ul << 30) != NULL");
    let has_it = |limit| {
        let options = [&ONE_NOISY_RUN[..], &["--memory", limit]].concat();
        grade(&program, "test1", &options)
            .checks("wrong")
            .contains("crash")
    };
    assert!(has_it("8G"));
    assert!(!has_it("2G"));
}

/// A submission that is right, one that does not build, and one that hangs: each has its row.
#[test]
fn a_folder_of_submissions_is_graded_one_by_one_and_what_is_done_is_not_done_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mpicc = std::env::var("MPICC").unwrap_or_else(|_| "mpicc".into());
    let source = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/gallery/swarm.c"
    ))
    .expect("the gallery");
    for (name, option, source) in [
        ("ana", "", &*source),
        ("dan", "", "int main"),
        ("ion", "-DDROPS_LAST", &*source),
    ] {
        let submission = folder.path().join("submissions").join(name);
        fs::create_dir_all(&submission).expect("a folder");
        fs::write(submission.join("tema2.c"), source).expect("a file");
        let makefile =
            format!("build: tema2\n\ntema2: tema2.c\n\t{mpicc} -pthread {option} -o $@ $<\n");
        fs::write(submission.join("Makefile"), makefile).expect("a file");
    }
    let tests = inputs("test1");
    let grade_all = || {
        let mut command = Command::new("timeout");
        command
            .args([
                "-k",
                "5",
                "120",
                job::program(),
                "grade",
                "--all",
                "submissions",
                "--quiet",
                "--runs",
                "1",
            ])
            .args(job::recorders())
            .args([
                "--generated",
                "0",
                "--conditions",
                "as-it-is",
                "-o",
                "grades",
                "--tests",
            ])
            .arg(&tests);
        job::prepare(&mut command, folder.path());
        let output = command.output().expect("timeout is installed");
        assert_eq!(
            output.status.code(),
            Some(1),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    grade_all();
    let grades = folder.path().join("grades");
    let read = |name: &str| fs::read_to_string(grades.join(name)).expect(name);
    let rows: Vec<String> = read("marks.csv").lines().map(str::to_owned).collect();
    assert_eq!(rows.len(), 4, "{rows:?}");
    assert!(rows[1].starts_with("ana,40,40,,"), "{rows:?}");
    assert!(
        rows[2].starts_with("dan,-,-,,,\"it does not build: "),
        "{rows:?}"
    );
    assert!(rows[3].starts_with("ion,0,40,outputs,"), "{rows:?}");
    assert!(read("index.html").contains("ion.html") && read("ion.html").contains("client1_file3"));
    let report = read("ana.json");
    let modified = || {
        fs::metadata(grades.join("ana.json"))
            .and_then(|it| it.modified())
            .expect("a time")
    };
    let before = modified();
    grade_all();
    assert_eq!((read("ana.json"), modified()), (report, before));
}
