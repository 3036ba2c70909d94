//! A whole run in one process: the real machines, and a post that a seed makes unpredictable.
//!
//! The post keeps MPI's promise and no other: the messages from one sender to one mailbox stay in
//! order. Which of the waiting messages is delivered next is up to the seed. Time passes when
//! nothing else happens, or when the seed says so, and then to the next moment at which anybody has
//! something to do.
//!
//! Nor does MPI promise to take a message before its reader does. A [`Library`] says how many it takes,
//! and whether a thread waits for that.

#![allow(dead_code, reason = "not every test needs all of it")]

pub mod explore;
pub mod rules;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hasher};
use std::mem;
use std::time::Duration;

use bittorrent::client::{self, Conduct, Download, Effect, Upload};
use bittorrent::manifest::Manifest;
use bittorrent::protocol::{
    Answer, Envelope, FileId, FileName, Hashes, InitAck, Letter, Rank, SegmentAnswer, Swarm,
    ToDownload, ToTracker,
};
use bittorrent::report::Measured;
use bittorrent::settings::Settings;
use bittorrent::statistics::{ClientStatistics, Makespan, Traffic};
use bittorrent::trace::{self, Deed, Event};
use bittorrent::tracker::Tracker;
use fastrand::Rng;

/// What goes wrong in a run.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// These answer every request with a wrong hash.
    pub corrupt: BTreeSet<Rank>,
    /// Anybody refuses what it holds with this probability, from 0 to 1.
    pub refusal: f64,
    /// From this many events on, this one refuses everything, as if it were gone.
    pub vanishing: Option<(Rank, usize)>,
}

/// A run that is over: nothing is left to deliver, or nobody to read it.
pub struct Run {
    pub inputs: Vec<Manifest>,
    pub settings: Settings,
    pub faults: Faults,
    pub events: Vec<Event>,
    /// What the clients saved.
    pub outputs: BTreeMap<(Rank, FileName), Hashes>,
    pub tracker: Tracker,
    pub downloads_done: bool,
    pub uploads_stopped: bool,
    pub undelivered: usize,
    /// What the report says of it.
    pub measured: Measured,
}

/// The kinds of reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mailbox {
    Tracker,
    Download,
    Upload,
}

/// The messages on their way from one sender to one mailbox.
pub type Flow = (Rank, Rank, Mailbox);

/// The one that a letter belongs to.
fn flow(from: Rank, to: Rank, letter: &Letter) -> Flow {
    let mailbox = match letter {
        Letter::ToTracker(_) => Mailbox::Tracker,
        Letter::ToDownload(_) => Mailbox::Download,
        Letter::ToUpload(_) => Mailbox::Upload,
    };
    (from, to, mailbox)
}

/// What sends and reads.
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
        Mailbox::Tracker | Mailbox::Upload => Thread::Download(from),
        Mailbox::Download => Thread::Upload(from),
    }
}

/// The thread that reads them.
fn reader((_, to, mailbox): Flow) -> Thread {
    match mailbox {
        Mailbox::Tracker => Thread::Tracker,
        Mailbox::Download => Thread::Download(to),
        Mailbox::Upload => Thread::Upload(to),
    }
}

/// The MPI library that carries the messages, and how the threads use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Library {
    /// A flow holds so many messages that nobody has taken. With 0, a message goes from its sender
    /// to its reader when both are there: by rendezvous.
    pub capacity: usize,
    /// Whether a thread waits in every send until the library or the reader has the message, and
    /// reads nothing meanwhile.
    pub sends_wait: bool,
}

impl Default for Library {
    /// One that takes everything.
    fn default() -> Library {
        Library {
            capacity: usize::MAX,
            sends_wait: false,
        }
    }
}

#[derive(Debug)]
enum Client {
    /// Waiting for INIT_ACK; its upload mailbox is not read yet.
    Registering(Manifest),
    Running(Box<(Download, Upload)>),
}

/// A run that goes on.
pub struct World {
    inputs: Vec<Manifest>,
    settings: Settings,
    faults: Faults,
    tracker: Tracker,
    clients: Vec<Client>,
    library: Library,
    /// What the library holds.
    post: BTreeMap<Flow, VecDeque<Letter>>,
    /// What threads have sent and the library has not taken, in order.
    out: BTreeMap<Thread, VecDeque<(Flow, Letter)>>,
    now: Duration,
    events: Vec<Event>,
    /// How many messages of each flow were posted, and how many taken.
    posted: BTreeMap<Flow, u64>,
    taken: BTreeMap<Flow, u64>,
    /// The hashes that the tracker has promised each client.
    promised: BTreeMap<(Rank, FileId), Hashes>,
    ended: BTreeSet<(Rank, trace::Thread)>,
    outputs: BTreeMap<(Rank, FileName), Hashes>,
    /// What each rank has sent.
    sent: BTreeMap<Rank, Traffic>,
    makespan: Makespan,
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
    let mut world = World::new(inputs, settings, faults, Library::default());
    loop {
        let flow = rng.choice(world.flows());
        let due = world
            .due()
            .filter(|_| flow.is_none() || pace == Pace::Any && rng.u8(..8) == 0);
        match (flow, due) {
            (_, Some(time)) => world.pass(time),
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
        library: Library,
    ) -> World {
        // A segment takes a request and an answer, and maybe refusals by all in every round; far
        // more is a livelock.
        let segments: usize = inputs
            .iter()
            .flat_map(|i| &i.owned)
            .map(|f| f.hashes.len())
            .sum();
        let patience = 100 * (segments + 10) * (inputs.len() + 1) * (inputs.len() + 1);
        let mut world = World {
            settings,
            faults,
            tracker: Tracker::new(inputs.len(), settings),
            clients: inputs.iter().cloned().map(Client::Registering).collect(),
            library,
            post: BTreeMap::new(),
            out: BTreeMap::new(),
            now: Duration::ZERO,
            events: Vec::new(),
            posted: BTreeMap::new(),
            taken: BTreeMap::new(),
            promised: BTreeMap::new(),
            ended: BTreeSet::new(),
            outputs: BTreeMap::new(),
            sent: BTreeMap::new(),
            makespan: Makespan::default(),
            patience,
            inputs,
        };
        world.record(Rank::TRACKER, trace::Thread::Tracker, Deed::Begun);
        for client in Rank::clients(world.inputs.len()) {
            let input = world.inputs[client.0 as usize - 1].clone();
            let init = ToTracker::Init(client::init(&Ok(input)));
            world.post(client, Envelope::new(Rank::TRACKER, init));
        }
        world
    }

    /// The run as it is when nothing can be delivered any more.
    pub fn over(self) -> Run {
        let running = |check: fn(&(Download, Upload)) -> bool| {
            self.clients.iter().all(|client| match client {
                Client::Registering(_) => false,
                Client::Running(halves) => check(halves),
            })
        };
        let [downloads_done, uploads_stopped] = [
            running(|(download, _)| download.is_done()),
            running(|(_, upload)| upload.is_stopped()),
        ];
        let sent = |rank| self.sent.get(&rank).copied().unwrap_or_default();
        let statistics: Vec<ClientStatistics> = Rank::clients(self.clients.len())
            .zip(self.clients)
            .zip(&self.inputs)
            .map(|((rank, client), input)| {
                let owned = input.owned.iter().map(|file| file.name.clone()).collect();
                let sent = sent(rank);
                let (downloads, service) = match client {
                    Client::Registering(_) => Default::default(),
                    Client::Running(halves) => (halves.0.into_records(), halves.1.service()),
                };
                ClientStatistics {
                    owned,
                    downloads,
                    service,
                    sent,
                }
            })
            .collect();
        let by_tracker = sent(Rank::TRACKER);
        Run {
            downloads_done,
            uploads_stopped,
            undelivered: (self.post.values().map(VecDeque::len))
                .chain(self.out.values().map(VecDeque::len))
                .sum(),
            measured: Measured::new(&self.settings, &statistics, &by_tracker, &self.makespan),
            inputs: self.inputs,
            settings: self.settings,
            faults: self.faults,
            events: self.events,
            outputs: self.outputs,
            tracker: self.tracker,
        }
    }

    /// All that makes a difference to what can happen from here on, as one number.
    pub fn fingerprint(&self) -> u64 {
        struct Digest(DefaultHasher);
        impl fmt::Write for Digest {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.write(text.as_bytes());
                Ok(())
            }
        }
        let mut digest = Digest(DefaultHasher::new());
        let state = (
            &self.tracker,
            &self.clients,
            &self.post,
            &self.out,
            &self.outputs,
        );
        write!(digest, "{state:?}").expect("a digest takes everything");
        digest.0.finish()
    }

    /// When somebody has something to do next.
    fn due(&self) -> Option<Duration> {
        let due = |client: &Client| match client {
            Client::Registering(_) => None,
            Client::Running(halves) => {
                let dues = [halves.0.due(), halves.1.due()];
                dues.into_iter().flatten().min()
            }
        };
        self.clients.iter().filter_map(due).min()
    }

    /// Lets time pass until a moment.
    fn pass(&mut self, time: Duration) {
        self.now = self.now.max(time);
        for rank in Rank::clients(self.clients.len()) {
            let mut posted = Vec::new();
            let mut effects = Vec::new();
            if let Client::Running(halves) = &mut self.clients[rank.0 as usize - 1] {
                halves.1.pass(self.now, &mut posted);
                if halves.0.due().is_some_and(|due| due <= self.now) {
                    halves.0.wake(self.now, &mut effects);
                }
            }
            self.carry_out(rank, posted, effects);
        }
    }

    fn post(&mut self, from: Rank, Envelope { to, letter }: Envelope) {
        let flow = flow(from, to, &letter);
        self.sent.entry(from).or_default().count(letter.tag(), 0);
        let deed = Deed::Posted {
            to,
            number: next(&mut self.posted, flow),
            bytes: 0,
            letter: letter.clone(),
        };
        self.record(from, trace::Thread::sender(from, &letter), deed);
        let out = self.out.entry(sender(flow)).or_default();
        out.push_back((flow, letter));
        self.hand_over(sender(flow));
    }

    fn record(&mut self, rank: Rank, thread: trace::Thread, deed: Deed) {
        self.events.push(Event {
            time: self.now,
            rank,
            thread,
            deed,
        });
    }

    /// The library takes what it can of what a thread has sent.
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
        let readable = |flow: &Flow| match flow {
            _ if self.waits_in_a_send(reader(*flow)) => false,
            (_, _, Mailbox::Tracker) => self.tracker.ending().is_none(),
            (_, _, Mailbox::Download) => true,
            (_, to, Mailbox::Upload) => matches!(self.client(*to), Client::Running(_)),
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

    /// Threads that wait for each other, each in a send to the next one's mailbox and the last one to
    /// the first one's.
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

    /// The next message of a flow: the library's, or else its sender's own.
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

    fn client(&self, rank: Rank) -> &Client {
        &self.clients[rank.0 as usize - 1]
    }

    /// Delivers the next message of a flow.
    ///
    /// # Panics
    /// When a machine objects to it, or there have been too many.
    pub fn deliver(&mut self, flow: Flow, rng: &mut Rng) {
        assert!(self.events.len() < self.patience, "the run does not end");
        let (from, to, _) = flow;
        let letter = self.take(flow);
        let now = self.now;
        let deed = Deed::Taken {
            from,
            number: next(&mut self.taken, flow),
            bytes: 0,
            letter: letter.clone(),
        };
        self.record(to, trace::Thread::reader(&letter), deed);
        self.check(from, to, &letter);
        let letter_tag = letter.tag();
        let mut posted = Vec::new();
        let mut effects = Vec::new();
        match letter {
            Letter::ToTracker(message) => {
                self.makespan.heard(now, letter_tag);
                self.tracker.step(from, message, &mut posted)
            }
            Letter::ToUpload(message) => {
                let step = self.running(to).1.step(now, from, message, &mut posted);
                if self.refuses(to, rng) {
                    posted.iter_mut().for_each(refuse);
                }
                step
            }
            Letter::ToDownload(ToDownload::InitAck(InitAck::Start(numbers))) => {
                let settings = self.settings;
                let corrupt = self.faults.corrupt.contains(&to);
                let conduct = if corrupt {
                    Conduct::Corrupt
                } else {
                    Conduct::Honest
                };
                self.record(to, trace::Thread::Download, Deed::Begun);
                self.record(to, trace::Thread::Upload, Deed::Begun);
                let client = &mut self.clients[to.0 as usize - 1];
                let Client::Registering(manifest) = client else {
                    panic!("a second INIT_ACK")
                };
                client::start(to, mem::take(manifest), &numbers, settings, conduct).map(
                    |mut halves| {
                        halves.0.begin(now, &mut effects);
                        *client = Client::Running(Box::new(halves));
                    },
                )
            }
            Letter::ToDownload(message) => {
                self.running(to).0.step(now, from, message, &mut effects)
            }
        }
        .unwrap_or_else(|error| panic!("rank {to} to rank {from}: {error:#}"));
        self.carry_out(to, posted, effects);
    }

    /// Records what a client finds when it holds a hash that came against the promised one.
    fn check(&mut self, from: Rank, to: Rank, letter: &Letter) {
        match letter {
            Letter::ToDownload(ToDownload::Swarm(Swarm::Joined(joined))) => {
                let promised = (to, joined.file);
                self.promised.insert(promised, joined.hashes.clone());
            }
            &Letter::ToDownload(ToDownload::Segment(SegmentAnswer {
                file,
                segment,
                answer: Answer::Ack(hash),
            })) => {
                let is_right = self.promised[&(to, file)].get(segment) == Some(hash);
                let deed = Deed::checked(is_right, from, file, segment);
                self.record(to, trace::Thread::Download, deed);
            }
            Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => {}
        }
    }

    /// Records which threads of a rank have ended.
    fn record_ends(&mut self, rank: Rank) {
        let mut ends = Vec::new();
        if rank == Rank::TRACKER {
            ends.push((trace::Thread::Tracker, self.tracker.ending().is_some()));
        } else if let Client::Running(halves) = self.client(rank) {
            ends.push((trace::Thread::Download, halves.0.is_done()));
            ends.push((trace::Thread::Upload, halves.1.is_stopped()));
        }
        for (thread, has_ended) in ends {
            if has_ended && self.ended.insert((rank, thread)) {
                self.record(rank, thread, Deed::Ended);
            }
        }
    }

    /// Does what a rank wants done.
    fn carry_out(&mut self, to: Rank, posted: Vec<Envelope>, mut effects: Vec<Effect>) {
        for envelope in posted {
            self.post(to, envelope);
        }
        while !effects.is_empty() {
            for effect in mem::take(&mut effects) {
                match effect {
                    Effect::Send(envelope) => self.post(to, envelope),
                    Effect::Save(file) => {
                        let deed = Deed::Saved {
                            file: file.name.clone(),
                            problem: None,
                        };
                        self.record(to, trace::Thread::Download, deed);
                        let twice = self.outputs.insert((to, file.name), file.hashes);
                        assert_eq!(twice, None, "rank {to} saved a file twice");
                        let now = self.now;
                        self.running(to).0.saved(now, Ok(()), &mut effects);
                    }
                }
            }
        }
        self.record_ends(to);
    }

    /// Whether a fault makes a client refuse what it is asked for now.
    fn refuses(&self, client: Rank, rng: &mut Rng) -> bool {
        let vanished = |(rank, since)| rank == client && self.events.len() >= since;
        self.faults.vanishing.is_some_and(vanished) || rng.f64() < self.faults.refusal
    }

    fn running(&mut self, rank: Rank) -> &mut (Download, Upload) {
        match &mut self.clients[rank.0 as usize - 1] {
            Client::Registering(_) => panic!("rank {rank} reads before INIT_ACK"),
            Client::Running(halves) => halves,
        }
    }
}

/// The number of a flow's next message.
fn next(numbers: &mut BTreeMap<Flow, u64>, flow: Flow) -> u64 {
    let number = numbers.entry(flow).or_default();
    *number += 1;
    *number
}

/// Turns an answer into a refusal.
fn refuse(envelope: &mut Envelope) {
    match &mut envelope.letter {
        Letter::ToDownload(ToDownload::Segment(answer)) => answer.answer = Answer::Nack,
        Letter::ToDownload(ToDownload::Availability(offer)) => offer.load = None,
        Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => {}
    }
}
