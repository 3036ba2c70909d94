//! The swarms of a run that has started: the role of each client in each, and, with the index of
//! segments, which segments each member holds.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;

use super::listing::{Listing, MemberList};
use super::{Amount, Tally};
use crate::protocol::{
    Envelope, FileId, FileName, Gained, Hashes, Joined, Members, Missing, Progress, Rank,
    SegmentIndex, SegmentSet, Swarm, ToDownload, ToTracker,
};
use crate::settings::Settings;

/// The swarms of a run that has started.
#[derive(Debug)]
pub(super) struct Swarms {
    pub(super) settings: Settings,
    /// The number of each file.
    pub(super) ids: BTreeMap<FileName, FileId>,
    /// The files, by number.
    pub(super) files: Vec<FileSwarm>,
    /// The clients that still download.
    pub(super) busy: BTreeSet<Rank>,
    pub(super) tally: Tally,
    /// The number of segments that peers have told of, of files that are not complete yet.
    pub(super) partial: usize,
}

/// A file and its swarm.
#[derive(Debug)]
pub(super) struct FileSwarm {
    hashes: Hashes,
    roles: BTreeMap<Rank, Role>,
    listing: Listing,
    /// What each member holds. `None` without the index of segments.
    holdings: Option<Holdings>,
}

/// What a client is in one swarm.
#[derive(Debug)]
enum Role {
    Seed,
    Peer(Peer),
}

/// A client that downloads a file.
#[derive(Debug, Default)]
struct Peer {
    /// The length of the log of gains that it was told.
    told: usize,
    /// The number of segments that it has told of by UPDATE.
    heard: usize,
    /// The number of segments that were granted to it, where the tracker grants.
    granted: usize,
    /// The number of segments that it has confirmed.
    confirmed: usize,
}

/// The segments that the members of a swarm hold, as they have told.
#[derive(Debug)]
struct Holdings {
    held: BTreeMap<Rank, SegmentSet>,
    /// All gains since the start, in the order in which the tracker heard of them.
    log: Vec<Gained>,
}

impl Holdings {
    /// What other members have gained since `client` was last told. `told` is the place in the log.
    fn news(&self, client: Rank, told: &mut usize) -> Vec<Gained> {
        let log = self.log[*told..].iter();
        *told = self.log.len();
        log.filter(|news| news.member != client).cloned().collect()
    }

    /// All segments that the peers among these members hold.
    fn all_of(&self, members: &[Rank], seeds: &[Rank]) -> Vec<Gained> {
        let peers = (members.iter()).filter(|member| seeds.binary_search(member).is_err());
        peers
            .map(|&member| Gained {
                member,
                segments: self.held[&member].iter().collect(),
            })
            .collect()
    }
}

impl Swarms {
    /// Takes the next message.
    ///
    /// # Errors
    /// When the message breaks the protocol.
    pub(super) fn step(
        &mut self,
        from: Rank,
        message: ToTracker,
        post: &mut Vec<Envelope>,
    ) -> Result<()> {
        ensure!(self.busy.contains(&from), "it has nothing more to download");
        let interval = self.settings.update_interval.get();
        match message {
            ToTracker::Init(_) => bail!("every client has registered already"),
            ToTracker::SwarmRequest(name) => self.join(from, &name, post)?,
            ToTracker::Update(progress) => {
                let file = self.peer(from, progress.file)?;
                file.gain(from, progress)?;
                let heard = file.heard(from, interval);
                let swarm = Swarm::Members(file.news(from));
                self.partial += heard;
                post.push(Envelope::new(from, ToDownload::Swarm(swarm)));
            }
            ToTracker::FileComplete(progress) => self.complete(from, progress)?,
            ToTracker::AllComplete { missing } => self.finish(from, missing),
            ToTracker::Alive => {}
            ToTracker::Confirm { file, segment } => self.confirm(from, file, segment, post)?,
        }
        Ok(())
    }

    pub(super) fn progress(&self) -> Amount {
        Amount {
            files: self.tally.files,
            segments: self.tally.segments + self.partial,
        }
    }

    /// What one download of a file amounts to, if there is such a file.
    pub(super) fn size(&self, name: &FileName) -> Option<Amount> {
        let id = self.ids.get(name)?;
        Some(Amount {
            files: 1,
            segments: self.files[id.0 as usize].hashes.len(),
        })
    }

    /// Answers a SWARM_REQUEST. The client is a peer from then on (R3).
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
    fn peer(&mut self, client: Rank, id: FileId) -> Result<&mut FileSwarm> {
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

    /// A peer has got a segment that was granted to it.
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

    /// Grants a peer segments up to a window of unconfirmed ones, where the tracker grants.
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
        if let Some(holdings) = &file.holdings {
            let held = holdings.held[&client].iter().count();
            ensure!(
                held == segments,
                "it holds {held} of the {segments} segments of file number {id}"
            );
        }
        let heard = file.member(client).heard;
        file.roles.insert(client, Role::Seed);
        file.listing.completed(client);
        self.partial -= heard;
        self.tally.segments += segments;
        self.tally.files += 1;
        Ok(())
    }

    /// The client has nothing more to download. It stays in its swarms (R11).
    fn finish(&mut self, client: Rank, missing: Vec<Missing>) {
        self.busy.remove(&client);
        self.tally
            .missing
            .extend(missing.into_iter().map(|file| (client, file)));
        self.tally.missing.sort_by_key(|(client, _)| *client);
    }
}

impl FileSwarm {
    /// The swarm of a file that `owners` have from the start.
    pub(super) fn new(
        hashes: Hashes,
        owners: BTreeSet<Rank>,
        settings: &Settings,
        rng: Rng,
    ) -> FileSwarm {
        let holdings = settings.knows_segments().then(|| Holdings {
            held: (owners.iter())
                .map(|&owner| (owner, SegmentSet::all(hashes.len())))
                .collect(),
            log: Vec::new(),
        });
        FileSwarm {
            hashes,
            listing: Listing::new(&owners, settings.members, rng),
            roles: owners
                .into_iter()
                .map(|owner| (owner, Role::Seed))
                .collect(),
            holdings,
        }
    }

    /// Makes a client a peer, and returns all that it is to know of the file.
    fn join(&mut self, client: Rank, id: FileId) -> Joined {
        let MemberList { members, seeds } = self.listing.list(client);
        let held = (self.holdings.iter())
            .flat_map(|known| members.iter().map(|member| known.held[member].clone()))
            .collect();
        let joined = Joined {
            file: id,
            hashes: self.hashes.clone(),
            size: self.roles.len() + 1,
            members,
            seeds,
            held,
        };
        let mut peer = Peer::default();
        if let Some(holdings) = &mut self.holdings {
            let none = SegmentSet::none(self.hashes.len());
            holdings.held.insert(client, none);
            peer.told = holdings.log.len();
        }
        self.roles.insert(client, Role::Peer(peer));
        self.listing.joined(client);
        joined
    }

    /// Notes what a peer has gained, with the index of segments (R2).
    ///
    /// # Errors
    /// When the peer tells of segments without that index, or of one that it held before.
    fn gain(&mut self, client: Rank, progress: Progress) -> Result<()> {
        let Progress { file, gained } = progress;
        let Some(holdings) = &mut self.holdings else {
            ensure!(gained.is_empty(), "the tracker is not to know of segments");
            return Ok(());
        };
        let held = holdings
            .held
            .get_mut(&client)
            .expect("a peer holds something");
        for &segment in &gained {
            ensure!(
                held.insert(segment),
                "it has not gained segment {segment} of file number {file}"
            );
        }
        holdings.log.push(Gained {
            member: client,
            segments: gained,
        });
        Ok(())
    }

    /// A peer has sent UPDATE: it has gained `interval` segments, but never more than the file has.
    /// Returns the number that counts.
    fn heard(&mut self, client: Rank, interval: usize) -> usize {
        let segments = self.hashes.len();
        let peer = self.member(client);
        let heard = interval.min(segments - peer.heard);
        peer.heard += heard;
        heard
    }

    /// The swarm as it is now. With the index of segments, also what its members have gained since
    /// the peer was last told. If an answer names some members only, the peer may know nothing of
    /// these: it is told all that they hold.
    fn news(&mut self, client: Rank) -> Members {
        let MemberList { members, seeds } = self.listing.list(client);
        let gained = match (&self.holdings, self.roles.get_mut(&client)) {
            (None, _) | (_, None | Some(Role::Seed)) => Vec::new(),
            (Some(holdings), Some(Role::Peer(peer))) => match &self.listing {
                Listing::All { .. } => holdings.news(client, &mut peer.told),
                Listing::Some { .. } => holdings.all_of(&members, &seeds),
            },
        };
        Members {
            size: self.roles.len(),
            members,
            seeds,
            gained,
        }
    }

    /// What is known of a peer.
    ///
    /// # Panics
    /// When the client is no peer.
    fn member(&mut self, client: Rank) -> &mut Peer {
        match self.roles.get_mut(&client) {
            Some(Role::Peer(peer)) => peer,
            Some(Role::Seed) | None => unreachable!("only peers are asked for"),
        }
    }
}
