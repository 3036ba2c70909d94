//! R2. The tracker knows each file's name, hashes and swarm. It holds no segment, and does not know
//! which ones a peer holds; only with `--tracker-index segments` it is told.
//!
//! Then a client tells which segments it gained since it last told, at most an interval's. It hears what
//! the tracker was told meanwhile. If the tracker lists only some members (`--members`), it hears all that
//! the tracker was ever told of these.

use std::collections::{BTreeMap, BTreeSet};

use super::known::KnownSwarm;
use super::{Hearing, Passing, RuleCheck, Way};
use swarm::protocol::{
    FileId, InitAck, Joined, Letter, Members, Progress, Rank, SegmentIndex, SegmentSet, Swarm,
    ToDownload, ToTracker,
};

#[derive(Default)]
pub(super) struct TrackerKnowledge {
    /// The segments that a client has gained and not told of.
    untold: BTreeMap<(Rank, FileId), BTreeSet<SegmentIndex>>,
    /// What the tracker was told that a peer holds.
    held: BTreeMap<(FileId, Rank), SegmentSet>,
    /// The same in the order in which it was told.
    log: BTreeMap<FileId, Vec<(Rank, SegmentIndex)>>,
    /// The length of the part of `log` that a client was told.
    told: BTreeMap<(Rank, FileId), usize>,
}

impl RuleCheck for TrackerKnowledge {
    fn message(&mut self, passing: &Passing<'_>, hearing: &mut Hearing<'_>) {
        let known = hearing.known;
        let (from, to) = (passing.from, passing.to);
        match (passing.way, passing.letter) {
            (Way::Posted, Letter::ToDownload(ToDownload::InitAck(InitAck::Start(numbers)))) => {
                let owned = known.owned(to);
                let right = owned.len() == numbers.len()
                    && owned.zip(numbers).all(|(file, &n)| file.number == Some(n));
                if !right {
                    let text = format!("the tracker gave the files of rank {to} wrong numbers");
                    hearing.report(text);
                }
            }
            (Way::Taken, Letter::ToDownload(ToDownload::Segment(answer)))
                if passing.news.gained && known.settings.knows_segments() =>
            {
                let untold = self.untold.entry((to, answer.file)).or_default();
                untold.insert(answer.segment);
            }
            (
                Way::Posted,
                Letter::ToTracker(ToTracker::Update(told) | ToTracker::FileComplete(told)),
            ) => hearing.report(self.tells(from, told, known)),
            (
                Way::Taken,
                Letter::ToTracker(ToTracker::Update(told) | ToTracker::FileComplete(told)),
            ) => self.hear(from, told, known),
            (Way::Posted, Letter::ToDownload(ToDownload::Swarm(Swarm::Joined(joined)))) => {
                let asked = passing.news.question.and_then(|asked| known.asked(asked));
                if let Some(file) = asked {
                    if file.number != Some(joined.file) || file.hashes != joined.hashes {
                        hearing.report(format!(
                            "the tracker told rank {to} of another '{}' than its owners have",
                            file.name
                        ));
                    } else {
                        hearing.report(self.joins(to, joined, known));
                    }
                }
            }
            (Way::Posted, Letter::ToDownload(ToDownload::Swarm(Swarm::Members(members)))) => {
                let asked = passing.news.question.and_then(|asked| known.asked(asked));
                if let Some(number) = asked.and_then(|file| file.number) {
                    hearing.report(self.refreshes(to, number, members, known));
                }
            }
            (Way::Posted | Way::Taken, _) => {}
        }
    }
}

impl TrackerKnowledge {
    /// What is wrong with what a client tells.
    fn tells(&mut self, client: Rank, told: &Progress, known: &KnownSwarm) -> Option<String> {
        let Progress { file, gained } = told;
        let name = known.name(*file);
        if !known.settings.knows_segments() {
            let text =
                || format!("rank {client} told the tracker which segments of {name} it holds");
            return (!gained.is_empty()).then(text);
        }
        let untold = self.untold.entry((client, *file)).or_default();
        let due = untold.len().min(known.settings.update_interval.get());
        let news = gained.iter().filter(|segment| untold.remove(*segment));
        let news = news.count();
        (news != gained.len() || news != due).then(|| {
            format!("rank {client} told the tracker of other segments of {name} than it had gained")
        })
    }

    /// The tracker hears of what a client gained.
    fn hear(&mut self, client: Rank, told: &Progress, known: &KnownSwarm) {
        let Some(file) = known.file(told.file) else {
            return;
        };
        let empty = || SegmentSet::none(file.hashes.len());
        let held = self.held.entry((told.file, client)).or_insert_with(empty);
        let log = self.log.entry(told.file).or_default();
        let news = told.gained.iter().filter(|segment| held.insert(**segment));
        log.extend(news.map(|&segment| (client, segment)));
    }

    /// What is wrong with the first answer to a client.
    fn joins(&mut self, client: Rank, joined: &Joined, known: &KnownSwarm) -> Option<String> {
        let (file, segments) = (joined.file, joined.hashes.len());
        let told = self.log.get(&file).map_or(0, Vec::len);
        self.told.insert((client, file), told);
        let (all, none) = (SegmentSet::all(segments), SegmentSet::none(segments));
        let held = |&member: &Rank| match known.owns(member, file) {
            true => &all,
            false => self.held.get(&(file, member)).unwrap_or(&none),
        };
        let right = match known.settings.knows_segments() {
            true => joined.held.iter().eq(joined.members.iter().map(held)),
            false => joined.held.is_empty(),
        };
        (!right).then(|| wrong(client, file, known))
    }

    /// What is wrong with a later one.
    fn refreshes(
        &mut self,
        client: Rank,
        file: FileId,
        members: &Members,
        known: &KnownSwarm,
    ) -> Option<String> {
        let mut news = if known.settings.members.is_some() && known.settings.knows_segments() {
            self.all_of(file, members)
        } else {
            let log = self.log.get(&file).map_or(&[][..], Vec::as_slice);
            let told = self.told.insert((client, file), log.len()).unwrap_or(0);
            let news = log.iter().skip(told).copied();
            news.filter(|(member, _)| *member != client).collect()
        };
        let mut said = Vec::new();
        for gained in &members.gained {
            said.extend(
                gained
                    .segments
                    .iter()
                    .map(|&segment| (gained.member, segment)),
            );
        }
        news.sort_unstable();
        said.sort_unstable();
        (news != said).then(|| wrong(client, file, known))
    }

    /// All that the peers of a list hold.
    fn all_of(&self, file: FileId, members: &Members) -> Vec<(Rank, SegmentIndex)> {
        let is_peer = |member: &&Rank| !members.seeds.contains(*member);
        let peers = members.members.iter().filter(is_peer);
        let held = peers.filter_map(|&peer| Some((peer, self.held.get(&(file, peer))?)));
        held.flat_map(|(peer, held)| held.iter().map(move |segment| (peer, segment)))
            .collect()
    }
}

fn wrong(client: Rank, file: FileId, known: &KnownSwarm) -> String {
    let name = known.name(file);
    format!("the tracker told rank {client} something else of who holds {name} than it was told")
}
