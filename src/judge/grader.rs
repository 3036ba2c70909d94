//! All runs of a program, and what they amount to.

mod control;
mod how;
mod lies;
mod look;
mod options;
mod speed;
mod trial;
mod work;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
pub use control::Refused;
pub use options::GraderOptions;
use swarm::shown::Shown;
use work::Work;

use crate::runs::cases::{self, Case};
use crate::seen::condition::Condition;
use crate::told::grading::{Grading, Sanitized};
use crate::told::page::{Failing, page};
use crate::told::points::Points;

/// The most runs of a test beyond the assignment that does not count.
const BEYOND_RUNS: usize = 2;

/// What programs are graded on.
#[derive(Debug)]
pub(crate) struct Grader<'a> {
    options: &'a GraderOptions,
    points: Points,
    /// What the assignment promises.
    within: Tests,
    /// What it does not promise.
    beyond: Tests,
}

/// Tests, and how they are run.
#[derive(Debug)]
struct Tests {
    cases: Vec<Case>,
    /// How often each is run under each condition.
    runs: usize,
    /// The conditions, the plainest first.
    conditions: Vec<Condition>,
    /// Whether what their runs show counts.
    count: bool,
}

impl Tests {
    fn runs_of_all(&self) -> usize {
        let runs = self.conditions.iter().map(|&it| self.runs_under(it));
        self.cases.len() * runs.sum::<usize>()
    }

    /// How often each is run under a condition.
    fn runs_under(&self, condition: Condition) -> usize {
        self.runs.min(condition.row().most_runs)
    }
}

/// A program, graded.
#[derive(Debug)]
pub(crate) struct Graded {
    /// What came of it.
    pub(crate) grading: Grading,
    /// The run to be looked at: the first one that shows the worst that is wrong.
    failing: Option<Failing>,
}

impl Graded {
    /// A page that shows it.
    ///
    /// # Errors
    /// When it cannot be described.
    pub(crate) fn page(&self) -> Result<String> {
        page(&self.grading, self.failing.as_ref())
    }
}

impl<'a> Grader<'a> {
    /// Finds and makes the tests.
    ///
    /// # Errors
    /// When a test or the points cannot be read.
    pub(crate) fn new(options: &'a GraderOptions) -> Result<Grader<'a>> {
        let points = match &options.points {
            Some(path) => Points::read(path)?,
            None => Points::default(),
        };
        let usual = Path::new("inputs");
        let mut cases = match &options.tests {
            Some(folder) => cases::given(folder)?,
            None if usual.is_dir() => cases::given(usual)?,
            None => Vec::new(),
        };
        cases.extend(cases::generated(options.generated, options.seed));
        if options.generated > 0 {
            cases.extend(cases::generated_beyond(options.seed));
        }
        let (within, beyond): (Vec<Case>, Vec<Case>) =
            (cases.into_iter()).partition(|case| case.beyond.is_none());
        ensure!(
            !within.is_empty(),
            "there are no tests: name a folder of tests with --tests, or let some be made up"
        );
        let mut runs = options.runs.get();
        let mut conditions: Vec<Condition> = Condition::of_every_test()
            .filter(|condition| {
                // Without a recorded run, nothing but the outcome of plain ones could be told.
                let with = [Condition::AsItIs]
                    .iter()
                    .filter(|_| *condition == Condition::Recorded);
                let mut asked = with.chain([condition]);
                asked.any(|condition| options.conditions.contains(condition))
            })
            .collect();
        let within = Tests {
            cases: within,
            runs,
            conditions: conditions.clone(),
            count: true,
        };
        if !options.counts_beyond {
            runs = runs.min(BEYOND_RUNS);
            let simplest = [Condition::AsItIs, Condition::Recorded];
            conditions.retain(|condition| simplest.contains(condition));
        }
        let beyond = Tests {
            cases: beyond,
            runs,
            conditions,
            count: options.counts_beyond,
        };
        Ok(Grader {
            options,
            points,
            within,
            beyond,
        })
    }

    /// Runs a program and judges it. `shown` is what it is called, and `sanitized` what is known from elsewhere.
    ///
    /// # Errors
    /// When it could not be run.
    pub(crate) fn grade(
        &self,
        program: &Path,
        shown: &str,
        sanitized: Option<Sanitized>,
    ) -> Result<Graded> {
        Work::new(self, found(program)?)?.grade(shown, sanitized)
    }

    /// Runs a program that was built with a sanitizer, once a test, until that reports something.
    ///
    /// # Errors
    /// When it could not be run.
    pub(crate) fn look(&self, program: &Path) -> Result<Sanitized> {
        Work::new(self, found(program)?)?.look()
    }

    fn runs_of_all(&self) -> usize {
        self.within.runs_of_all() + self.beyond.runs_of_all() + self.lies()
    }
}

/// The whole path of a program.
fn found(program: &Path) -> Result<PathBuf> {
    let cannot = || format!("cannot find {}", program.shown());
    program.canonicalize().with_context(cannot)
}
