//! R3. A client asks for each wanted file's swarm, and is a peer of it from then on.
//!
//! R11. FILE_COMPLETE makes a peer a seed; it stays in its swarms when it is done.
//!
//! So the tracker lists the owners of a file and all clients that it has told of the file. With
//! `--members N` it lists N of them, without the client that asks. A list without a member breaks R11 if
//! the member is a seed or done, and R3 otherwise. If the judge knows the client's input, the client asks
//! only for files that it wants.

use std::collections::{BTreeMap, BTreeSet};

use super::known::KnownFile;
use super::{Hearing, Passing, Rule, RuleCheck, Way};
use swarm::manifest::Manifest;
use swarm::protocol::{FileId, FileName, Letter, Rank, Swarm, ToDownload, ToTracker, ToUpload};

#[derive(Default)]
pub(super) struct SwarmLists {
    /// The seeds and peers of each file, once a client has asked.
    members: BTreeMap<FileName, BTreeSet<Rank>>,
    /// The peers that have become seeds, as far as the tracker was told.
    seeds: BTreeSet<(FileId, Rank)>,
    /// The clients that know the swarm of a file.
    joined: BTreeSet<(Rank, FileId)>,
}

impl RuleCheck for SwarmLists {
    fn message(&mut self, passing: &Passing<'_>, hearing: &mut Hearing<'_>) {
        let known = hearing.known;
        let (from, to) = (passing.from, passing.to);
        match (passing.way, passing.letter) {
            (Way::Posted, Letter::ToTracker(ToTracker::SwarmRequest(name))) => {
                let owns = |file: &KnownFile| file.owners.contains(&from);
                if known.named(name).is_some_and(owns) {
                    hearing.report(format!(
                        "rank {from} asked for the swarm of '{name}', which it owns"
                    ));
                }
                let input = known.inputs.get(&from).map(Result::as_ref);
                let wants = |input: &Manifest| input.wanted.contains(name);
                if input.is_some_and(|input| !input.is_ok_and(wants)) {
                    hearing.report(format!(
                        "rank {from} asked for '{name}', which its input does not want"
                    ));
                }
            }
            (Way::Posted, Letter::ToUpload(ToUpload::SegmentRequest(request))) => {
                self.asks(from, request.file, hearing);
            }
            (Way::Posted, Letter::ToUpload(ToUpload::AvailabilityRequest { file, .. })) => {
                self.asks(from, *file, hearing);
            }
            (Way::Taken, Letter::ToTracker(ToTracker::FileComplete(told))) => {
                self.seeds.insert((told.file, from));
            }
            (Way::Posted, Letter::ToDownload(ToDownload::Swarm(answer))) => {
                let Some(question) = passing.news.question else {
                    return hearing.report(format!(
                        "the tracker sent rank {to} a SWARM that it had not asked for"
                    ));
                };
                if let Some(file) = known.asked(question) {
                    self.lists(to, answer, file, hearing);
                } else if *answer != Swarm::Unknown {
                    let text = format!("the tracker told rank {to} of a file that nobody owns");
                    hearing.report(text);
                }
            }
            (Way::Taken, Letter::ToDownload(ToDownload::Swarm(Swarm::Joined(joined)))) => {
                self.joined.insert((to, joined.file));
            }
            (Way::Posted | Way::Taken, _) => {}
        }
    }

    fn owed(&mut self, hearing: &mut Hearing<'_>) {
        for client in hearing.known.unanswered(false) {
            let text = format!("the tracker never answered rank {client}'s SWARM_REQUEST");
            hearing.report(text);
        }
    }
}

impl SwarmLists {
    fn asks(&self, client: Rank, file: FileId, hearing: &mut Hearing<'_>) {
        if !self.joined.contains(&(client, file)) {
            let name = hearing.known.name(file);
            hearing.report(format!(
                "rank {client} asked for a segment of {name} before it knew its swarm"
            ));
        }
    }

    /// The tracker answers about a file that a client owns.
    fn lists(&mut self, client: Rank, answer: &Swarm, file: &KnownFile, hearing: &mut Hearing<'_>) {
        let name = &file.name;
        let owners = || file.owners.clone();
        let members = self.members.entry(name.clone()).or_insert_with(owners);
        let is_peer = members.contains(&client);
        let (size, listed, seeds, is_first) = match answer {
            Swarm::Unknown => {
                let text = format!("the tracker told rank {client} that nobody has '{name}'");
                return hearing.report(text);
            }
            Swarm::Joined(joined) => (joined.size, &joined.members, &joined.seeds, true),
            Swarm::Members(members) => (members.size, &members.members, &members.seeds, false),
        };
        if is_first == is_peer {
            let which = match is_first {
                true => "anew",
                false => "without its hashes",
            };
            let text = format!("the tracker told rank {client} of '{name}' {which}");
            hearing.report(text);
        }
        let has_become_seed =
            |rank| (file.number).is_some_and(|number| self.seeds.contains(&(number, rank)));
        // Lists are in rank order, as the set is.
        if let Some(most) = hearing.known.settings.members {
            let others = members.len() - usize::from(is_peer);
            if let Some(how) = wrong_draw(client, listed, members, others.min(most.get())) {
                let text = format!("the tracker told rank {client} of members of '{name}' {how}");
                hearing.report(text);
            }
        } else if !members.iter().eq(listed.iter()) {
            let left_out = members.iter().find(|rank| !listed.contains(rank));
            let (rule, how) = match left_out {
                Some(&rank) if has_become_seed(rank) => (
                    Rule::R11,
                    format!("without rank {rank}, which became a seed"),
                ),
                Some(rank) if hearing.known.done.contains(rank) => {
                    (Rule::R11, format!("without rank {rank}, which is done"))
                }
                Some(rank) => (Rule::R3, format!("without rank {rank}")),
                None => (Rule::R3, "with others than are in it".to_owned()),
            };
            let text = format!("the tracker told rank {client} of the swarm of '{name}' {how}");
            hearing.report_against(rule, text);
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
            hearing.report_against(
                Rule::R11,
                format!("the tracker told rank {client} of the seeds of '{name}' {how}"),
            );
        }
        members.insert(client);
        if size != members.len() {
            let right = members.len();
            hearing.report(format!(
                "the tracker told rank {client} of {size} members of '{name}', where there are {right}"
            ));
        }
    }
}

/// What is wrong with a list of some members, which should have `count` of them.
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
