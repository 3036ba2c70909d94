//! R4. A client compares the hash that comes back with the promised one.
//!
//! It does so before the thread does anything else; only ALIVE may come between.

use std::collections::BTreeMap;

use super::{Hearing, Passing, RuleCheck, Way};
use swarm::event::{Deed, Event, Thread};
use swarm::protocol::{Answer, FileId, Letter, Rank, SegmentIndex, Tag, ToDownload};

#[derive(Default)]
pub(super) struct HashChecks {
    /// What each client has to check.
    due: BTreeMap<Rank, Due>,
}

#[derive(Clone, Copy)]
struct Due {
    answer: SegmentFrom,
    is_right: bool,
}

/// The member that sent a segment, its file and its position.
type SegmentFrom = (Rank, FileId, SegmentIndex);

impl RuleCheck for HashChecks {
    fn message(&mut self, passing: &Passing<'_>, hearing: &mut Hearing<'_>) {
        if passing.thread != Thread::Download || passing.letter.tag() == Tag::Alive {
            return;
        }
        self.go_on(passing.rank(), hearing);
        let (Way::Taken, Letter::ToDownload(ToDownload::Segment(answer))) =
            (passing.way, passing.letter)
        else {
            return;
        };
        let is_right = hearing.known.is_right(answer);
        if is_right && !passing.news.gained {
            let segment = hearing.known.segment(answer.file, answer.segment);
            let rank = passing.to;
            hearing.report(format!("rank {rank} was sent {segment}, which it held"));
        } else if matches!(answer.answer, Answer::Ack(_)) {
            let answer = (passing.from, answer.file, answer.segment);
            self.due.insert(passing.to, Due { answer, is_right });
        }
    }

    fn deed(&mut self, event: &Event, hearing: &mut Hearing<'_>) {
        let rank = event.rank;
        match event.deed {
            Deed::Verified {
                from,
                file,
                segment,
            }
            | Deed::WrongHash {
                from,
                file,
                segment,
            } => self.check(event, (from, file, segment), hearing),
            Deed::Saved { .. } | Deed::Ended if event.thread == Thread::Download => {
                self.go_on(rank, hearing);
            }
            Deed::Saved { .. }
            | Deed::Left
            | Deed::Ended
            | Deed::Begun
            | Deed::Posted { .. }
            | Deed::Taken { .. } => {}
        }
    }

    fn owed(&mut self, hearing: &mut Hearing<'_>) {
        for rank in hearing.known.clients() {
            self.go_on(rank, hearing);
        }
    }
}

impl HashChecks {
    /// A client goes on: it must have checked what came.
    fn go_on(&mut self, rank: Rank, hearing: &mut Hearing<'_>) {
        if let Some(due) = self.due.remove(&rank) {
            let (from, file, segment) = due.answer;
            let segment = hearing.known.segment(file, segment);
            let text = format!("rank {rank} did not check {segment} from rank {from}");
            hearing.report(text);
        }
    }

    /// A client says whether the hash of a segment was right.
    fn check(&mut self, event: &Event, answer: SegmentFrom, hearing: &mut Hearing<'_>) {
        let (rank, (from, file, segment)) = (event.rank, answer);
        let is_found_right = matches!(event.deed, Deed::Verified { .. });
        let due = self.due.remove(&rank).filter(|due| due.answer == answer);
        if due.is_some_and(|due| due.is_right == is_found_right) {
            return;
        }
        let segment = hearing.known.segment(file, segment);
        hearing.report(match due {
            Some(_) if is_found_right => {
                format!("rank {rank} took a wrong hash from rank {from} for {segment}")
            }
            Some(_) => format!(
                "rank {rank} took the right hash of {segment} from rank {from} for a wrong one"
            ),
            None => {
                format!("rank {rank} checked {segment} from rank {from}, which had not just come")
            }
        });
    }
}
