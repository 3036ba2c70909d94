//! What the machines of a run do, as the events of a trace.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use swarm::event::{Deed, Event, Thread};
use swarm::protocol::{Letter, Rank};

/// The messages from one rank to one mailbox of another, or of itself.
type Flow = (Rank, Rank, Thread);

/// The events that nobody has fetched yet, and what numbers the messages in them.
#[derive(Default)]
pub(super) struct Recording {
    pub(super) events: Vec<Event>,
    /// How many messages of each flow were posted,
    posted: HashMap<Flow, u64>,
    /// and how many taken.
    taken: HashMap<Flow, u64>,
    ended: HashSet<(Rank, Thread)>,
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

    /// A thread has ended; it is recorded once.
    pub(super) fn ended(&mut self, time: Duration, rank: Rank, thread: Thread) {
        if self.ended.insert((rank, thread)) {
            self.did(time, rank, thread, Deed::Ended);
        }
    }
}

/// The number of a flow's next message.
fn next(numbers: &mut HashMap<Flow, u64>, flow: Flow) -> u64 {
    let number = numbers.entry(flow).or_default();
    *number += 1;
    *number
}
