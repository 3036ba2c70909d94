//! `bittorrent grade --all`: what is wrong with one submission is its row.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, open};
use rustix::process::{Pid, Signal, kill_process};
use support::job;
use tempfile::TempDir;

const GALLERY: &str = include_str!("../gallery/swarm.c");

/// Submissions: a folder each, with this C program.
fn submissions(programs: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, source) in programs {
        submit(folder.path(), name, source);
    }
    folder
}

fn submit(folder: &Path, name: &str, source: &str) {
    let mpicc = std::env::var("MPICC").unwrap_or_else(|_| "mpicc".into());
    let submission = folder.join("submissions").join(name);
    fs::create_dir_all(&submission).expect("a folder");
    fs::write(submission.join("tema2.c"), source).expect("a file");
    let makefile = format!("build:\n\t{mpicc} -pthread -o tema2 tema2.c\n");
    fs::write(submission.join("Makefile"), makefile).expect("a file");
}

fn grade_all(folder: &Path) -> Command {
    let mut command = Command::new("timeout");
    job::prepare(&mut command, folder);
    command
        .args(["-k", "5", "180", job::program()])
        .args(["grade", "--all", "submissions", "--quiet", "--runs", "1"])
        .args(["--generated", "0", "--conditions", "as-it-is"])
        .args(job::recorders())
        .args(["--time-limit", "60s", "--tests"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/inputs/test1"));
    command
}

/// A program that ends its grader.
const KILLS: &str = r#"
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
    for (int pid = getppid(); pid > 1;) {
        char path[64], text[512] = "";
        snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
        FILE *file = fopen(path, "r");
        size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
        if (file) fclose(file);
        for (size_t i = 0; i < length; i++) if (!text[i]) text[i] = ' ';
        if (strstr(text, "grade-submission")) { kill(pid, SIGKILL); pause(); }
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        file = fopen(path, "r");
        if (!file || fscanf(file, "%*d (%*[^)]) %*c %d", &pid) != 1) break;
        fclose(file);
    }
    MPI_Init(&argc, &argv);
    return MPI_Finalize();
}
"#;

#[test]
fn a_submission_that_ends_its_grader_has_a_row_and_the_next_one_is_graded() {
    let folder = submissions(&[("a", KILLS), ("b", GALLERY)]);
    let output = grade_all(folder.path()).output().expect("it can be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let marks = fs::read_to_string(folder.path().join("grades/marks.csv")).expect("marks");
    let rows: Vec<&str> = marks.lines().skip(1).collect();
    assert_eq!(
        rows[0],
        "a,-,-,,,the grader of this submission was ended by signal 9 (SIGKILL)"
    );
    assert!(rows[1].starts_with("b,40,40,,"), "{rows:?}");
    let again = grade_all(folder.path()).output().expect("it can be run");
    assert_eq!(again.status.code(), Some(1), "a is tried again");
}

/// A program that writes into a pipe, so that it is known to run, and waits for ever.
const WAITS: &str = r#"
#include <mpi.h>
#include <fcntl.h>
#include <unistd.h>
int main(int argc, char **argv) {
    if (argc < 0) MPI_Init(&argc, &argv);
    for (int pipe = open(PIPE, O_WRONLY);; pause()) write(pipe, "x", 1);
}
"#;

#[test]
fn who_interrupts_a_course_ends_all_of_it() {
    let folder = submissions(&[]);
    let pipe = folder.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).expect("a pipe");
    let source = format!("#define PIPE \"{}\"\n{WAITS}", pipe.display());
    submit(folder.path(), "a", &source);
    submit(folder.path(), "b", &source);
    let mut command = grade_all(folder.path());
    let child = command.stderr(Stdio::piped()).spawn();
    let child = child.expect("timeout is installed");
    let mut reader = Command::new("timeout");
    let read = reader.args(["120", "head", "-c", "4"]).arg(&pipe).output();
    assert_eq!(
        read.expect("it can be run").stdout,
        b"xxxx",
        "all ranks run"
    );
    kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        (output.status.code(), &*said),
        (
            Some(4),
            "bittorrent: grades/marks.csv has what is done, and the same command goes on: SIGINT came\n"
        )
    );
    let mut pipe = File::from(open(&pipe, OFlags::NONBLOCK, Mode::empty()).expect("a pipe"));
    let read = pipe.read(&mut [0]).expect("nobody writes into it any more");
    assert_eq!(read, 0);
    assert!(!folder.path().join("grades/a.json").exists());
    assert!(folder.path().join("grades/marks.csv").exists());
}
