//! What a picture shows: the median of each point, and where it may lie.

use std::time::Duration;

use super::definition::{self, Study};
use super::interval::Interval;
use super::metrics::{Figures, Metric};
use super::picture::{Picture, Right};

/// The points of a picture.
#[derive(Debug)]
pub(super) struct Summary {
    /// The values to the right.
    pub(super) xs: Vec<String>,
    /// The same as numbers in order, if all of them are numbers.
    pub(super) numbers: Option<Vec<f64>>,
    pub(super) lines: Vec<Curve>,
}

/// The points of one line.
#[derive(Debug)]
pub(super) struct Curve {
    /// What it is of. Empty, if it is the only one.
    pub(super) label: String,
    /// Its place among all values of its axis: the same thing has the same colour in all pictures.
    pub(super) place: usize,
    /// One for each value to the right, where there are runs.
    pub(super) points: Vec<Option<Interval>>,
}

impl Summary {
    /// What a picture shows of these results.
    pub(super) fn of(picture: &Picture, study: &Study, figures: &[Figures]) -> Summary {
        let (xs, numbers) = match picture.x {
            Right::Axis(axis) => in_order(picture.values(axis, &study.grids)),
            Right::Moments => {
                let moments = study.moments.iter().cloned();
                let (times, xs): (Vec<_>, Vec<_>) = moments.unzip();
                (xs, Some(times.iter().map(Duration::as_secs_f64).collect()))
            }
        };
        // For each value to the right, the place of what is shown among the figures of a run.
        let place = |metric: &Metric| {
            let mut metrics = study.metrics.iter();
            let place = metrics.position(|other| other.name == metric.name);
            place.expect("a metric is found by its name in this list")
        };
        let metrics = picture.y.iter().map(place).cycle().take(xs.len());
        let xs_and_metrics: Vec<(&String, usize)> = xs.iter().zip(metrics).collect();
        let runs = study.runs();
        let drawn = |labels: &[String]| {
            let mut pairs = labels.iter().zip(&picture.only);
            pairs.all(|(label, only)| only.as_ref().is_none_or(|only| only.contains(label)))
        };
        let point = |x: &String, metric: usize, line: Option<(usize, &String)>| {
            let is_there = |labels: &[String]| {
                let is_of_line = line.is_none_or(|(axis, value)| labels[axis] == *value);
                let is_at = match picture.x {
                    Right::Axis(axis) => labels[axis] == *x,
                    Right::Moments => true,
                };
                is_at && is_of_line && drawn(labels)
            };
            let rows = runs.iter().zip(figures);
            let rows = rows.filter(|(run, _)| is_there(&run.point.labels));
            Interval::of(rows.filter_map(|(_, figures)| figures[metric]).collect())
        };
        let line = |line: Option<(usize, &String)>| Curve {
            label: line.map_or_else(String::new, |(_, value)| value.clone()),
            place: line.map_or(0, |(axis, value)| {
                let all = definition::values(axis, &study.grids);
                all.iter().position(|other| other == value).unwrap_or(0)
            }),
            points: (xs_and_metrics.iter())
                .map(|&(x, metric)| point(x, metric, line))
                .collect(),
        };
        let lines = match picture.lines {
            None => vec![line(None)],
            Some(axis) => {
                let values = picture.values(axis, &study.grids);
                let curves = values.iter().map(|value| line(Some((axis, value))));
                curves.collect()
            }
        };
        Summary { xs, numbers, lines }
    }
}

/// The values of an axis, and the same as numbers: in order, if all of them are numbers.
fn in_order(mut values: Vec<String>) -> (Vec<String>, Option<Vec<f64>>) {
    let number = |text: &String| text.parse::<f64>().ok().filter(|it| it.is_finite());
    let mut numbers: Option<Vec<f64>> = values.iter().map(number).collect();
    if let Some(numbers) = &mut numbers {
        let order = |one: &String, other: &String| number(one).partial_cmp(&number(other));
        values.sort_by(|one, other| order(one, other).expect("both are finite"));
        numbers.sort_by(f64::total_cmp);
    }
    (values, numbers)
}

/// A figure with three significant digits.
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
