//! R9 where a scenario lets clients leave. An upload thread says when it serves nobody any more; what it
//! may do from then on, `service` judges, and here is judged whether it may say so.
//!
//! Who is to stay never leaves. Who leaves when it is done says nothing more than ALL_COMPLETE
//! afterwards. Who leaves after one copy of what it owns has sent each segment of it, and says that it
//! has left when it takes the next request. Whether the time has come at which somebody leaves, the
//! order of events does not tell.

use std::collections::{BTreeMap, BTreeSet};

use super::known::{File, Known};
use super::{Check, Offences, Passing, Rule, Way};
use swarm::client::Leaving;
use swarm::event::{Deed, Thread};
use swarm::protocol::{Answer, FileId, Letter, Rank, SegmentSet, Tag, ToDownload};

#[derive(Default)]
pub(super) struct Departures {
    /// What they that leave after one copy have sent of what they own, and how much that is.
    sent: BTreeMap<(Rank, FileId), (SegmentSet, usize)>,
    /// Who has taken a request after that, and is to leave.
    due: BTreeSet<Rank>,
}

impl Check for Departures {
    fn message(&mut self, passing: &Passing<'_>, known: &Known, offences: &mut Offences) {
        let rank = passing.rank();
        if rank == Rank::TRACKER {
            return;
        }
        match (known.part(rank).leaving, passing.thread) {
            (Leaving::WhenDone(_), Thread::Download) if known.has_left(rank) => {
                let tag = passing.letter.tag();
                let is_last = matches!(tag, Tag::AllComplete | Tag::Alive);
                if passing.way == Way::Taken || !is_last {
                    let verb = match passing.way {
                        Way::Posted => "sent",
                        Way::Taken => "took",
                    };
                    let text = format!("rank {rank} {verb} {tag} and had left as one that is done");
                    offences.report(Rule::R9, text);
                }
            }
            (Leaving::AfterOneCopy, Thread::Upload) if !known.has_left(rank) => {
                self.serves(passing, known, offences);
            }
            _ => {}
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
        if *deed != Deed::Left {
            return;
        }
        self.due.remove(&rank);
        let text = match known.part(rank).leaving {
            _ if thread != Thread::Upload => {
                format!("rank {rank} left with its {thread} thread, which serves nobody")
            }
            Leaving::Never => format!("rank {rank} left, which was to stay"),
            Leaving::AfterOneCopy if !self.is_copy_out(rank, known) => {
                format!("rank {rank} left before a copy of what it owned was out")
            }
            Leaving::AfterOneCopy | Leaving::WhenDone(_) | Leaving::At(_) => return,
        };
        offences.report(Rule::R9, text);
    }
}

impl Departures {
    /// An upload thread takes or posts something that is to leave after one copy and has not.
    fn serves(&mut self, passing: &Passing<'_>, known: &Known, offences: &mut Offences) {
        let rank = passing.rank();
        if passing.way == Way::Posted && self.due.remove(&rank) {
            let text = format!("rank {rank} stayed after a copy of what it owned was out");
            offences.report(Rule::R9, text);
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
    fn is_copy_out(&self, client: Rank, known: &Known) -> bool {
        let sent = |number| {
            self.sent
                .get(&(client, number))
                .map_or(0, |(_, sent)| *sent)
        };
        let is_out = |file: &File| file.number.map_or(0, sent) == file.hashes.len();
        let owned = known.owned(client).filter(|file| !file.hashes.is_empty());
        let mut owned = owned.peekable();
        owned.peek().is_some() && owned.all(is_out)
    }
}
