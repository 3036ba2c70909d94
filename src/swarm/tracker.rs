//! The tracker: a state machine that knows which client is in which swarm. It takes messages, and
//! leaves its answers for the post.

mod listing;
mod swarms;

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Sum;
use std::mem;

use anyhow::{Result, bail};

use crate::protocol::{
    Envelope, FileId, FileName, Hashes, Init, InitAck, Missing, OwnedFile, Rank, ToDownload,
    ToTracker, ToUpload,
};
use crate::settings::Settings;
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

/// The clients' INITs so far. A file is kept once, however many clients own it.
#[derive(Debug, Default)]
struct Registry {
    /// The clients that have sent INIT.
    heard: BTreeSet<Rank>,
    problems: BTreeMap<Rank, Vec<String>>,
    /// The names of the files that each client owns, in the order of its INIT.
    owned: BTreeMap<Rank, Vec<FileName>>,
    /// The versions of each file. If there are two, their owners contradict each other.
    versions: BTreeMap<FileName, Vec<Version>>,
}

/// What some clients say that a file consists of.
#[derive(Debug)]
struct Version {
    hashes: Hashes,
    owners: BTreeSet<Rank>,
}

impl Registry {
    fn register(&mut self, client: Rank, init: Init) -> Result<()> {
        if !self.heard.insert(client) {
            bail!("it has registered already");
        }
        match init {
            Init::Unable(problems) => _ = self.problems.insert(client, problems),
            Init::Ready(files) => {
                self.owned
                    .insert(client, files.iter().map(|file| file.name.clone()).collect());
                for OwnedFile { name, hashes } in files {
                    let versions = self.versions.entry(name).or_default();
                    match versions.iter_mut().find(|version| version.hashes == hashes) {
                        Some(version) => _ = version.owners.insert(client),
                        None => versions.push(Version {
                            hashes,
                            owners: BTreeSet::from([client]),
                        }),
                    }
                }
            }
        }
        Ok(())
    }

    /// Starts the swarms, or refuses to. Every client has registered.
    fn close(mut self, clients: usize, settings: Settings, post: &mut Vec<Envelope>) -> Phase {
        let problems: Vec<String> = mem::take(&mut self.problems)
            .into_values()
            .flatten()
            .chain(self.contradictions())
            .collect();
        let mut acknowledge =
            |client, ack| post.push(Envelope::new(client, ToDownload::InitAck(ack)));
        if !problems.is_empty() {
            Rank::clients(clients).for_each(|client| acknowledge(client, InitAck::Refused));
            return Phase::Ended(Ending::Refused(problems));
        }
        let mut ids = BTreeMap::new();
        let mut files = Vec::new();
        let mut rng = settings.rng(Rank::TRACKER);
        for (id, (name, versions)) in (0..).map(FileId).zip(self.versions) {
            let version = versions.into_iter().next();
            let Version { hashes, owners } = version.expect("a name came with a version");
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

    /// A line for each two versions of a file: their first owners, and the first segment that
    /// differs.
    fn contradictions(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, versions) in &mut self.versions {
            versions.sort_by_key(Version::first_owner);
            let (first, others) = versions.split_first().expect("a name came with a version");
            lines.extend(others.iter().map(|other| other.contradiction(name, first)));
        }
        lines
    }
}

impl Version {
    fn first_owner(&self) -> Rank {
        *self.owners.first().expect("a version came from an owner")
    }

    /// How it differs from another version, in words for the user.
    fn contradiction(&self, name: &FileName, other: &Version) -> String {
        let [one, two] = [other, self].map(Version::first_owner);
        let difference = self.hashes.first_difference(&other.hashes);
        let position = difference.expect("equal versions are kept once");
        format!(
            "ranks {one} and {two} both own '{name}', \
             with different segments from segment {position} on"
        )
    }
}

#[cfg(test)]
mod tests;
