//! The runs of a study that are left to do, on all cores.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use rayon::ThreadPoolBuilder;
use rayon::iter::{ParallelBridge, ParallelIterator};

use super::definition::{Study, StudyRun};
use super::metrics::Figures;
use super::results::{EarlierResults, RESULTS, Results};
use super::setting::Parse;
use crate::twin::TooLong;
use swarm::exit::Exit;
use swarm::report::count;
use swarm::shown::on_a_line;
use swarm::signals::Interrupt;

/// Why a study ends before its end.
#[derive(Debug)]
pub(super) enum Stop {
    Signal,
    Broken(Exit, String),
    NotWritten(io::Error),
}

/// A study, and how far it is.
pub(super) struct Plan<'a> {
    pub(super) study: &'a Study,
    pub(super) folder: PathBuf,
    known: EarlierResults,
    /// How many segments each run downloads.
    segments: Vec<u64>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        study: &'a Study,
        folder: &Path,
        force: bool,
        parse: Parse,
    ) -> Result<Plan<'a>> {
        let runs = study.runs();
        let known = EarlierResults::read(&folder.join(RESULTS), study, &runs, force)?;
        let mut segments = Vec::new();
        let mut classes = HashSet::new();
        for grid in &study.grids {
            for point in &grid.points {
                let simulate = study.simulate(point, study.seed, parse);
                let (expected, cast) = simulate.expected().with_context(|| study.named(point))?;
                classes.extend(cast.iter().map(|role| role.class.clone()));
                segments.extend([expected.segments as u64].repeat(grid.repetitions));
            }
        }
        if let Some(class) = study.classes.iter().find(|it| !classes.contains(*it)) {
            let name = on_a_line(&study.name);
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
    pub(super) fn line(&self) -> String {
        let known = self.known.figures.len();
        let points: usize = self.study.grids.iter().map(|grid| grid.points.len()).sum();
        let left: u64 = self.segments[known..].iter().sum();
        format!(
            "{}: {} of {}, {known} of them done; {} segment{} to download",
            on_a_line(&self.study.name),
            count(self.segments.len() as u64, "run"),
            count(points as u64, "combination"),
            HumanCount(left),
            if left == 1 { "" } else { "s" },
        )
    }

    /// Does what is left to do. Returns the figures of all runs.
    pub(super) fn carry_out(
        self,
        parse: Parse,
        interrupt: &Interrupt,
    ) -> Result<Vec<Figures>, Stop> {
        let (study, segments) = (self.study, self.segments);
        let runs = study.runs();
        let done = self.known.figures.len();
        let bar = bar(&segments, done);
        let path = self.folder.join(RESULTS);
        let results = fs::create_dir_all(&self.folder)
            .and_then(|()| Results::go_on(&path, study, &runs, self.known))
            .map_err(Stop::NotWritten)?;
        let results = Mutex::new(results);
        let one = |(number, run): (usize, &StudyRun<'_>)| {
            // A short run does not look after it.
            if interrupt.has_come() {
                return Err(Stop::Signal);
            }
            let simulate = study.simulate(run.point, run.seed, parse);
            let report = simulate.report(interrupt).map_err(|error| {
                let options = run.options();
                let seed = run.seed;
                let why = format!("bittorrent simulate {options} --seed {seed}: {error:#}");
                match error.is::<TooLong>() {
                    true => Stop::Broken(Exit::Refused, why),
                    false => Stop::Broken(Exit::Broken, why),
                }
            })?;
            let report = report.ok_or(Stop::Signal)?;
            let metrics = study.metrics.iter();
            let figures = metrics.map(|metric| metric.of(&report)).collect();
            let mut results = results.lock().expect("a panic ends the process");
            results.add(number, figures).map_err(Stop::NotWritten)?;
            bar.inc(segments[number]);
            bar.set_message(results.figures.len().to_string());
            Ok(())
        };
        let mut first = 0;
        let ended = study.grids.iter().try_for_each(|grid| {
            let next = first + grid.points.len() * grid.repetitions;
            // In order, so that few results wait for an earlier one.
            let left = (first.max(done)..next.max(done)).map(|number| (number, &runs[number]));
            let threads = ThreadPoolBuilder::new().num_threads(grid.at_once).build();
            let threads = threads.map_err(|error| Stop::NotWritten(io::Error::other(error)))?;
            first = next;
            threads.install(|| left.par_bridge().try_for_each(one))
        });
        bar.finish_and_clear();
        ended?;
        let results = results.into_inner().expect("a panic ends the process");
        Ok(results.figures)
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
