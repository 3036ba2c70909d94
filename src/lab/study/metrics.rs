//! The figures of a run that stand in a row of the results.

use std::borrow::Cow;
use std::time::Duration;

use swarm::report::{ClassMeasured, DownloadMeasured, Measured, Moment, Report, metrics::quantile};

/// The figures of a run, in the order of the study's metrics. Nothing where one does not apply.
pub(super) type Figures = Vec<Option<f64>>;

/// A figure of a run.
#[derive(Debug, Clone)]
pub(super) struct Metric {
    /// Its column.
    pub(super) name: Cow<'static, str>,
    /// Its words beside an axis, with the unit.
    pub(super) label: Cow<'static, str>,
    value: Value,
}

#[derive(Debug, Clone)]
enum Value {
    Run(fn(&Report, &Measured) -> Option<f64>),
    /// Of the clients of a class of the scenario.
    Class(String, fn(&ClassMeasured) -> Option<f64>),
    /// Of one of the moments of the study.
    Moment(usize, fn(&Moment, &Measured) -> Option<f64>),
}

impl Metric {
    /// The figures of every run, then those of these classes of clients, and then those of these moments.
    pub(super) fn all(classes: &[String], moments: &[(Duration, String)]) -> Vec<Metric> {
        let of_class = |class: &String| {
            OF_CLASSES.map(|(name, label, value)| Metric {
                name: format!("{name}.{class}").into(),
                label: format!("{label}: {class}").into(),
                value: Value::Class(class.clone(), value),
            })
        };
        let of_classes = classes.iter().flat_map(of_class);
        let of_moments = OF_MOMENTS.into_iter().flat_map(|(name, label, value)| {
            let moments = moments.iter().enumerate();
            moments.map(move |(number, (_, written))| Metric {
                name: format!("{name}.{written}").into(),
                label: label.into(),
                value: Value::Moment(number, value),
            })
        });
        let of_runs = METRICS.iter().cloned();
        of_runs.chain(of_classes).chain(of_moments).collect()
    }

    /// The names of what is measured at moments.
    pub(super) fn of_moments() -> impl Iterator<Item = &'static str> {
        OF_MOMENTS.into_iter().map(|(name, ..)| name)
    }

    /// Whether every run has it of which this is known.
    pub(super) fn is_everywhere(&self, known: &RunKnown) -> bool {
        match &*self.name {
            "segments"
            | "missing"
            | "tracker-messages"
            | "tracker-bytes"
            | "tracker-messages-per-client"
            | "tracker-bytes-per-client" => true,
            "imbalance"
            | "jain"
            | "served-by-seeds"
            | "nack-ratio"
            | "messages-per-segment"
            | "tracker-messages-per-segment"
            | "tracker-bytes-per-segment" => known.segments > 0.0,
            name if OF_COMPLETIONS.contains(&name) => known.has_completed(),
            _ => false,
        }
    }

    /// Its value in a run. Nothing where it does not apply.
    pub(super) fn of(&self, report: &Report) -> Option<f64> {
        let measured = report.measured.as_ref()?;
        match &self.value {
            Value::Run(value) => value(report, measured),
            Value::Class(class, value) => value(measured.classes.get(class)?),
            Value::Moment(number, value) => value(measured.moments.get(*number)?, measured),
        }
    }
}

/// The figures that a run has in which a download was completed, and no other.
const OF_COMPLETIONS: [&str; 5] = [
    "makespan",
    "completion-min",
    "completion-median",
    "completion-p95",
    "completion-max",
];

/// What some figures of a run say of others.
#[derive(Debug, Default)]
pub(super) struct RunKnown {
    may_leave: bool,
    segments: f64,
    missing: f64,
    /// Whether there is a figure of a completed download.
    is_timed: bool,
}

impl RunKnown {
    /// Nothing but whether clients may leave before they are done.
    pub(super) fn of_run(may_leave: bool) -> RunKnown {
        RunKnown {
            may_leave,
            ..RunKnown::default()
        }
    }

    /// Takes note of a figure of the run.
    pub(super) fn see(&mut self, name: &str, figure: Option<f64>) {
        match name {
            "segments" => self.segments = figure.unwrap_or_default(),
            "missing" => self.missing = figure.unwrap_or_default(),
            _ => self.is_timed |= figure.is_some() && OF_COMPLETIONS.contains(&name),
        }
    }

    fn has_completed(&self) -> bool {
        let is_all_there = self.missing == 0.0 && !self.may_leave;
        self.is_timed || self.segments > 0.0 && is_all_there
    }
}

/// The table: a column, its words beside an axis, and its value.
macro_rules! metrics {
    ($($name:literal, $label:literal: $value:expr;)*) => {
        /// The figures of a run. `docs/report.md` defines them.
        pub(super) const METRICS: &[Metric] = &[$(Metric {
            name: Cow::Borrowed($name),
            label: Cow::Borrowed($label),
            value: Value::Run($value),
        }),*];
    };
}

metrics! {
    "segments", "segments downloaded": |_, run| Some(run.segments as f64);
    "missing", "files that did not come": |report, _| Some(report.missing.len() as f64);
    "makespan", "makespan, s": |_, run| run.makespan;
    "optimality", "makespan over the lower bound": |_, run| run.optimality;
    "completion-min", "least completion time, s": |_, run| Some(run.completion?.minimum);
    "completion-median", "median completion time, s": |_, run| Some(run.completion?.median);
    "completion-p95", "completion time of 95 %, s": |_, run| Some(run.completion?.p95);
    "completion-max", "greatest completion time, s": |_, run| Some(run.completion?.maximum);
    "imbalance", "segments served, busiest over mean": |_, run| run.balance.imbalance;
    "jain", "Jain's index of segments served": |_, run| run.balance.jain;
    "served-by-seeds", "part served by the seeds": |_, run| run.served_by_seeds;
    "nack-ratio", "NACKs over all answers": |_, run| run.nack_ratio;
    "messages-per-segment", "messages a segment": |_, run| run.messages_per_segment;
    "tracker-messages", "tracker's messages": |_, run| Some(run.tracker.messages as f64);
    "tracker-bytes", "tracker's bytes": |_, run| Some(run.tracker.bytes as f64);
    "tracker-messages-per-client", "tracker's messages a client":
        |_, run| Some(run.tracker.messages_per_client);
    "tracker-messages-per-segment", "tracker's messages a segment":
        |_, run| run.tracker.messages_per_segment;
    "tracker-bytes-per-client", "tracker's bytes a client":
        |_, run| Some(run.tracker.bytes as f64 / run.clients.len() as f64);
    "tracker-bytes-per-segment", "tracker's bytes a segment":
        |_, run| (run.segments > 0).then(|| run.tracker.bytes as f64 / run.segments as f64);
    "end-game-share", "median share of the last 5 % in the time of a download":
        |_, run| median_of_downloads(run, |download| download.end_game_share);
    "source-evenness", "median evenness of a download's sources":
        |_, run| median_of_downloads(run, |download| download.source_evenness);
}

/// A figure of a class: its column, its words beside an axis, and its value.
type OfClass = (
    &'static str,
    &'static str,
    fn(&ClassMeasured) -> Option<f64>,
);

/// The figures of a class.
const OF_CLASSES: [OfClass; 3] = [
    ("files", "files downloaded", |class| {
        Some(class.files as f64)
    }),
    ("served", "segments served", |class| {
        Some(class.served as f64)
    }),
    ("completion-median", "median completion time, s", |class| {
        Some(class.completion?.median)
    }),
];

/// What is measured at a moment: the first part of its column, its words beside an axis, and its value.
type OfMoment = (
    &'static str,
    &'static str,
    fn(&Moment, &Measured) -> Option<f64>,
);

/// What is measured at moments.
const OF_MOMENTS: [OfMoment; 3] = [
    ("rarest", "copies of the rarest segment", |moment, _| {
        moment.rarest.map(f64::from)
    }),
    (
        "links-busy",
        "part of the upload links that send",
        |moment, run| Some(moment.links_busy as f64 / run.clients.len() as f64),
    ),
    (
        "clients-done",
        "part of the clients that have all they want",
        |moment, run| Some(moment.clients_done as f64 / run.clients.len() as f64),
    ),
];

/// The median over the downloads of all clients.
fn median_of_downloads(run: &Measured, value: fn(&DownloadMeasured) -> Option<f64>) -> Option<f64> {
    let downloads = run.clients.iter().flat_map(|client| &client.downloads);
    let mut values: Vec<f64> = downloads.filter_map(value).collect();
    values.sort_by(f64::total_cmp);
    (!values.is_empty()).then(|| quantile(&values, 0.5))
}
