//! A whole run in one process: the real machines, and a post that a seed makes unpredictable.
//!
//! The post keeps MPI's promise and no other: the messages from one sender to one mailbox stay in
//! order. Which of the waiting messages is delivered next is up to the seed.

pub mod explore;
pub mod rules;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hasher};
use std::mem;

use bittorrent::client::{self, Conduct, Download, Effect, Settings, Upload};
use bittorrent::manifest::Manifest;
use bittorrent::protocol::{
    Answer, Envelope, FileName, Hashes, InitAck, Letter, Rank, ToDownload, ToTracker,
};
use bittorrent::tracker::Tracker;
use fastrand::Rng;

/// What happened, in order.
#[derive(Debug, Clone)]
pub struct Event {
    pub kind: Kind,
    pub from: Rank,
    pub to: Rank,
    pub letter: Letter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Posted,
    Delivered,
}

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
    post: BTreeMap<Flow, VecDeque<Letter>>,
    events: Vec<Event>,
    outputs: BTreeMap<(Rank, FileName), Hashes>,
    patience: usize,
}

/// Runs a swarm to its end, in the order that `rng` picks.
///
/// # Panics
/// When a machine objects to a message, or the run does not end.
pub fn run(inputs: Vec<Manifest>, settings: Settings, faults: Faults, rng: &mut Rng) -> Run {
    let mut world = World::new(inputs, settings, faults);
    while let Some(flow) = rng.choice(world.flows()) {
        world.deliver(flow, rng);
    }
    world.over()
}

impl World {
    /// Every client has sent its INIT.
    pub fn new(inputs: Vec<Manifest>, settings: Settings, faults: Faults) -> World {
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
            tracker: Tracker::new(inputs.len()),
            clients: inputs.iter().cloned().map(Client::Registering).collect(),
            post: BTreeMap::new(),
            events: Vec::new(),
            outputs: BTreeMap::new(),
            patience,
            inputs,
        };
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
        Run {
            downloads_done: running(|(download, _)| download.is_done()),
            uploads_stopped: running(|(_, upload)| upload.is_stopped()),
            undelivered: self.post.values().map(VecDeque::len).sum(),
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
        let state = (&self.tracker, &self.clients, &self.post, &self.outputs);
        write!(digest, "{state:?}").expect("a digest takes everything");
        digest.0.finish()
    }
    fn post(&mut self, from: Rank, Envelope { to, letter }: Envelope) {
        let mailbox = match letter {
            Letter::ToTracker(_) => Mailbox::Tracker,
            Letter::ToDownload(_) => Mailbox::Download,
            Letter::ToUpload(_) => Mailbox::Upload,
        };
        self.events.push(Event {
            kind: Kind::Posted,
            from,
            to,
            letter: letter.clone(),
        });
        self.post
            .entry((from, to, mailbox))
            .or_default()
            .push_back(letter);
    }

    /// The flows with a message whose reader reads.
    pub fn flows(&self) -> Vec<Flow> {
        let readable = |(_, to, mailbox): &Flow| match mailbox {
            Mailbox::Tracker => self.tracker.ending().is_none(),
            Mailbox::Download => true,
            Mailbox::Upload => matches!(self.client(*to), Client::Running(_)),
        };
        self.post.keys().copied().filter(readable).collect()
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
        let letters = self
            .post
            .get_mut(&flow)
            .expect("a chosen flow has a message");
        let letter = letters.pop_front().expect("a chosen flow has a message");
        if letters.is_empty() {
            self.post.remove(&flow);
        }
        self.events.push(Event {
            kind: Kind::Delivered,
            from,
            to,
            letter: letter.clone(),
        });
        let mut posted = Vec::new();
        let mut effects = Vec::new();
        match letter {
            Letter::ToTracker(message) => self.tracker.step(from, message, &mut posted),
            Letter::ToUpload(message) => {
                let step = self.running(to).1.step(from, message, &mut posted);
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
                let client = &mut self.clients[to.0 as usize - 1];
                let Client::Registering(manifest) = client else {
                    panic!("a second INIT_ACK")
                };
                client::start(to, mem::take(manifest), &numbers, settings, conduct).map(
                    |mut halves| {
                        halves.0.begin(&mut effects);
                        *client = Client::Running(Box::new(halves));
                    },
                )
            }
            Letter::ToDownload(message) => self.running(to).0.step(from, message, &mut effects),
        }
        .unwrap_or_else(|error| panic!("rank {to} to rank {from}: {error:#}"));
        while !effects.is_empty() {
            for effect in mem::take(&mut effects) {
                match effect {
                    Effect::Send(envelope) => posted.push(envelope),
                    Effect::Save(file) => {
                        let twice = self.outputs.insert((to, file.name), file.hashes);
                        assert_eq!(twice, None, "rank {to} saved a file twice");
                        self.running(to).0.saved(Ok(()), &mut effects);
                    }
                }
            }
        }
        for envelope in posted {
            self.post(to, envelope);
        }
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

/// Turns an answer into a refusal.
fn refuse(envelope: &mut Envelope) {
    if let Letter::ToDownload(ToDownload::Segment(answer)) = &mut envelope.letter {
        answer.answer = Answer::Nack;
    }
}
