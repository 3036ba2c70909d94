//! What a grading follows from besides the program.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::seen::condition::Condition;

/// How programs are graded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GraderOptions {
    /// The folder of the given tests. `None`: `inputs`, if it is there.
    pub tests: Option<PathBuf>,
    /// How many tests are made up.
    pub generated: usize,
    /// How often each test is run under each condition.
    pub runs: NonZeroUsize,
    /// The conditions under which tests are run.
    pub conditions: Vec<Condition>,
    /// What the generated tests and the noise follow from.
    pub seed: u64,
    /// How long a run may take.
    pub time_limit: Duration,
    /// How many bytes of address space a rank may have.
    pub memory: u64,
    /// Whether a run has no network and no files to write but its own.
    pub is_isolated: bool,
    /// Whether tests count that the assignment does not promise.
    pub counts_beyond: bool,
    /// The points file. `None`: the course's own points are given.
    pub points: Option<PathBuf>,
    /// The mpirun to use. `None`: the one that is found.
    pub mpirun: Option<OsString>,
    /// Options for it.
    pub mpirun_options: Vec<OsString>,
    /// Where the recorder is built, once for all gradings that name this folder. `None`: each builds its own.
    pub recorders: Option<PathBuf>,
    /// Whether to show no progress.
    pub quiet: bool,
}

impl GraderOptions {
    /// What verdicts follow from besides the program, as text to compare. The seed is not in it, nor the place of the
    /// recorder: another one is as good.
    pub(crate) fn settings(&self) -> String {
        let settings = GraderOptions {
            seed: 0,
            recorders: None,
            quiet: false,
            ..self.clone()
        };
        format!("{settings:?}")
    }
}
