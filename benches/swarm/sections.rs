//! The parts of what is measured.

use bittorrent::manifest::Manifest;
use bittorrent::protocol::{FileName, Hashes, OwnedFile, SegmentHash};

use crate::growth::{clients, segments, work};
use crate::run::{Run, empty, exchange, layout, median};
use crate::table::{Table, against, number};
use crate::twin::twin;
use crate::{Scale, generate, repository};

/// One of them.
pub struct Section {
    pub name: &'static str,
    pub run: fn(Scale) -> Vec<Table>,
}

pub const SECTIONS: [Section; 9] = [
    Section {
        name: "startup",
        run: startup,
    },
    Section {
        name: "rate",
        run: rate,
    },
    Section {
        name: "trace",
        run: trace,
    },
    Section {
        name: "segments",
        run: segments,
    },
    Section {
        name: "clients",
        run: clients,
    },
    Section {
        name: "work",
        run: work,
    },
    Section {
        name: "idle",
        run: idle,
    },
    Section {
        name: "designs",
        run: designs,
    },
    Section {
        name: "twin",
        run: twin,
    },
];

/// The swarms of the course's shape against a program that does nothing.
fn startup(scale: Scale) -> Vec<Table> {
    let mut table = Table::new(
        "Start-up: the whole run over that of an MPI program which does nothing",
        &["inputs", "ranks", "seconds", "nothing", "ratio (target)"],
    );
    for (folder, inputs) in repository::folders() {
        let name = folder
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if !name.starts_with("test") || scale == Scale::Tiny && name != "test1" {
            continue;
        }
        let path = folder.to_str().expect("a readable path");
        let pairs: Vec<(f64, f64)> = (0..scale.pick(9, 1))
            .map(|_| {
                (
                    Run::folder(path, inputs.len()).wall,
                    empty(inputs.len() + 1),
                )
            })
            .collect();
        let [ours, nothing] = [
            median(pairs.iter().map(|p| p.0)),
            median(pairs.iter().map(|p| p.1)),
        ];
        let ratio = median(pairs.iter().map(|(ours, nothing)| ours / nothing));
        let ranks = inputs.len() + 1;
        table.row([
            name,
            ranks.to_string(),
            number(ours),
            number(nothing),
            against(ratio, "<= 1.05"),
        ]);
    }
    vec![table]
}

/// Ten files with two owners each, which all others want.
pub fn shared(clients: usize, files: usize, segments: usize) -> Vec<Manifest> {
    let mut inputs = vec![Manifest::default(); clients];
    for number in 0..files {
        let name = FileName::new(&format!("file{}", number + 1)).expect("a good name");
        let hash = |position| SegmentHash::new(format!("{number:08x}{position:024x}").as_bytes());
        let hashes: Hashes = (0..segments)
            .map(|position| hash(position).expect("printable"))
            .collect();
        let owners = [2 * number % clients, (2 * number + 1) % clients];
        for (client, input) in inputs.iter_mut().enumerate() {
            if owners.contains(&client) {
                input.owned.push(OwnedFile {
                    name: name.clone(),
                    hashes: hashes.clone(),
                });
            } else {
                input.wanted.push(name.clone());
            }
        }
    }
    inputs
}

/// Small messages against what the message layer can do: in the same layout without a protocol, which is
/// the limit, and between two ranks that share the cores with nobody. And the tracker's part of them.
fn rate(scale: Scale) -> Vec<Table> {
    let segments = scale.pick(1000, 20);
    let mut table = Table::new(
        format!(
            "Rate: 10 files of {segments} segments, two owners each; the limit: the same ranks and threads without a protocol, 10 in flight; one pair: 2 ranks"
        ),
        &[
            "clients",
            "segments/s",
            "the limit, pairs/s",
            "ratio (target)",
            "one pair, pairs/s",
            "messages a segment",
            "tracker's messages a segment",
        ],
    );
    for clients in [4, 16] {
        if scale == Scale::Tiny && clients > 4 {
            continue;
        }
        let inputs = shared(clients, 10, segments);
        // As many pairs as there are segments to fetch, which each client spreads over the others.
        let wanted: usize = inputs.iter().map(|input| input.wanted.len()).sum();
        let each = wanted * segments / (clients * (clients - 1));
        let runs: Vec<(Run, f64, f64)> = (0..scale.pick(9, 1))
            .map(|_| {
                (
                    Run::new(&inputs, &[]),
                    layout(clients, each),
                    exchange(scale.pick(200_000, 1000)),
                )
            })
            .collect();
        let ours = |run: &Run| run.measured.segments as f64 / run.makespan();
        let per_segment = |run: &Run| run.measured.messages_per_segment.expect("segments");
        let trackers = |run: &Run| run.measured.tracker.messages_per_segment.expect("segments");
        table.row([
            clients.to_string(),
            number(median(runs.iter().map(|(run, ..)| ours(run)))),
            number(median(runs.iter().map(|(_, limit, _)| *limit))),
            against(
                median(runs.iter().map(|(run, limit, _)| ours(run) / limit)),
                ">= 0.60",
            ),
            number(median(runs.iter().map(|(.., pair)| *pair))),
            number(median(runs.iter().map(|(run, ..)| per_segment(run)))),
            number(median(runs.iter().map(|(run, ..)| trackers(run)))),
        ]);
    }
    vec![table]
}

/// What recording costs, and what reading takes.
fn trace(scale: Scale) -> Vec<Table> {
    let segments = scale.pick(1000, 20);
    let mut table = Table::new(
        format!(
            "The trace: 10 files of {segments} segments, two owners each, with and without --trace"
        ),
        &[
            "clients",
            "segments/s",
            "with --trace",
            "ratio (target)",
            "bytes a message",
            "check, s for 1,000,000 messages",
            "show, s for 1,000,000 messages",
        ],
    );
    for clients in [4, 16] {
        if scale == Scale::Tiny && clients > 4 {
            continue;
        }
        let inputs = shared(clients, 10, segments);
        let runs: Vec<(Run, Run)> = (0..scale.pick(15, 1))
            .map(|_| {
                (
                    Run::new(&inputs, &[]),
                    Run::new(&inputs, &["--trace", "t.jsonl"]),
                )
            })
            .collect();
        let rate = |run: &Run| run.measured.segments as f64 / run.makespan();
        let messages = |run: &Run| {
            let volumes = run.measured.messages.values();
            volumes.map(|volume| volume.messages).sum::<u64>() as f64
        };
        let reading = |command: &str| {
            let seconds = runs
                .iter()
                .map(|(_, run)| run.reading(command) / messages(run) * 1e6);
            median(seconds.take(scale.pick(5, 1)))
        };
        let bytes = runs
            .iter()
            .map(|(_, run)| run.size("t.jsonl") as f64 / messages(run));
        table.row([
            clients.to_string(),
            number(median(runs.iter().map(|(plain, _)| rate(plain)))),
            number(median(runs.iter().map(|(_, traced)| rate(traced)))),
            against(
                median(
                    runs.iter()
                        .map(|(plain, traced)| rate(traced) / rate(plain)),
                ),
                ">= 0.85",
            ),
            number(median(bytes)),
            number(reading("check")),
            number(reading("show")),
        ]);
    }
    vec![table]
}

/// What waiting costs.
fn idle(scale: Scale) -> Vec<Table> {
    let mut table = Table::new(
        "Idle: 1 seed, 3 leechers, --upload-time 200ms; processor time beyond that of a swarm without it",
        &["rank", "CPU seconds a second (target)"],
    );
    let inputs = generate::crowd(1, 3, scale.pick(40, 2));
    let runs: Vec<(Run, Run)> = (0..scale.pick(5, 1))
        .map(|_| {
            let slow = Run::watched(&inputs, &["--upload-time", scale.pick("200ms", "20ms")]);
            (slow, Run::watched(&inputs, &[]))
        })
        .collect();
    for rank in 0..4 {
        let cost = |(slow, fast): &(Run, Run)| {
            let cpu = slow.usage()[rank].cpu - fast.usage()[rank].cpu;
            cpu / (slow.wall - fast.wall)
        };
        let target = "<= 0.01";
        let cost = median(runs.iter().map(cost));
        table.row([rank.to_string(), format!("**{cost:.3}** ({target})")]);
    }
    vec![table]
}

/// The published designs, and the best combination known, on flash crowds.
fn designs(scale: Scale) -> Vec<Table> {
    const BEST: &str = "--tracker-index segments --segment-order rarest-first --update-interval 1";
    let upload_time = scale.pick("5ms", "100us");
    // Each with its targets: for the makespan over the bound, and for the messages a segment.
    let mut designs: Vec<(String, Vec<&str>, [&str; 2])> = repository::designs()
        .into_iter()
        .map(|(letter, options)| {
            let targets = match letter {
                'A' => ["", "<= 40"],
                'B' => ["", "<= 10"],
                'E' => ["<= 1.45", "<= 8"],
                _ => ["", "<= 8"],
            };
            (letter.to_string(), options, targets)
        })
        .collect();
    let best = BEST.split_whitespace().collect();
    designs.push((format!("`{BEST}`"), best, ["<= 1.15", "<= 8"]));
    let mut tables = Vec::new();
    for (leechers, segments, slots) in scale.pick(
        vec![(15, 100, "2"), (31, 100, "2"), (15, 100, "0")],
        vec![(2, 12, "1")],
    ) {
        let mut table = Table::new(
            format!(
                "Designs: 1 seed, {leechers} leechers, {segments} segments, --upload-time {upload_time} --upload-slots {slots}"
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
        for (name, options, targets) in &designs {
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
            let [over_bound, messages] = *targets;
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
                name.clone(),
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
