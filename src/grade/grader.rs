//! All runs of a program, and what they amount to.

mod speed;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use indicatif::{ProgressBar, ProgressStyle};
use speed::Times;
use tempfile::TempDir;

use super::cases::{self, Case};
use super::grading::{Grading, Judgement, Marks, Place, SCHEMA, Tally, TestReport};
use super::inputs::Known;
use super::options::Grade;
use super::outcome::Expected;
use super::page::{Failing, page};
use super::points::Points;
use super::profiling::{self, Tools};
use super::run::{Condition, Run};
use super::sandbox::{Job, Limits, Sandbox};
use super::summary::Tallies;
use super::verdict::{Check, Seen};
use super::{conduct, elf, hang, mpi_use, outcome};
use crate::launch::Mpirun;
use crate::protocol::Rank;

/// Tests beyond the assignment that do not count are run so often at most, and only as the program is.
const BEYOND_RUNS: usize = 2;

/// After so many runs of a test under a condition have hung, the rest would only take time.
const HANGS: usize = 2;

/// So many runs at most have a wrong hash, each of another test where there are so many.
const LIES: usize = 4;

/// The speed of so many tests is measured.
const TIMED: usize = 4;

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

/// The runs of one program.
struct Work<'a> {
    grader: &'a Grader<'a>,
    program: PathBuf,
    library: String,
    tools: Tools,
    sandbox: Sandbox,
    rng: Rng,
    tallies: Tallies,
    failing: Option<Failed>,
    /// Whether a run as it is, or with noise, has hung.
    hangs_anyway: bool,
    progress: ProgressBar,
    /// Holds the tools.
    _folder: TempDir,
}

impl<'a> Work<'a> {
    fn new(grader: &'a Grader<'a>, program: PathBuf) -> Result<Work<'a>> {
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
            hangs_anyway: false,
            progress,
            _folder: folder,
        })
    }

    fn grade(mut self, shown: &str) -> Result<Graded> {
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
                let is_right = self.judge(&fresh, known, run, place, counts, times);
                tally.runs += 1;
                tally.right += usize::from(is_right);
                hangs += usize::from(hung);
                self.hangs_anyway |= hung && condition != Condition::Synchronous;
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
        case: &Case,
        known: Known,
        run: Run,
        place: Place,
        counts: bool,
        times: &mut Times,
    ) -> bool {
        let condition = place.condition;
        let mut seen = outcome::judge(&Expected::new(&case.inputs), &run);
        let is_right = run.ending.hung.is_none()
            && (seen.iter())
                .all(|(check, seen)| *seen == Seen::Right || *check == Check::Processes);
        seen.extend(hang::judge(&run, &known, condition));
        seen.extend(mpi_use::judge(&run));
        seen.extend(conduct::judge(&known, &run, condition));
        if condition == Condition::AsItIs && is_right {
            times.see(&known, &run);
        }
        self.note(known, run, place, counts, seen);
        is_right
    }

    fn note(
        &mut self,
        known: Known,
        run: Run,
        place: Place,
        counts: bool,
        seen: Vec<(Check, Seen)>,
    ) {
        let wrong = seen.iter().filter_map(|(check, seen)| match seen {
            Seen::Wrong(evidence) => Some((*check, evidence.said.clone())),
            Seen::Right | Seen::Lacking(_) | Seen::CannotBeTold(_) => None,
        });
        let worst = wrong.min();
        self.tallies.see(place.clone(), counts, seen);
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
            let mut seen = conduct::judge(&known, &run, condition);
            if run.ending.hung.is_some() && self.hangs_anyway {
                let why = "the program hangs without a wrong hash, too";
                seen = vec![(Check::Verification, Seen::CannotBeTold(why.into()))];
            }
            self.note(known, run, place, true, seen);
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
