//! The tracker: who is in which swarm. A state machine that takes messages and leaves its answers for the post.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use anyhow::{Context, Result, bail};

use crate::protocol::{
    Envelope, FileId, FileName, Hashes, Init, InitAck, Missing, OwnedFile, Rank, Swarm, ToDownload,
    ToTracker, ToUpload,
};

/// The tracker's whole knowledge: the files, and the role of each client in each file's swarm (R2).
///
/// It never holds a segment, and it does not know which ones a peer holds.
#[derive(Debug)]
pub struct Tracker {
    clients: usize,
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
    /// The swarm did not start: clients cannot use their input, or contradict each other. Lines for the user.
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
    pub fn new(clients: usize) -> Tracker {
        Tracker {
            clients,
            phase: Phase::Registering(Registry::default()),
        }
    }

    /// Takes the next message.
    ///
    /// # Errors
    /// When the protocol has no place for it; nothing is left for the post then.
    pub fn step(&mut self, from: Rank, message: ToTracker, post: &mut Vec<Envelope>) -> Result<()> {
        match (&mut self.phase, message) {
            (Phase::Registering(registry), ToTracker::Init(init)) => {
                registry.register(from, init)?;
                if registry.heard.len() == self.clients {
                    self.phase = mem::take(registry).close(self.clients, post);
                }
            }
            (Phase::Running(swarms), ToTracker::SwarmRequest(name)) => {
                let swarm = swarms.join(from, &name)?;
                post.push(Envelope::new(from, ToDownload::Swarm(swarm)));
            }
            (Phase::Running(swarms), ToTracker::Update(file)) => {
                let members = swarms.peer(from, file)?.members();
                post.push(Envelope::new(
                    from,
                    ToDownload::Swarm(Swarm::Members(members)),
                ));
            }
            (Phase::Running(swarms), ToTracker::FileComplete(file)) => {
                swarms.complete(from, file)?
            }
            (Phase::Running(swarms), ToTracker::AllComplete { missing }) => {
                swarms.finish(from, missing)?;
                if swarms.busy.is_empty() {
                    post.extend(
                        Rank::clients(self.clients)
                            .map(|client| Envelope::new(client, ToUpload::Stop)),
                    );
                    self.phase = Phase::Ended(Ending::Complete(mem::take(&mut swarms.tally)));
                }
            }
            (Phase::Registering(_), message) => bail!("{message:?} before INIT_ACK"),
            (Phase::Running(_), ToTracker::Init(_)) => bail!("INIT after INIT_ACK"),
            (Phase::Ended(_), message) => bail!("{message:?} after the end"),
        }
        Ok(())
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
            bail!("a second INIT");
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
    fn close(mut self, clients: usize, post: &mut Vec<Envelope>) -> Phase {
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
            let roles = contents
                .iter()
                .flat_map(|content| &content.owners)
                .map(|&owner| (owner, Role::Seed))
                .collect();
            let hashes = contents
                .into_iter()
                .next()
                .expect("a name is registered with a content")
                .hashes;
            files.push(File { hashes, roles });
            ids.insert(name, id);
        }
        for (client, owned) in self.owned {
            acknowledge(
                client,
                InitAck::Start(owned.iter().map(|name| ids[name]).collect()),
            );
        }
        Phase::Running(Swarms {
            ids,
            files,
            busy: Rank::clients(clients).collect(),
            tally: Tally::default(),
        })
    }

    /// The names under which clients own different files, each with the first position that differs.
    fn contradictions(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, contents) in &mut self.contents {
            contents.sort_by_key(|content| content.owners.first().copied());
            let owner = |content: &Content| {
                *content
                    .owners
                    .first()
                    .expect("a content came from an owner")
            };
            let (first, others) = contents
                .split_first()
                .expect("a name is registered with a content");
            lines.extend(others.iter().map(|other| {
                let position = first.hashes.first_difference(&other.hashes).expect("equal contents are kept once");
                format!(
                    "ranks {} and {} both own '{name}', with different segments from segment {position} on",
                    owner(first),
                    owner(other)
                )
            }));
        }
        lines
    }
}

/// The swarms of a run that has started.
#[derive(Debug)]
struct Swarms {
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Seed,
    Peer,
}

impl Swarms {
    /// Answers SWARM_REQUEST; the client is a peer from then on (R3).
    fn join(&mut self, client: Rank, name: &FileName) -> Result<Swarm> {
        let Some(&id) = self.ids.get(name) else {
            return Ok(Swarm::Unknown);
        };
        let file = &mut self.files[id.0 as usize];
        let members = file.members();
        Ok(match file.roles.entry(client) {
            Entry::Vacant(role) => {
                role.insert(Role::Peer);
                Swarm::Joined {
                    file: id,
                    hashes: file.hashes.clone(),
                    members,
                }
            }
            Entry::Occupied(_) => Swarm::Members(members),
        })
    }

    /// The file, if the client downloads it.
    fn peer(&mut self, client: Rank, id: FileId) -> Result<&mut File> {
        let file = self
            .files
            .get_mut(id.0 as usize)
            .with_context(|| format!("there is no file number {id}"))?;
        match file.roles.get(&client) {
            Some(Role::Peer) => Ok(file),
            Some(Role::Seed) => bail!("it is a seed of file number {id}"),
            None => bail!("it is not in the swarm of file number {id}"),
        }
    }

    /// Makes a peer a seed (R11).
    fn complete(&mut self, client: Rank, id: FileId) -> Result<()> {
        let file = self.peer(client, id)?;
        file.roles.insert(client, Role::Seed);
        self.tally.segments += file.hashes.len();
        self.tally.files += 1;
        Ok(())
    }

    /// The client has nothing more to download; it stays in its swarms (R11).
    fn finish(&mut self, client: Rank, missing: Vec<Missing>) -> Result<()> {
        if !self.busy.remove(&client) {
            bail!("a second ALL_COMPLETE");
        }
        self.tally
            .missing
            .extend(missing.into_iter().map(|file| (client, file)));
        self.tally.missing.sort_by_key(|(client, _)| *client);
        Ok(())
    }
}

impl File {
    /// Its seeds and peers, in rank order.
    fn members(&self) -> Vec<Rank> {
        self.roles.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::samples::{hashes, name, owned};
    use crate::protocol::{Letter, Reason};

    const F: FileId = FileId(0);
    const G: FileId = FileId(1);

    /// What the tracker posts in answer to one message.
    fn answers(tracker: &mut Tracker, from: u32, message: ToTracker) -> Vec<Envelope> {
        let mut post = Vec::new();
        tracker
            .step(Rank(from), message, &mut post)
            .expect("the protocol has a place for it");
        post
    }

    fn objection(tracker: &mut Tracker, from: u32, message: ToTracker) -> String {
        let mut post = Vec::new();
        let error = tracker
            .step(Rank(from), message, &mut post)
            .expect_err("no place for it");
        assert_eq!(post, [], "an error posts nothing");
        error.to_string()
    }

    fn to(client: u32, message: impl Into<Letter>) -> Envelope {
        Envelope::new(Rank(client), message)
    }

    fn ready(files: &[OwnedFile]) -> ToTracker {
        ToTracker::Init(Init::Ready(files.to_vec()))
    }

    fn ranks(ranks: &[u32]) -> Vec<Rank> {
        ranks.iter().copied().map(Rank).collect()
    }

    fn swarm(client: u32, swarm: Swarm) -> Envelope {
        to(client, ToDownload::Swarm(swarm))
    }

    /// Three clients; the first owns `f`, the second `f` and `g`, the third nothing.
    fn started() -> Tracker {
        let mut tracker = Tracker::new(3);
        answers(&mut tracker, 1, ready(&[owned("f", "abc")]));
        answers(
            &mut tracker,
            2,
            ready(&[owned("g", "x"), owned("f", "abc")]),
        );
        answers(&mut tracker, 3, ready(&[]));
        tracker
    }

    #[test]
    fn r1_no_client_starts_before_every_client_has_registered() {
        let mut tracker = Tracker::new(3);
        assert_eq!(answers(&mut tracker, 3, ready(&[])), []);
        assert_eq!(
            answers(
                &mut tracker,
                2,
                ready(&[owned("g", "x"), owned("f", "abc")])
            ),
            []
        );
        let start = |client, numbers: &[FileId]| {
            to(
                client,
                ToDownload::InitAck(InitAck::Start(numbers.to_vec())),
            )
        };
        assert_eq!(
            answers(&mut tracker, 1, ready(&[owned("f", "abc")])),
            [start(1, &[F]), start(2, &[G, F]), start(3, &[])]
        );
        assert_eq!(
            objection(&mut tracker, 1, ready(&[])),
            "INIT after INIT_ACK"
        );
    }

    #[test]
    fn r1_nothing_is_answered_before_the_start_and_nobody_registers_twice() {
        let mut tracker = Tracker::new(2);
        answers(&mut tracker, 1, ready(&[]));
        assert_eq!(objection(&mut tracker, 1, ready(&[])), "a second INIT");
        objection(&mut tracker, 1, ToTracker::SwarmRequest(name("f")));
        objection(&mut tracker, 1, ToTracker::Update(F));
        objection(&mut tracker, 1, ToTracker::FileComplete(F));
        objection(&mut tracker, 1, ToTracker::AllComplete { missing: vec![] });
    }

    #[test]
    fn r1_the_start_is_refused_with_the_problems_of_all_clients_in_rank_order() {
        let mut tracker = Tracker::new(3);
        let unable = |problem: &str| ToTracker::Init(Init::Unable(vec![problem.into()]));
        answers(&mut tracker, 3, unable("in3.txt:1: bad"));
        answers(&mut tracker, 2, ready(&[]));
        let refused = |client| to(client, ToDownload::InitAck(InitAck::Refused));
        assert_eq!(
            answers(&mut tracker, 1, unable("in1.txt:9: worse")),
            [refused(1), refused(2), refused(3)]
        );
        let problems = ["in1.txt:9: worse", "in3.txt:1: bad"]
            .map(String::from)
            .to_vec();
        assert_eq!(tracker.ending(), Some(&Ending::Refused(problems)));
    }

    #[test]
    fn r2_owners_of_one_name_agree_on_its_segments_whoever_registers_first() {
        let inputs = [(1, "abcd"), (2, "abcd"), (3, "abxd"), (4, "abc")];
        let problems = [
            "ranks 1 and 3 both own 'f', with different segments from segment 3 on",
            "ranks 1 and 4 both own 'f', with different segments from segment 4 on",
        ];
        for first in 0..inputs.len() {
            let mut tracker = Tracker::new(inputs.len());
            for (client, content) in inputs.iter().cycle().skip(first).take(inputs.len()) {
                answers(&mut tracker, *client, ready(&[owned("f", content)]));
            }
            let problems = problems.map(String::from).to_vec();
            assert_eq!(tracker.ending(), Some(&Ending::Refused(problems)));
        }
    }

    #[test]
    fn r3_a_client_that_asks_for_a_swarm_is_told_all_of_it_and_is_its_peer_from_then_on() {
        let mut tracker = started();
        let joined = |members: &[u32]| Swarm::Joined {
            file: G,
            hashes: hashes("x"),
            members: ranks(members),
        };
        let request = || ToTracker::SwarmRequest(name("g"));
        assert_eq!(
            answers(&mut tracker, 3, request()),
            [swarm(3, joined(&[2]))]
        );
        assert_eq!(
            answers(&mut tracker, 1, request()),
            [swarm(1, joined(&[2, 3]))]
        );
        let members = Swarm::Members(ranks(&[1, 2, 3]));
        assert_eq!(
            answers(&mut tracker, 3, request()),
            [swarm(3, members)],
            "asked again"
        );
    }

    #[test]
    fn r3_a_file_that_nobody_owns_has_no_swarm() {
        let mut tracker = started();
        let request = ToTracker::SwarmRequest(name("nowhere"));
        assert_eq!(
            answers(&mut tracker, 3, request),
            [swarm(3, Swarm::Unknown)]
        );
    }

    #[test]
    fn r6_update_is_answered_with_the_members_as_they_are_now() {
        let mut tracker = started();
        answers(&mut tracker, 3, ToTracker::SwarmRequest(name("g")));
        let members = |members: &[u32]| Swarm::Members(ranks(members));
        assert_eq!(
            answers(&mut tracker, 3, ToTracker::Update(G)),
            [swarm(3, members(&[2, 3]))]
        );
        answers(&mut tracker, 1, ToTracker::SwarmRequest(name("g")));
        assert_eq!(
            answers(&mut tracker, 3, ToTracker::Update(G)),
            [swarm(3, members(&[1, 2, 3]))]
        );
    }

    #[test]
    fn r6_only_a_peer_updates_or_completes() {
        let mut tracker = started();
        for message in [ToTracker::Update, ToTracker::FileComplete] {
            let stranger = objection(&mut tracker, 3, message(F));
            assert_eq!(stranger, "it is not in the swarm of file number 0");
            assert_eq!(
                objection(&mut tracker, 1, message(F)),
                "it is a seed of file number 0"
            );
            let nothing = objection(&mut tracker, 1, message(FileId(2)));
            assert_eq!(nothing, "there is no file number 2");
        }
    }

    #[test]
    fn r11_file_complete_makes_a_peer_a_seed_that_stays_when_it_is_done() {
        let mut tracker = started();
        answers(&mut tracker, 3, ToTracker::SwarmRequest(name("g")));
        assert_eq!(answers(&mut tracker, 3, ToTracker::FileComplete(G)), []);
        let again = objection(&mut tracker, 3, ToTracker::FileComplete(G));
        assert_eq!(again, "it is a seed of file number 1");
        answers(&mut tracker, 3, ToTracker::AllComplete { missing: vec![] });
        let post = answers(&mut tracker, 1, ToTracker::SwarmRequest(name("g")));
        let joined = Swarm::Joined {
            file: G,
            hashes: hashes("x"),
            members: ranks(&[2, 3]),
        };
        assert_eq!(post, [swarm(1, joined)]);
    }

    #[test]
    fn r12_each_client_is_stopped_once_when_every_client_is_done() {
        let mut tracker = started();
        answers(&mut tracker, 3, ToTracker::SwarmRequest(name("f")));
        answers(&mut tracker, 3, ToTracker::FileComplete(F));
        let missing = Missing {
            name: name("z"),
            reason: Reason::NobodyHasIt,
        };
        let done = |missing: &[Missing]| ToTracker::AllComplete {
            missing: missing.to_vec(),
        };
        assert_eq!(answers(&mut tracker, 2, done(&[])), []);
        assert_eq!(
            objection(&mut tracker, 2, done(&[])),
            "a second ALL_COMPLETE"
        );
        assert_eq!(
            answers(&mut tracker, 3, done(std::slice::from_ref(&missing))),
            []
        );
        assert_eq!(tracker.ending(), None);
        let stop = |client| to(client, ToUpload::Stop);
        assert_eq!(
            answers(&mut tracker, 1, done(&[])),
            [stop(1), stop(2), stop(3)]
        );
        let tally = Tally {
            files: 1,
            segments: 3,
            missing: vec![(Rank(3), missing)],
        };
        assert_eq!(tracker.ending(), Some(&Ending::Complete(tally)));
        objection(&mut tracker, 1, done(&[]));
    }
}
