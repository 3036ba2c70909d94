//! The runs of a study that are left to do.

use std::collections::HashSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use super::crew::{Batch, Crew, RunEnd, Stop};
use super::definition::Study;
use super::metrics::Figures;
use super::results::{EarlierResults, RESULTS, Results};
use super::setting::Parse;
use swarm::report::count;
use swarm::shown::on_a_line;

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

    /// Has the crew do what is left to do. `first` is the number of the first run among all that the crew knows.
    /// Returns the figures of all runs.
    pub(super) fn carry_out(
        self,
        first: usize,
        crew: &mut impl Crew,
    ) -> Result<Vec<Figures>, Stop> {
        let (study, segments) = (self.study, self.segments);
        let runs = study.runs();
        let done = self.known.figures.len();
        let bar = bar(&segments, done);
        let path = self.folder.join(RESULTS);
        let mut results = fs::create_dir_all(&self.folder)
            .and_then(|()| Results::go_on(&path, study, &runs, self.known))
            .map_err(Stop::NotWritten)?;
        let mut take = |number: usize, end: RunEnd| {
            let number = number - first;
            results.add(number, end?).map_err(Stop::NotWritten)?;
            bar.inc(segments[number]);
            bar.set_message(results.figures.len().to_string());
            Ok(())
        };
        let ended = stretches(study)
            .into_iter()
            .try_for_each(|(stretch, at_once)| {
                let left = stretch.start.max(done)..stretch.end.max(done);
                let batch = Batch {
                    first: first + left.start,
                    sizes: &segments[left],
                    at_once,
                };
                crew.carry_out(&batch, &mut take)
            });
        bar.finish_and_clear();
        ended?;
        Ok(results.figures)
    }
}

/// The numbers of a study's runs, in stretches of which as many may go on at a time.
fn stretches(study: &Study) -> Vec<(Range<usize>, usize)> {
    let mut stretches: Vec<(Range<usize>, usize)> = Vec::new();
    let mut end = 0;
    for grid in &study.grids {
        let start = end;
        end += grid.count();
        match stretches.last_mut() {
            Some((stretch, at_once)) if *at_once == grid.at_once => stretch.end = end,
            Some(_) | None => stretches.push((start..end, grid.at_once)),
        }
    }
    stretches
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
