//! A whole run in one process: the real machines, and a post that a seed makes unpredictable.
//!
//! The post keeps MPI's promise and no other: the messages from one sender to one mailbox stay in
//! order. Which of the waiting messages is delivered next is up to the seed.

pub mod rules;

use std::collections::{BTreeMap, VecDeque};
use std::mem;

use bittorrent::client::{self, Conduct, Download, Effect, Settings, Upload};
use bittorrent::manifest::Manifest;
use bittorrent::protocol::{
    Envelope, FileName, Hashes, InitAck, Letter, Rank, ToDownload, ToTracker,
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

/// A run that is over: nothing is left to deliver, or nobody to read it.
pub struct Run {
    pub inputs: Vec<Manifest>,
    pub settings: Settings,
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
enum Mailbox {
    Tracker,
    Download,
    Upload,
}

/// The messages on their way from one sender to one mailbox.
type Flow = (Rank, Rank, Mailbox);

enum Client {
    /// Waiting for INIT_ACK; its upload mailbox is not read yet.
    Registering(Manifest),
    Running(Box<(Download, Upload)>),
}

struct World {
    settings: Settings,
    tracker: Tracker,
    clients: Vec<Client>,
    post: BTreeMap<Flow, VecDeque<Letter>>,
    events: Vec<Event>,
    outputs: BTreeMap<(Rank, FileName), Hashes>,
}

/// Runs a swarm to its end, in the order that `rng` picks.
///
/// # Panics
/// When a machine objects to a message, or the run does not end.
pub fn run(inputs: Vec<Manifest>, settings: Settings, rng: &mut Rng) -> Run {
    let mut world = World {
        settings,
        tracker: Tracker::new(inputs.len()),
        clients: inputs.iter().cloned().map(Client::Registering).collect(),
        post: BTreeMap::new(),
        events: Vec::new(),
        outputs: BTreeMap::new(),
    };
    for (client, input) in Rank::clients(inputs.len()).zip(&inputs) {
        let init = client::init(&Ok(input.clone()));
        world.post(client, Envelope::new(Rank::TRACKER, ToTracker::Init(init)));
    }
    // Every segment takes a request, an answer and maybe refusals by all; far more is a livelock.
    let segments: usize = inputs
        .iter()
        .flat_map(|i| &i.owned)
        .map(|f| f.hashes.len())
        .sum();
    let patience = 10 * (segments + 10) * (inputs.len() + 1) * (inputs.len() + 1);
    while let Some(flow) = world.choose(rng) {
        world.deliver(flow);
        assert!(world.events.len() < patience, "the run does not end");
    }
    let running = |check: fn(&(Download, Upload)) -> bool| {
        world.clients.iter().all(|client| match client {
            Client::Registering(_) => false,
            Client::Running(halves) => check(halves),
        })
    };
    Run {
        downloads_done: running(|(download, _)| download.is_done()),
        uploads_stopped: running(|(_, upload)| upload.is_stopped()),
        undelivered: world.post.values().map(VecDeque::len).sum(),
        inputs,
        settings,
        events: world.events,
        outputs: world.outputs,
        tracker: world.tracker,
    }
}

impl World {
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

    /// A flow with a message whose reader reads.
    fn choose(&self, rng: &mut Rng) -> Option<Flow> {
        let readable = |(_, to, mailbox): &Flow| match mailbox {
            Mailbox::Tracker => self.tracker.ending().is_none(),
            Mailbox::Download => true,
            Mailbox::Upload => matches!(self.client(*to), Client::Running(_)),
        };
        let flows: Vec<Flow> = self.post.keys().copied().filter(readable).collect();
        rng.choice(flows)
    }

    fn client(&self, rank: Rank) -> &Client {
        &self.clients[rank.0 as usize - 1]
    }

    fn deliver(&mut self, flow: Flow) {
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
            Letter::ToUpload(message) => self.running(to).1.step(from, message, &mut posted),
            Letter::ToDownload(ToDownload::InitAck(InitAck::Start(numbers))) => {
                let settings = self.settings;
                let client = &mut self.clients[to.0 as usize - 1];
                let Client::Registering(manifest) = client else {
                    panic!("a second INIT_ACK")
                };
                client::start(to, mem::take(manifest), &numbers, settings, Conduct::Honest).map(
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

    fn running(&mut self, rank: Rank) -> &mut (Download, Upload) {
        match &mut self.clients[rank.0 as usize - 1] {
            Client::Registering(_) => panic!("rank {rank} reads before INIT_ACK"),
            Client::Running(halves) => halves,
        }
    }
}
