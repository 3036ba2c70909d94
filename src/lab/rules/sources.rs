//! R5. Sources vary: the members take turns, from the one behind the client on, or as
//! `--peer-selection` has it.
//!
//! This is judged where members take turns, and none loses its turn because it has no free slot or sends
//! wrong hashes. If all owners of a file stay, and none is a free rider, they serve each client equally, to
//! within one segment; and no member serves a client more than one segment above what an owner does.
//! Nothing certain can be said of other policies, of files that are not complete, and of clients that are
//! told of only some members.

use std::collections::BTreeMap;

use super::{Hearing, Passing, RuleCheck, Way};
use swarm::protocol::{Answer, FileId, Letter, Rank, ToDownload, ToTracker};

#[derive(Default)]
pub(super) struct FairShares {
    /// How many segments of a file each member has served a client that has not completed it.
    shares: BTreeMap<(Rank, FileId), BTreeMap<Rank, usize>>,
}

impl RuleCheck for FairShares {
    fn message(&mut self, passing: &Passing<'_>, hearing: &mut Hearing<'_>) {
        let known = hearing.known;
        let take_turns = known.settings.peer_selection.value.takes_turns
            && !known.serving_takes_time
            && known.settings.members.is_none()
            && known.corrupt.is_empty();
        if !take_turns {
            return;
        }
        match (passing.way, passing.letter) {
            (Way::Taken, Letter::ToDownload(ToDownload::Segment(answer))) => {
                if matches!(answer.answer, Answer::Ack(_)) {
                    let shares = self.shares.entry((passing.to, answer.file)).or_default();
                    *shares.entry(passing.from).or_default() += 1;
                }
            }
            (Way::Posted, Letter::ToTracker(ToTracker::FileComplete(told))) => {
                let (client, file) = (passing.from, told.file);
                let shares = self.shares.remove(&(client, file)).unwrap_or_default();
                let owners = known.file(file).map(|file| &file.owners);
                let is_steady = |owner: &Rank| known.part(*owner).is_steady();
                let owners = owners.filter(|owners| owners.iter().all(is_steady));
                let share = |owner: &Rank| shares.get(owner).copied().unwrap_or(0);
                let owners = owners.into_iter().flatten();
                let least = owners.min_by_key(|owner| share(owner));
                let most = shares.iter().max_by_key(|(_, share)| **share);
                if let (Some(owner), Some((member, most))) = (least, most)
                    && *most > share(owner) + 1
                {
                    hearing.report(format!(
                        "rank {client} took {most} segments of {} from rank {member}, \
                         and {} from rank {owner}, which owns it",
                        known.name(file),
                        share(owner),
                    ));
                }
            }
            (Way::Posted | Way::Taken, _) => {}
        }
    }
}
