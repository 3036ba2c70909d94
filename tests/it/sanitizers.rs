//! `bittorrent grade` on programs that were built with a sanitizer.

use std::ffi::OsString;
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
    let mut command = Command::new("timeout");
    job::prepare(&mut command, folder.path());
    command
        .args(["-k", "5", "180", job::program(), "grade", "./tema2"])
        .args(["--quiet", "--runs", "1", "--generated", "0"])
        .args(["--seed", "1", "--conditions", conditions])
        // The user's own options stay, but for those that would do harm.
        .env("ASAN_OPTIONS", "detect_leaks=1:exitcode=43")
        .arg("--tests")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/inputs/test1"));
    command.output().expect("timeout is installed")
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

/// Without the sanitizer, it does no harm that its last byte is in nobody's memory.
#[test]
fn what_a_sanitizer_reports_is_why_a_program_crashes() {
    let graded = grade(&["-fsanitize=address", "-DNO_ROOM"], "as-it-is");
    let said = said(&graded);
    assert_eq!(graded.status.code(), Some(1), "{said}");
    let source = include_str!("../gallery/swarm.c");
    let line = 1 + source
        .lines()
        .position(|line| line.contains("strcpy(malloc("))
        .expect("it is there");
    let words = format!(
        "ended with status 43: AddressSanitizer: heap-buffer-overflow at swarm.c:{line} in download_file"
    );
    assert!(said.contains("wrong[crash]"), "{said}");
    assert!(said.contains(&words), "{words}: {said}");
    assert!(said.contains("reported: WRITE of size 6"), "{said}");
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
