//! R9 where a scenario lets clients leave. An upload thread says when it serves nobody any more. Here is
//! judged whether it may say so; `service` judges what it may do from then on.
//!
//! * A client that is to stay never leaves.
//! * One that leaves when it is done sends only ALL_COMPLETE afterwards.
//! * One that leaves after one copy has sent each segment of what it owns, and says that it has left when
//!   it takes the next request.
//! * Of one that leaves at a certain time the order of events does not tell whether that time has come.

use std::collections::{BTreeMap, BTreeSet};

use super::known::{KnownFile, KnownSwarm};
use super::{Hearing, Passing, RuleCheck, Way};
use swarm::client::Leaving;
use swarm::event::{Deed, Event, Thread};
use swarm::protocol::{Answer, FileId, Letter, Rank, SegmentSet, Tag, ToDownload};

#[derive(Default)]
pub(super) struct Departures {
    /// The segments of what it owns that a client has sent, which leaves after one copy; and their number.
    sent: BTreeMap<(Rank, FileId), (SegmentSet, usize)>,
    /// The clients that have taken a request after that, and are to leave.
    due: BTreeSet<Rank>,
}

impl RuleCheck for Departures {
    fn message(&mut self, passing: &Passing<'_>, hearing: &mut Hearing<'_>) {
        let known = hearing.known;
        let rank = passing.rank();
        if rank == Rank::TRACKER {
            return;
        }
        match (known.part(rank).leaving, passing.thread) {
            (Leaving::WhenDone(_), Thread::Download) if known.has_left(rank) => {
                let tag = passing.letter.tag();
                let is_last = matches!(tag, Tag::AllComplete | Tag::Alive);
                if passing.way == Way::Taken || !is_last {
                    let verb = passing.way.verb();
                    let text = format!("rank {rank} {verb} {tag} and had left as one that is done");
                    hearing.report(text);
                }
            }
            (Leaving::AfterOneCopy, Thread::Upload) if !known.has_left(rank) => {
                self.serves(passing, hearing);
            }
            (Leaving::Never | Leaving::AfterOneCopy | Leaving::WhenDone(_) | Leaving::At(_), _) => {
            }
        }
    }

    fn deed(&mut self, event: &Event, hearing: &mut Hearing<'_>) {
        let (rank, thread, known) = (event.rank, event.thread, hearing.known);
        if event.deed != Deed::Left {
            return;
        }
        self.due.remove(&rank);
        hearing.report(match known.part(rank).leaving {
            _ if thread != Thread::Upload => {
                format!("rank {rank} left with its {thread} thread, which serves nobody")
            }
            Leaving::Never => format!("rank {rank} left, which was to stay"),
            Leaving::AfterOneCopy if !self.is_copy_out(rank, known) => {
                format!("rank {rank} left before a copy of what it owned was out")
            }
            Leaving::AfterOneCopy | Leaving::WhenDone(_) | Leaving::At(_) => return,
        });
    }
}

impl Departures {
    /// The upload thread of a client takes or posts something. The client is to leave after one copy and
    /// has not.
    fn serves(&mut self, passing: &Passing<'_>, hearing: &mut Hearing<'_>) {
        let known = hearing.known;
        let rank = passing.rank();
        if passing.way == Way::Posted && self.due.remove(&rank) {
            let text = format!("rank {rank} stayed after a copy of what it owned was out");
            hearing.report(text);
        }
        match (passing.way, passing.letter) {
            (Way::Taken, Letter::ToUpload(_)) if passing.letter.tag() != Tag::Stop => {
                if self.is_copy_out(rank, known) {
                    self.due.insert(rank);
                }
            }
            (Way::Posted, Letter::ToDownload(ToDownload::Segment(answer)))
                if matches!(answer.answer, Answer::Ack(_)) && known.owns(rank, answer.file) =>
            {
                let segments = known.file(answer.file).map_or(0, |file| file.hashes.len());
                let none = || (SegmentSet::none(segments), 0);
                let sent = self.sent.entry((rank, answer.file)).or_insert_with(none);
                sent.1 += usize::from(sent.0.insert(answer.segment));
            }
            (Way::Posted | Way::Taken, _) => {}
        }
    }

    /// Whether a client that owns anything has sent each segment of it.
    fn is_copy_out(&self, client: Rank, known: &KnownSwarm) -> bool {
        let sent = |number| self.sent.get(&(client, number)).map_or(0, |it| it.1);
        let is_out = |file: &KnownFile| file.number.map_or(0, sent) == file.hashes.len();
        let owned = known.owned(client).filter(|file| !file.hashes.is_empty());
        let mut owned = owned.peekable();
        owned.peek().is_some() && owned.all(is_out)
    }
}
