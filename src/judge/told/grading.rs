//! What all runs of a program amount to.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::checks::{Check, Evidence, Subject};
use crate::seen::condition::{Condition, Origin};

/// The version of the report that [`Grading`] is.
pub const SCHEMA: u32 = 2;

/// What was run and what came of it: the report that `--report` writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grading {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The version of this program.
    pub version: String,
    /// The program that was graded, as it was named.
    pub program: String,
    /// The MPI library that it uses: its name and version.
    pub mpi: String,
    /// What the generated tests and the noise follow from.
    pub seed: u64,
    /// Of a grading that a signal has broken off: how far it was. Then there are no marks.
    #[serde(default)]
    pub interrupted: Option<Interruption>,
    /// Whether the program came out right and no rank of it was seen to call MPI: then only the files were
    /// judged.
    pub saw_no_mpi: bool,
    /// What is to be known before the verdicts are read: a sentence each, without its full stop.
    pub notes: Vec<String>,
    /// The tests, each with how its runs ended.
    pub tests: Vec<TestReport>,
    /// A verdict for each check, in the order of [`Check::ALL`], from the tests that the assignment
    /// allows.
    pub checks: Vec<Judgement>,
    /// The same from the tests beyond the assignment; empty if none were run.
    pub beyond: Vec<Judgement>,
    /// Whether the verdicts in `beyond` count.
    pub counts_beyond: bool,
    /// What a sanitizer found in the same program, built again with it. `None`: that was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sanitized: Option<Sanitized>,
    /// How fast it is on a few tests on which it ended right.
    pub speed: Vec<Speed>,
    /// What it is worth.
    pub marks: Marks,
}

impl Grading {
    /// The verdict that counts for each check. Where tests beyond the assignment count, a check that
    /// they show wrong is wrong.
    pub fn counted(&self) -> impl Iterator<Item = &Judgement> {
        self.checks.iter().map(|judgement| {
            let is_worse = |beyond: &&Judgement| {
                self.counts_beyond
                    && judgement.verdict != Verdict::Wrong
                    && beyond.check == judgement.check
                    && beyond.verdict == Verdict::Wrong
            };
            self.beyond.iter().find(is_worse).unwrap_or(judgement)
        })
    }

    /// The checks that have this verdict, where it counts.
    pub fn with(&self, verdict: Verdict) -> Vec<&Judgement> {
        let counted = self.counted();
        counted.filter(|it| it.verdict == verdict).collect()
    }
}

/// What a sanitizer found in a program that was built with it to find that out. It is worth no points.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sanitized {
    /// The first thing that it reported: what, where in the source, and in which run.
    pub found: Option<String>,
    /// Why it cannot be told, or not of all of the program.
    pub untold: Option<String>,
}

impl Sanitized {
    /// There was nothing to be seen, for this reason.
    pub fn untold(reason: impl Into<String>) -> Sanitized {
        Sanitized {
            found: None,
            untold: Some(reason.into()),
        }
    }
}

/// For a cell of a table.
impl fmt::Display for Sanitized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.found, &self.untold) {
            (Some(found), None) => f.write_str(found),
            (Some(found), Some(untold)) => write!(f, "{found}; {untold}"),
            (None, Some(untold)) => write!(f, "cannot be told: {untold}"),
            (None, None) => f.write_str("nothing"),
        }
    }
}

/// How far a grading was that was broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interruption {
    /// The runs of tests that there were.
    pub runs: usize,
    /// How many there should have been, with those that are no tests.
    pub of: usize,
}

impl fmt::Display for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Interruption { runs, of } = self;
        write!(f, "interrupted after {runs} of {of} runs")
    }
}

/// A test, and how often it came out right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestReport {
    /// Its name: that of its folder, or of its shape.
    pub name: String,
    /// How many ranks it takes.
    pub ranks: usize,
    /// Where it is from.
    pub origin: Origin,
    /// What the assignment does not promise of its inputs, if that is so.
    pub beyond: Option<String>,
    /// How its runs ended, by condition.
    pub runs: Vec<Tally>,
}

impl TestReport {
    /// How its runs under a condition ended, if there were any.
    pub fn tally(&self, condition: Condition) -> Option<&Tally> {
        self.runs.iter().find(|tally| tally.condition == condition)
    }
}

/// How the runs of a test under one condition ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Under what they ran.
    pub condition: Condition,
    /// How many there were. There are fewer than asked for if the first ones hung.
    pub runs: usize,
    /// How many ended by themselves, with status 0 and the right outputs.
    pub right: usize,
    /// Of how many that cannot be told.
    pub untold: usize,
}

impl Tally {
    /// Of no run.
    pub fn none(condition: Condition) -> Tally {
        Tally {
            condition,
            runs: 0,
            right: 0,
            untold: 0,
        }
    }
}

/// What all runs together say of a check. The worst is first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It does not hold.
    Wrong,
    /// The runs do not tell.
    CannotBeTold,
    /// It holds as far as the runs show.
    Right,
}

/// The verdict of a check, with what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// What was judged.
    pub check: Check,
    /// The group of checks to which it belongs.
    pub subject: Subject,
    /// What all runs together say.
    pub verdict: Verdict,
    /// How many runs showed it wrong.
    pub wrong: usize,
    /// How many showed it right.
    pub right: usize,
    /// How many did not tell.
    pub untold: usize,
    /// The bounds of the rate of wrong runs among the runs that told, with a confidence of 95 %
    /// (Wilson's interval).
    pub rate: Option<[f64; 2]>,
    /// What was wrong in the run that is told of.
    pub evidence: Option<Evidence>,
    /// The run that showed it.
    pub place: Option<Place>,
    /// Why it cannot be told, if it cannot.
    pub reason: Option<String>,
}

/// Where a run stands among all runs of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The test's name.
    pub test: String,
    /// Under what it ran.
    pub condition: Condition,
    /// The number of the run of this test under this condition, from 1.
    pub run: usize,
    /// The seed of its noise, where there was noise.
    pub noise: Option<u64>,
}

/// In words for the user: `test1 with noise, run 2, noise 77`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place {
            test,
            condition,
            run,
            noise,
        } = self;
        write!(f, "{test} {condition}, run {run}")?;
        match noise {
            Some(seed) => write!(f, ", noise {seed}"),
            None => Ok(()),
        }
    }
}

/// How fast a test's runs as it is were: medians.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// The test's name.
    pub test: String,
    /// Seconds from the start of mpirun to its end.
    pub wall: f64,
    /// The same for a program that only starts and ends MPI.
    pub empty: f64,
    /// Seconds of processor time.
    pub cpu: f64,
    /// Messages for each segment that is downloaded; collective operations do not count.
    pub messages: Option<f64>,
    /// The same of this program, where it was built with the same MPI library.
    pub ours: Option<Ours>,
}

/// How fast this program is on the same inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ours {
    /// Seconds from the start of mpirun to its end.
    pub wall: f64,
    /// Seconds of processor time.
    pub cpu: f64,
    /// Messages for each segment.
    pub messages: Option<f64>,
}

/// What a program is worth by a course's rules.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Marks {
    /// The sum; not below 0.
    pub total: f64,
    /// What the sum would be if all that cannot be told were right.
    pub at_most: f64,
    /// The most there is.
    pub of: f64,
    /// What was given and taken, in order.
    pub lines: Vec<MarkLine>,
}

/// Something that was given or taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MarkLine {
    /// For what.
    pub reason: String,
    /// How much; below 0 if it was taken.
    pub points: f64,
    /// How much more it would be if what cannot be told were right.
    pub untold: f64,
    /// How much there was to get; 0 for what is taken.
    pub of: f64,
}
