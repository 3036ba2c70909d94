//! The published designs on one flash crowd: a seed, and leechers that all want its file at once.

use bittorrent::report::{Measured, Report};

use crate::Scale;
use crate::generate;
use crate::job::Job;
use crate::repository;

/// Prints a table of the designs, each the run of three with the median makespan.
pub fn run(scale: Scale) {
    let (leechers, segments, upload_time, runs) = match scale {
        Scale::Full => (15, 100, "5ms", 3),
        Scale::Tiny => (2, 12, "100us", 1),
    };
    println!(
        "\n## Designs: 1 seed, {leechers} leechers, {segments} segments, --upload-time {upload_time}\n"
    );
    println!(
        "| design | seconds | over the lower bound | busiest over mean | Jain's index | NACKs | messages a segment | tracker's |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let inputs = generate::crowd(1, leechers, segments);
    for (letter, options) in repository::designs() {
        let mut runs: Vec<Measured> = (0..runs)
            .map(|_| {
                let job = Job::with_inputs(&inputs)
                    .arguments(&options)
                    .arguments(&["--upload-time", upload_time, "--report", "report.json"])
                    .run();
                assert_eq!(job.status, Some(0), "{letter}: {}", job.stderr);
                let Report { measured, .. } = job.report("report.json");
                measured.expect("the run ended")
            })
            .collect();
        runs.sort_by(|one, two| f64::total_cmp(&time(one), &time(two)));
        let measured = &runs[runs.len() / 2];
        let cell = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.2}"));
        let cells = [
            measured.makespan,
            measured.optimality,
            measured.balance.imbalance,
            measured.balance.jain,
            measured.nack_ratio,
            measured.messages_per_segment,
            measured.tracker.messages_per_segment,
        ];
        println!("| {letter} | {} |", cells.map(cell).join(" | "));
    }
}

fn time(measured: &Measured) -> f64 {
    measured.makespan.expect("files were completed")
}
