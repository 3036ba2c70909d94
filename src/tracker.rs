//! The tracker: who is in which swarm. A state machine that takes messages and leaves its answers
//! for the post.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use anyhow::{Context, Result, bail, ensure};

use crate::protocol::{
    Envelope, FileId, FileName, Gained, Hashes, Init, InitAck, Joined, Members, Missing, OwnedFile,
    Progress, Rank, SegmentIndex, SegmentSet, Swarm, ToDownload, ToTracker, ToUpload,
};
use crate::settings::Settings;

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

impl Tracker {
    /// A tracker that waits for this many clients to register.
    pub fn new(clients: usize, settings: Settings) -> Tracker {
        Tracker {
            clients,
            settings,
            phase: Phase::Registering(Registry::default()),
        }
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
        for (id, (name, contents)) in (0..).map(FileId).zip(self.contents) {
            let content = contents.into_iter().next();
            let Content { hashes, owners } = content.expect("a name came with a content");
            files.push(File::new(hashes, owners, settings.knows_segments()));
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

/// The swarms of a run that has started.
#[derive(Debug)]
struct Swarms {
    settings: Settings,
    ids: BTreeMap<FileName, FileId>,
    /// By number.
    files: Vec<File>,
    /// The clients that still download.
    busy: BTreeSet<Rank>,
    tally: Tally,
}

#[derive(Debug)]
struct File {
    hashes: Hashes,
    roles: BTreeMap<Rank, Role>,
    /// Who holds what, if that is to be known.
    index: Option<Index>,
}

#[derive(Debug)]
enum Role {
    Seed,
    Peer(Peer),
}

/// A client that downloads a file.
#[derive(Debug, Default)]
struct Peer {
    /// How much of the index's log it has been told.
    told: usize,
    /// Segments that it may have asked for, where the tracker grants.
    granted: usize,
    /// Segments that it has confirmed.
    confirmed: usize,
}

/// What the members of a swarm hold.
#[derive(Debug)]
struct Index {
    held: BTreeMap<Rank, SegmentSet>,
    /// What was gained since the start, in the order in which it was heard of.
    log: Vec<Gained>,
}

impl Swarms {
    fn step(&mut self, from: Rank, message: ToTracker, post: &mut Vec<Envelope>) -> Result<()> {
        ensure!(self.busy.contains(&from), "it has nothing more to download");
        match message {
            ToTracker::Init(_) => bail!("every client has registered already"),
            ToTracker::SwarmRequest(name) => self.join(from, &name, post)?,
            ToTracker::Update(progress) => {
                let file = self.peer(from, progress.file)?;
                file.gain(from, progress)?;
                let swarm = Swarm::Members(file.news(from));
                post.push(Envelope::new(from, ToDownload::Swarm(swarm)));
            }
            ToTracker::FileComplete(progress) => self.complete(from, progress)?,
            ToTracker::AllComplete { missing } => self.finish(from, missing),
            ToTracker::Alive => {}
            ToTracker::Confirm { file, segment } => self.confirm(from, file, segment, post)?,
        }
        Ok(())
    }

    /// Answers SWARM_REQUEST; the client is a peer from then on (R3).
    fn join(&mut self, client: Rank, name: &FileName, post: &mut Vec<Envelope>) -> Result<()> {
        let mut answer = |swarm| post.push(Envelope::new(client, ToDownload::Swarm(swarm)));
        let Some(&id) = self.ids.get(name) else {
            answer(Swarm::Unknown);
            return Ok(());
        };
        let file = &mut self.files[id.0 as usize];
        match file.roles.get(&client) {
            None => answer(Swarm::Joined(file.join(client, id))),
            Some(Role::Peer(_)) => answer(Swarm::Members(file.news(client))),
            Some(Role::Seed) => bail!("it is a seed of '{name}'"),
        }
        self.grant(client, id, post);
        Ok(())
    }

    /// The file, if the client downloads it.
    fn peer(&mut self, client: Rank, id: FileId) -> Result<&mut File> {
        let file = self
            .files
            .get_mut(id.0 as usize)
            .with_context(|| format!("there is no file number {id}"))?;
        match file.roles.get(&client) {
            Some(Role::Peer(_)) => Ok(file),
            Some(Role::Seed) => bail!("it is a seed of file number {id}"),
            None => bail!("it is not in the swarm of file number {id}"),
        }
    }

    /// A segment that was granted has come.
    fn confirm(
        &mut self,
        client: Rank,
        id: FileId,
        segment: SegmentIndex,
        post: &mut Vec<Envelope>,
    ) -> Result<()> {
        let file = self.peer(client, id)?;
        ensure!(
            segment.0 < file.hashes.len(),
            "file number {id} has no segment {segment}"
        );
        let peer = file.member(client);
        ensure!(
            peer.confirmed < peer.granted,
            "no segment of file number {id} is granted that has not come"
        );
        peer.confirmed += 1;
        self.grant(client, id, post);
        Ok(())
    }

    /// Grants a peer as many segments as it may have asked for at a time, where the tracker grants.
    fn grant(&mut self, client: Rank, id: FileId, post: &mut Vec<Envelope>) {
        if !self.settings.tracker_grants {
            return;
        }
        let file = &mut self.files[id.0 as usize];
        let segments = file.hashes.len();
        let peer = file.member(client);
        let due = segments.min(peer.confirmed + self.settings.window.get());
        while peer.granted < due {
            peer.granted += 1;
            post.push(Envelope::new(client, ToDownload::Grant(id)));
        }
    }

    /// Makes a peer a seed (R11).
    fn complete(&mut self, client: Rank, progress: Progress) -> Result<()> {
        let (id, grants) = (progress.file, self.settings.tracker_grants);
        let file = self.peer(client, id)?;
        let segments = file.hashes.len();
        file.gain(client, progress)?;
        ensure!(
            !grants || file.member(client).confirmed == segments,
            "it has not confirmed every segment of file number {id}"
        );
        if let Some(index) = &file.index {
            let held = index.held[&client].iter().count();
            ensure!(
                held == segments,
                "it holds {held} of the {segments} segments of file number {id}"
            );
        }
        file.roles.insert(client, Role::Seed);
        self.tally.segments += segments;
        self.tally.files += 1;
        Ok(())
    }

    /// The client has nothing more to download; it stays in its swarms (R11).
    fn finish(&mut self, client: Rank, missing: Vec<Missing>) {
        self.busy.remove(&client);
        self.tally
            .missing
            .extend(missing.into_iter().map(|file| (client, file)));
        self.tally.missing.sort_by_key(|(client, _)| *client);
    }
}

impl File {
    fn new(hashes: Hashes, owners: BTreeSet<Rank>, indexed: bool) -> File {
        let index = indexed.then(|| Index {
            held: (owners.iter())
                .map(|&owner| (owner, SegmentSet::all(hashes.len())))
                .collect(),
            log: Vec::new(),
        });
        File {
            hashes,
            roles: owners
                .into_iter()
                .map(|owner| (owner, Role::Seed))
                .collect(),
            index,
        }
    }

    /// Makes a client a peer, and tells it all that there is to know.
    fn join(&mut self, client: Rank, id: FileId) -> Joined {
        let joined = Joined {
            file: id,
            hashes: self.hashes.clone(),
            members: self.members(),
            held: (self.index.iter())
                .flat_map(|index| index.held.values().cloned())
                .collect(),
        };
        let mut peer = Peer::default();
        if let Some(index) = &mut self.index {
            index
                .held
                .insert(client, SegmentSet::none(self.hashes.len()));
            peer.told = index.log.len();
        }
        self.roles.insert(client, Role::Peer(peer));
        joined
    }

    /// Notes what a peer has gained, if that is to be known (R2).
    fn gain(&mut self, client: Rank, progress: Progress) -> Result<()> {
        let Progress { file, gained } = progress;
        let Some(index) = &mut self.index else {
            ensure!(gained.is_empty(), "the tracker is not to know of segments");
            return Ok(());
        };
        let held = index.held.get_mut(&client).expect("a peer holds something");
        for &segment in &gained {
            ensure!(
                held.insert(segment),
                "it has not gained segment {segment} of file number {file}"
            );
        }
        index.log.push(Gained {
            member: client,
            segments: gained,
        });
        Ok(())
    }

    /// The swarm as it is now, and what its members gained since the peer was last told.
    fn news(&mut self, client: Rank) -> Members {
        let members = self.members();
        let mut gained = Vec::new();
        if let (Some(index), Some(Role::Peer(peer))) = (&self.index, self.roles.get_mut(&client)) {
            let log = index.log[peer.told..].iter();
            gained.extend(log.filter(|news| news.member != client).cloned());
            peer.told = index.log.len();
        }
        Members { members, gained }
    }

    /// What is known of a peer.
    fn member(&mut self, client: Rank) -> &mut Peer {
        match self.roles.get_mut(&client) {
            Some(Role::Peer(peer)) => peer,
            Some(Role::Seed) | None => unreachable!("only peers are asked for"),
        }
    }

    /// Its seeds and peers, in rank order.
    fn members(&self) -> Vec<Rank> {
        self.roles.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests;
