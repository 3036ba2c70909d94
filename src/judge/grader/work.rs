//! The runs of one program, and what each of them shows.

mod speed;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fastrand::Rng;
use indicatif::{ProgressBar, ProgressStyle};
use speed::Times;
use tempfile::TempDir;

use super::{Failed, Graded, Grader, LIES};
use crate::checks::{self, Check, Shown, Subject};
use crate::runs::cases::Case;
use crate::runs::elf;
use crate::runs::profiling::{self, Tools};
use crate::runs::sandbox::{Job, Limits, Sandbox};
use crate::seen::known::Known;
use crate::seen::run::{Condition, Run};
use crate::seen::scene::Scene;
use crate::seen::unseen::Unseen;
use crate::told::grading::{Grading, Judgement, Marks, Place, SCHEMA, Tally, TestReport};
use crate::told::summary::Tallies;
use swarm::launch::Mpirun;
use swarm::protocol::Rank;

/// After so many runs of a test under a condition have hung, the rest would only take time.
const HANGS: usize = 2;

/// The speed of so many tests is measured.
const TIMED: usize = 4;

/// The runs of one program.
pub(super) struct Work<'a> {
    grader: &'a Grader<'a>,
    program: PathBuf,
    library: String,
    tools: Tools,
    sandbox: Sandbox,
    rng: Rng,
    tallies: Tallies,
    failing: Option<Failed>,
    /// Whether a run as it is or with noise has hung; or whether that was not tried.
    may_hang_anyway: bool,
    progress: ProgressBar,
    /// Holds the tools.
    _folder: TempDir,
}

impl<'a> Work<'a> {
    pub(super) fn new(grader: &'a Grader<'a>, program: PathBuf) -> Result<Work<'a>> {
        let options = grader.options;
        let library = elf::mpi_library(&program)?;
        let mpirun = Mpirun::find(
            options.mpirun.as_deref(),
            elf::maker(&library),
            options.mpirun_options.clone(),
        )?;
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
            tallies: Tallies::default(),
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
        for case in &grader.cases {
            let mut times = Times::default();
            let report = self.case(
                case,
                true,
                options.runs.get(),
                &grader.conditions(),
                &mut times,
            )?;
            tests.push(report);
            if speed.len() < TIMED && !times.wall.is_empty() {
                speed.push(self.speed(case, times)?);
            }
        }
        if options.conditions.contains(&Condition::Lying) {
            self.lies()?;
        }
        let (runs, conditions) = grader.runs_beyond();
        for case in &grader.beyond {
            let counts = options.counts_beyond;
            tests.push(self.case(case, counts, runs, &conditions, &mut Times::default())?);
        }
        self.progress.finish_and_clear();
        let (checks, beyond) = self.tallies.judgements();
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

    /// The MPI library, as its mpirun calls it.
    fn mpi(&self) -> String {
        let version = self.sandbox.mpirun.version().unwrap_or_default();
        format!("{version} ({})", self.library)
    }

    /// Runs a test under these conditions.
    fn case(
        &mut self,
        case: &Case,
        counts: bool,
        runs: usize,
        conditions: &[Condition],
        times: &mut Times,
    ) -> Result<TestReport> {
        let mut tallies = Vec::new();
        for &condition in conditions {
            let mut tally = Tally {
                condition,
                runs: 0,
                right: 0,
            };
            let mut hangs = 0;
            for number in 1..=runs {
                self.progress
                    .set_message(format!("{} {condition}", case.name));
                // The first one is of the test as it is given.
                let fresh = if condition == Condition::AsItIs && number == 1 {
                    case.clone()
                } else {
                    case.fresh(&mut self.rng)
                };
                let noise = (condition == Condition::Noise).then(|| self.rng.u32(..).into());
                let deed = match condition {
                    Condition::AsItIs | Condition::Lying => "nothing".into(),
                    Condition::Noise => format!("noise:{}", noise.unwrap_or_default()),
                    Condition::Synchronous => "synchronous".into(),
                };
                let place = Place {
                    test: case.name.clone(),
                    condition,
                    run: number,
                    noise,
                };
                let run = self.run(&self.program, &[], &fresh, &deed)?;
                let hung = run.ending.hung.is_some();
                let known = Known::new(&fresh.inputs);
                let is_right = self.judge(known, run, place, counts, times);
                tally.runs += 1;
                tally.right += usize::from(is_right);
                hangs += usize::from(hung);
                self.may_hang_anyway |= hung && condition != Condition::Synchronous;
                self.progress.inc(1);
                if hangs == HANGS {
                    self.progress.inc((runs - number) as u64);
                    break;
                }
            }
            tallies.push(tally);
        }
        Ok(TestReport {
            name: case.name.clone(),
            ranks: case.inputs.len() + 1,
            origin: case.origin,
            beyond: case.beyond.clone(),
            runs: tallies,
        })
    }

    fn run(&self, program: &Path, arguments: &[&str], case: &Case, deed: &str) -> Result<Run> {
        self.sandbox.run(&Job {
            program,
            arguments,
            library: &self.tools.library,
            deed,
            inputs: &case.texts,
            known: &Known::new(&case.inputs),
        })
    }

    /// Takes note of all that a run shows. Whether it came out right.
    fn judge(
        &mut self,
        known: Known,
        run: Run,
        place: Place,
        counts: bool,
        times: &mut Times,
    ) -> bool {
        let scene = Scene::new(&known, &run, place.condition);
        let shown = checks::judge(&scene);
        let is_right = shown.iter().all(|(check, shown)| {
            check.subject() != Subject::Outcome
                || *check == Check::Processes
                || *shown == Ok(Shown::Right)
        });
        if place.condition == Condition::AsItIs && is_right {
            times.see(&scene);
        }
        self.note(known, run, place, counts, shown);
        is_right
    }

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
        self.tallies.see(place.clone(), counts, shown);
        if let Some((check, title)) = worst.filter(|_| counts) {
            let is_worse =
                |failed: &Failed| (check, place.condition) < (failed.check, failed.place.condition);
            if self.failing.as_ref().is_none_or(is_worse) {
                self.failing = Some(Failed {
                    known,
                    run,
                    place,
                    check,
                    title,
                });
            }
        }
    }

    /// Runs in which a client is sent a wrong hash.
    fn lies(&mut self) -> Result<()> {
        let grader = self.grader;
        let liars: Vec<(&Case, Rank, Rank)> = (grader.cases.iter())
            .filter_map(|case| {
                let (liar, told) = liar(&Known::new(&case.inputs))?;
                Some((case, liar, told))
            })
            .collect();
        for (number, (case, liar, told)) in
            (1..=LIES.min(grader.options.runs.get())).zip(liars.into_iter().cycle())
        {
            let condition = Condition::Lying;
            self.progress
                .set_message(format!("{} {condition}", case.name));
            let fresh = case.fresh(&mut self.rng);
            let run = self.run(&self.program, &[], &fresh, &format!("lie:{liar}:{told}"))?;
            let place = Place {
                test: case.name.clone(),
                condition,
                run: number,
                noise: None,
            };
            let known = Known::new(&fresh.inputs);
            let mut scene = Scene::new(&known, &run, condition);
            scene.may_hang_anyway = self.may_hang_anyway;
            let shown = checks::judge(&scene);
            self.note(known, run, place, true, shown);
            self.progress.inc(1);
        }
        Ok(())
    }
}

/// Who is to send a wrong hash to whom: one of as few owners as there are, so that it is asked.
fn liar(known: &Known) -> Option<(Rank, Rank)> {
    let mut files: Vec<_> = (known.files.iter())
        .filter(|file| !file.leechers.is_empty() && file.length > 1)
        .collect();
    files.sort_by_key(|file| file.owners.len());
    let file = files.first()?;
    Some((*file.owners.first()?, *file.leechers.first()?))
}
