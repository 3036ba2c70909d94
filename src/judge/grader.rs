//! All runs of a program, and what they amount to.

mod work;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use work::Work;

use crate::checks::Check;
use crate::command::Grade;
use crate::runs::cases::{self, Case};
use crate::seen::known::Known;
use crate::seen::run::{Condition, Run};
use crate::told::grading::{Grading, Place};
use crate::told::page::{Failing, page};
use crate::told::points::Points;

/// Tests beyond the assignment that do not count are run so often at most, and only as the program is.
const BEYOND_RUNS: usize = 2;

/// So many runs at most have a wrong hash, each of another test where there are so many.
const LIES: usize = 4;

/// What programs are graded on.
#[derive(Debug)]
pub struct Grader<'a> {
    options: &'a Grade,
    points: Points,
    cases: Vec<Case>,
    beyond: Vec<Case>,
}

/// A program, graded.
#[derive(Debug)]
pub struct Graded {
    /// What came of it.
    pub grading: Grading,
    /// The run to be looked at: the first one that shows the worst that is wrong.
    pub failing: Option<Failed>,
}

/// A run that shows something wrong.
#[derive(Debug)]
pub struct Failed {
    /// What was known of it.
    pub known: Known,
    /// What it was.
    pub run: Run,
    /// Which one it was.
    pub place: Place,
    /// What it shows: the worst.
    pub check: Check,
    /// In a sentence.
    pub title: String,
}

impl Graded {
    /// A page that shows it.
    ///
    /// # Errors
    /// When it cannot be described.
    pub fn page(&self) -> Result<String> {
        let failing = self.failing.as_ref().map(|failed| Failing {
            title: &failed.title,
            place: &failed.place,
            known: &failed.known,
            run: &failed.run,
        });
        page(&self.grading, failing)
    }
}

impl<'a> Grader<'a> {
    /// Finds and makes the tests.
    ///
    /// # Errors
    /// When a test or the points cannot be read.
    pub fn new(options: &'a Grade) -> Result<Grader<'a>> {
        let points = match &options.points {
            Some(path) => Points::read(path)?,
            None => Points::default(),
        };
        let usual = Path::new("inputs");
        let given = match &options.tests {
            Some(folder) => cases::given(folder)?,
            None if usual.is_dir() => cases::given(usual)?,
            None => Vec::new(),
        };
        let made_up = cases::generated(options.generated, options.seed);
        let mut made_up_beyond = Vec::new();
        if options.generated > 0 {
            made_up_beyond = cases::generated_beyond(options.seed);
        }
        let all = given.into_iter().chain(made_up).chain(made_up_beyond);
        let (cases, beyond): (Vec<Case>, Vec<Case>) = all.partition(|case| case.beyond.is_none());
        ensure!(
            !cases.is_empty(),
            "there are no tests: name a folder of tests with --tests, or let some be made up"
        );
        Ok(Grader {
            options,
            points,
            cases,
            beyond,
        })
    }

    /// Runs a program and judges it. `shown` is what it is called.
    ///
    /// # Errors
    /// When it could not be run.
    pub fn grade(&self, program: &Path, shown: &str) -> Result<Graded> {
        let program = program
            .canonicalize()
            .with_context(|| format!("cannot find {}", program.display()))?;
        Work::new(self, program)?.grade(shown)
    }

    fn runs_of_all(&self) -> usize {
        let Grade {
            runs, conditions, ..
        } = self.options;
        let (beyond, conditions_beyond) = self.runs_beyond();
        self.cases.len() * runs.get() * self.conditions().len()
            + self.beyond.len() * beyond * conditions_beyond.len()
            + if conditions.contains(&Condition::Lying) {
                LIES.min(runs.get())
            } else {
                0
            }
    }

    /// Those under which every test is run.
    fn conditions(&self) -> Vec<Condition> {
        let mut all = Condition::ALL.to_vec();
        all.retain(|condition| self.options.conditions.contains(condition));
        all
    }

    fn runs_beyond(&self) -> (usize, Vec<Condition>) {
        let runs = self.options.runs.get();
        let mut conditions = self.conditions();
        if self.options.counts_beyond {
            (runs, conditions)
        } else {
            conditions.retain(|condition| *condition == Condition::AsItIs);
            (runs.min(BEYOND_RUNS), conditions)
        }
    }
}
