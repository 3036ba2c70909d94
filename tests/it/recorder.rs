//! What the recorder follows: right programs that call what others do not, and what cannot be seen.

use std::env;
use std::fs;
use std::process::Command;

use judge::checks::Check;
use support::job;

use crate::gallery::program;
use crate::grade::{Graded, Said, grade, inputs, run};

/// A program of the gallery, recorded once.
fn recorded(variant: &[&str]) -> Graded {
    let options = ["--conditions", "recorded", "--runs", "1"];
    grade(&program("calls", variant), "test3", &options)
}

/// Looks for words in the sheet, wherever its lines end.
fn says(graded: &Graded, expected: &str) {
    let sheet = &graded.output.stdout;
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(sheet).contains(&words(expected)), "{sheet}");
}

/// What one recorded run of a right program on this test shows.
fn shown(check: &Check) -> bool {
    let of_others = [Check::OwnInput, Check::Verification, Check::Sources];
    !of_others.contains(check)
}

#[test]
fn messages_are_followed_whichever_functions_send_and_receive_them() {
    let all: Vec<Check> = Check::ALL.into_iter().filter(shown).collect();
    for variant in [
        &["IBSEND"][..],
        &["GAPS", "C11"],
        &["PERSISTENT", "PEEK"],
        &["REPLACE", "CANCEL", "COMMUNICATORS", "IBARRIER"],
    ] {
        recorded(variant).assert_right(&all);
    }
}

#[test]
fn what_clients_pass_on_to_the_tracker_is_not_missed() {
    let graded = recorded(&["RELAYED"]);
    graded.assert_right(&[Check::Hang, Check::Leftover]);
    let untold = graded.checks("cannot-be-told");
    assert!(untold.contains(Check::Registration.name()), "{untold:?}");
}

/// The recorder knows nothing of the thread by which the system says that time is up, as long as that calls nothing.
#[test]
fn a_run_does_not_stand_still_where_a_thread_is_not_known() {
    recorded(&["LATE"]).assert_right(&[Check::Hang]);
}

#[test]
fn what_may_have_come_unseen_is_named_and_nothing_rests_on_it() {
    let all = [Check::Errors, Check::ThreadLevel, Check::Finalize];
    let graded = recorded(&["WINDOW"]);
    graded.assert_right(&all);
    let untold = graded.checks("cannot-be-told");
    for check in [Check::Leftover, Check::Peers, Check::Updates] {
        assert!(untold.contains(check.name()), "{untold:?}");
    }
    says(
        &graded,
        "rank 0 (the tracker) uses MPI_Win_allocate, which is not followed",
    );
}

#[test]
fn the_end_is_seen_where_there_was_no_room_for_all_calls() {
    let graded = recorded(&["FULL"]);
    graded.assert_right(&[Check::Finalize]);
    says(
        &graded,
        "rank 0 (the tracker) did more than there was room to record",
    );
}

#[test]
fn a_program_that_calls_mpi_by_names_that_are_not_followed_is_refused() {
    for (names, said) in [
        (
            "FORTRAN",
            "calls MPI's functions for Fortran (mpi_init_), which are not recorded",
        ),
        (
            "PAST",
            "uses PMPI_Recv, which is not followed: call MPI_Recv",
        ),
    ] {
        let [program, test] = [program("calls", &[names]), inputs("test1")];
        let [program, test] = [&program, &test].map(|it| it.to_str().expect("a readable path"));
        let Said { status, stderr, .. } = run(&[program, "--tests", test]);
        assert!(status == Some(2) && stderr.contains(said), "{stderr}");
    }
}

/// The program calls the first of two libraries that lie beside it, and that one the second.
#[test]
fn what_a_library_of_the_program_calls_counts_as_well() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let compile = |output: &str, text: &str, options: &[&str]| {
        let source = folder.path().join("source.c");
        fs::write(&source, text).expect("a file");
        let mut mpicc = Command::new(env::var("MPICC").unwrap_or_else(|_| "mpicc".into()));
        job::prepare(&mut mpicc, folder.path());
        let mpicc = mpicc.args(["-o", output]).arg(source).args(options);
        let output = mpicc.output().expect("the MPI library's mpicc is there");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
    };
    let text = "#include <mpi.h>\nint last(void) { return PMPI_Barrier(MPI_COMM_WORLD); }\n";
    compile("liblast.so", text, &["-shared", "-fPIC"]);
    let beside = ["-L.", "-Wl,-rpath,$ORIGIN"];
    let text = "int last(void);\nint first(void) { return last(); }\n";
    let options = [&beside[..], &["-shared", "-fPIC", "-llast"]].concat();
    compile("libfirst.so", text, &options);
    let text = "#include <mpi.h>\nint first(void);\n\
                int main(void) { MPI_Init(0, 0); first(); return MPI_Finalize(); }\n";
    compile("program", text, &[&beside[..], &["-lfirst"]].concat());
    let program = folder.path().join("program");
    let [program, test] = [&program, &inputs("test1")].map(|it| it.display().to_string());
    let Said { status, stderr, .. } = run(&[&program, "--tests", &test]);
    let said = "liblast.so uses PMPI_Barrier, which is not followed: call MPI_Barrier";
    assert!(status == Some(2) && stderr.contains(said), "{stderr}");
}
