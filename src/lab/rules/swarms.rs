//! R3. A client asks for each wanted file's swarm, and is a peer of it from then on.
//!
//! R11. FILE_COMPLETE makes a peer a seed; it stays in its swarms when it is done.
//!
//! So the tracker lists the owners of a file and everybody whom it has told of the file, or so many of
//! them but the asker as `--members` says. Who is left out though it is a seed or done is R11's business.

use std::collections::{BTreeMap, BTreeSet};

use super::known::{File, Known};
use super::{Check, Offences, Passing, Rule, Way};
use swarm::protocol::{FileId, FileName, Letter, Rank, Swarm, ToDownload, ToTracker, ToUpload};

#[derive(Default)]
pub(super) struct Swarms {
    /// The seeds and peers of each file, once somebody has asked.
    members: BTreeMap<FileName, BTreeSet<Rank>>,
    /// Who has become a seed, for all that the tracker was told.
    seeds: BTreeSet<(FileId, Rank)>,
    /// Who is done, for all that it was told.
    done: BTreeSet<Rank>,
    /// Who has heard of which file.
    joined: BTreeSet<(Rank, FileId)>,
}

impl Check for Swarms {
    fn message(&mut self, passing: &Passing<'_>, known: &Known, offences: &mut Offences) {
        let (from, to) = (passing.from, passing.to);
        match (passing.way, passing.letter) {
            (Way::Posted, Letter::ToTracker(ToTracker::SwarmRequest(name))) => {
                if known
                    .named(name)
                    .is_some_and(|file| file.owners.contains(&from))
                {
                    let text =
                        format!("rank {from} asked for the swarm of '{name}', which it owns");
                    offences.report(Rule::R3, text);
                }
            }
            (Way::Posted, Letter::ToUpload(ToUpload::SegmentRequest(request))) => {
                self.asks(from, request.file, known, offences);
            }
            (Way::Posted, Letter::ToUpload(ToUpload::AvailabilityRequest { file, .. })) => {
                self.asks(from, *file, known, offences);
            }
            (Way::Taken, Letter::ToTracker(ToTracker::FileComplete(told))) => {
                self.seeds.insert((told.file, from));
            }
            (Way::Taken, Letter::ToTracker(ToTracker::AllComplete { .. })) => {
                self.done.insert(from);
            }
            (Way::Posted, Letter::ToDownload(ToDownload::Swarm(answer))) => {
                match passing.news.question {
                    None => {
                        let text =
                            format!("the tracker sent rank {to} a SWARM that it had not asked for");
                        offences.report(Rule::R3, text);
                    }
                    Some(question) => match known.asked(question) {
                        Some(file) => self.lists(to, answer, file, known, offences),
                        None if *answer == Swarm::Unknown => {}
                        None => {
                            let text =
                                format!("the tracker told rank {to} of a file that nobody owns");
                            offences.report(Rule::R3, text);
                        }
                    },
                }
            }
            (Way::Taken, Letter::ToDownload(ToDownload::Swarm(Swarm::Joined(joined)))) => {
                self.joined.insert((to, joined.file));
            }
            (Way::Posted | Way::Taken, _) => {}
        }
    }

    fn owed(&self, known: &Known, owed: &mut Offences) {
        for (client, question) in known.unanswered() {
            if !question.is_update {
                let text = format!("the tracker never answered rank {client}'s SWARM_REQUEST");
                owed.report(Rule::R3, text);
            }
        }
    }
}

impl Swarms {
    fn asks(&self, client: Rank, file: FileId, known: &Known, offences: &mut Offences) {
        if !self.joined.contains(&(client, file)) {
            let name = known.name(file);
            let text =
                format!("rank {client} asked for a segment of {name} before it knew its swarm");
            offences.report(Rule::R3, text);
        }
    }

    /// The tracker answers about a file that somebody owns.
    fn lists(
        &mut self,
        client: Rank,
        answer: &Swarm,
        file: &File,
        known: &Known,
        offences: &mut Offences,
    ) {
        let name = &file.name;
        let owners = || file.owners.clone();
        let members = self.members.entry(name.clone()).or_insert_with(owners);
        let is_peer = members.contains(&client);
        let (size, listed, seeds, is_first) = match answer {
            Swarm::Unknown => {
                let text = format!("the tracker told rank {client} that nobody has '{name}'");
                return offences.report(Rule::R3, text);
            }
            Swarm::Joined(joined) => (joined.size, &joined.members, &joined.seeds, true),
            Swarm::Members(members) => (members.size, &members.members, &members.seeds, false),
        };
        if is_first == is_peer {
            let which = if is_first {
                "anew"
            } else {
                "without its hashes"
            };
            let text = format!("the tracker told rank {client} of '{name}' {which}");
            offences.report(Rule::R3, text);
        }
        let has_become_seed =
            |rank| (file.number).is_some_and(|number| self.seeds.contains(&(number, rank)));
        // Lists are in rank order, as the set is.
        if let Some(most) = known.settings.members {
            let others = members.len() - usize::from(is_peer);
            if let Some(how) = wrong_draw(client, listed, members, others.min(most.get())) {
                let text = format!("the tracker told rank {client} of members of '{name}' {how}");
                offences.report(Rule::R3, text);
            }
        } else if !members.iter().eq(listed.iter()) {
            let left_out = members.iter().find(|rank| !listed.contains(rank));
            let (rule, how) = match left_out {
                Some(&rank) if has_become_seed(rank) => (
                    Rule::R11,
                    format!("without rank {rank}, which became a seed"),
                ),
                Some(rank) if self.done.contains(rank) => {
                    (Rule::R11, format!("without rank {rank}, which is done"))
                }
                Some(rank) => (Rule::R3, format!("without rank {rank}")),
                None => (Rule::R3, "with others than are in it".to_owned()),
            };
            let text = format!("the tracker told rank {client} of the swarm of '{name}' {how}");
            offences.report(rule, text);
        }
        let is_seed = |&rank: &Rank| file.owners.contains(&rank) || has_become_seed(rank);
        if !(listed.iter().copied().filter(is_seed)).eq(seeds.iter().copied()) {
            let left_out = listed
                .iter()
                .find(|rank| is_seed(rank) && !seeds.contains(rank));
            let how = match left_out {
                Some(rank) => format!("without rank {rank}, which is one"),
                None => "with others than are".to_owned(),
            };
            let text = format!("the tracker told rank {client} of the seeds of '{name}' {how}");
            offences.report(Rule::R11, text);
        }
        members.insert(client);
        if size != members.len() {
            let right = members.len();
            let text = format!(
                "the tracker told rank {client} of {size} members of '{name}', where there are {right}"
            );
            offences.report(Rule::R3, text);
        }
    }
}

/// What is wrong with a list of some members, of which there should be so many.
fn wrong_draw(
    client: Rank,
    listed: &[Rank],
    members: &BTreeSet<Rank>,
    count: usize,
) -> Option<String> {
    if !listed.is_sorted_by(|one, next| one < next) {
        Some("twice, or out of order".to_owned())
    } else if listed.contains(&client) {
        Some("and named it itself".to_owned())
    } else if let Some(stranger) = listed.iter().find(|rank| !members.contains(rank)) {
        Some(format!("and named rank {stranger}, which is none"))
    } else if listed.len() != count {
        Some(format!("and named {} instead of {count}", listed.len()))
    } else {
        None
    }
}
