//! The command `grade`: what it is asked for, what it writes, and the exit status.

use std::fmt;
use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use swarm::output::{Claims, Output};
use swarm::say;
use swarm::signals::{Interrupt, Interrupted};
use swarm::terminal;

use crate::course::{self, Look, Row};
use crate::grader::{Grader, GraderOptions};
use crate::runs::stop::Stop;
use crate::told::grading::Verdict;
use crate::told::sheet::sheet;
use swarm::shown::Shown;

/// What is graded, how, and where the answers go.
#[derive(Debug, Clone, PartialEq)]
pub struct Grade {
    /// The program; or the folder of all submissions, if there is a place for their grades.
    pub program: PathBuf,
    /// Where the grades of all submissions go.
    pub all: Option<PathBuf>,
    /// Whether each submission is built again with a sanitizer, and looked at.
    pub sanitize: bool,
    /// How programs are graded.
    pub options: GraderOptions,
    /// Where the report goes, as JSON.
    pub report: Option<PathBuf>,
    /// Where the page goes.
    pub page: Option<PathBuf>,
}

impl Grade {
    /// Runs and judges the program, or all of them, and says what came out.
    ///
    /// # Errors
    /// When a program could not be run, or an answer not be written or printed.
    pub fn run(&self) -> Result<Answer> {
        // Before anything runs: nothing is lost for want of a place.
        let mut claims = Claims::default();
        self.read(&mut claims);
        // It may wait for who writes what it reads, so a signal still ends it at once.
        let grader = Grader::new(&self.options)?;
        if let Some(output) = &self.all {
            claims.folder("--output-dir", output)?;
        }
        let held = self
            .all
            .as_deref()
            .map(|output| claims.hold("--output-dir", output));
        let _held = held.transpose()?;
        let report = claims.optional("--report", self.report.as_deref())?;
        let page = claims.optional("--page", self.page.as_deref())?;
        // What is still empty when this ends is gone.
        let _new_folders = claims.new_folders();
        // Before there is anything to be cleared away.
        Interrupt::on_signals()?;
        match &self.all {
            Some(output) => self.grade_all(output),
            None => self.grade_one(&grader, report.as_ref(), page.as_ref()),
        }
    }

    /// Names all that is read to those who write.
    fn read(&self, claims: &mut Claims) {
        claims.input("the program", &self.program);
        if let Some(points) = &self.options.points {
            claims.input("the points", points);
        }
        let tests = self.options.tests.as_deref().map(fs::read_dir);
        for test in tests.into_iter().flatten().flatten().flatten() {
            claims.inputs_in(&test.path());
        }
    }

    fn grade_one(
        &self,
        grader: &Grader<'_>,
        report: Option<&Output>,
        page: Option<&Output>,
    ) -> Result<Answer> {
        let shown = self.program.shown();
        let graded = grader.grade(&self.program, &shown, None);
        let graded = graded.map_err(|error| match error.is::<Interrupted>() {
            true => error.context("nothing was graded yet"),
            false => error,
        })?;
        if let Some(output) = report {
            let report = serde_json::to_vec_pretty(&graded.grading)?;
            output.write(&|out| out.write_all(&report))?;
        }
        if let Some(output) = page {
            let page = graded.page()?;
            output.write(&|out| out.write_all(page.as_bytes()))?;
        }
        let has_colours = io::stdout().is_terminal() && console::colors_enabled();
        let width = terminal::of_reader().max(NARROWEST);
        say::exactly(sheet(&graded.grading, has_colours, width.into()))?;
        if graded.grading.interrupted.is_some() {
            return Ok(Answer::Interrupted);
        }
        if graded.grading.saw_no_mpi {
            return Ok(Answer::NoMpi);
        }
        Ok(answer(!graded.grading.with(Verdict::Wrong).is_empty()))
    }

    fn grade_all(&self, output: &Path) -> Result<Answer> {
        let settings = self.options.settings();
        let stop = Stop::on_signals()?;
        // All submissions are recorded by the same library.
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let mut options = self.options.clone();
        (options.recorders).get_or_insert_with(|| folder.path().to_owned());
        let mut look = |program: &Path| course::look(program, &options, &stop);
        let look: &mut Look<'_> = &mut look;
        let rows = course::grade_all(
            &self.program,
            output,
            &settings,
            &stop,
            self.sanitize.then_some(look),
            &mut |program, name, sanitized| {
                course::grade(program, name, sanitized, &options, &stop)
            },
        )?;
        for row in &rows {
            say::line(row)?;
        }
        Ok(answer(rows.iter().any(Row::is_wrong)))
    }
}

/// Grades the submission that standard input names, and answers on standard output: so `--all` has each
/// graded in a process of its own.
///
/// # Errors
/// When nobody asks, or nobody takes the answer.
pub fn grade_submission() -> Result<()> {
    course::serve()
}

/// The least width of a sheet, in columns. Its tables have no room in less.
const NARROWEST: u16 = 76;

fn answer(is_wrong: bool) -> Answer {
    if is_wrong {
        Answer::SomethingWrong
    } else {
        Answer::NothingWrong
    }
}

/// What `grade` answers with its exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Everything is right or cannot be told.
    NothingWrong = 0,
    /// A check is wrong; with `--all`, one of any submission.
    SomethingWrong = 1,
    /// There are no verdicts: the program could not be run, or this machine is at fault.
    NotRun = 2,
    /// The program came out right, and no call of MPI was seen.
    NoMpi = 3,
    /// A signal came. What was seen until then is told.
    Interrupted = 4,
}

impl Answer {
    /// All of them, by their status.
    pub const ALL: [Answer; 5] = [
        Answer::NothingWrong,
        Answer::SomethingWrong,
        Answer::NotRun,
        Answer::NoMpi,
        Answer::Interrupted,
    ];
}

/// In words for the user.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Answer::NothingWrong => "nothing is wrong",
            Answer::SomethingWrong => "something is wrong",
            Answer::NotRun => "the program could not be run, or this machine is at fault",
            Answer::NoMpi => "no call of MPI was seen",
            Answer::Interrupted => "a signal came: what was seen until then is told",
        })
    }
}

impl From<Answer> for ExitCode {
    fn from(answer: Answer) -> ExitCode {
        ExitCode::from(answer as u8)
    }
}
