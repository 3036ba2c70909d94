//! The tracker: a state machine that knows which client is in which swarm. It takes messages, and
//! leaves its answers for the post.

mod listing;
mod swarms;

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Sum;
use std::mem;

use anyhow::{Result, bail};

use crate::protocol::{
    Envelope, FileId, FileName, Init, InitAck, Missing, Rank, ToDownload, ToTracker, ToUpload,
};
use crate::settings::Settings;
use crate::sound::{Inputs, Version};
use swarms::{FileSwarm, Swarms};

/// All that the tracker knows: the files, and the role of each client in each file's swarm (R2).
///
/// The tracker never holds a segment. Only with the index of segments does it know which segments a
/// peer holds.
#[derive(Debug)]
pub struct Tracker {
    clients: usize,
    settings: Settings,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Registering(Registry),
    Running(Swarms),
    Ended(Ending),
}

/// How a run ended, as far as the tracker knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The swarm did not start: clients cannot use their inputs, or contradict each other. The
    /// lines tell the user why.
    Refused(Vec<String>),
    /// Every client is done.
    Complete(Tally),
}

/// What was downloaded in a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// The number of completed downloads: a file counts once for every client that fetched it.
    pub files: usize,
    /// The number of segments of all completed downloads.
    pub segments: usize,
    /// The files that clients wanted and did not get.
    pub missing: Vec<(Rank, Missing)>,
}

/// An amount of downloading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// The number of files. A file counts once for every client that fetches it.
    pub files: usize,
    /// The number of their segments.
    pub segments: usize,
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Amount>>(amounts: I) -> Amount {
        amounts.fold(Amount::default(), |sum, amount| Amount {
            files: sum.files + amount.files,
            segments: sum.segments + amount.segments,
        })
    }
}

impl Tracker {
    /// A tracker that waits for `clients` clients to register.
    pub fn new(clients: usize, settings: Settings) -> Tracker {
        Tracker {
            clients,
            settings,
            phase: Phase::Registering(Registry::default()),
        }
    }

    /// The most messages that it posts while nobody takes any: for each client the one answer that
    /// it waits for, or STOP; and a GRANT for each segment that it may have in flight.
    pub fn most_untaken(clients: usize, settings: &Settings) -> usize {
        settings
            .window
            .get()
            .saturating_add(1)
            .saturating_mul(clients)
    }

    /// Takes the next message.
    ///
    /// # Errors
    /// When the message breaks the protocol. Nothing is posted then.
    pub fn step(&mut self, from: Rank, message: ToTracker, post: &mut Vec<Envelope>) -> Result<()> {
        match &mut self.phase {
            Phase::Registering(registry) => {
                let ToTracker::Init(init) = message else {
                    bail!("not every client has registered yet");
                };
                registry.register(from, init)?;
                if registry.heard.len() == self.clients {
                    self.phase = mem::take(registry).close(self.clients, self.settings, post);
                }
            }
            Phase::Running(swarms) => {
                swarms.step(from, message, post)?;
                if swarms.busy.is_empty() {
                    let clients = Rank::clients(self.clients);
                    post.extend(clients.map(|client| Envelope::new(client, ToUpload::Stop)));
                    self.phase = Phase::Ended(Ending::Complete(mem::take(&mut swarms.tally)));
                }
            }
            Phase::Ended(_) => bail!("the run is over"),
        }
        Ok(())
    }

    /// The clients that the tracker waits for: to register, or to be done.
    pub fn unfinished(&self) -> Vec<Rank> {
        let mut clients: Vec<Rank> = Rank::clients(self.clients).collect();
        clients.retain(|client| match &self.phase {
            Phase::Registering(registry) => !registry.heard.contains(client),
            Phase::Running(swarms) => swarms.busy.contains(client),
            Phase::Ended(_) => false,
        });
        clients
    }

    /// What was downloaded so far, as far as the tracker is told (R2): with each UPDATE an
    /// interval's segments, and with FILE_COMPLETE the rest of the file. `None` before the swarms
    /// start and after they have ended.
    pub fn progress(&self) -> Option<Amount> {
        self.swarms().map(Swarms::progress)
    }

    /// What a client that wants this file has to download. `None` if no client owns the file.
    pub fn size(&self, wanted: &FileName) -> Option<Amount> {
        self.swarms()?.size(wanted)
    }

    fn swarms(&self) -> Option<&Swarms> {
        match &self.phase {
            Phase::Running(swarms) => Some(swarms),
            Phase::Registering(_) | Phase::Ended(_) => None,
        }
    }

    /// How the run ended. `None` while it goes on.
    pub fn ending(&self) -> Option<&Ending> {
        match &self.phase {
            Phase::Registering(_) | Phase::Running(_) => None,
            Phase::Ended(ending) => Some(ending),
        }
    }
}

/// The clients' INITs so far.
#[derive(Debug, Default)]
struct Registry {
    /// The clients that have sent INIT.
    heard: BTreeSet<Rank>,
    /// The names of the files that each client owns, in the order of its INIT.
    owned: BTreeMap<Rank, Vec<FileName>>,
    inputs: Inputs,
}

impl Registry {
    fn register(&mut self, client: Rank, init: Init) -> Result<()> {
        if !self.heard.insert(client) {
            bail!("it has registered already");
        }
        let input = match init {
            Init::Unable(problems) => Err(problems),
            Init::Ready(files) => {
                let names = files.iter().map(|file| file.name.clone());
                self.owned.insert(client, names.collect());
                Ok(files)
            }
        };
        self.inputs.add(client, input);
        Ok(())
    }

    /// Starts the swarms, or refuses to. Every client has registered.
    fn close(self, clients: usize, settings: Settings, post: &mut Vec<Envelope>) -> Phase {
        let mut acknowledge =
            |client, ack| post.push(Envelope::new(client, ToDownload::InitAck(ack)));
        let sound = match self.inputs.close() {
            Ok(files) => files,
            Err(problems) => {
                Rank::clients(clients).for_each(|client| acknowledge(client, InitAck::Refused));
                return Phase::Ended(Ending::Refused(problems));
            }
        };
        let mut ids = BTreeMap::new();
        let mut files = Vec::new();
        let mut rng = settings.rng(Rank::TRACKER);
        for (id, (name, Version { hashes, owners })) in (0..).map(FileId).zip(sound) {
            files.push(FileSwarm::new(hashes, owners, &settings, rng.fork()));
            ids.insert(name, id);
        }
        for (client, owned) in self.owned {
            acknowledge(
                client,
                InitAck::Start(owned.iter().map(|name| ids[name]).collect()),
            );
        }
        Phase::Running(Swarms {
            settings,
            ids,
            files,
            busy: Rank::clients(clients).collect(),
            tally: Tally::default(),
            partial: 0,
        })
    }
}

#[cfg(test)]
mod tests;
