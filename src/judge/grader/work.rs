//! The runs of one program, and what each of them shows.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::mem;
use std::path::PathBuf;

use anyhow::{Context, Result};
use fastrand::Rng;
use indicatif::{ProgressBar, ProgressStyle};
use tempfile::TempDir;

use super::control;
use super::how::How;
use super::speed::{self, Times};
use super::{Graded, Grader, Tests};
use crate::checks::Check;
use crate::runs::cases::Case;
use crate::runs::elf;
use crate::runs::profiling::{self, Tools, Workshop};
use crate::runs::sandbox::{Pace, Sandbox};
use crate::runs::sanitizer::Sanitizers;
use crate::runs::stop::Stop;
use crate::seen::condition::{Condition, Varies};
use crate::told::disagreements::disagreements;
use crate::told::grading::{
    Grading, Interruption, Judgement, Marks, Place, SCHEMA, Sanitized, Speed, Tally, TestReport,
};
use crate::told::observations::Observations;
use crate::told::page::Failing;
use swarm::launch::Mpirun;
use swarm::signals::Interrupted;

/// The most runs of a test under a condition that may hang. The rest would only take time.
const HANGS: usize = 2;

/// The most tests of which the speed is measured.
const TIMED: usize = 4;

/// The most runs of each program that one is compared with.
const COMPARED: usize = 3;

/// How many recorded runs there were.
#[derive(Default)]
pub(super) struct RecordedRuns {
    pub(super) runs: usize,
    /// Those in which MPI was seen to be called.
    pub(super) with_mpi: usize,
}

/// The runs of one program.
pub(super) struct Work<'a> {
    pub(super) grader: &'a Grader<'a>,
    pub(super) program: PathBuf,
    /// The name of the MPI library that it uses.
    library: String,
    /// What it was built with.
    pub(super) sanitizers: Sanitizers,
    /// The first thing that one of them reports of a rank that goes on, and where.
    pub(super) finding: Option<String>,
    pub(super) tools: Tools,
    pub(super) sandbox: Sandbox,
    pub(super) rng: Rng,
    pub(super) observations: Observations,
    /// What to compare with, if it is for the same MPI library.
    pub(super) ours: Option<PathBuf>,
    /// How long things take here, on the test at hand.
    pub(super) pace: Pace,
    /// What the right runs of the test at hand took.
    pub(super) times: Times,
    pub(super) recorded: RecordedRuns,
    /// How often one has tried to explain what plain runs showed; no more where it was.
    pub(super) explanations: BTreeMap<Check, usize>,
    pub(super) failing: Option<Failing>,
    /// Whether a run has hung that could happen to anybody, or none was tried.
    pub(super) may_hang_anyway: bool,
    pub(super) progress: ProgressBar,
    /// Holds the tools. Deleted with this value.
    _folder: TempDir,
}

impl<'a> Work<'a> {
    pub(super) fn new(grader: &'a Grader<'a>, program: PathBuf) -> Result<Work<'a>> {
        let options = grader.options;
        let (library, mpi) = elf::mpi_library(&program)?;
        let mpirun_options = options.mpirun_options.clone();
        let mpirun = Mpirun::find(options.mpirun.as_deref(), mpi, mpirun_options)?;
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let mpicc: Option<OsString> = env::var_os("MPICC").filter(|name| !name.is_empty());
        let sanitizers = Sanitizers::of(&program)?;
        let stop = Stop::on_signals()?;
        let workshop = Workshop {
            folder: folder.path(),
            kept: options.recorders.as_deref(),
            stop: &stop,
        };
        let tools = profiling::tools(mpicc.as_deref(), &library, &sanitizers, workshop)?;
        let sandbox = Sandbox::new(mpirun, options.memory, options.is_isolated)?;
        let progress = if options.quiet {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(grader.runs_of_all() as u64)
        };
        let style =
            ProgressStyle::with_template("[{bar:30}] {pos} of {len} runs, {eta} left: {wide_msg}")
                .expect("a sound template");
        progress.set_style(style.progress_chars("=> "));
        Ok(Work {
            grader,
            program,
            ours: control::ours(&library)?,
            library,
            sanitizers,
            finding: None,
            tools,
            sandbox,
            rng: Rng::with_seed(options.seed),
            observations: Observations::default(),
            pace: Pace::default(),
            times: Times::default(),
            recorded: RecordedRuns::default(),
            explanations: BTreeMap::new(),
            failing: None,
            may_hang_anyway: !options.conditions.contains(&Condition::AsItIs),
            progress,
            _folder: folder,
        })
    }

    pub(super) fn grade(mut self, shown: &str, sanitized: Option<Sanitized>) -> Result<Graded> {
        let grader = self.grader;
        let options = grader.options;
        self.try_sanitizers()?;
        let mut tests = Vec::new();
        let mut speed = Vec::new();
        let interrupted = match self.all(&mut tests, &mut speed) {
            Err(error) if error.is::<Interrupted>() && !tests.is_empty() => {
                let tallies = tests.iter().flat_map(|test| &test.runs);
                Some(Interruption {
                    runs: tallies.map(|tally| tally.runs).sum(),
                    of: grader.runs_of_all(),
                })
            }
            ended => {
                ended?;
                None
            }
        };
        self.progress.finish_and_clear();
        let has_come_out_right = (tests.iter().flat_map(|test| &test.runs)).any(|it| it.right > 0);
        let (checks, beyond) = self.observations.judgements();
        let mut grading = Grading {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").into(),
            program: shown.into(),
            mpi: self.mpi(),
            seed: options.seed,
            interrupted,
            saw_no_mpi: has_come_out_right && self.recorded.runs > 0 && self.recorded.with_mpi == 0,
            notes: self.notes(&tests, sanitized.as_ref()),
            tests,
            checks,
            beyond,
            counts_beyond: options.counts_beyond,
            sanitized,
            speed,
            marks: Marks::default(),
        };
        // Part of the runs is worth nothing, neither much nor little.
        if grading.interrupted.is_none() {
            let counted: Vec<Judgement> = grading.counted().cloned().collect();
            grading.marks = grader.points.marks(&grading.tests, &counted);
        }
        Ok(Graded {
            grading,
            failing: self.failing,
        })
    }

    /// Runs all tests. What came of each is there when a run fails, too.
    fn all(&mut self, tests: &mut Vec<TestReport>, speed: &mut Vec<Speed>) -> Result<()> {
        let grader = self.grader;
        for (place, case) in grader.within.cases.iter().enumerate() {
            let is_timed = place < TIMED;
            let compared = COMPARED.min(grader.options.runs.get());
            let control = self.control(case, if is_timed { compared } else { 1 })?;
            let times = self.case(case, &grader.within, tests)?;
            if is_timed && !times.wall.is_empty() {
                speed.push(speed::speed(&case.name, times, control));
            }
        }
        self.lies()?;
        for case in &grader.beyond.cases {
            self.control(case, 1)?;
            self.case(case, &grader.beyond, tests)?;
        }
        Ok(())
    }

    /// What is to be known before the verdicts are read.
    fn notes(&self, tests: &[TestReport], sanitized: Option<&Sanitized>) -> Vec<String> {
        let finding = self
            .finding
            .as_ref()
            .map(|it| format!("a sanitizer reports {it}"));
        let found = sanitized.and_then(|sanitized| sanitized.found.as_ref());
        let found = found.map(|it| format!("built again with a sanitizer, it shows {it}"));
        let notes = [self.sanitizers.note(), finding, found];
        let notes = notes.into_iter().flatten();
        notes.chain(disagreements(tests)).collect()
    }

    /// The MPI library: its name and version as mpirun says them, and its file.
    fn mpi(&self) -> String {
        let version = self.sandbox.mpirun.version().unwrap_or_default();
        format!("{version} ({})", self.library)
    }

    /// Runs a test under all its conditions, and adds what came of it to `reports`. Returns what its right runs
    /// took.
    fn case(&mut self, case: &Case, tests: &Tests, reports: &mut Vec<TestReport>) -> Result<Times> {
        let mut runs: Vec<Tally> = Vec::new();
        let mut ended = Ok(());
        for &condition in &tests.conditions {
            let is_plainly_right =
                |tally: &Tally| tally.condition == Condition::AsItIs && tally.right == tally.runs;
            // It is only told from the rest where there is nothing else wrong.
            let is_untold = condition == Condition::OwnInput && !runs.iter().any(is_plainly_right);
            if is_untold || self.is_left_out(condition) {
                self.progress.inc(tests.runs_under(condition) as u64);
                continue;
            }
            let mut tally = Tally::none(condition);
            ended = self.tally(case, tests, &mut tally);
            if tally.runs > 0 {
                runs.push(tally);
            }
            if ended.is_err() {
                break;
            }
        }
        let is_begun = !runs.is_empty();
        let report = TestReport {
            name: case.name.clone(),
            ranks: case.inputs.len() + 1,
            origin: case.origin,
            beyond: case.beyond.clone(),
            runs,
        };
        if is_begun {
            reports.push(report);
        }
        ended.map(|()| mem::take(&mut self.times))
    }

    /// Whether a condition is nothing for this program: a sanitizer marks what memory was not written yet.
    pub(super) fn is_left_out(&self, condition: Condition) -> bool {
        condition.row().varies == Varies::Pattern && self.sanitizers.own_memory()
    }

    /// Runs a test under the condition of a tally, and counts its runs there.
    fn tally(&mut self, case: &Case, tests: &Tests, tally: &mut Tally) -> Result<()> {
        let condition = tally.condition;
        let mut hangs = 0;
        let runs = tests.runs_under(condition);
        for number in 1..=runs {
            // The first one is of the test as it is given.
            let fresh = if condition == Condition::AsItIs && number == 1 {
                case.clone()
            } else {
                case.fresh(&mut self.rng)
            };
            let how = How::of_run(condition, number, &mut self.rng);
            let place = Place {
                test: case.name.clone(),
                condition,
                run: number,
                noise: how.noise,
            };
            let trial = self.trial(&fresh, place, &how, tests.count)?;
            tally.runs += 1;
            tally.right += usize::from(trial.is_right == Some(true));
            tally.untold += usize::from(trial.is_right.is_none());
            hangs += usize::from(trial.hung);
            self.may_hang_anyway |= trial.hung && condition.row().is_plain;
            if hangs == HANGS {
                self.progress.inc((runs - number) as u64);
                break;
            }
        }
        Ok(())
    }
}
