//! Every order of deliveries that MPI allows, one after another.

use std::collections::{BTreeSet, HashSet};

use fastrand::Rng;
use swarm::manifest::Manifest;
use swarm::settings::Settings;

use super::{Faults, Flow, MpiLibrary, Thread, World, rules};

/// The result of a search.
pub struct Explored {
    /// How many states it has seen. A state is the machines, the messages on their way and the outputs.
    pub states: usize,
    /// How many of these states are ends of runs.
    pub ends: usize,
    /// The threads that wait for each other in sends, in states from which no run can go on.
    pub circles: BTreeSet<Vec<Thread>>,
}

/// Searches everything that can happen to these inputs with this library. Every run that comes to its
/// end is checked against all rules. A run that comes to a state which was seen before can only go on
/// as before, so it is checked up to there, and left. Time passes when no message can be delivered.
///
/// # Panics
/// When a rule is broken, or a machine objects to a message.
pub fn explore(inputs: &[Manifest], settings: Settings, library: MpiLibrary) -> Explored {
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
            world.wait(&mut rng);
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
            world.wait(&mut rng);
        }
    }
    Explored {
        states: seen.len(),
        ends,
        circles,
    }
}

impl World {
    /// Lets time pass until a message can be delivered, if one is to come.
    fn wait(&mut self, rng: &mut Rng) {
        let mut moments = 0;
        while self.flows().is_empty()
            && let Some(time) = self.due()
        {
            self.pass(time, rng);
            moments += 1;
            assert!(moments < 10_000, "time passes, and nobody does anything");
        }
    }
}
