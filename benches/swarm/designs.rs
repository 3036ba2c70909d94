//! The published designs, and the best combination known.

use crate::run::{Run, median};
use crate::table::{Table, against, number};
use support::{generate, repository};

use crate::Scale;

const BEST: &str = "--tracker-index segments --segment-order rarest-first";

/// Each by its name, with its options.
pub fn all() -> Vec<(String, Vec<&'static str>)> {
    repository::designs()
        .into_iter()
        .map(|(letter, options)| (letter.to_string(), options))
        .chain([("best".into(), BEST.split_whitespace().collect())])
        .collect()
}

/// All of them on flash crowds.
pub fn designs(scale: Scale) -> Vec<Table> {
    let upload_time = scale.pick("5ms", "100us");
    let mut tables = Vec::new();
    for (leechers, segments, slots) in scale.pick(
        vec![(15, 100, "2"), (31, 100, "2"), (15, 100, "0")],
        vec![(2, 12, "1")],
    ) {
        let mut table = Table::new(
            format!(
                "Designs: 1 seed, {leechers} leechers, {segments} segments, --upload-time {upload_time} --upload-slots {slots}; best: {BEST}"
            ),
            &[
                "design",
                "makespan, s",
                "over the lower bound (target)",
                "busiest over mean",
                "Jain's index",
                "NACKs",
                "messages a segment (target)",
                "tracker's",
            ],
        );
        let inputs = generate::crowd(1, leechers, segments);
        for (name, options) in all() {
            let options = [
                &options[..],
                &["--upload-time", upload_time, "--upload-slots", slots],
            ]
            .concat();
            // Without slots they take long, and all the same.
            let runs: Vec<Run> = (0..scale.pick(if slots == "0" { 1 } else { 5 }, 1))
                .map(|_| Run::new(&inputs, &options))
                .collect();
            let of = |value: fn(&Run) -> Option<f64>| {
                median(runs.iter().map(|run| value(run).expect("it is measured")))
            };
            // There are targets only where a client has slots, for messages only among few.
            let [over_bound, messages] = match &name[..] {
                "A" => ["", "<= 40"],
                "B" => ["", "<= 10"],
                "E" => ["<= 1.45", "<= 8"],
                "best" => ["<= 1.15", "<= 8"],
                _ => ["", "<= 8"],
            };
            let goal = |is_meant: bool, value: f64, target: &str| match target {
                target if is_meant && !target.is_empty() => against(value, target),
                _ => number(value),
            };
            let over_bound = goal(slots != "0", of(|run| run.measured.optimality), over_bound);
            let messages = goal(
                slots != "0" && leechers <= 15,
                of(|run| run.measured.messages_per_segment),
                messages,
            );
            table.row([
                name,
                number(of(|run| run.measured.makespan)),
                over_bound,
                number(of(|run| run.measured.balance.imbalance)),
                number(of(|run| run.measured.balance.jain)),
                number(of(|run| run.measured.nack_ratio)),
                messages,
                number(of(|run| run.measured.tracker.messages_per_segment)),
            ]);
        }
        tables.push(table);
    }
    tables
}
