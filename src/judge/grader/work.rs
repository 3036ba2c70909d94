//! The runs of one program, and what each of them shows.

use std::env;
use std::ffi::OsString;
use std::mem;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fastrand::Rng;
use indicatif::{ProgressBar, ProgressStyle};
use tempfile::TempDir;

use super::speed::Times;
use super::{Graded, Grader, Tests};
use crate::checks::{self, Check, Shown, Subject};
use crate::runs::cases::Case;
use crate::runs::elf;
use crate::runs::profiling::{self, Tools};
use crate::runs::sandbox::{Job, Limits, Sandbox};
use crate::seen::condition::Condition;
use crate::seen::known::Known;
use crate::seen::run::Run;
use crate::seen::scene::Scene;
use crate::seen::unseen::Unseen;
use crate::told::grading::{Grading, Judgement, Marks, Place, SCHEMA, Tally, TestReport};
use crate::told::observations::Observations;
use crate::told::page::Failing;
use swarm::launch::Mpirun;

/// The most runs of a test under a condition that may hang. The rest would only take time.
const HANGS: usize = 2;

/// The most tests of which the speed is measured.
const TIMED: usize = 4;

/// How one run came out.
pub(super) struct Trial {
    is_right: bool,
    hung: bool,
}

/// The runs of one program.
pub(super) struct Work<'a> {
    pub(super) grader: &'a Grader<'a>,
    program: PathBuf,
    /// The name of the MPI library that it uses.
    pub(super) library: String,
    pub(super) tools: Tools,
    sandbox: Sandbox,
    pub(super) rng: Rng,
    observations: Observations,
    /// What the plain runs of the test at hand took.
    times: Times,
    failing: Option<Failing>,
    /// Whether a run has hung whose calls were only slower, or no plain run was tried.
    may_hang_anyway: bool,
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
        let tools = profiling::tools(mpicc.as_deref(), &library, folder.path())?;
        let limits = Limits {
            time: options.time_limit,
            memory: options.memory,
        };
        let sandbox = Sandbox::new(mpirun, limits, options.is_isolated)?;
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
            library,
            tools,
            sandbox,
            rng: Rng::with_seed(options.seed),
            observations: Observations::default(),
            times: Times::default(),
            failing: None,
            may_hang_anyway: !options.conditions.contains(&Condition::AsItIs),
            progress,
            _folder: folder,
        })
    }

    pub(super) fn grade(mut self, shown: &str) -> Result<Graded> {
        let grader = self.grader;
        let options = grader.options;
        let mut tests = Vec::new();
        let mut speed = Vec::new();
        for case in &grader.within.cases {
            let (report, times) = self.case(case, &grader.within)?;
            tests.push(report);
            if speed.len() < TIMED && !times.wall.is_empty() {
                speed.push(self.speed(case, times)?);
            }
        }
        self.lies()?;
        for case in &grader.beyond.cases {
            tests.push(self.case(case, &grader.beyond)?.0);
        }
        self.progress.finish_and_clear();
        let (checks, beyond) = self.observations.judgements();
        let mut grading = Grading {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").into(),
            program: shown.into(),
            mpi: self.mpi(),
            seed: options.seed,
            tests,
            checks,
            beyond,
            counts_beyond: options.counts_beyond,
            speed,
            marks: Marks::default(),
        };
        let counted: Vec<Judgement> = grading.counted().cloned().collect();
        grading.marks = grader.points.marks(&grading.tests, &counted);
        Ok(Graded {
            grading,
            failing: self.failing,
        })
    }

    /// The MPI library: its name and version as mpirun says them, and its file.
    fn mpi(&self) -> String {
        let version = self.sandbox.mpirun.version().unwrap_or_default();
        format!("{version} ({})", self.library)
    }

    /// Runs a test under all its conditions. Returns what its plain runs took as well.
    fn case(&mut self, case: &Case, tests: &Tests) -> Result<(TestReport, Times)> {
        let mut runs = Vec::new();
        for &condition in &tests.conditions {
            runs.push(self.tally(case, tests, condition)?);
        }
        let report = TestReport {
            name: case.name.clone(),
            ranks: case.inputs.len() + 1,
            origin: case.origin,
            beyond: case.beyond.clone(),
            runs,
        };
        Ok((report, mem::take(&mut self.times)))
    }

    /// Runs a test under one condition.
    fn tally(&mut self, case: &Case, tests: &Tests, condition: Condition) -> Result<Tally> {
        let row = condition.row();
        let mut tally = Tally::none(condition);
        let mut hangs = 0;
        for number in 1..=tests.runs {
            // The first one is of the test as it is given.
            let fresh = if condition == Condition::AsItIs && number == 1 {
                case.clone()
            } else {
                case.fresh(&mut self.rng)
            };
            let noise: Option<u64> = row.has_seed.then(|| self.rng.u32(..).into());
            let deed = match noise {
                Some(seed) => format!("{}:{seed}", row.deed),
                None => row.deed.into(),
            };
            let place = Place {
                test: case.name.clone(),
                condition,
                run: number,
                noise,
            };
            let trial = self.trial(&fresh, place, &deed, tests.count)?;
            tally.runs += 1;
            tally.right += usize::from(trial.is_right);
            hangs += usize::from(trial.hung);
            self.may_hang_anyway |= trial.hung && row.is_only_slower;
            if hangs == HANGS {
                self.progress.inc((tests.runs - number) as u64);
                break;
            }
        }
        Ok(tally)
    }

    /// Runs the program once, and takes note of all that this shows. `deed` is what the profiling library
    /// does.
    pub(super) fn trial(
        &mut self,
        case: &Case,
        place: Place,
        deed: &str,
        counts: bool,
    ) -> Result<Trial> {
        let condition = place.condition;
        self.progress
            .set_message(format!("{} {condition}", case.name));
        let run = self.run(&self.program, &[], case, deed)?;
        let known = Known::new(&case.inputs);
        let mut scene = Scene::new(&known, &run, condition);
        scene.may_hang_anyway = self.may_hang_anyway;
        let shown = checks::judge(&scene);
        let trial = Trial {
            is_right: shown.iter().all(|(check, shown)| {
                check.subject() != Subject::Outcome
                    || *check == Check::Processes
                    || *shown == Ok(Shown::Right)
            }),
            hung: run.ending.hung.is_some(),
        };
        if condition == Condition::AsItIs && trial.is_right {
            self.times.see(&scene);
        }
        self.note(known, run, place, counts, shown);
        self.progress.inc(1);
        Ok(trial)
    }

    /// Runs a program on a test. `deed` is what the profiling library does.
    pub(super) fn run(
        &self,
        program: &Path,
        arguments: &[&str],
        case: &Case,
        deed: &str,
    ) -> Result<Run> {
        self.sandbox.run(&Job {
            program,
            arguments,
            library: &self.tools.library,
            deed,
            inputs: &case.texts,
            known: &Known::new(&case.inputs),
        })
    }

    /// Takes note of what a run shows of each check.
    fn note(
        &mut self,
        known: Known,
        run: Run,
        place: Place,
        counts: bool,
        shown: Vec<(Check, Result<Shown, Unseen>)>,
    ) {
        let wrong = shown.iter().filter_map(|(check, shown)| match shown {
            Ok(Shown::Wrong(evidence)) => Some((*check, evidence.said.clone())),
            Ok(Shown::Right | Shown::Lacking(_)) | Err(_) => None,
        });
        let worst = wrong.min();
        self.observations.see(place.clone(), counts, shown);
        if let Some((check, title)) = worst.filter(|_| counts) {
            let is_worse = |failing: &Failing| {
                (check, place.condition) < (failing.check, failing.place.condition)
            };
            if self.failing.as_ref().is_none_or(is_worse) {
                self.failing = Some(Failing {
                    known,
                    run,
                    place,
                    check,
                    title,
                });
            }
        }
    }
}
