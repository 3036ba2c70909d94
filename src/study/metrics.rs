//! The figures of a run that stand in a row of the results.

use crate::report::{Measured, Report, metrics::quantile};

/// A figure of a run.
pub(super) struct Metric {
    /// Its column.
    pub(super) name: &'static str,
    /// What an axis says of it.
    pub(super) label: &'static str,
    value: fn(&Report, &Measured) -> Option<f64>,
}

impl Metric {
    /// The one of this name.
    pub(super) fn find(name: &str) -> Option<&'static Metric> {
        METRICS.iter().find(|metric| metric.name == name)
    }

    /// What it is in a run. Nothing where it does not apply.
    pub(super) fn of(&self, report: &Report) -> Option<f64> {
        (self.value)(report, report.measured.as_ref()?)
    }
}

const fn metric(
    name: &'static str,
    label: &'static str,
    value: fn(&Report, &Measured) -> Option<f64>,
) -> Metric {
    Metric { name, label, value }
}

/// All of them. The README's table of the report says how they are defined.
pub(super) const METRICS: &[Metric] = &[
    metric("segments", "segments downloaded", |_, run| {
        Some(run.segments as f64)
    }),
    metric("missing", "files that did not come", |report, _| {
        Some(report.missing.len() as f64)
    }),
    metric("makespan", "makespan, s", |_, run| run.makespan),
    metric("optimality", "makespan over the lower bound", |_, run| {
        run.optimality
    }),
    metric("completion-min", "least completion time, s", |_, run| {
        Some(run.completion?.minimum)
    }),
    metric(
        "completion-median",
        "median completion time, s",
        |_, run| Some(run.completion?.median),
    ),
    metric("completion-p95", "completion time of 95 %, s", |_, run| {
        Some(run.completion?.p95)
    }),
    metric("completion-max", "greatest completion time, s", |_, run| {
        Some(run.completion?.maximum)
    }),
    metric(
        "imbalance",
        "segments served, busiest over mean",
        |_, run| run.balance.imbalance,
    ),
    metric("jain", "Jain's index of segments served", |_, run| {
        run.balance.jain
    }),
    metric("served-by-seeds", "part served by the seeds", |_, run| {
        run.served_by_seeds
    }),
    metric("nack-ratio", "NACKs over all answers", |_, run| {
        run.nack_ratio
    }),
    metric("messages-per-segment", "messages a segment", |_, run| {
        run.messages_per_segment
    }),
    metric("tracker-messages", "tracker's messages", |_, run| {
        Some(run.tracker.messages as f64)
    }),
    metric("tracker-bytes", "tracker's bytes", |_, run| {
        Some(run.tracker.bytes as f64)
    }),
    metric(
        "tracker-messages-per-client",
        "tracker's messages a client",
        |_, run| Some(run.tracker.messages_per_client),
    ),
    metric(
        "tracker-messages-per-segment",
        "tracker's messages a segment",
        |_, run| run.tracker.messages_per_segment,
    ),
    metric(
        "tracker-bytes-per-client",
        "tracker's bytes a client",
        |_, run| Some(run.tracker.bytes as f64 / run.clients.len() as f64),
    ),
    metric(
        "tracker-bytes-per-segment",
        "tracker's bytes a segment",
        |_, run| (run.segments > 0).then(|| run.tracker.bytes as f64 / run.segments as f64),
    ),
    metric(
        "end-game-share",
        "median share of the last 5 % in the time of a download",
        |_, run| {
            middle(
                run.clients
                    .iter()
                    .flat_map(|client| &client.downloads)
                    .filter_map(|download| download.end_game_share),
            )
        },
    ),
    metric(
        "source-evenness",
        "median evenness of a download's sources",
        |_, run| {
            middle(
                run.clients
                    .iter()
                    .flat_map(|client| &client.downloads)
                    .filter_map(|download| download.source_evenness),
            )
        },
    ),
];

fn middle(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    (!values.is_empty()).then(|| quantile(&values, 0.5))
}
