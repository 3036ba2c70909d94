//! A study: what it claims, which runs it has, and what its pictures are.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::metrics::Metric;
use super::picture::Picture;
use super::setting::{Parse, Setting};
use crate::simulate::Simulate;

/// A study, as its file says.
#[derive(Debug)]
pub(super) struct Study {
    pub(super) name: String,
    /// The folder that paths in it are relative to.
    pub(super) folder: PathBuf,
    pub(super) title: String,
    pub(super) claim: String,
    pub(super) source: String,
    pub(super) finding: Option<Finding>,
    /// The seed of every first repetition.
    pub(super) seed: u64,
    pub(super) axes: Vec<String>,
    /// The classes of clients that have figures of their own.
    pub(super) classes: Vec<String>,
    /// The times at which it is measured how far a swarm is, in order, as the study writes them.
    pub(super) moments: Vec<(Duration, String)>,
    pub(super) metrics: Vec<Metric>,
    pub(super) grids: Vec<Grid>,
    pub(super) pictures: Vec<Picture>,
}

/// What came out, in the words of somebody who has seen the results.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Finding {
    pub(super) text: String,
    /// The mark of the results that it was written of.
    pub(super) of: String,
}

impl Study {
    /// How many runs it has.
    pub(super) fn count(&self) -> usize {
        self.grids.iter().map(Grid::count).sum()
    }

    /// All runs, in the order of the results.
    pub(super) fn runs(&self) -> Vec<StudyRun<'_>> {
        (0..self.count()).map(|number| self.run(number)).collect()
    }

    /// The run of this number, from 0 on. The seed follows from the repetition alone: so chance does the same in
    /// all combinations, and they differ by less.
    pub(super) fn run(&self, number: usize) -> StudyRun<'_> {
        let (grid, number) =
            find(&self.grids, Grid::count, number).expect("the number is below the count");
        StudyRun {
            point: &grid.points[number / grid.repetitions],
            repetition: number % grid.repetitions + 1,
            seed: self.seed + (number % grid.repetitions) as u64,
        }
    }

    /// Tells all that its runs and their figures follow from.
    pub(super) fn sign(&self, mut tell: impl FnMut(&str)) {
        let metrics = self.metrics.iter().map(|metric| &*metric.name);
        let moments = self.moments.iter().map(|(_, written)| written.as_str());
        metrics.chain(moments).for_each(&mut tell);
        tell(&self.seed.to_string());
        for grid in &self.grids {
            tell(&format!("\n{} times", grid.repetitions));
            for point in &grid.points {
                tell("\n");
                point.arguments().for_each(|argument| tell(&argument));
            }
        }
    }

    /// The options that all runs have, if there are any.
    pub(super) fn common_options(&self) -> Option<String> {
        let mut points = self.grids.iter().flat_map(|grid| &grid.points);
        let mut common: Vec<String> = points.next()?.arguments().collect();
        for point in points {
            common.retain(|argument| point.arguments().any(|other| other == *argument));
        }
        (!common.is_empty()).then(|| common.join(" "))
    }

    /// The run of a point, with a seed.
    pub(super) fn simulate(&self, point: &Point, seed: u64, parse: Parse) -> Simulate {
        let run = parse(&point.settings, &self.folder);
        let mut run = run.expect("every point was parsed when the study was read");
        run.settings.seed = seed;
        run.moments = self.moments.iter().map(|(time, _)| *time).collect();
        run.quiet = true;
        run
    }

    /// A point, in words for the user.
    pub(super) fn named(&self, point: &Point) -> String {
        let labels = self.axes.iter().zip(&point.labels);
        let labels = labels.map(|(axis, label)| format!("{axis} {label}"));
        format!("{}, {}", self.name, labels.collect::<Vec<_>>().join(", "))
    }
}

/// A grid of runs: each combination of its axes' values, several times.
#[derive(Debug)]
pub(super) struct Grid {
    pub(super) repetitions: usize,
    /// The most runs at a time. 0 is as many as there are cores.
    pub(super) at_once: usize,
    pub(super) points: Vec<Point>,
}

impl Grid {
    /// How many runs it has.
    pub(super) fn count(&self) -> usize {
        self.points.len() * self.repetitions
    }
}

/// Which of these has the run of this number, if each has so many runs; and its number there.
pub(super) fn find<T>(
    all: &[T],
    count: impl Fn(&T) -> usize,
    mut number: usize,
) -> Option<(&T, usize)> {
    for one in all {
        match number.checked_sub(count(one)) {
            Some(behind) => number = behind,
            None => return Some((one, number)),
        }
    }
    None
}

/// One combination of values.
#[derive(Debug, Clone, Default)]
pub(super) struct Point {
    /// The value of each axis of the study.
    pub(super) labels: Vec<String>,
    pub(super) settings: Vec<Setting>,
}

impl Point {
    /// Its options, as words for a shell.
    pub(super) fn arguments(&self) -> impl Iterator<Item = String> {
        self.settings.iter().map(|setting| {
            let word = setting.argument();
            let is_special = |c: char| c.is_whitespace() || "'\"$\\;&|<>()*?".contains(c);
            match word.contains(is_special) {
                true => format!("'{}'", word.replace('\'', r"'\''")),
                false => word,
            }
        })
    }
}

/// The values of an axis, in the order of the grids.
pub(super) fn values(axis: usize, grids: &[Grid]) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    for point in grids.iter().flat_map(|grid| &grid.points) {
        if !values.contains(&point.labels[axis]) {
            values.push(point.labels[axis].clone());
        }
    }
    values
}

/// A run of a study, one row of its results.
#[derive(Debug, Clone, Copy)]
pub(super) struct StudyRun<'a> {
    pub(super) point: &'a Point,
    /// Its number among those of the same point, from 1 on.
    pub(super) repetition: usize,
    pub(super) seed: u64,
}

impl StudyRun<'_> {
    /// What tells it from all others.
    pub(super) fn head(&self) -> Vec<String> {
        let mut head = self.point.labels.clone();
        head.extend([self.repetition.to_string(), self.seed.to_string()]);
        head
    }

    /// The options that repeat it, without the seed.
    pub(super) fn options(&self) -> String {
        self.point.arguments().collect::<Vec<_>>().join(" ")
    }
}
