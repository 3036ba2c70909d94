//! A whole run in one process: the real machines, and a post that a seed makes unpredictable.
//!
//! The post keeps MPI's promise and no other: the messages from one sender to one mailbox stay in
//! order. The seed chooses which of the waiting messages is delivered next. Time passes when nothing
//! else happens, or when the seed says so. It passes to the next moment at which a client has
//! something to do.
//!
//! MPI does not promise to take a message before its reader takes it. An [`MpiLibrary`] says how many
//! messages it takes, and whether a thread waits for that.

pub mod explore;
pub mod rules;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hasher};
use std::iter;
use std::time::Duration;

use fastrand::Rng;
use lab::twin::{Flow, Machines, Outputs};
use swarm::client::SavedFile;
use swarm::event::{self, Deed, Event};
use swarm::manifest::Manifest;
use swarm::protocol::{Answer, Envelope, FileName, Hashes, Letter, Rank, ToDownload};
use swarm::report::{Measured, Plan};
use swarm::scenario::Cast;
use swarm::settings::Settings;
use swarm::tracker::Tracker;

/// What goes wrong in a run. The refusals are made here, behind the clients' backs: their answers are
/// altered on the way out.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// The clients that answer every request with a wrong hash.
    pub corrupt: BTreeSet<Rank>,
    /// With this probability, from 0 to 1, a client refuses what it holds.
    pub refusal: f64,
    /// From this many events of the run on, this client refuses everything, as if it were gone.
    pub vanishing: Option<(Rank, usize)>,
    /// The clients that have a part of their own.
    pub cast: Cast,
}

/// A run that is over: no message is left, or no thread is left to read it.
pub struct Run {
    pub inputs: Vec<Manifest>,
    pub settings: Settings,
    pub faults: Faults,
    pub events: Vec<Event>,
    pub outputs: BTreeMap<(Rank, FileName), Hashes>,
    pub tracker: Tracker,
    /// Whether every thread has ended.
    pub is_over: bool,
    pub undelivered: usize,
    /// What the report says of it.
    pub measured: Measured,
}

/// What the clients saved.
#[derive(Debug, Clone, Default)]
pub struct Saved(pub BTreeMap<(Rank, FileName), Hashes>);

impl Outputs for Saved {
    fn save(&mut self, client: Rank, file: &SavedFile) -> Result<(), String> {
        let twice = (self.0).insert((client, file.name.clone()), file.hashes.clone());
        assert_eq!(twice, None, "rank {client} saved a file twice");
        Ok(())
    }
}

/// A thread that sends and reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thread {
    Tracker,
    Download(Rank),
    Upload(Rank),
}

/// The thread that sends the messages of a flow.
fn sender((from, _, mailbox): Flow) -> Thread {
    match mailbox {
        _ if from == Rank::TRACKER => Thread::Tracker,
        event::Thread::Tracker | event::Thread::Upload => Thread::Download(from),
        event::Thread::Download => Thread::Upload(from),
    }
}

/// The thread that reads the messages of a flow.
fn reader((_, to, mailbox): Flow) -> Thread {
    match mailbox {
        event::Thread::Tracker => Thread::Tracker,
        event::Thread::Download => Thread::Download(to),
        event::Thread::Upload => Thread::Upload(to),
    }
}

/// The MPI library that carries the messages, and how the threads use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MpiLibrary {
    /// The most messages of a flow that it holds. With 0, a message goes from its sender to its reader
    /// when both are there: by rendezvous.
    pub capacity: usize,
    /// Whether a thread waits in every send until the library or the reader has the message, and
    /// reads nothing meanwhile.
    pub sends_wait: bool,
}

impl Default for MpiLibrary {
    /// One that takes everything.
    fn default() -> MpiLibrary {
        MpiLibrary {
            capacity: usize::MAX,
            sends_wait: false,
        }
    }
}

/// A run that goes on.
pub struct World {
    inputs: Vec<Manifest>,
    settings: Settings,
    faults: Faults,
    machines: Machines<Saved>,
    /// What has happened so far.
    events: Vec<Event>,
    library: MpiLibrary,
    /// The messages that the library holds.
    post: BTreeMap<Flow, VecDeque<Letter>>,
    /// The messages that a thread has sent and the library has not taken, in order.
    out: BTreeMap<Thread, VecDeque<(Flow, Letter)>>,
    now: Duration,
    patience: usize,
}

/// How messages and time go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Every message is delivered before time passes.
    Prompt,
    /// A message may take any time.
    Any,
}

/// Runs a swarm to its end, in the order that `rng` picks.
///
/// # Panics
/// When a machine objects to a message, or the run does not end.
pub fn run(
    inputs: Vec<Manifest>,
    settings: Settings,
    faults: Faults,
    pace: Pace,
    rng: &mut Rng,
) -> Run {
    let mut world = World::new(inputs, settings, faults, MpiLibrary::default());
    let (mut recorded, mut moments) = (0, 0);
    loop {
        let flow = rng.choice(world.flows());
        if world.events.len() > recorded {
            (recorded, moments) = (world.events.len(), 0);
        }
        moments += 1;
        assert!(moments < 10_000, "time passes, and nobody does anything");
        let due = world
            .due()
            .filter(|_| flow.is_none() || pace == Pace::Any && rng.u8(..8) == 0);
        match (flow, due) {
            (_, Some(time)) => world.pass(time, rng),
            (Some(flow), None) => world.deliver(flow, rng),
            (None, None) => return world.over(),
        }
    }
}

impl World {
    /// Every client has sent its INIT.
    pub fn new(
        inputs: Vec<Manifest>,
        settings: Settings,
        faults: Faults,
        library: MpiLibrary,
    ) -> World {
        // A segment takes a request and an answer, and maybe refusals by all members in every round.
        // Far more events than that are a livelock.
        let segments: usize = inputs
            .iter()
            .flat_map(|i| &i.owned)
            .map(|f| f.hashes.len())
            .sum();
        let patience = 100 * (segments + 10) * (inputs.len() + 1) * (inputs.len() + 1);
        let plan = Plan {
            settings,
            clients: inputs.len(),
            corrupt: faults.corrupt.iter().copied().collect(),
            cast: faults.cast.clone(),
        };
        let read = inputs.iter().cloned().map(Ok).collect();
        let mut world = World {
            settings,
            faults,
            machines: Machines::new(&plan, read, Saved::default(), true),
            events: Vec::new(),
            library,
            post: BTreeMap::new(),
            out: BTreeMap::new(),
            now: Duration::ZERO,
            patience,
            inputs,
        };
        for rank in iter::once(Rank::TRACKER).chain(Rank::clients(world.inputs.len())) {
            let mut posted = Vec::new();
            world.machines.begin(world.now, rank, &mut posted);
            world.events.extend(world.machines.events());
            world.post_all(rank, posted);
        }
        world
    }

    /// The run as it is when nothing can be delivered any more.
    pub fn over(self) -> Run {
        let undelivered = (self.post.values().map(VecDeque::len))
            .chain(self.out.values().map(VecDeque::len))
            .sum();
        let is_over = self.machines.is_over();
        let finished = self.machines.finish();
        Run {
            is_over,
            undelivered,
            measured: finished.measured.expect("no input is refused"),
            inputs: self.inputs,
            settings: self.settings,
            faults: self.faults,
            events: self.events,
            outputs: finished.outputs.0,
            tracker: finished.tracker,
        }
    }

    /// The state of the run as one number. Runs with the same number can go on in the same ways.
    pub fn fingerprint(&self) -> u64 {
        struct Digest(DefaultHasher);
        impl fmt::Write for Digest {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.write(text.as_bytes());
                Ok(())
            }
        }
        let mut digest = Digest(DefaultHasher::new());
        let state = (&self.machines, &self.post, &self.out);
        write!(digest, "{state:?}").expect("a digest takes everything");
        digest.0.finish()
    }

    /// When a client has something to do next.
    fn due(&self) -> Option<Duration> {
        let due = |(rank, thread)| self.machines.due(rank, thread);
        self.halves().filter_map(due).min()
    }

    fn halves(&self) -> impl Iterator<Item = (Rank, event::Thread)> + use<> {
        let halves = [event::Thread::Upload, event::Thread::Download];
        Rank::clients(self.inputs.len()).flat_map(move |rank| halves.map(|half| (rank, half)))
    }

    /// Lets time pass until a moment.
    fn pass(&mut self, time: Duration, rng: &mut Rng) {
        self.now = self.now.max(time);
        for (rank, thread) in self.halves() {
            let mut posted = Vec::new();
            self.machines.pass(self.now, rank, thread, &mut posted);
            let answers = thread == event::Thread::Upload && !posted.is_empty();
            let refuses = answers && self.refuses(rank, rng);
            self.record(rank, posted, refuses);
        }
    }

    fn post_all(&mut self, from: Rank, posted: Vec<Envelope>) {
        for Envelope { to, letter } in posted {
            let flow = (from, to, event::Thread::reader(&letter));
            let out = self.out.entry(sender(flow)).or_default();
            out.push_back((flow, letter));
            self.hand_over(sender(flow));
        }
    }

    /// The library takes as many of a thread's messages as it can.
    fn hand_over(&mut self, thread: Thread) {
        let Some(out) = self.out.get_mut(&thread) else {
            return;
        };
        let mut rest = VecDeque::new();
        let mut full = BTreeSet::new();
        for (flow, letter) in out.drain(..) {
            let held = self.post.get(&flow).map_or(0, VecDeque::len);
            let waits = self.library.sends_wait && !rest.is_empty();
            if held == self.library.capacity || full.contains(&flow) || waits {
                full.insert(flow);
                rest.push_back((flow, letter));
            } else {
                self.post.entry(flow).or_default().push_back(letter);
            }
        }
        if rest.is_empty() {
            self.out.remove(&thread);
        } else {
            *out = rest;
        }
    }

    /// The flows with a message that its reader can take.
    pub fn flows(&self) -> Vec<Flow> {
        let readable = |flow: &Flow| {
            let (_, to, thread) = *flow;
            !self.waits_in_a_send(reader(*flow)) && self.machines.is_read(to, thread)
        };
        // A thread that waits has begun to send only the first of what it has to send.
        let begun = if self.library.sends_wait {
            1
        } else {
            usize::MAX
        };
        let out = self.out.values().flat_map(|out| out.iter().take(begun));
        let flows: BTreeSet<Flow> = (self.post.keys().copied())
            .chain(out.map(|(flow, _)| *flow))
            .collect();
        flows.into_iter().filter(readable).collect()
    }

    fn waits_in_a_send(&self, thread: Thread) -> bool {
        self.library.sends_wait && self.out.contains_key(&thread)
    }

    /// Threads that wait for each other: each one in a send to the next one's mailbox, and the last
    /// one in a send to the first one's.
    pub fn circle(&self) -> Option<Vec<Thread>> {
        let waits_for = |thread| {
            let (flow, _) = self.out.get(&thread)?.front()?;
            self.waits_in_a_send(reader(*flow)).then(|| reader(*flow))
        };
        self.out.keys().find_map(|&first| {
            let mut threads = vec![first];
            while let Some(next) = waits_for(*threads.last()?) {
                if next == first {
                    return Some(threads);
                }
                if threads.contains(&next) {
                    return None;
                }
                threads.push(next);
            }
            None
        })
    }

    /// The next message of a flow: the library holds it, or else the sender still has it.
    fn take(&mut self, flow: Flow) -> Letter {
        let held = self.post.get_mut(&flow).and_then(VecDeque::pop_front);
        if self.post.get(&flow).is_some_and(VecDeque::is_empty) {
            self.post.remove(&flow);
        }
        let letter = held.or_else(|| {
            let out = self.out.get_mut(&sender(flow))?;
            let first = out.iter().position(|(other, _)| *other == flow)?;
            out.remove(first).map(|(_, letter)| letter)
        });
        self.hand_over(sender(flow));
        letter.expect("a chosen flow has a message")
    }

    /// Delivers the next message of a flow.
    ///
    /// # Panics
    /// When a machine objects to it, or when there have been too many events.
    pub fn deliver(&mut self, flow: Flow, rng: &mut Rng) {
        assert!(self.events.len() < self.patience, "the run does not end");
        let (from, to, thread) = flow;
        let letter = self.take(flow);
        let refuses = thread == event::Thread::Upload && self.refuses(to, rng);
        let mut posted = Vec::new();
        let taken = self.machines.take(self.now, from, to, letter, &mut posted);
        taken.unwrap_or_else(|error| panic!("{error:#}"));
        self.record(to, posted, refuses);
    }

    /// Records what a machine has done, and posts what it has sent. A client that refuses has sent
    /// something else.
    fn record(&mut self, rank: Rank, mut posted: Vec<Envelope>, refuses: bool) {
        let mut events: Vec<Event> = self.machines.events().collect();
        if refuses {
            for Envelope { letter, .. } in &mut posted {
                refuse(letter);
            }
            for event in &mut events {
                if let Deed::Posted { letter, bytes, .. } = &mut event.deed {
                    refuse(letter);
                    *bytes = letter.size();
                }
            }
        }
        self.events.extend(events);
        self.post_all(rank, posted);
    }

    /// Whether a fault makes a client refuse what it is asked for now.
    fn refuses(&self, client: Rank, rng: &mut Rng) -> bool {
        let vanished = |(rank, since)| rank == client && self.events.len() >= since;
        self.faults.vanishing.is_some_and(vanished) || rng.f64() < self.faults.refusal
    }
}

/// Turns an answer into a refusal, as if its sender held nothing. A place in a queue is a promise, so
/// BUSY stays BUSY.
fn refuse(letter: &mut Letter) {
    match letter {
        Letter::ToDownload(ToDownload::Segment(answer)) => {
            if let Answer::Ack(_) = answer.answer {
                answer.answer = Answer::Nack;
            }
        }
        Letter::ToDownload(ToDownload::Availability(offer)) => offer.load = None,
        Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => {}
    }
}
