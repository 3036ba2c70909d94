//! What the machines of a run do, as events of a trace.

use std::collections::HashMap;
use std::time::Duration;

use super::links::Flow;
use swarm::event::{Deed, Event, Thread};
use swarm::protocol::{Letter, Rank};

/// The events that nobody has fetched yet.
#[derive(Default)]
pub(super) struct Recording {
    pub(super) events: Vec<Event>,
    /// How many messages of each flow were posted.
    posted: HashMap<Flow, u64>,
    /// How many messages of each flow were taken.
    taken: HashMap<Flow, u64>,
}

impl Recording {
    pub(super) fn did(&mut self, time: Duration, rank: Rank, thread: Thread, deed: Deed) {
        self.events.push(Event {
            time,
            rank,
            thread,
            deed,
        });
    }

    pub(super) fn posted(&mut self, time: Duration, from: Rank, to: Rank, letter: &Letter) {
        let deed = Deed::Posted {
            to,
            number: next(&mut self.posted, (from, to, Thread::reader(letter))),
            bytes: letter.size(),
            letter: letter.clone(),
        };
        self.did(time, from, Thread::sender(from, letter), deed);
    }

    pub(super) fn taken(&mut self, time: Duration, from: Rank, to: Rank, letter: &Letter) {
        let deed = Deed::Taken {
            from,
            number: next(&mut self.taken, (from, to, Thread::reader(letter))),
            bytes: letter.size(),
            letter: letter.clone(),
        };
        self.did(time, to, Thread::reader(letter), deed);
    }
}

/// The number of a flow's next message.
fn next(numbers: &mut HashMap<Flow, u64>, flow: Flow) -> u64 {
    let number = numbers.entry(flow).or_default();
    *number += 1;
    *number
}
