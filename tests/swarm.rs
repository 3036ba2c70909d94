//! Whole swarms in one process: thousands of messages in an order that only the seed knows.

mod generate;
mod world;

use std::num::NonZeroUsize;
use std::panic;

use bittorrent::client::Settings;
use bittorrent::manifest::Manifest;
use fastrand::Rng;
use world::{Run, rules};

const SWARMS: u64 = 1000;

fn settings(update_interval: usize, window: usize) -> Settings {
    let [update_interval, window] =
        [update_interval, window].map(|number| NonZeroUsize::new(number).expect("not 0"));
    Settings {
        update_interval,
        window,
    }
}

/// The run of a seed: its swarm, its settings and its order.
fn run(seed: u64) -> Run {
    let mut rng = Rng::with_seed(seed);
    let clients = rng.usize(1..=8);
    let inputs = generate::inputs(&mut rng, clients, 0..=4, 0..=32);
    let settings = settings(rng.usize(1..=12), rng.usize(1..=12));
    world::run(inputs, settings, &mut rng)
}

#[test]
fn random_swarms_in_random_orders_keep_every_rule() {
    let mut refusals = 0;
    let mut unknown = 0;
    for seed in 0..SWARMS {
        let checked = panic::catch_unwind(|| {
            let run = run(seed);
            rules::check(&run);
            (
                rules::count(&run, rules::is_nack),
                rules::count(&run, rules::is_unknown),
            )
        });
        let Ok((nacks, strangers)) = checked else {
            panic!("see above; the seed is {seed}")
        };
        refusals += nacks;
        unknown += strangers;
    }
    assert!(refusals > 1000 && unknown > 50, "these swarms are too easy");
}

#[test]
fn a_seed_reproduces_its_run() {
    let [one, two] = [run(7), run(7)].map(|run| format!("{:?}", run.events));
    assert!(one == two && !one.is_empty());
}

#[test]
fn the_four_swarms_of_the_course_and_the_edge_cases_keep_every_rule() {
    let mut folders: Vec<_> = ["inputs", "inputs/edge"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).expect("the repository has inputs"))
        .map(|entry| entry.expect("a folder can be listed").path())
        .filter(|folder| folder.join("in1.txt").exists())
        .collect();
    folders.sort();
    assert!(folders.len() >= 12);
    for (seed, folder) in (0..).zip(&folders) {
        let inputs: Vec<Manifest> = (1..)
            .map(|client| folder.join(format!("in{client}.txt")))
            .take_while(|path| path.exists())
            .map(|path| bittorrent::manifest::read(&path).expect("a good input"))
            .collect();
        for settings in [settings(10, 10), settings(10, 1)] {
            let run = world::run(inputs.clone(), settings, &mut Rng::with_seed(seed));
            rules::check(&run);
        }
    }
}
