//! Whole swarms in one process: thousands of messages in an order that only the seed knows.

mod generate;
mod repository;
mod world;

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::panic;

use bittorrent::client::Settings;
use bittorrent::manifest::{self, Manifest};
use bittorrent::protocol::Rank;
use fastrand::Rng;
use world::explore::explore;
use world::{Faults, Run, rules};

const SWARMS: u64 = 1000;

fn settings(update_interval: usize, window: usize) -> Settings {
    let [update_interval, window] =
        [update_interval, window].map(|number| NonZeroUsize::new(number).expect("not 0"));
    Settings {
        update_interval,
        window,
    }
}

/// The run of a seed: its swarm, its settings, its order, and the faults that are made for it.
fn run(seed: u64, faults: impl Fn(&[Manifest], &mut Rng) -> Faults) -> Run {
    let mut rng = Rng::with_seed(seed);
    let clients = rng.usize(1..=8);
    let inputs = generate::inputs(&mut rng, clients, 0..=4, 0..=32);
    let settings = settings(rng.usize(1..=12), rng.usize(1..=12));
    let faults = faults(&inputs, &mut rng);
    world::run(inputs, settings, faults, &mut rng)
}

fn no_faults(_: &[Manifest], _: &mut Rng) -> Faults {
    Faults::default()
}

/// Checks the runs of many seeds, and adds up what `count` finds in each.
fn check_all<const N: usize>(
    faults: impl Fn(&[Manifest], &mut Rng) -> Faults,
    count: impl Fn(&Run) -> [usize; N],
) -> [usize; N] {
    let mut sums = [0; N];
    for seed in 0..SWARMS {
        let checked = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            let run = run(seed, &faults);
            rules::check(&run);
            count(&run)
        }));
        let Ok(counts) = checked else {
            panic!("see above; the seed is {seed}")
        };
        sums.iter_mut()
            .zip(counts)
            .for_each(|(sum, count)| *sum += count);
    }
    sums
}

#[test]
fn random_swarms_in_random_orders_keep_every_rule() {
    let [refusals, unknown] = check_all(no_faults, |run| {
        [
            rules::count(run, rules::is_nack),
            rules::count(run, rules::is_unknown),
        ]
    });
    assert!(refusals > 1000 && unknown > 50, "these swarms are too easy");
}

#[test]
fn with_any_corrupt_clients_every_file_with_an_honest_owner_arrives_whole() {
    let corrupt = |inputs: &[Manifest], rng: &mut Rng| {
        let clients = Rank::clients(inputs.len());
        Faults {
            corrupt: clients.filter(|_| rng.bool()).collect(),
            ..Faults::default()
        }
    };
    let [saved, missed] = check_all(corrupt, |run| [run.outputs.len(), rules::not_sent(run)]);
    assert!(
        saved > 500 && missed > 100,
        "{saved} and {missed}: these swarms are too easy"
    );
}

#[test]
fn with_refusals_at_random_every_file_arrives_whole_or_is_reported() {
    let refusing = |_: &[Manifest], rng: &mut Rng| Faults {
        refusal: rng.f64() * 0.9,
        ..Faults::default()
    };
    let [saved, missed] = check_all(refusing, |run| [run.outputs.len(), rules::not_sent(run)]);
    assert!(
        saved > 500 && missed > 100,
        "{saved} and {missed}: these swarms are too easy"
    );
}

#[test]
fn when_a_member_vanishes_every_file_with_another_owner_arrives_whole() {
    let vanishing = |inputs: &[Manifest], rng: &mut Rng| {
        let clients: Vec<Rank> = Rank::clients(inputs.len()).collect();
        let vanishing = rng
            .choice(clients)
            .map(|client| (client, rng.usize(..1000)));
        Faults {
            vanishing,
            ..Faults::default()
        }
    };
    let [saved, missed] = check_all(vanishing, |run| [run.outputs.len(), rules::not_sent(run)]);
    assert!(
        saved > 500 && missed > 50,
        "{saved} and {missed}: these swarms are too easy"
    );
}

#[test]
fn a_seed_reproduces_its_run() {
    let [one, two] = [run(7, no_faults), run(7, no_faults)].map(|r| format!("{:?}", r.events));
    assert!(one == two && !one.is_empty());
}

#[test]
fn the_four_swarms_of_the_course_and_the_edge_cases_keep_every_rule() {
    let mut outputs = 0;
    for (seed, inputs) in (0..).zip(repository::folders().into_values()) {
        for settings in [settings(10, 10), settings(10, 1)] {
            let mut rng = Rng::with_seed(seed);
            let run = world::run(inputs.clone(), settings, Faults::default(), &mut rng);
            rules::check(&run);
            outputs += run.outputs.len();
        }
    }
    assert!(outputs > 2 * 4 * 12, "these are not the inputs");
}

/// Inputs in short: for each client what it owns and what it wants; a file has 2 segments.
fn in_short(clients: InShort) -> Vec<Manifest> {
    let input = |(owned, wanted): &(&[&str], &[&str])| {
        let letter = |name: &str| name.repeat(32);
        let owned: Vec<String> = owned
            .iter()
            .map(|name| format!("{name} 2 {0} {0}", letter(name)))
            .collect();
        let text = [
            owned.len().to_string(),
            owned.join(" "),
            wanted.len().to_string(),
            wanted.join(" "),
        ];
        manifest::parse(text.join("\n").as_bytes()).expect("a good input")
    };
    clients.iter().map(input).collect()
}

type InShort<'a> = &'a [(&'a [&'a str], &'a [&'a str])];

#[test]
fn every_order_of_deliveries_ends_right() {
    let exchange: InShort = &[(&["f"], &["g"]), (&["g"], &["f"])];
    let fan_out: InShort = &[(&["f", "g"], &[]), (&[], &["f", "g"]), (&[], &["f", "g"])];
    let crossing: InShort = &[(&["f"], &["g"]), (&["g"], &["f"]), (&[], &["f", "g"])];
    for (name, clients) in [
        ("exchange", exchange),
        ("fan-out", fan_out),
        ("crossing", crossing),
    ] {
        for (interval, window) in [(2, 1), (1, 1), (2, 2)] {
            let inputs = in_short(clients);
            let explored = explore(&inputs, settings(interval, window));
            let report = writeln!(
                io::stderr(), // which the test harness does not keep to itself
                "{name}: {} clients, UPDATE every {interval}, window {window}: \
                 {} states, {} of them ends",
                inputs.len(),
                explored.states,
                explored.ends
            );
            report.expect("standard error can be written to");
            assert!(explored.states > 50 && explored.ends > 0);
        }
    }
}
