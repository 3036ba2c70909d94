//! What `bittorrent grade` is asked for, and what it answers with its exit status.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use console::Term;

use crate::grader::Grader;
use crate::seen::run::Condition;
use crate::told::all::{self, Row};
use crate::told::grading::Verdict;
use crate::told::sheet::sheet;

/// What is to be graded, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Grade {
    /// The program; or the folder of all submissions, if there is a place for their grades.
    pub program: PathBuf,
    /// Where the grades of all submissions go.
    pub all: Option<PathBuf>,
    /// The folder of the given tests. If it is not named, `inputs`, where that is there.
    pub tests: Option<PathBuf>,
    /// How many tests are made up.
    pub generated: usize,
    /// How often each test is run under each condition.
    pub runs: NonZeroUsize,
    /// Under which conditions.
    pub conditions: Vec<Condition>,
    /// What the generated tests and the noise follow from.
    pub seed: u64,
    /// How long a run may take.
    pub time_limit: Duration,
    /// How many bytes of address space a rank may have.
    pub memory: u64,
    /// Whether a run has neither a network nor files to write but its own.
    pub is_isolated: bool,
    /// Whether tests count that the assignment does not promise.
    pub counts_beyond: bool,
    /// The points file, if not the course's own points are given.
    pub points: Option<PathBuf>,
    /// Where the report goes, as JSON.
    pub report: Option<PathBuf>,
    /// Where the page goes.
    pub page: Option<PathBuf>,
    /// The mpirun to use, if not the one that is found.
    pub mpirun: Option<OsString>,
    /// Options for it.
    pub mpirun_options: Vec<OsString>,
    /// Whether to show no progress.
    pub quiet: bool,
}

impl Grade {
    /// Runs the program, judges it, and says what is to be the exit status.
    ///
    /// # Errors
    /// When it could not be run.
    pub fn run(&self) -> Result<Outcome> {
        let grader = Grader::new(self)?;
        match &self.all {
            Some(output) => self.grade_all(&grader, output),
            None => self.grade_one(&grader),
        }
    }
}

impl Grade {
    fn grade_one(&self, grader: &Grader<'_>) -> Result<Outcome> {
        let shown = self.program.display().to_string();
        let graded = grader.grade(&self.program, &shown)?;
        if let Some(path) = &self.report {
            let report = serde_json::to_vec_pretty(&graded.grading)?;
            write(path, &report)?;
        }
        if let Some(path) = &self.page {
            write(path, graded.page()?.as_bytes())?;
        }
        let terminal = Term::stdout();
        let width = if terminal.is_term() {
            terminal.size().1
        } else {
            WIDTH
        };
        let has_colours = terminal.is_term() && console::colors_enabled();
        print!("{}", sheet(&graded.grading, has_colours, width.into()));
        Ok(outcome(graded.grading.number(Verdict::Wrong) > 0))
    }

    fn grade_all(&self, grader: &Grader<'_>, output: &Path) -> Result<Outcome> {
        let rows = all::grade_all(
            &self.program,
            output,
            &self.settings(),
            &mut |program, name| {
                let graded = grader.grade(program, name)?;
                write(
                    &output.join(format!("{name}.html")),
                    graded.page()?.as_bytes(),
                )?;
                Ok(graded.grading)
            },
        )?;
        for row in &rows {
            println!("{row}");
        }
        Ok(outcome(rows.iter().any(Row::is_wrong)))
    }

    /// What verdicts follow from besides the program. The seed is not among it: another one is as good.
    fn settings(&self) -> String {
        let Grade {
            tests,
            generated,
            runs,
            conditions,
            time_limit,
            memory,
            is_isolated,
            counts_beyond,
            points,
            mpirun,
            mpirun_options,
            ..
        } = self;
        format!(
            "{tests:?} {generated} {runs} {conditions:?} {time_limit:?} {memory} {is_isolated} \
             {counts_beyond} {points:?} {mpirun:?} {mpirun_options:?}"
        )
    }
}

/// Where there is no terminal.
const WIDTH: u16 = 100;

fn outcome(is_wrong: bool) -> Outcome {
    if is_wrong {
        Outcome::SomethingWrong
    } else {
        Outcome::NothingWrong
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// What came out, as the exit status says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is right or cannot be told.
    NothingWrong = 0,
    /// A check is wrong; of all submissions, one of any.
    SomethingWrong = 1,
    /// There are no verdicts.
    NotRun = 2,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Outcome; 3] = [
        Outcome::NothingWrong,
        Outcome::SomethingWrong,
        Outcome::NotRun,
    ];
}

/// What it means, for the user.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::NothingWrong => "nothing is wrong",
            Outcome::SomethingWrong => "something is wrong",
            Outcome::NotRun => "the program could not be run",
        })
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        ExitCode::from(outcome as u8)
    }
}
