//! R4. A client asks a member for each segment that it lacks, one that the tracker told it of. After a
//! NACK or a wrong hash it tries another member, and the one that refused is not asked for that segment
//! again before the next list of members, or a hint.
//!
//! Where clients ask who is busy, they then ask only who has offered the segment, keeps a slot, or was
//! hinted at. At most a window's segments are asked for at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::known::Known;
use super::{Check, Offences, Passing, Rule, Way};
use swarm::protocol::{
    Answer, FileId, Letter, Rank, SegmentIndex, SegmentRequest, Swarm, ToDownload, ToUpload,
};

#[derive(Default)]
pub(super) struct Requests {
    clients: BTreeMap<Rank, Client>,
    /// The last list of a whole swarm. Most are like the one before, and are held once.
    last: Arc<[Rank]>,
}

#[derive(Default)]
struct Client {
    /// The file that was last listed.
    file: Option<FileId>,
    /// Its members, who are never fewer later. Empty where lists are of some.
    members: Arc<[Rank]>,
    /// All members that it was told of, where lists are of some.
    told: BTreeSet<Rank>,
    /// Who was asked for what since then.
    asked: BTreeSet<(Rank, FileId, SegmentIndex)>,
    /// The requests that are not answered.
    in_flight: BTreeSet<(Rank, FileId, SegmentIndex)>,
    /// Who has offered a segment since it was last asked for.
    offers: BTreeMap<(FileId, SegmentIndex), Vec<Rank>>,
    /// Who keeps a slot for it, or was hinted at.
    invitations: BTreeSet<(FileId, Rank)>,
}

impl Check for Requests {
    fn message(&mut self, passing: &Passing<'_>, known: &Known, offences: &mut Offences) {
        let (from, to) = (passing.from, passing.to);
        let polls = matches!(
            known.settings.peer_selection.name,
            "least-busy" | "two-choices"
        );
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
                client
                    .in_flight
                    .remove(&(from, answer.file, answer.segment));
                if matches!(answer.answer, Answer::Busy(_)) {
                    client.invite(from, answer.file, answer.segment);
                }
                for hint in &answer.hints {
                    client.invite(hint.holder, answer.file, hint.segment);
                }
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
                    .or_else(|| client.not_offered(to, request, polls));
                if let Some(why) = wrong {
                    let segment = known.segment(request.file, request.segment);
                    let text = format!("rank {from} asked rank {to} for {segment}, {why}");
                    offences.report(Rule::R4, text);
                }
                client.in_flight.insert((to, request.file, request.segment));
                if client.in_flight.len() > window {
                    let text =
                        format!("rank {from} asked for more than {window} segments at a time");
                    offences.report(Rule::R4, text);
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
                    let text =
                        format!("rank {from} asked rank {to} whether it has {segment}, {why}");
                    offences.report(Rule::R4, text);
                }
            }
            (Way::Posted | Way::Taken, _) => {}
        }
    }
}

/// Why a request is wrong, as the end of a sentence.
type Why = Option<&'static str>;

impl Client {
    fn wrong(&self, me: Rank, request: &SegmentRequest, known: &Known) -> Why {
        let &SegmentRequest {
            file,
            segment,
            hash,
        } = request;
        match known.hash(file, segment) {
            None => Some("which there is not"),
            Some(right) if right != hash => Some("with another hash than was promised"),
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

    /// A member holds a segment, says somebody.
    fn invite(&mut self, member: Rank, file: FileId, segment: SegmentIndex) {
        self.asked.remove(&(member, file, segment));
        self.invitations.insert((file, member));
    }

    fn again(&mut self, member: Rank, request: &SegmentRequest) -> Why {
        let is_first = self.asked.insert((member, request.file, request.segment));
        (!is_first).then_some("a second time")
    }

    fn not_offered(&mut self, member: Rank, request: &SegmentRequest, polls: bool) -> Why {
        let offers = self.offers.remove(&(request.file, request.segment));
        let is_offered = offers.is_some_and(|offers| offers.contains(&member));
        let is_invited = self.invitations.contains(&(request.file, member));
        (polls && !is_offered && !is_invited).then_some("which it had not offered")
    }
}
