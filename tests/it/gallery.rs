//! Programs for the assignment, of our own making, for those tests that judge programs: two right ones
//! that have little in common, and the first of them with one mistake at a time.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use judge::checks::Check;

use support::job::{mpi, prepare};

/// Where a defect shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// In every run, or so good as.
    Always,
    /// In every run in which a client wants more than four files.
    WithManyFiles,
    /// Seldom in a run as it is, often with noise, and with synchronous sends.
    WithNoise,
    /// In every run with synchronous sends, and in no other.
    WithSynchronousSends,
    /// When each client finds only its own input.
    WithOwnInput,
    /// When a client is sent a wrong hash.
    WithALie,
}

/// The macro, the check that is to find it wrong, and when.
pub type Defect = (&'static str, Check, Shows);

/// The defects of `swarm.c`. Other checks may find them wrong as well: a client that stops early makes others wait for
/// ever.
pub const DEFECTS: &[Defect] = &[
    ("NO_TERMINATOR", Check::Outputs, Shows::Always),
    ("PRINTS_NOTHING", Check::Outputs, Shows::Always),
    ("DROPS_LAST", Check::Outputs, Shows::Always),
    ("CRASH_AT_END", Check::Crash, Shows::Always),
    ("FEW_FILES", Check::Crash, Shows::WithManyFiles),
    ("RARE_HANG", Check::Hang, Shows::WithNoise),
    ("IN_ORDER", Check::Hang, Shows::Always),
    ("BUFFERED", Check::Hang, Shows::WithSynchronousSends),
    ("FORKS", Check::Processes, Shows::Always),
    ("SINGLE", Check::ThreadLevel, Shows::Always),
    ("SERIALIZED", Check::Concurrency, Shows::Always),
    ("ANY_TAG", Check::Receivers, Shows::Always),
    ("TRUNCATES", Check::Errors, Shows::Always),
    ("TYPES", Check::Types, Shows::Always),
    ("LEFTOVER", Check::Leftover, Shows::Always),
    ("NEVER_WAITS", Check::Requests, Shows::Always),
    ("NO_FINALIZE", Check::Finalize, Shows::Always),
    ("ONE_THREAD", Check::TwoThreads, Shows::Always),
    ("EAGER", Check::Registration, Shows::Always),
    ("FORGETS", Check::Registration, Shows::Always),
    ("ALL_INPUTS", Check::OwnInput, Shows::WithOwnInput),
    ("FROM_TRACKER", Check::Peers, Shows::Always),
    ("OK_WITHOUT_LOOKING", Check::Answers, Shows::Always),
    ("NOT_VERIFIED", Check::Verification, Shows::WithALie),
    ("FIRST_SEED", Check::Sources, Shows::Always),
    ("NO_UPDATE", Check::Updates, Shows::Always),
    ("NEVER_SERVES", Check::Serving, Shows::Always),
    ("NEVER_LISTED", Check::Serving, Shows::Always),
    ("STOPS_EARLY", Check::Stopping, Shows::Always),
];

/// A program of the gallery with these defects, built when it is first needed by the `mpicc` of the
/// library under test: `swarm` or `other`.
///
/// # Panics
/// When it cannot be built without a warning.
pub fn program(source: &str, defects: &[&str]) -> PathBuf {
    static BUILT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let library = mpi().1.name.replace(' ', "-");
    let parts = [&[source], defects, &[&library]].concat();
    let program = folder.join(parts.join("-"));
    // A build that failed leaves nothing behind it that others should not see.
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if !built.contains(&program) {
        build(source, defects, &program);
        built.insert(program.clone());
    }
    program
}

/// Builds a program of the gallery, not optimised: so what overflows comes where it looks.
fn build(source: &str, defects: &[&str], program: &Path) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let gallery = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gallery");
    let mut mpicc = Command::new(env::var("MPICC").unwrap_or_else(|_| "mpicc".into()));
    mpicc
        .args(["-g", "-pthread", "-Wall", "-Wextra", "-Werror"])
        .args(defects.iter().map(|defect| format!("-D{defect}")))
        .arg("-o")
        .args([program, &gallery.join(source).with_extension("c")]);
    prepare(&mut mpicc, folder);
    let output = mpicc
        .output()
        .expect("the MPI library's mpicc is installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{source} {defects:?}: {errors}");
}
