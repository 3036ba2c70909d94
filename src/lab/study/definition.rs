//! A study: what it claims, which runs it has, and what its pictures are.

use std::path::PathBuf;

use serde::Deserialize;

use super::grid::{Grid, Point, StudyRun};
use super::metrics::Metric;
use super::picture::Picture;
use super::setting::Parse;
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
    /// All runs, in the order of the results. The seed follows from the repetition alone: so chance does the
    /// same in all combinations, and they differ by less.
    pub(super) fn runs(&self) -> Vec<StudyRun<'_>> {
        let mut runs = Vec::new();
        for grid in &self.grids {
            for point in &grid.points {
                runs.extend((1..=grid.repetitions).map(|repetition| StudyRun {
                    point,
                    repetition,
                    seed: self.seed + repetition as u64 - 1,
                }));
            }
        }
        runs
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
