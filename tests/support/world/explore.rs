//! Every order of deliveries that MPI allows, one after another.

use std::collections::{BTreeSet, HashSet};

use fastrand::Rng;
use swarm::manifest::Manifest;
use swarm::settings::Settings;

use super::{Faults, Flow, Library, Thread, World, rules};

/// The result of a search.
pub struct Explored {
    /// The number of states of a run: machines, messages on their way, and outputs.
    pub states: usize,
    /// The number of these states at which a run ends.
    pub ends: usize,
    /// The threads that wait for each other in sends, of each state that nothing leads out of.
    pub circles: BTreeSet<Vec<Thread>>,
}

/// Searches everything that can happen to these inputs with this library. Every run that ends is
/// checked against all rules. A run that comes to a state which was seen before is checked up to
/// there, because it would go on as the run before did.
///
/// # Panics
/// When a rule is broken, or a machine objects to a message.
pub fn explore(inputs: &[Manifest], settings: Settings, library: Library) -> Explored {
    let mut rng = Rng::with_seed(0); // without faults nothing is left to chance
    let mut seen = HashSet::new();
    let mut ends = 0;
    let mut circles = BTreeSet::new();
    // Deliveries to make from the start on, of which the last leads somewhere new.
    let mut branches: Vec<Vec<Flow>> = vec![Vec::new()];
    while let Some(mut deliveries) = branches.pop() {
        let mut world = World::new(inputs.to_vec(), settings, Faults::default(), library);
        for &flow in &deliveries {
            world.deliver(flow, &mut rng);
        }
        loop {
            if !seen.insert(world.fingerprint()) {
                rules::check_prefix(&world.over());
                break;
            }
            let flows = world.flows();
            let Some((&first, others)) = flows.split_first() else {
                match world.circle() {
                    Some(circle) => {
                        circles.insert(circle);
                    }
                    None => {
                        rules::check(&world.over());
                        ends += 1;
                    }
                }
                break;
            };
            for &other in others {
                branches.push([&deliveries[..], &[other]].concat());
            }
            deliveries.push(first);
            world.deliver(first, &mut rng);
        }
    }
    Explored {
        states: seen.len(),
        ends,
        circles,
    }
}
