//! The parts of what is measured.

use bittorrent::manifest::Manifest;
use bittorrent::protocol::{FileName, Hashes, OwnedFile, SegmentHash};

use crate::run::{Run, empty, exchange, median};
use crate::table::{Table, against, number};
use crate::twin::twin;
use crate::{Scale, generate, repository};

/// One of them.
pub struct Section {
    pub name: &'static str,
    pub run: fn(Scale) -> Vec<Table>,
}

pub const SECTIONS: [Section; 8] = [
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
fn shared(clients: usize, files: usize, segments: usize) -> Vec<Manifest> {
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

/// Small messages against the message layer, and the tracker's part of them.
fn rate(scale: Scale) -> Vec<Table> {
    let segments = scale.pick(1000, 20);
    let mut table = Table::new(
        format!(
            "Rate: 10 files of {segments} segments, two owners each; the message layer: 2 ranks, 10 in flight"
        ),
        &[
            "clients",
            "segments/s",
            "pairs/s of the message layer",
            "ratio (target)",
            "messages a segment",
            "tracker's messages a segment",
        ],
    );
    for (clients, target) in [(4, ">= 0.40"), (16, ">= 0.30")] {
        if scale == Scale::Tiny && clients > 4 {
            continue;
        }
        let inputs = shared(clients, 10, segments);
        let runs: Vec<(Run, f64)> = (0..scale.pick(9, 1))
            .map(|_| (Run::new(&inputs, &[]), exchange(scale.pick(200_000, 1000))))
            .collect();
        let ours = |run: &Run| run.measured.segments as f64 / run.makespan();
        let per_segment = |run: &Run| run.measured.messages_per_segment.expect("segments");
        let trackers = |run: &Run| run.measured.tracker.messages_per_segment.expect("segments");
        table.row([
            clients.to_string(),
            number(median(runs.iter().map(|(run, _)| ours(run)))),
            number(median(runs.iter().map(|(_, raw)| *raw))),
            against(
                median(runs.iter().map(|(run, raw)| ours(run) / raw)),
                target,
            ),
            number(median(runs.iter().map(|(run, _)| per_segment(run)))),
            number(median(runs.iter().map(|(run, _)| trackers(run)))),
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

/// One file of more and more segments.
fn segments(scale: Scale) -> Vec<Table> {
    let sizes: &[usize] = scale.pick(&[1_000, 10_000, 100_000, 1_000_000], &[10, 100]);
    let mut table = Table::new(
        "Growth in segments: one file, 1 seed and 3 leechers",
        &[
            "segments",
            "makespan, s",
            "microseconds a segment",
            "all of the run, s",
            "tracker, MiB",
            "seed, MiB",
            "leecher, MiB",
        ],
    );
    const MIB: f64 = 1_048_576.0;
    let mut points = Vec::new();
    for &size in sizes {
        let inputs = generate::crowd(1, 3, size);
        let runs: Vec<Run> = (0..scale.pick(5, 1))
            .map(|_| Run::watched(&inputs, &[]))
            .collect();
        let makespan = median(runs.iter().map(Run::makespan));
        let per_segment = makespan / (3 * size) as f64 * 1e6;
        let memory = |rank: usize| median(runs.iter().map(|run| run.usage()[rank].memory as f64));
        let memory = [memory(0), memory(1), memory(2)];
        table.row(
            [
                size.to_string(),
                number(makespan),
                number(per_segment),
                number(median(runs.iter().map(|run| run.wall))),
            ]
            .into_iter()
            .chain(memory.map(|bytes| number(bytes / MIB))),
        );
        points.push((size, per_segment, memory));
    }
    let mut growth = Table::new(
        "What a segment costs in a long file",
        &["", "figure (target)"],
    );
    let (Some(&first), Some(&last)) = (points.first(), points.last()) else {
        return vec![table];
    };
    let at_10_000 = points
        .iter()
        .find(|(size, ..)| *size == 10_000)
        .unwrap_or(&first);
    growth.row([
        format!("time a segment at {} over that at {}", last.0, at_10_000.0),
        against(last.1 / at_10_000.1, "<= 1.3"),
    ]);
    let bytes = |rank: usize| (last.2[rank] - first.2[rank]) / (last.0 - first.0) as f64;
    for (rank, name, target) in [
        (0, "the tracker", "<= 50"),
        (1, "a seed", "<= 100"),
        (2, "a leecher", "<= 100"),
    ] {
        growth.row([
            format!("bytes of memory a segment, {name}"),
            against(bytes(rank), target),
        ]);
    }
    vec![table, growth]
}

/// More and more clients.
fn clients(scale: Scale) -> Vec<Table> {
    let sizes: &[usize] = scale.pick(&[4, 16, 64, 128, 199], &[2]);
    let mut table = Table::new(
        "Growth in clients: one file of 100 segments, 1 seed, the others want it",
        &[
            "clients",
            "runs",
            "seconds",
            "nothing",
            "milliseconds more for each segment",
            "makespan, s",
        ],
    );
    for &size in sizes {
        let runs = scale.pick(if size < 64 { 5 } else { 1 }, 1);
        let inputs = generate::crowd(1, size - 1, 100);
        let pairs: Vec<(Run, f64)> = (0..runs)
            .map(|_| (Run::new(&inputs, &[]), empty(size + 1)))
            .collect();
        let segments = (100 * (size - 1)) as f64;
        for (run, _) in &pairs {
            assert_eq!(run.measured.segments as f64, segments);
        }
        table.row([
            size.to_string(),
            runs.to_string(),
            number(median(pairs.iter().map(|(run, _)| run.wall))),
            number(median(pairs.iter().map(|(_, nothing)| *nothing))),
            number(median(
                pairs
                    .iter()
                    .map(|(run, nothing)| (run.wall - nothing) / segments * 1e3),
            )),
            number(median(pairs.iter().map(|(run, _)| run.makespan()))),
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
        let target = "<= 0.02";
        let cost = median(runs.iter().map(cost));
        table.row([rank.to_string(), format!("**{cost:.3}** ({target})")]);
    }
    vec![table]
}

/// The published designs, and the best combination known, on flash crowds.
fn designs(scale: Scale) -> Vec<Table> {
    const BEST: &str =
        "--tracker-index segments --segment-order rarest-first --update-interval 1 --window 2";
    let upload_time = scale.pick("5ms", "100us");
    let mut designs: Vec<(String, Vec<&str>, &str)> = repository::designs()
        .into_iter()
        .map(|(letter, options)| {
            (
                letter.to_string(),
                options,
                if letter == 'E' { "<= 2.0" } else { "" },
            )
        })
        .collect();
    designs.push((
        format!("`{BEST}`"),
        BEST.split_whitespace().collect(),
        "<= 1.25",
    ));
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
                "messages a segment",
                "tracker's",
            ],
        );
        let inputs = generate::crowd(1, leechers, segments);
        for (name, options, target) in &designs {
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
            let ratio = of(|run| run.measured.optimality);
            let goal = if slots == "0" || target.is_empty() {
                format!("{ratio:.2}")
            } else {
                against(ratio, target)
            };
            table.row([
                name.clone(),
                number(of(|run| run.measured.makespan)),
                goal,
                number(of(|run| run.measured.balance.imbalance)),
                number(of(|run| run.measured.balance.jain)),
                number(of(|run| run.measured.nack_ratio)),
                number(of(|run| run.measured.messages_per_segment)),
                number(of(|run| run.measured.tracker.messages_per_segment)),
            ]);
        }
        tables.push(table);
    }
    tables
}
