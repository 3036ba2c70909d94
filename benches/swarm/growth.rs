//! What grows: with the segments, with the clients, and with the work only.

use crate::run::{Run, empty, median};
use crate::sections::shared;
use crate::table::{Table, against, number};
use support::generate;

use crate::Scale;

/// One file of more and more segments.
pub fn segments(scale: Scale) -> Vec<Table> {
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
pub fn clients(scale: Scale) -> Vec<Table> {
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

/// What a segment costs among more and more clients, and a small swarm of many.
pub fn work(scale: Scale) -> Vec<Table> {
    let sizes: &[usize] = scale.pick(&[16, 64, 100], &[2, 3]);
    let mut table = Table::new(
        "Growth with the work: one file of 100 segments, 1 seed, the others want it",
        &[
            "clients",
            "messages a segment (target)",
            "microseconds a segment, by the makespan",
            "over that of the first (target)",
        ],
    );
    let segments = scale.pick(100, 5);
    let crowds = sizes
        .iter()
        .map(|size| generate::crowd(1, size - 1, segments));
    let crowds: Vec<_> = crowds.collect();
    // In turn, so that each is compared with its neighbours in time.
    let rounds: Vec<Vec<Run>> = (0..scale.pick(7, 1))
        .map(|_| crowds.iter().map(|crowd| Run::new(crowd, &[])).collect())
        .collect();
    let of = |value: &dyn Fn(&[Run]) -> f64| median(rounds.iter().map(|round| value(round)));
    let cost = |run: &Run| run.makespan() / run.measured.segments as f64 * 1e6;
    for (index, size) in sizes.iter().enumerate() {
        let messages = of(&|round| {
            let messages = round[index].measured.messages_per_segment;
            messages.expect("segments")
        });
        let growth = of(&|round| cost(&round[index]) / cost(&round[0]));
        table.row([
            size.to_string(),
            against(messages, "<= 2.6"),
            number(of(&|round| cost(&round[index]))),
            match index {
                0 => "1".into(),
                _ if *size == 100 => against(growth, "<= 2"),
                _ => number(growth),
            },
        ]);
    }

    let (clients, segments) = scale.pick((16, 100), (3, 5));
    let mut small = Table::new(
        format!(
            "A small swarm: {clients} clients, 10 files of {segments} segments, two owners each"
        ),
        &["seconds", "nothing", "seconds more (target)"],
    );
    let inputs = shared(clients, 10, segments);
    let pairs: Vec<(f64, f64)> = (0..scale.pick(15, 1))
        .map(|_| (Run::new(&inputs, &[]).wall, empty(clients + 1)))
        .collect();
    let more = median(pairs.iter().map(|(ours, nothing)| ours - nothing));
    small.row([
        number(median(pairs.iter().map(|(ours, _)| *ours))),
        number(median(pairs.iter().map(|(_, nothing)| *nothing))),
        format!("**{more:.3}** (<= 0.03)"),
    ]);
    vec![table, small]
}
