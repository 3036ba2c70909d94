//! The parts of what is measured.

use swarm::manifest::Manifest;
use swarm::protocol::{FileName, Hashes, OwnedFile, SegmentHash};

use crate::designs::designs;
use crate::growth::{clients, segments, work};
use crate::run::{Run, empty, exchange, layout, median};
use crate::table::{Table, against, number};
use crate::trust::trust;
use crate::twin::scale;
use support::{generate, repository};

use crate::Scale;

/// One of them.
pub struct Section {
    pub name: &'static str,
    pub run: fn(Scale) -> Vec<Table>,
}

pub const SECTIONS: [Section; 10] = [
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
        name: "trust",
        run: trust,
    },
    Section {
        name: "scale",
        run: scale,
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
