//! The runs of a study: grids of options, each point several times.

use super::setting::Setting;

/// A grid of runs: each combination of its axes' values, several times.
#[derive(Debug)]
pub(super) struct Grid {
    pub(super) repetitions: usize,
    /// The most runs at a time. 0 is as many as there are cores.
    pub(super) at_once: usize,
    pub(super) points: Vec<Point>,
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
