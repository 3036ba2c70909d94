//! R9. A request is answered by ACK if the segment is held, owned or downloaded and checked, and by
//! NACK if not. With `--upload-time` one ACK after another takes that long; all else is answered at
//! once, and so is a request for which there is no slot (`--upload-slots`): it is answered by BUSY, and
//! so is one for what is not held yet.
//!
//! A client's download thread gains segments while its upload thread answers. So an answer gets the
//! benefit of the doubt. An ACK is right if the download thread had taken a right answer before, even if
//! the record of its check comes later. A NACK is wrong only if the segment was owned, or that record was
//! made, before the request was taken. The same holds for offers.
//!
//! A free rider refuses everything. So does a client that has left, from the first request on that it
//! takes after that. Requests that it has taken before it may serve or refuse.

use std::collections::BTreeMap;

use super::known::KnownSwarm;
use super::{Hearing, Passing, RuleCheck, Way};
use swarm::client::Conduct;
use swarm::protocol::{
    Answer, FileId, Letter, Rank, SegmentAnswer, SegmentHash, SegmentIndex, ToDownload, ToUpload,
};

#[derive(Default)]
pub(super) struct Answers {
    /// The questions that were taken and not answered.
    open: BTreeMap<OpenQuestion, Vec<Duty>>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct OpenQuestion {
    /// The client that is asked, and the one that asks.
    me: Rank,
    by: Rank,
    file: FileId,
    segment: SegmentIndex,
    /// Whether the segment itself is asked for, or whether it is held.
    kind: QuestionKind,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum QuestionKind {
    Segment,
    Offer,
}

/// What is to be answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Duty {
    /// Anything but a refusal.
    Serve,
    /// What is right when the answer is sent.
    Any,
    /// A refusal, even if the segment is held: the client serves nobody.
    Refuse,
}

impl OpenQuestion {
    fn new(
        kind: QuestionKind,
        me: Rank,
        by: Rank,
        file: FileId,
        segment: SegmentIndex,
    ) -> OpenQuestion {
        OpenQuestion {
            me,
            by,
            file,
            segment,
            kind,
        }
    }

    fn segment(&self, known: &KnownSwarm) -> String {
        known.segment(self.file, self.segment)
    }

    /// Whether the segment is owned, or has come.
    fn holds(&self, known: &KnownSwarm) -> bool {
        known.has_come(self.me, self.file, self.segment)
    }
}

impl RuleCheck for Answers {
    fn message(&mut self, passing: &Passing<'_>, hearing: &mut Hearing<'_>) {
        let known = hearing.known;
        let (from, to) = (passing.from, passing.to);
        match (passing.way, passing.letter) {
            (Way::Taken, Letter::ToUpload(ToUpload::SegmentRequest(request))) => {
                let question = OpenQuestion::new(
                    QuestionKind::Segment,
                    to,
                    from,
                    request.file,
                    request.segment,
                );
                self.take(question, Some(request.hash), known);
            }
            (Way::Taken, Letter::ToUpload(ToUpload::AvailabilityRequest { file, segment })) => {
                let question = OpenQuestion::new(QuestionKind::Offer, to, from, *file, *segment);
                self.take(question, None, known);
            }
            (Way::Posted, Letter::ToDownload(ToDownload::Segment(answer))) => {
                let question =
                    OpenQuestion::new(QuestionKind::Segment, from, to, answer.file, answer.segment);
                let duty = self.answer(question, hearing);
                if let Some(text) = duty.and_then(|duty| wrong(question, duty, answer, known)) {
                    report(question.holds(known), text, hearing);
                }
            }
            (Way::Posted, Letter::ToDownload(ToDownload::Availability(offer))) => {
                let question =
                    OpenQuestion::new(QuestionKind::Offer, from, to, offer.file, offer.segment);
                let holds = question.holds(known);
                let text = match (self.answer(question, hearing), offer.load) {
                    (Some(Duty::Serve), None) if !known.has_left(from) => {
                        refusal(question, "did not offer", known)
                    }
                    (Some(Duty::Refuse), Some(_)) => unwilling(question, "offered", known),
                    (Some(_), Some(_)) if !holds => early(question, "offered", known),
                    (Some(_), Some(_)) | (Some(_), None) | (None, _) => return,
                };
                report(holds, text, hearing);
            }
            (Way::Posted | Way::Taken, _) => {}
        }
    }

    fn owed(&mut self, hearing: &mut Hearing<'_>) {
        for question in self.open.keys() {
            let (me, by, segment) = (question.me, question.by, question.segment(hearing.known));
            let text = format!("rank {me} never answered rank {by}'s question for {segment}");
            hearing.report(text);
        }
    }
}

impl Answers {
    fn take(&mut self, question: OpenQuestion, hash: Option<SegmentHash>, known: &KnownSwarm) {
        let OpenQuestion {
            me, file, segment, ..
        } = question;
        let is_promised = hash.is_none_or(|hash| known.hash(file, segment) == Some(hash));
        let serves = !known.has_left(me) && known.part(me).conduct != Conduct::FreeRider;
        let duty = if !serves {
            Duty::Refuse
        } else if is_promised && known.is_verified(me, file, segment) {
            Duty::Serve
        } else {
            Duty::Any
        };
        self.open.entry(question).or_default().push(duty);
    }

    /// Closes a question. Returns what was to be answered, unless the client may answer anything.
    fn answer(&mut self, question: OpenQuestion, hearing: &mut Hearing<'_>) -> Option<Duty> {
        let (me, by) = (question.me, question.by);
        let Some(duties) = self.open.get_mut(&question) else {
            let segment = question.segment(hearing.known);
            let text = format!("rank {me} answered rank {by} about {segment} without a question");
            hearing.report(text);
            return None;
        };
        let duty = duties.remove(0);
        if duties.is_empty() {
            self.open.remove(&question);
        }
        let is_judged = duty == Duty::Refuse || hearing.known.part(me).conduct == Conduct::Honest;
        is_judged.then_some(duty)
    }
}

/// Reports an offence. That a segment has come is told by the download thread, and may be lost: if it
/// has not, there is a doubt.
fn report(holds: bool, text: String, hearing: &mut Hearing<'_>) {
    if holds {
        hearing.report(text);
    } else {
        hearing.doubt(text);
    }
}

/// What is wrong with an answer.
fn wrong(
    question: OpenQuestion,
    duty: Duty,
    answer: &SegmentAnswer,
    known: &KnownSwarm,
) -> Option<String> {
    let (me, by, holds) = (question.me, question.by, question.holds(known));
    match answer.answer {
        Answer::Nack if duty == Duty::Serve && !known.has_left(me) => {
            Some(refusal(question, "refused", known))
        }
        Answer::Nack => None,
        Answer::Ack(_) if duty == Duty::Refuse => Some(unwilling(question, "sent", known)),
        Answer::Busy if duty == Duty::Refuse => Some(unwilling(question, "promised", known)),
        Answer::Ack(_) if !holds => Some(early(question, "sent", known)),
        Answer::Ack(_) if !known.is_right(answer) => {
            let segment = question.segment(known);
            Some(format!(
                "rank {me} sent rank {by} a wrong hash of {segment}"
            ))
        }
        Answer::Busy if !known.has_queue(me) => {
            let segment = question.segment(known);
            Some(format!(
                "rank {me} let rank {by} wait for {segment}, though it has no queue"
            ))
        }
        Answer::Ack(_) | Answer::Busy => None,
    }
}

fn refusal(question: OpenQuestion, did: &str, known: &KnownSwarm) -> String {
    let (me, by, segment) = (question.me, question.by, question.segment(known));
    let how = match known.owns(me, question.file) {
        true => "owns",
        false => "had verified before",
    };
    format!("rank {me} {did} {segment} to rank {by}, which it {how}")
}

fn unwilling(question: OpenQuestion, did: &str, known: &KnownSwarm) -> String {
    let why = match known.has_left(question.me) {
        true => "though it had left",
        false => "though it is a free rider",
    };
    wrongly(question, did, why, known)
}

fn early(question: OpenQuestion, did: &str, known: &KnownSwarm) -> String {
    wrongly(question, did, "which it did not hold", known)
}

fn wrongly(question: OpenQuestion, did: &str, why: &str, known: &KnownSwarm) -> String {
    let (me, by, segment) = (question.me, question.by, question.segment(known));
    format!("rank {me} {did} rank {by} {segment}, {why}")
}
