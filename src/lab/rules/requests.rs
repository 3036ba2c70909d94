//! R4. A client asks a member for each segment that it lacks, one that the tracker told it of. After a
//! NACK or a wrong hash it tries another member, and the one that refused is not asked for that segment
//! again before the next list of members, unless it says that it has gained the segment.
//!
//! Where clients ask members how busy they are, they ask for a segment only a member that has offered it,
//! or in whose queue they wait. At most a window's requests are open at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::known::KnownSwarm;
use super::{Hearing, Passing, RuleCheck, Way};
use swarm::protocol::{
    Answer, FileId, Letter, Rank, SegmentIndex, SegmentRequest, Swarm, ToDownload, ToUpload,
};

#[derive(Default)]
pub(super) struct Requests {
    clients: BTreeMap<Rank, Requester>,
    /// The last list of a whole swarm. Most lists equal the one before: these are held once.
    last: Arc<[Rank]>,
}

#[derive(Default)]
struct Requester {
    /// The file that was last listed.
    file: Option<FileId>,
    /// Its members, which are never fewer later. Empty where lists name only some.
    members: Arc<[Rank]>,
    /// All members that it was told of, where lists name only some.
    told: BTreeSet<Rank>,
    /// The requests since then: the member and the segment.
    asked: BTreeSet<(Rank, FileId, SegmentIndex)>,
    /// The requests that are not answered.
    in_flight: BTreeSet<(Rank, FileId, SegmentIndex)>,
    /// The members that have offered a segment since it was last asked for.
    offers: BTreeMap<(FileId, SegmentIndex), Vec<Rank>>,
    /// The members in whose queues it has waited.
    waited: BTreeSet<(FileId, Rank)>,
}

impl RuleCheck for Requests {
    fn message(&mut self, passing: &Passing<'_>, hearing: &mut Hearing<'_>) {
        let known = hearing.known;
        let (from, to) = (passing.from, passing.to);
        let polls = known.settings.peer_selection.value.polls;
        let may_wait = known.serving_takes_time && known.settings.upload_slots.is_some();
        match (passing.way, passing.letter) {
            (Way::Taken, Letter::ToDownload(ToDownload::Swarm(answer))) => {
                let client = self.clients.entry(to).or_default();
                client.asked.clear();
                let members = match answer {
                    Swarm::Unknown => return,
                    Swarm::Joined(joined) => {
                        client.file = Some(joined.file);
                        client.told.clear();
                        &joined.members
                    }
                    Swarm::Members(members) => &members.members,
                };
                if known.settings.members.is_some() {
                    client.told.extend(members.iter());
                } else {
                    if self.last != *members {
                        self.last = Arc::clone(members);
                    }
                    client.members = Arc::clone(&self.last);
                }
            }
            (Way::Taken, Letter::ToDownload(ToDownload::Segment(answer))) => {
                let client = self.clients.entry(to).or_default();
                let answered = (from, answer.file, answer.segment);
                client.in_flight.remove(&answered);
                if answer.answer == Answer::Busy {
                    client.asked.remove(&answered);
                    client.waited.insert((answer.file, from));
                }
                client.hear(from, answer.file, &answer.gained);
            }
            (Way::Taken, Letter::ToDownload(ToDownload::Call(call))) => {
                let client = self.clients.entry(to).or_default();
                client.hear(from, call.file, &call.gained);
                client.hear(from, call.file, call.segment.as_slice());
            }
            (Way::Taken, Letter::ToDownload(ToDownload::Availability(offer))) => {
                if offer.load.is_some() {
                    let client = self.clients.entry(to).or_default();
                    let offers = client.offers.entry((offer.file, offer.segment));
                    offers.or_default().push(from);
                }
            }
            (Way::Posted, Letter::ToUpload(ToUpload::SegmentRequest(request))) => {
                let client = self.clients.entry(from).or_default();
                let window = known.settings.window.get();
                let wrong = client
                    .wrong(from, request, known)
                    .or_else(|| client.wrong_member(to, request.file))
                    .or_else(|| client.again(to, request))
                    .or_else(|| client.not_offered(to, request, polls && !may_wait));
                if let Some(why) = wrong {
                    let segment = known.segment(request.file, request.segment);
                    hearing.report(format!("rank {from} asked rank {to} for {segment}, {why}"));
                }
                client.in_flight.insert((to, request.file, request.segment));
                if client.in_flight.len() > window {
                    hearing.report(format!(
                        "rank {from} asked for more than {window} segments at a time"
                    ));
                }
            }
            (Way::Posted, Letter::ToUpload(ToUpload::AvailabilityRequest { file, segment })) => {
                let client = self.clients.entry(from).or_default();
                let wrong = if polls {
                    client.wrong_member(to, *file)
                } else {
                    Some("though nobody is to ask who is busy")
                };
                if let Some(why) = wrong {
                    let segment = known.segment(*file, *segment);
                    hearing.report(format!(
                        "rank {from} asked rank {to} whether it has {segment}, {why}"
                    ));
                }
            }
            (Way::Posted | Way::Taken, _) => {}
        }
    }
}

/// Why a request is wrong, as the end of a sentence.
type Why = Option<&'static str>;

impl Requester {
    fn wrong(&self, me: Rank, request: &SegmentRequest, known: &KnownSwarm) -> Why {
        let (file, segment) = (request.file, request.segment);
        match known.hash(file, segment) {
            None => Some("which there is not"),
            Some(right) if right != request.hash => Some("with another hash than was promised"),
            Some(_) if known.has_come(me, file, segment) => Some("which it held"),
            Some(_) => None,
        }
    }

    fn wrong_member(&self, member: Rank, file: FileId) -> Why {
        let is_known = self.file != Some(file)
            || self.members.binary_search(&member).is_ok()
            || self.told.contains(&member);
        (!is_known).then_some("which it was not told is a member")
    }

    /// A member says that it holds segments.
    fn hear(&mut self, member: Rank, file: FileId, gained: &[SegmentIndex]) {
        for &segment in gained {
            self.asked.remove(&(member, file, segment));
        }
    }

    fn again(&mut self, member: Rank, request: &SegmentRequest) -> Why {
        let is_first = self.asked.insert((member, request.file, request.segment));
        (!is_first).then_some("a second time")
    }

    fn not_offered(&mut self, member: Rank, request: &SegmentRequest, polls: bool) -> Why {
        let offers = self.offers.remove(&(request.file, request.segment));
        let is_offered = offers.is_some_and(|offers| offers.contains(&member));
        let has_waited = self.waited.contains(&(request.file, member));
        (polls && !is_offered && !has_waited).then_some("which it had not offered")
    }
}
