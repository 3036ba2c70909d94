//! Which runs a study has, and in which order.

use std::ops::Range;

use super::Study;

/// An option of `bittorrent simulate`, with a value unless it is a switch.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Its long name, without dashes.
    pub name: String,
    /// Its value.
    pub value: Option<String>,
    /// Where the study's file says so.
    pub(super) span: Range<usize>,
}

impl Setting {
    pub(super) fn new(name: &str, value: Option<String>, span: Range<usize>) -> Setting {
        let name = name.to_owned();
        Setting { name, value, span }
    }

    /// As one word of a command line.
    pub fn argument(&self) -> String {
        match &self.value {
            None => format!("--{}", self.name),
            Some(value) => format!("--{}={value}", self.name),
        }
    }
}

/// A grid of runs: each combination of its axes' values, several times.
#[derive(Debug)]
pub(super) struct Grid {
    pub(super) repetitions: usize,
    /// So many runs at a time, at most; 0 is as many as there are cores.
    pub(super) at_once: usize,
    pub(super) points: Vec<Point>,
}

/// One combination.
#[derive(Debug, Clone, Default)]
pub(super) struct Point {
    /// The value of each axis of the study.
    pub(super) labels: Vec<String>,
    pub(super) settings: Vec<Setting>,
}

impl Point {
    /// Its options, as words for a shell.
    fn arguments(&self) -> impl Iterator<Item = String> {
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

/// A run of a study, one row of its results.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) point: &'a Point,
    /// From 1.
    pub(super) repetition: usize,
    pub(super) seed: u64,
}

impl Run<'_> {
    /// What tells it from all others.
    pub(super) fn head(&self) -> Vec<String> {
        let mut head = self.point.labels.clone();
        head.extend([self.repetition.to_string(), self.seed.to_string()]);
        head
    }

    /// The options that do it again, but for the seed.
    pub(super) fn options(&self) -> String {
        self.point.arguments().collect::<Vec<_>>().join(" ")
    }
}

impl Study {
    /// All runs, in the order of the results. The seed follows from the repetition alone: what chance
    /// does in one combination it does in all, and they differ by less.
    pub(super) fn runs(&self) -> Vec<Run<'_>> {
        let mut runs = Vec::new();
        for grid in &self.grids {
            for point in &grid.points {
                runs.extend((1..=grid.repetitions).map(|repetition| Run {
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
}
