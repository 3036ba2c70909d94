//! Whole swarms in one process: thousands of messages, in an order that follows from a seed.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::panic;
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use support::world::explore::explore;
use support::world::{self, Faults, MpiLibrary, Pace, Run, Thread, rules};
use support::{generate, repository};
use swarm::event::{Deed, Event};
use swarm::manifest::{self, Manifest};
use swarm::policy::selection;
use swarm::policy::{Named, TrackerIndex, order};
use swarm::protocol::{Rank, Reason};
use swarm::scenario::{Cast, Scenario};
use swarm::settings::Settings;

/// The number of random swarms for each kind of run.
const SWARMS: u64 = 1000;

fn settings(update_interval: usize, window: usize) -> Settings {
    let [update_interval, window] =
        [update_interval, window].map(|number| NonZeroUsize::new(number).expect("not 0"));
    Settings {
        update_interval,
        window,
        ..Settings::default()
    }
}

/// Every legal combination of the choices that designs differ in.
fn designs() -> Vec<Settings> {
    let mut designs = Vec::new();
    for tracker_index in TrackerIndex::ALL {
        for peer_selection in selection::ALL {
            for segment_order in order::ALL {
                for tracker_grants in [false, true] {
                    designs.push(Settings {
                        tracker_index,
                        peer_selection,
                        segment_order,
                        tracker_grants,
                        ..Settings::default()
                    });
                }
            }
        }
    }
    designs.retain(Settings::are_consistent);
    designs
}

/// The run that follows from a seed: swarm, design, settings, order, and faults.
fn run(seed: u64, design: &Settings, faults: impl Fn(&[Manifest], &mut Rng) -> Faults) -> Run {
    let mut rng = Rng::with_seed(seed);
    let clients = rng.usize(1..=8);
    let inputs = generate::inputs(&mut rng, clients, 0..=4, 0..=32);
    let settings = Settings {
        upload_time: Duration::from_millis(rng.u64(0..=2) * 5),
        upload_slots: NonZeroUsize::new(rng.usize(0..=3)),
        members: NonZeroUsize::new(rng.usize(1..=4)).filter(|_| rng.u8(..4) == 0),
        seed: rng.u64(..),
        tracker_index: design.tracker_index,
        peer_selection: design.peer_selection,
        segment_order: design.segment_order,
        tracker_grants: design.tracker_grants,
        ..settings(rng.usize(1..=12), rng.usize(1..=12))
    };
    let faults = faults(&inputs, &mut rng);
    let pace = *rng
        .choice(&[Pace::Prompt, Pace::Any])
        .expect("there are two");
    world::run(inputs, settings, faults, pace, &mut rng)
}

fn no_faults(_: &[Manifest], _: &mut Rng) -> Faults {
    Faults::default()
}

/// Checks the runs of many seeds, every design in turn. Returns the sum of what `count` finds in
/// each.
fn check_all<const N: usize>(
    faults: impl Fn(&[Manifest], &mut Rng) -> Faults,
    count: impl Fn(&Run) -> [usize; N],
) -> [usize; N] {
    let mut sums = [0; N];
    for (seed, design) in (0..SWARMS).zip(designs().iter().cycle()) {
        let checked = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            let run = run(seed, design, &faults);
            rules::check(&run);
            count(&run)
        }));
        let Ok(counts) = checked else {
            panic!("see above; the seed is {seed}, the design {design:?}")
        };
        sums.iter_mut()
            .zip(counts)
            .for_each(|(sum, count)| *sum += count);
    }
    sums
}

#[test]
fn random_swarms_in_random_orders_keep_every_rule() {
    let [refusals, queued, unknown] = check_all(no_faults, |run| {
        [
            rules::count(run, rules::is_nack),
            rules::count(run, rules::is_busy),
            rules::count(run, rules::is_unknown),
        ]
    });
    assert!(
        refusals > 300 && queued > 500 && unknown > 50,
        "{refusals}, {queued} and {unknown}: these swarms are too easy"
    );
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

/// A scenario with a class for some of what clients can do.
fn scenario(clients: usize, rng: &mut Rng) -> Cast {
    let mut text = String::new();
    for class in 0..rng.usize(1..=4) {
        let share = rng.usize(1..=3) as f64 / 12.0;
        text += &format!("[[class]]\nname = \"{class}\"\nshare = {share}\n");
        let mut key = |key: &str, values: &[&str]| {
            if let Some(value) = rng.choice(values).filter(|value| !value.is_empty()) {
                text += &format!("{key} = \"{value}\"\n");
            }
        };
        key("arrives", &["", "", "3ms", "40ms"]);
        key("arrives_every", &["", "10ms"]);
        key("upload_time", &["", "", "0ms", "1ms", "20ms"]);
        match rng.u8(..8) {
            0 => text += "conduct = \"free rider\"\nleaves = \"when done\"\nstays = \"1ms\"\n",
            1 => text += "conduct = \"free rider\"\nleaves = \"30ms\"\n",
            2 => text += "conduct = \"corrupt\"\nleaves = \"20ms\"\n",
            3 => text += "conduct = \"corrupt\"\n",
            4 => text += "leaves = \"when done\"\n",
            5 => text += "leaves = \"after one copy\"\n",
            6 => text += "leaves = \"10ms\"\n",
            _ => {}
        }
    }
    let settings = Settings {
        seed: rng.u64(..),
        ..Settings::default()
    };
    let cast = Scenario::parse(&text).and_then(|scenario| scenario.cast(clients, &settings));
    cast.unwrap_or_else(|(_, problem)| panic!("{problem} in {text}"))
}

#[test]
fn in_every_scenario_what_somebody_honest_keeps_offering_arrives_and_nothing_wrong_is_saved() {
    let changing = |inputs: &[Manifest], rng: &mut Rng| Faults {
        cast: scenario(inputs.len(), rng),
        ..Faults::default()
    };
    let [saved, missed, left, gone] = check_all(changing, |run| {
        let is_departure = |event: &&Event| event.deed == Deed::Left;
        [
            run.outputs.len(),
            rules::not_sent(run),
            rules::missing(run, &Reason::ItLeft),
            run.events.iter().filter(is_departure).count(),
        ]
    });
    assert!(
        saved > 1500 && missed > 100 && left > 100 && gone > 100,
        "{saved}, {missed}, {left} and {gone}: these swarms are too easy"
    );
}

#[test]
fn a_seed_reproduces_its_run() {
    let design = Settings {
        peer_selection: Named::find(selection::ALL, "random").expect("there is one"),
        ..Settings::default()
    };
    let [one, two] = [(); 2].map(|()| format!("{:?}", run(7, &design, no_faults).events));
    assert!(one == two && !one.is_empty());
}

#[test]
fn the_four_swarms_of_the_course_and_the_edge_cases_keep_every_rule() {
    let mut outputs = 0;
    for (seed, inputs) in (0..).zip(repository::folders().into_values()) {
        for settings in [settings(10, 1)].into_iter().chain(designs()) {
            let mut rng = Rng::with_seed(seed);
            let run = world::run(
                inputs.clone(),
                settings,
                Faults::default(),
                Pace::Any,
                &mut rng,
            );
            rules::check(&run);
            outputs += run.outputs.len();
        }
    }
    assert!(outputs > 50 * 4 * 12, "these are not the inputs");
}

/// Inputs in short: for each client the files that it owns and those that it wants. A file has 2
/// segments.
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
fn there_are_fifty_legal_designs() {
    // 2 x 5 x 3, less rarest-first where nobody tells what is rare; with and without grants.
    assert_eq!(designs().len(), (2 * 5 * 3 - 5) * 2);
}

const EXCHANGE: InShort = &[(&["f"], &["g"]), (&["g"], &["f"])];
const FAN_OUT: InShort = &[(&["f"], &[]), (&[], &["f"]), (&[], &["f"])];
const TWO_FILES: InShort = &[(&["f", "g"], &[]), (&[], &["f", "g"]), (&[], &["f", "g"])];
const CROSSING: InShort = &[(&["f"], &["g"]), (&["g"], &["f"]), (&[], &["f", "g"])];

/// Searches every order of each swarm with each of the settings, under a library of each capacity.
/// Prints the number of states.
fn explore_all(swarms: &[InShort], settings: &[Settings], capacities: &[usize]) {
    let explore_with = |capacity| {
        let library = MpiLibrary {
            capacity,
            sends_wait: false,
        };
        let mut states = 0;
        for swarm in swarms {
            for settings in settings {
                let explored = explore(&in_short(swarm), *settings, library);
                assert!(explored.states > 50 && explored.ends > 0);
                assert!(explored.circles.is_empty());
                states += explored.states;
            }
        }
        states
    };
    let states: usize = thread::scope(|threads| {
        let searches = (capacities.iter())
            .map(|&capacity| threads.spawn(move || explore_with(capacity)))
            .collect::<Vec<_>>();
        let states = searches
            .into_iter()
            .map(|search| search.join().expect("see above"));
        states.sum()
    });
    let report = writeln!(
        io::stderr(), // which the test harness does not keep to itself
        "{} swarms with {} settings: {states} states",
        swarms.len(),
        settings.len(),
    );
    report.expect("standard error can be written to");
}

#[test]
fn every_order_of_deliveries_ends_right() {
    let settings = [settings(2, 1), settings(1, 1), settings(2, 2)];
    explore_all(
        &[EXCHANGE, TWO_FILES, CROSSING],
        &settings,
        &[usize::MAX, 1, 0],
    );
}

#[test]
fn every_order_of_deliveries_ends_right_with_every_design() {
    let one_by_one = |design| Settings {
        update_interval: NonZeroUsize::MIN,
        window: NonZeroUsize::MIN,
        ..design
    };
    let designs: Vec<Settings> = designs().into_iter().map(one_by_one).collect();
    explore_all(&[EXCHANGE, FAN_OUT], &designs, &[usize::MAX, 0]);
}

/// Where serving takes time: with a slot, for which clients wait in queues, and without a limit.
#[test]
fn every_order_of_deliveries_ends_right_where_serving_takes_time() {
    let timed = |upload_slots, window| Settings {
        upload_time: Duration::from_millis(5),
        upload_slots: NonZeroUsize::new(upload_slots),
        ..settings(2, window)
    };
    let settings = [timed(0, 1), timed(1, 1), timed(1, 2)];
    explore_all(&[EXCHANGE, FAN_OUT], &settings, &[usize::MAX]);
}

/// If sends wait, as they did before this program posted them, two clients can wait for each other:
/// one until its request is taken, the other until its answer is taken. It takes more than one
/// request in flight.
#[test]
fn sends_that_wait_for_their_reader_end_in_a_circle() {
    let library = MpiLibrary {
        capacity: 0,
        sends_wait: true,
    };
    let explore = |window| explore(&in_short(EXCHANGE), settings(2, window), library);
    let circles = explore(2).circles;
    let [one, two] = [Rank(1), Rank(2)];
    assert!(
        circles.contains(&vec![Thread::Download(one), Thread::Upload(two)]),
        "{circles:?}"
    );
    let one_by_one = explore(1);
    assert!(one_by_one.circles.is_empty() && one_by_one.ends > 0);
}
