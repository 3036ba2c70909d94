//! R4. A client holds the hash that comes back against the promised one.
//!
//! It does so before the thread does anything else, but for saying that it is alive.

use std::collections::BTreeMap;

use super::known::Known;
use super::{Check, Offences, Passing, Rule, Way};
use swarm::event::{Deed, Thread};
use swarm::protocol::{Answer, FileId, Letter, Rank, SegmentIndex, Tag, ToDownload};

#[derive(Default)]
pub(super) struct Checking {
    /// What each client has to check.
    due: BTreeMap<Rank, Due>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Due {
    from: Rank,
    file: FileId,
    segment: SegmentIndex,
    is_right: bool,
}

impl Check for Checking {
    fn message(&mut self, passing: &Passing<'_>, known: &Known, offences: &mut Offences) {
        if passing.thread != Thread::Download || passing.letter.tag() == Tag::Alive {
            return;
        }
        self.go_on(passing.rank(), known, offences);
        let (Way::Taken, Letter::ToDownload(ToDownload::Segment(answer))) =
            (passing.way, passing.letter)
        else {
            return;
        };
        let is_right = known.is_right(answer);
        if is_right && !passing.news.gained {
            let segment = known.segment(answer.file, answer.segment);
            let text = format!("rank {} was sent {segment}, which it held", passing.to);
            offences.report(Rule::R4, text);
        } else if matches!(answer.answer, Answer::Ack(_)) {
            let due = Due {
                from: passing.from,
                file: answer.file,
                segment: answer.segment,
                is_right,
            };
            self.due.insert(passing.to, due);
        }
    }

    fn deed(
        &mut self,
        rank: Rank,
        thread: Thread,
        deed: &Deed,
        known: &Known,
        offences: &mut Offences,
    ) {
        let (found, from, file, segment) = match *deed {
            Deed::Verified {
                from,
                file,
                segment,
            } => (true, from, file, segment),
            Deed::WrongHash {
                from,
                file,
                segment,
            } => (false, from, file, segment),
            Deed::Saved { .. } | Deed::Ended if thread == Thread::Download => {
                return self.go_on(rank, known, offences);
            }
            Deed::Saved { .. }
            | Deed::Left
            | Deed::Ended
            | Deed::Begun
            | Deed::Posted { .. }
            | Deed::Taken { .. } => return,
        };
        let due = self.due.remove(&rank);
        let is_due = |due: &Due| (due.from, due.file, due.segment) == (from, file, segment);
        let segment = || known.segment(file, segment);
        let text = match due.filter(is_due) {
            Some(due) if due.is_right == found => return,
            Some(_) if found => format!(
                "rank {rank} took a wrong hash from rank {from} for {}",
                segment()
            ),
            Some(_) => format!(
                "rank {rank} took the right hash of {} from rank {from} for a wrong one",
                segment()
            ),
            None => format!(
                "rank {rank} checked {} from rank {from}, which had not just come",
                segment()
            ),
        };
        offences.report(Rule::R4, text);
    }

    fn owed(&self, known: &Known, owed: &mut Offences) {
        for (rank, due) in &self.due {
            owed.report(Rule::R4, unchecked(*rank, due, known));
        }
    }
}

impl Checking {
    /// A client goes on, so it has checked what came.
    fn go_on(&mut self, rank: Rank, known: &Known, offences: &mut Offences) {
        if let Some(due) = self.due.remove(&rank) {
            offences.report(Rule::R4, unchecked(rank, &due, known));
        }
    }
}

fn unchecked(rank: Rank, due: &Due, known: &Known) -> String {
    let segment = known.segment(due.file, due.segment);
    format!("rank {rank} did not check {segment} from rank {}", due.from)
}
