//! `bittorrent study`: a grid of options, simulated several times with different seeds, and what comes
//! out of it: `results.csv`, pictures, and a page.
//!
//! A study is a file in TOML (`file`). Its grids say which runs there are (`grid`); they run on all
//! cores, and each leaves a row of figures (`metrics`) in the results (`results`), from which an
//! interrupted study goes on. A picture shows the median of each point with its interval (`interval`,
//! `summary`, `chart`), and a page all of them (`page`). The same file gives the same bytes, whatever
//! the number of cores.

mod chart;
mod file;
mod grid;
mod interval;
mod metrics;
mod ordered;
mod page;
mod results;
#[cfg(test)]
mod samples;
mod summary;

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use rayon::ThreadPoolBuilder;
use rayon::iter::{ParallelBridge, ParallelIterator};

use crate::simulate::{self, Simulate};
use file::{Finding, Picture};
use grid::{Grid, Point, Run};
use metrics::Metric;
use page::Told;
use results::{Figures, Known, Results};
use swarm::exit::Exit;

pub use file::NOT_FOR_STUDIES;
pub use grid::Setting;

/// Makes a run of options of `bittorrent simulate`. Paths in them are relative to a folder.
pub type Parse = fn(&[Setting], &Path) -> Result<Simulate, Refused>;

/// Options that cannot be used.
#[derive(Debug)]
pub struct Refused {
    /// The long name of the one that is to blame, if one is.
    pub option: Option<String>,
    /// What is wrong, for the user.
    pub why: String,
}

/// Studies that are to be carried out.
#[derive(Debug, Clone)]
pub struct Studies {
    /// Their files.
    pub files: Vec<PathBuf>,
    /// Where each gets a folder of its name.
    pub output_dir: PathBuf,
    /// Only say how much there is to do.
    pub dry_run: bool,
    /// Begin them anew, whatever there is of their results.
    pub force: bool,
    /// Where a page about all of them goes, in Markdown.
    pub page: Option<PathBuf>,
}

/// A study, as its file says.
#[derive(Debug)]
struct Study {
    name: String,
    /// What paths in it are relative to.
    folder: PathBuf,
    title: String,
    claim: String,
    source: String,
    finding: Option<Finding>,
    /// That of every first repetition.
    seed: u64,
    axes: Vec<String>,
    /// The classes of clients that have figures of their own.
    classes: Vec<String>,
    metrics: Vec<Metric>,
    grids: Vec<Grid>,
    pictures: Vec<Picture>,
}

/// Why a study ends before its end.
#[derive(Debug)]
enum Stop {
    Signal,
    Broken(String),
    NotWritten(io::Error),
}

impl Studies {
    /// Carries them out, one after the other, and says what is to be the exit status.
    ///
    /// # Errors
    /// When nothing was started, because of a study's file or of results that are not its own.
    pub fn run(&self, parse: Parse) -> Result<Exit> {
        let studies = self.files.iter().map(|path| file::read(path, parse));
        let studies: Vec<Study> = studies.collect::<Result<_>>()?;
        let mut names = HashSet::new();
        if let Some(study) = studies.iter().find(|study| !names.insert(&study.name)) {
            bail!("two studies have the name '{}'", study.name);
        }
        let mut plans = Vec::new();
        for study in &studies {
            plans.push(Plan::new(study, &self.folder(study), self.force, parse)?);
        }
        if self.dry_run {
            plans.iter().for_each(|plan| println!("{}", plan.line()));
            return Ok(Exit::Complete);
        }
        let signal = simulate::signal()?;
        let mut page = String::from(HEAD);
        for plan in plans {
            let (study, folder) = (plan.study, plan.folder.clone());
            let results = folder.join("results.csv");
            let told = match plan.carry_out(parse, &signal) {
                Ok(figures) => Told::new(study, &figures),
                Err(stop) => return Ok(stopped(&stop, &results)),
            };
            if let Err(error) = write(&told, &folder) {
                return Ok(stopped(&Stop::NotWritten(error), &folder));
            }
            if let Some(warning) = told.warning() {
                eprintln!("{warning}");
            }
            println!("{}: {}", study.name, folder.join("index.html").display());
            page += "\n";
            page += &told.markdown(&self.pictures(study));
        }
        if let Some(path) = &self.page
            && let Err(error) = fs::write(path, page)
        {
            return Ok(stopped(&Stop::NotWritten(error), path));
        }
        Ok(Exit::Complete)
    }

    /// Where a study leaves what comes out.
    fn folder(&self, study: &Study) -> PathBuf {
        let name = Path::new(&study.name);
        let is_here = self.output_dir == Path::new(".");
        if is_here {
            name.to_owned()
        } else {
            self.output_dir.join(name)
        }
    }

    /// Where the page finds the pictures of a study.
    fn pictures(&self, study: &Study) -> String {
        let folder = self.folder(study);
        let from = self
            .page
            .as_deref()
            .and_then(Path::parent)
            .unwrap_or(Path::new(""));
        folder
            .strip_prefix(from)
            .unwrap_or(&folder)
            .display()
            .to_string()
    }
}

/// What the page of all studies begins with.
const HEAD: &str = "\
# What came out of the studies

This page has a claim for each study, what came out of it, and the figures. `bittorrent study` made it from the
files in `inputs/studies/`, and `make studies` makes it again.
";

/// A study, and how far it is.
struct Plan<'a> {
    study: &'a Study,
    folder: PathBuf,
    known: Known,
    /// How many segments each run downloads.
    segments: Vec<u64>,
}

impl<'a> Plan<'a> {
    fn new(study: &'a Study, folder: &Path, force: bool, parse: Parse) -> Result<Plan<'a>> {
        let runs = study.runs();
        let known = match force {
            true => Known::default(),
            false => Known::read(&folder.join("results.csv"), study, &runs)?,
        };
        let mut segments = Vec::new();
        let mut classes = HashSet::new();
        for grid in &study.grids {
            for point in &grid.points {
                let simulate = study.simulate(point, study.seed, parse);
                let (expected, cast) = simulate.expected().with_context(|| study.named(point))?;
                classes.extend(cast.iter().map(|(_, role)| role.class.clone()));
                segments.extend([expected.segments as u64].repeat(grid.repetitions));
            }
        }
        if let Some(class) = study.classes.iter().find(|it| !classes.contains(*it)) {
            let name = &study.name;
            bail!("{name}: expected a class of a scenario, found '{class}', of which no client is");
        }
        Ok(Plan {
            study,
            folder: folder.to_owned(),
            known,
            segments,
        })
    }

    /// How much there is to do.
    fn line(&self) -> String {
        let known = self.known.figures.len();
        let points: usize = self.study.grids.iter().map(|grid| grid.points.len()).sum();
        let left: u64 = self.segments[known..].iter().sum();
        format!(
            "{}: {} runs of {points} combinations, {known} of them done; {} segments to download",
            self.study.name,
            self.segments.len(),
            HumanCount(left),
        )
    }

    /// Does what is left to do. Returns the figures of all runs.
    fn carry_out(self, parse: Parse, signal: &Arc<AtomicUsize>) -> Result<Vec<Figures>, Stop> {
        let Plan {
            study,
            folder,
            known,
            segments,
        } = self;
        let runs = study.runs();
        let done = known.figures.len();
        let bar = bar(&segments, done);
        let path = folder.join("results.csv");
        let results = fs::create_dir_all(&folder)
            .and_then(|()| Results::go_on(&path, study, &runs, known))
            .map_err(Stop::NotWritten)?;
        let results = Mutex::new(results);
        let one = |(number, run): (usize, &Run<'_>)| {
            // A short run does not look after it.
            if signal.load(Ordering::Relaxed) != 0 {
                return Err(Stop::Signal);
            }
            let simulate = study.simulate(run.point, run.seed, parse);
            let report = simulate.report(signal).map_err(|error| {
                let options = run.options();
                let seed = run.seed;
                Stop::Broken(format!(
                    "bittorrent simulate {options} --seed {seed}: {error:#}"
                ))
            })?;
            let figures = results::figures(study, &report.ok_or(Stop::Signal)?);
            let mut results = results.lock().expect("a panic ends the process");
            results.add(number, figures).map_err(Stop::NotWritten)?;
            bar.inc(segments[number]);
            bar.set_message(results.done().to_string());
            Ok(())
        };
        let mut first = 0;
        let ended = study.grids.iter().try_for_each(|grid| {
            let next = first + grid.points.len() * grid.repetitions;
            // In order, so that few results wait for an earlier one; and so many at a time.
            let left = (first.max(done)..next.max(done)).map(|number| (number, &runs[number]));
            let threads = ThreadPoolBuilder::new().num_threads(grid.at_once).build();
            let threads = threads.map_err(|error| Stop::NotWritten(io::Error::other(error)))?;
            first = next;
            threads.install(|| left.par_bridge().try_for_each(one))
        });
        bar.finish_and_clear();
        ended?;
        let results = results.into_inner().expect("a panic ends the process");
        Ok(results.into_figures())
    }
}

impl Study {
    /// The run of a point, with a seed.
    fn simulate(&self, point: &Point, seed: u64, parse: Parse) -> Simulate {
        let run = parse(&point.settings, &self.folder);
        let mut run = run.expect("every point was parsed when the study was read");
        run.settings.seed = seed;
        run.quiet = true;
        run
    }

    /// A point, in words for the user.
    fn named(&self, point: &Point) -> String {
        let labels = self.axes.iter().zip(&point.labels);
        let labels = labels.map(|(axis, label)| format!("{axis} {label}"));
        format!("{}, {}", self.name, labels.collect::<Vec<_>>().join(", "))
    }
}

/// What shows how far a study is, on a terminal.
fn bar(segments: &[u64], done: usize) -> ProgressBar {
    let template = format!(
        "{{percent:>3}} % [{{wide_bar}}] {{msg}} of {} runs, {{eta}} left",
        segments.len()
    );
    let style = ProgressStyle::with_template(&template).expect("a good template");
    // By segments, for runs differ by orders of magnitude.
    let bar = ProgressBar::new(segments.iter().sum());
    bar.set_style(style.progress_chars("=> "));
    bar.set_message(done.to_string());
    bar.set_position(segments[..done].iter().sum());
    bar.reset_eta();
    bar.enable_steady_tick(Duration::from_secs(1));
    bar
}

/// Writes the page of a study, and its pictures.
fn write(told: &Told<'_>, folder: &Path) -> io::Result<()> {
    for (name, svg) in told.pictures() {
        fs::write(folder.join(name), svg)?;
    }
    fs::write(folder.join("index.html"), told.html())
}

/// Tells the user why a study has ended before its end.
fn stopped(stop: &Stop, path: &Path) -> Exit {
    let path = path.display();
    let (why, exit) = match stop {
        Stop::Signal => {
            let why = format!("interrupted; {path} has what is done, and the same command goes on");
            (why, Exit::Stalled)
        }
        Stop::Broken(why) => (why.clone(), Exit::Broken),
        Stop::NotWritten(error) => (format!("cannot write {path}: {error}"), Exit::NotWritten),
    };
    eprintln!("bittorrent: {why}");
    exit
}
