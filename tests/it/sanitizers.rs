//! `bittorrent grade` on programs that were built with a sanitizer.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use support::job;
use tempfile::TempDir;

fn mpicc() -> OsString {
    std::env::var_os("MPICC").unwrap_or_else(|| "mpicc".into())
}

/// Builds a program of the gallery with a sanitizer, and grades it.
fn grade(options: &[&str], conditions: &str) -> Output {
    let folder = tempfile::tempdir().expect("a temporary folder");
    build(&folder, options);
    let mut command = command(folder.path(), &["./tema2"], conditions);
    // The user's own options stay, but for those that would do harm.
    command.env("ASAN_OPTIONS", "detect_leaks=1:exitcode=43");
    command.output().expect("timeout is installed")
}

/// `grade` in a folder, on one test.
fn command(folder: &Path, what: &[&str], conditions: &str) -> Command {
    let mut command = Command::new("timeout");
    job::prepare(&mut command, folder);
    command
        .args(["-k", "5", "180", job::program(), "grade"])
        .args(what)
        .args(["--quiet", "--runs", "1", "--generated", "0"])
        .args(job::recorders())
        .args(["--seed", "1", "--conditions", conditions, "--tests"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/inputs/test1"));
    command
}

fn build(folder: &TempDir, options: &[&str]) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gallery/swarm.c");
    let mut compiler = Command::new(mpicc());
    job::prepare(&mut compiler, folder.path());
    compiler
        .args(["-g", "-pthread", "-o", "tema2"])
        .args(options);
    let built = compiler.arg(source).output();
    let built = built.expect("the MPI library's mpicc is installed");
    let errors = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{options:?}: {errors}");
}

/// What is on a sheet, in one line.
fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr].concat();
    let text = String::from_utf8(both).expect("plain words");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_right_program_is_right_with_a_sanitizer_too() {
    let conditions = "as-it-is,dirty-memory,noise";
    let graded = grade(&["-fsanitize=address,undefined"], conditions);
    let said = said(&graded);
    assert_eq!(graded.status.code(), Some(0), "{said}");
    for words in [
        "nothing is wrong",
        "note: the program is built with -fsanitize=address,undefined: fresh memory is not made dirty",
        "tests ranks as it is recorded noise test1 4 1 of 1 1 of 1 1 of 1",
        "marks: 40 of 40",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

/// The line of the gallery's program in which it writes where it has no room.
fn fault() -> usize {
    let mut lines = include_str!("../gallery/swarm.c").lines();
    1 + lines
        .position(|line| line.contains("strcpy(malloc("))
        .expect("it is there")
}

/// Without the sanitizer, it does no harm that its last byte is in nobody's memory.
#[test]
fn what_a_sanitizer_reports_is_why_a_program_crashes() {
    let graded = grade(&["-fsanitize=address", "-DNO_ROOM"], "as-it-is");
    let said = said(&graded);
    assert_eq!(graded.status.code(), Some(1), "{said}");
    let line = fault();
    let words = format!(
        "ended with status 43: AddressSanitizer: heap-buffer-overflow at swarm.c:{line} in download_file"
    );
    assert!(said.contains("wrong[crash]"), "{said}");
    assert!(said.contains(&words), "{words}: {said}");
    assert!(said.contains("reported: WRITE of size 6"), "{said}");
}

/// Its points are those of the plain program, in which the same fault does no harm.
#[test]
fn submissions_are_built_again_with_a_sanitizer_that_says_what_their_points_do_not() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let gallery = include_str!("../gallery/swarm.c");
    for (name, first) in [("ana", ""), ("ion", "#define NO_ROOM")] {
        let submission = folder.path().join("all").join(name);
        fs::create_dir_all(&submission).expect("a folder");
        fs::write(submission.join("tema2.c"), format!("{first}\n{gallery}")).expect("a file");
        let mpicc = mpicc().into_string().expect("a readable name");
        let makefile = format!("build:\n\t{mpicc} -pthread -o tema2 tema2.c\n");
        fs::write(submission.join("Makefile"), makefile).expect("a file");
    }
    let mut command = command(folder.path(), &["--all", "all", "--sanitize"], "as-it-is");
    let graded = command.output().expect("timeout is installed");
    assert_eq!(graded.status.code(), Some(0), "{}", said(&graded));
    let read =
        |name: &str| fs::read_to_string(folder.path().join("grades").join(name)).expect(name);
    let marks = read("marks.csv");
    let rows: Vec<&str> = marks.lines().collect();
    assert!(
        rows[1].starts_with("ana,40,40,") && rows[1].ends_with(",nothing"),
        "{marks}"
    );
    let found = format!(
        "AddressSanitizer: heap-buffer-overflow at tema2.c:{} in download_file, in client ",
        fault() + 1
    );
    assert!(
        rows[2].starts_with("ion,40,40,") && rows[2].contains(&found),
        "{marks}"
    );
    assert!(read("index.html").contains(&found));
    assert!(read("ion.html").contains(&format!("built again with a sanitizer, it shows {found}")));
}

/// gcc's sanitizer of threads ends every program for MPICH when that starts; and dirty memory is nothing for any.
#[test]
fn who_cannot_be_run_with_a_sanitizer_is_refused() {
    let graded = grade(&["-fsanitize=thread"], "dirty-memory");
    let said = said(&graded);
    assert_eq!(graded.status.code(), Some(2), "{said}");
    let words = "no verdict: the program is built with -fsanitize=thread: memory is not made dirty";
    assert!(said.contains(words), "{said}");
}
