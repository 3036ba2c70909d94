//! A picture of a study: what it shows of the results.

use serde::Deserialize;

use super::definition::{self, Grid};
use super::metrics::Metric;

/// The most lines that can be told apart: there are no more colours.
pub(super) const MOST_LINES: usize = 8;

/// Which axes of a picture are logarithmic.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Log {
    #[default]
    None,
    X,
    Y,
    XY,
}

/// What goes to the right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    /// An axis, by its place among the study's.
    Axis(usize),
    /// Time, in the moments of the study.
    Moments,
}

/// A picture: one question.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) x: Right,
    pub(super) x_label: String,
    /// The figure, or the same one at each of the moments.
    pub(super) y: Vec<Metric>,
    /// The axis whose values have a line each, if there is more than one line.
    pub(super) lines: Option<usize>,
    pub(super) log: Log,
    /// For each axis, the values that are drawn. `None`: all are.
    pub(super) only: Vec<Option<Vec<String>>>,
}

impl Picture {
    /// The file that it is drawn in.
    pub(super) fn file(&self) -> String {
        format!("{}.svg", self.name)
    }

    /// The values of an axis that are drawn, in the order of the grids.
    pub(super) fn values(&self, axis: usize, grids: &[Grid]) -> Vec<String> {
        let mut values = definition::values(axis, grids);
        if let Some(only) = &self.only[axis] {
            values.retain(|value| only.contains(value));
        }
        values
    }
}
