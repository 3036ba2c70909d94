//! The tracker: who is in which swarm. A state machine that takes messages and leaves its answers
//! for the post.

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
use swarms::{File, Swarms};

/// The tracker's whole knowledge: the files, and the role of each client in each file's swarm (R2).
///
/// It never holds a segment. Which ones a peer holds it knows with the index of segments only.
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
    /// The swarm did not start: clients cannot use their input, or contradict each other. Lines for
    /// the user.
    Refused(Vec<String>),
    /// Every client is done.
    Complete(Tally),
}

/// What was downloaded in a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Completed downloads: a file counts once for every client that fetched it.
    pub files: usize,
    /// The segments of all completed downloads.
    pub segments: usize,
    /// The files that clients wanted and could not get.
    pub missing: Vec<(Rank, Missing)>,
}

/// An amount of downloading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// Files; one counts once for every client that fetches it.
    pub files: usize,
    /// Their segments.
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
    /// A tracker that waits for this many clients to register.
    pub fn new(clients: usize, settings: Settings) -> Tracker {
        Tracker {
            clients,
            settings,
            phase: Phase::Registering(Registry::default()),
        }
    }

    /// How many messages it posts at most while nobody takes any: for each client one answer, which
    /// it awaits, or STOP; and a GRANT for each segment that it may have in flight.
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
    /// When the protocol has no place for it; nothing is left for the post then.
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

    /// What was downloaded so far, as far as the tracker is told (R2): an interval's segments with
    /// every UPDATE, and the rest of a file when it is complete. Nothing unless the swarms have
    /// started and go on.
    pub fn progress(&self) -> Option<Amount> {
        self.swarms().map(Swarms::progress)
    }

    /// What there is to download by a client that wants this file; nothing, if nobody has it.
    pub fn size(&self, wanted: &FileName) -> Option<Amount> {
        self.swarms()?.size(wanted)
    }

    fn swarms(&self) -> Option<&Swarms> {
        match &self.phase {
            Phase::Running(swarms) => Some(swarms),
            Phase::Registering(_) | Phase::Ended(_) => None,
        }
    }

    /// How the run ended, once it has.
    pub fn ending(&self) -> Option<&Ending> {
        match &self.phase {
            Phase::Registering(_) | Phase::Running(_) => None,
            Phase::Ended(ending) => Some(ending),
        }
    }
}

/// The inputs heard of so far. A file is kept once, however many clients own it.
#[derive(Debug, Default)]
struct Registry {
    heard: BTreeSet<Rank>,
    problems: BTreeMap<Rank, Vec<String>>,
    /// The names of what a client owns, in the order of its INIT.
    owned: BTreeMap<Rank, Vec<FileName>>,
    /// The contents that go by a name. More than one is a contradiction between their owners.
    contents: BTreeMap<FileName, Vec<Content>>,
}

#[derive(Debug)]
struct Content {
    hashes: Hashes,
    owners: BTreeSet<Rank>,
}

impl Registry {
    fn register(&mut self, client: Rank, init: Init) -> Result<()> {
        if !self.heard.insert(client) {
            bail!("it has registered already");
        }
        match init {
            Init::Unable(problems) => {
                self.problems.insert(client, problems);
            }
            Init::Ready(files) => {
                self.owned
                    .insert(client, files.iter().map(|file| file.name.clone()).collect());
                for OwnedFile { name, hashes } in files {
                    let contents = self.contents.entry(name).or_default();
                    match contents.iter_mut().find(|content| content.hashes == hashes) {
                        Some(content) => {
                            content.owners.insert(client);
                        }
                        None => contents.push(Content {
                            hashes,
                            owners: BTreeSet::from([client]),
                        }),
                    }
                }
            }
        }
        Ok(())
    }

    /// Every client has registered: starts the swarms, or refuses to.
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
        for (id, (name, contents)) in (0..).map(FileId).zip(self.contents) {
            let content = contents.into_iter().next();
            let Content { hashes, owners } = content.expect("a name came with a content");
            files.push(File::new(hashes, owners, &settings, rng.fork()));
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

    /// The names under which clients own different files, each with the first position that
    /// differs.
    fn contradictions(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, contents) in &mut self.contents {
            contents.sort_by_key(Content::first_owner);
            let (first, others) = contents.split_first().expect("a name came with a content");
            lines.extend(others.iter().map(|other| other.contradiction(name, first)));
        }
        lines
    }
}

impl Content {
    fn first_owner(&self) -> Rank {
        *self.owners.first().expect("a content came from an owner")
    }

    /// How it differs from what others own under the same name.
    fn contradiction(&self, name: &FileName, other: &Content) -> String {
        let [one, two] = [other, self].map(Content::first_owner);
        let difference = self.hashes.first_difference(&other.hashes);
        let position = difference.expect("equal contents are kept once");
        format!(
            "ranks {one} and {two} both own '{name}', \
             with different segments from segment {position} on"
        )
    }
}

#[cfg(test)]
mod tests;
