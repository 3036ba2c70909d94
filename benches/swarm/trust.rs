//! Whether a simulation can be trusted: real runs and simulated ones, side by side.

use swarm::report::Measured;

use crate::run::{Run, median};
use crate::table::{Table, against, number};
use crate::twin::Simulated;
use support::generate;
use support::job::Job;

use crate::{Scale, designs};

/// How long a message is on its way between ranks of one machine. Who has waited 5 ms for a segment
/// looks again after an eighth of that (`runtime::backoff`).
const LATENCY: &str = "0us..600us";
/// How long the tracker takes for a message: two cores together manage a million in a second.
const TRACKER_TIME: &str = "2us";

/// Designs count as equal if one takes less than so many times as long as the other in real runs.
const EQUAL: f64 = 1.03;

/// A figure of the real runs, and of the simulated ones.
type Pair = [f64; 2];

/// A design's name, and its makespans.
type Makespans = (String, Pair);

/// All designs with few leechers and with more.
pub fn trust(scale: Scale) -> Vec<Table> {
    let mut tables = Vec::new();
    let mut orders = Table::new(
        format!(
            "Trust: the designs from the quickest on; = is between makespans that differ by a factor of less than {EQUAL}"
        ),
        &[
            "clients",
            "real",
            "twin",
            "pairs in the same order, of those that differ in real runs (target)",
        ],
    );
    for leechers in scale.pick(&[15, 31][..], &[2]) {
        let (table, makespans) = side_by_side(*leechers, scale);
        let differing: Vec<[&Makespans; 2]> = differing(&makespans).collect();
        let agreeing = differing.iter().filter(|pair| agree(pair)).count();
        orders.row([
            (leechers + 1).to_string(),
            order(&makespans, 0),
            order(&makespans, 1),
            format!("**{agreeing} of {}** (all)", differing.len()),
        ]);
        tables.push(table);
    }
    tables.push(orders);
    tables
}

/// Each design with so many leechers: how it did, and how long it took.
fn side_by_side(leechers: usize, scale: Scale) -> (Table, Vec<Makespans>) {
    let (segments, upload_time) = scale.pick((100, "5ms"), (5, "100us"));
    let mut table = Table::new(
        format!(
            "Trust: 1 seed, {leechers} leechers, {segments} segments, --upload-time {upload_time}; the twin with --latency {LATENCY} --tracker-time {TRACKER_TIME}"
        ),
        &[
            "design",
            "makespan, s",
            "twin",
            "twin over real (target)",
            "messages a segment",
            "twin",
            "twin over real (target)",
        ],
    );
    let inputs = generate::crowd(1, leechers, segments);
    let folder = Job::with_inputs(&inputs).folder;
    let folder = folder.path().to_str().expect("a readable path");
    let simulated = [
        "-i",
        folder,
        "--latency",
        LATENCY,
        "--tracker-time",
        TRACKER_TIME,
    ];
    let serving = ["--upload-time", upload_time];

    let mut designs = designs::all();
    designs.truncate(scale.pick(designs.len(), 2));
    // Round by round, so that what else the machine does meets all designs.
    let rounds: Vec<Vec<Measured>> = (0..scale.pick(5, 1))
        .map(|_| {
            let run = |options: &[&str]| Run::new(&inputs, &[options, &serving].concat()).measured;
            designs.iter().map(|(_, options)| run(options)).collect()
        })
        .collect();

    let mut makespans = Vec::new();
    for (index, (name, options)) in designs.into_iter().enumerate() {
        // A simulation is soon done, and chance makes a tenth more or less of a makespan.
        let twins: Vec<Measured> = (1..=scale.pick(15, 1))
            .map(|seed: u32| {
                let seed = seed.to_string();
                let options = [&options[..], &serving, &simulated, &["--seed", &seed]];
                Simulated::new(options.concat()).measured
            })
            .collect();
        let medians = |figure: fn(&Measured) -> Option<f64>| -> Pair {
            let of = |run| figure(run).expect("segments were downloaded");
            let real = median(rounds.iter().map(|round| of(&round[index])));
            [real, median(twins.iter().map(of))]
        };
        let makespan = medians(|run| run.makespan);
        let messages = medians(|run| run.messages_per_segment);
        table.row([
            name.clone(),
            number(makespan[0]),
            number(makespan[1]),
            against(makespan[1] / makespan[0], "0.85 to 1.15"),
            number(messages[0]),
            number(messages[1]),
            against(messages[1] / messages[0], "0.75 to 1.25"),
        ]);
        makespans.push((name, makespan));
    }
    (table, makespans)
}

/// The designs from the quickest to the slowest, of the real runs or of the simulated ones.
fn order(makespans: &[Makespans], side: usize) -> String {
    let mut sorted: Vec<&Makespans> = makespans.iter().collect();
    sorted.sort_by(|one, two| one.1[side].total_cmp(&two.1[side]));
    let mut text = sorted[0].0.clone();
    for neighbours in sorted.windows(2) {
        let [quick, slow] = [0, 1].map(|index| neighbours[index].1[side]);
        let sign = if slow < EQUAL * quick { "=" } else { "<" };
        text += &format!(" {sign} {}", neighbours[1].0);
    }
    text
}

/// The pairs of designs that are not equal in real runs, the quicker one first.
fn differing(makespans: &[Makespans]) -> impl Iterator<Item = [&Makespans; 2]> {
    let pairs = makespans
        .iter()
        .flat_map(|one| makespans.iter().map(move |two| [one, two]));
    pairs.filter(|[quick, slow]| quick.1[0] * EQUAL <= slow.1[0])
}

/// Whether the twin has them in the same order.
fn agree([quick, slow]: &[&Makespans; 2]) -> bool {
    quick.1[1] < slow.1[1]
}
