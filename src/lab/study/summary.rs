//! What a picture shows: the median of each point, and where it may lie.

use super::Study;
use super::file::Picture;
use super::grid::Grid;
use super::interval::Interval;
use super::results::Figures;

/// The points of a picture.
#[derive(Debug)]
pub(super) struct Summary {
    /// The values to the right.
    pub(super) xs: Vec<String>,
    /// The same as numbers, if they all are, in order.
    pub(super) numbers: Option<Vec<f64>>,
    pub(super) lines: Vec<Line>,
}

/// The points of one line.
#[derive(Debug)]
pub(super) struct Line {
    /// What it is of; nothing, if it is the only one.
    pub(super) label: String,
    /// Its place among all values of its axis: the same thing has the same colour in all pictures.
    pub(super) place: usize,
    /// One for each value to the right, where there are runs.
    pub(super) points: Vec<Option<Interval>>,
}

impl Picture {
    /// The values of an axis that are drawn, in the order of the grids.
    pub(super) fn values(&self, axis: usize, grids: &[Grid]) -> Vec<String> {
        let mut values = all(axis, grids);
        if let Some(only) = &self.only[axis] {
            values.retain(|value| only.contains(value));
        }
        values
    }

    /// What it shows of these results.
    pub(super) fn summary(&self, study: &Study, figures: &[Figures]) -> Summary {
        let mut metrics = study.metrics.iter();
        let metric = metrics.position(|metric| metric.name == self.y.name);
        let metric = metric.expect("a metric is found by its name in this list");
        let mut xs = self.values(self.x, &study.grids);
        let number = |text: &String| text.parse::<f64>().ok().filter(|it| it.is_finite());
        let numbers: Option<Vec<f64>> = xs.iter().map(number).collect();
        let numbers = numbers.map(|mut numbers| {
            xs.sort_by(|one, other| {
                number(one)
                    .partial_cmp(&number(other))
                    .expect("both are finite")
            });
            numbers.sort_by(f64::total_cmp);
            numbers
        });
        let runs = study.runs();
        let drawn = |labels: &[String]| {
            let mut pairs = labels.iter().zip(&self.only);
            pairs.all(|(label, only)| only.as_ref().is_none_or(|only| only.contains(label)))
        };
        let rows = || {
            runs.iter()
                .zip(figures)
                .filter(|(run, _)| drawn(&run.point.labels))
        };
        let point = |x: &String, line: Option<(usize, &String)>| {
            let is_there = |labels: &[String]| {
                labels[self.x] == *x && line.is_none_or(|(axis, value)| labels[axis] == *value)
            };
            let rows = rows().filter(|(run, _)| is_there(&run.point.labels));
            Interval::of(rows.filter_map(|(_, figures)| figures[metric]).collect())
        };
        let line = |line: Option<(usize, &String)>| Line {
            label: line.map_or_else(String::new, |(_, value)| value.clone()),
            place: line.map_or(0, |(axis, value)| {
                let all = all(axis, &study.grids);
                all.iter().position(|other| other == value).unwrap_or(0)
            }),
            points: xs.iter().map(|x| point(x, line)).collect(),
        };
        let lines = match self.lines {
            None => vec![line(None)],
            Some(axis) => {
                let values = self.values(axis, &study.grids);
                values
                    .iter()
                    .map(|value| line(Some((axis, value))))
                    .collect()
            }
        };
        Summary { xs, numbers, lines }
    }
}

fn all(axis: usize, grids: &[Grid]) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    for point in grids.iter().flat_map(|grid| &grid.points) {
        if !values.contains(&point.labels[axis]) {
            values.push(point.labels[axis].clone());
        }
    }
    values
}

/// A figure as people read it: three digits that count.
pub(super) fn shown(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let digits = 2 - (value.abs().log10().floor() as i32).clamp(-9, 2);
    let rounded = format!("{value:.*}", usize::try_from(digits).unwrap_or(0));
    // Whole numbers of more digits get their thousands told apart.
    match rounded.parse::<u64>() {
        Ok(whole) if whole >= 10_000 => indicatif::HumanCount(whole).to_string(),
        _ => rounded,
    }
}
