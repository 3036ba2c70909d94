//! R9. A request is answered by ACK if the segment is held, owned or downloaded and checked, and by
//! NACK if not. With `--upload-time` one ACK after another takes that long; all else is answered at
//! once, and so is a request for which there is no slot (`--upload-slots`). With such a refusal come
//! hints, which are true: the client holds the segment, or has sent it to whom it names.
//!
//! A client's download thread gains segments while its upload thread answers, so between the two the
//! doubt is the answer's: an ACK is right if the download thread had taken a right answer before,
//! even if the record of its check comes later; a NACK is wrong only if the segment was owned, or
//! that record was made, before the request was taken. The same goes for offers.
//!
//! A free rider refuses everything, and so does who has left, from the first request on that it takes
//! after that. What it has taken before it may serve or refuse.

use std::collections::{BTreeMap, BTreeSet};

use super::known::Known;
use super::{Check, Offences, Passing, Rule, Way};
use swarm::client::Conduct;
use swarm::protocol::{
    Answer, FileId, Hint, Letter, Rank, SegmentAnswer, SegmentHash, SegmentIndex, ToDownload,
    ToUpload,
};

#[derive(Default)]
pub(super) struct Service {
    /// The questions that were taken and not answered.
    open: BTreeMap<Question, Vec<Duty>>,
    /// Who has sent which segment to whom, where hints can be given.
    sent: BTreeSet<(Rank, FileId, Hint)>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Question {
    /// Who is asked, and by whom.
    me: Rank,
    by: Rank,
    file: FileId,
    segment: SegmentIndex,
    /// Whether the segment itself is asked for, or whether it is held.
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Segment,
    Offer,
}

/// What is to be answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Duty {
    /// Not a refusal.
    Serve,
    /// What is right by then.
    Any,
    /// To be refused, held or not: the client serves nobody.
    Refuse,
}

impl Question {
    fn new(kind: Kind, me: Rank, by: Rank, file: FileId, segment: SegmentIndex) -> Question {
        Question {
            me,
            by,
            file,
            segment,
            kind,
        }
    }
}

impl Check for Service {
    fn message(&mut self, passing: &Passing<'_>, known: &Known, offences: &mut Offences) {
        let (from, to) = (passing.from, passing.to);
        match (passing.way, passing.letter) {
            (Way::Taken, Letter::ToUpload(ToUpload::SegmentRequest(request))) => {
                let question =
                    Question::new(Kind::Segment, to, from, request.file, request.segment);
                self.take(question, Some(request.hash), known);
            }
            (Way::Taken, Letter::ToUpload(ToUpload::AvailabilityRequest { file, segment })) => {
                let question = Question::new(Kind::Offer, to, from, *file, *segment);
                self.take(question, None, known);
            }
            (Way::Posted, Letter::ToDownload(ToDownload::Segment(answer))) => {
                let question = Question::new(Kind::Segment, from, to, answer.file, answer.segment);
                self.hints(from, to, answer, known, offences);
                let conduct = self.answer(question, offences, known);
                if let Some(duty) = conduct
                    && let Some(text) = wrong(question, duty, answer, known)
                {
                    let holds = known.has_come(from, answer.file, answer.segment);
                    report(holds, text, offences);
                }
            }
            (Way::Posted, Letter::ToDownload(ToDownload::Availability(offer))) => {
                let question = Question::new(Kind::Offer, from, to, offer.file, offer.segment);
                let holds = known.has_come(from, offer.file, offer.segment);
                let text = match (self.answer(question, offences, known), offer.load) {
                    (Some(Duty::Serve), None) if !known.has_left(from) => {
                        refusal(question, "did not offer", known)
                    }
                    (Some(Duty::Refuse), Some(_)) => unwilling(question, "offered", known),
                    (Some(_), Some(_)) if !holds => early(question, "offered", known),
                    (Some(_), Some(_)) | (Some(_), None) | (None, _) => return,
                };
                report(holds, text, offences);
            }
            (Way::Posted | Way::Taken, _) => {}
        }
    }

    fn owed(&self, known: &Known, owed: &mut Offences) {
        for Question {
            me,
            by,
            file,
            segment,
            ..
        } in self.open.keys()
        {
            let segment = known.segment(*file, *segment);
            let text = format!("rank {me} never answered rank {by}'s question for {segment}");
            owed.report(Rule::R9, text);
        }
    }
}

impl Service {
    /// Checks the hints of an answer.
    fn hints(
        &mut self,
        me: Rank,
        to: Rank,
        answer: &SegmentAnswer,
        known: &Known,
        offences: &mut Offences,
    ) {
        let SegmentAnswer { file, segment, .. } = *answer;
        let takes_time = !known.upload_time(me).is_zero();
        let is_refusal = !matches!(answer.answer, Answer::Ack(_));
        if takes_time && !is_refusal {
            let holder = to;
            self.sent.insert((me, file, Hint { holder, segment }));
        }
        if !(takes_time && is_refusal || answer.hints.is_empty()) {
            let segment = known.segment(file, segment);
            let text = format!("rank {me} gave hints to rank {to}, though it sent {segment}");
            offences.report(Rule::R9, text);
        }
        let is_true = |hint: &&Hint| {
            if hint.holder == me {
                known.has_come(me, file, hint.segment)
            } else {
                self.sent.contains(&(me, file, **hint))
            }
        };
        if let Some(hint) = answer.hints.iter().find(|hint| !is_true(hint)) {
            let segment = known.segment(file, hint.segment);
            let text = if hint.holder == me {
                format!("rank {me} told rank {to} that it holds {segment}, which it did not")
            } else {
                format!(
                    "rank {me} told rank {to} that rank {} holds {segment}, which it had not sent it",
                    hint.holder
                )
            };
            report(hint.holder != me, text, offences);
        }
    }

    fn take(&mut self, question: Question, hash: Option<SegmentHash>, known: &Known) {
        let Question {
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

    /// Closes a question; returns what was to be done, if the client is one that is to keep to it.
    fn answer(
        &mut self,
        question: Question,
        offences: &mut Offences,
        known: &Known,
    ) -> Option<Duty> {
        let Question {
            me,
            by,
            file,
            segment,
            ..
        } = question;
        let Some(duties) = self.open.get_mut(&question) else {
            let segment = known.segment(file, segment);
            let text = format!("rank {me} answered rank {by} about {segment} without a question");
            offences.report(Rule::R9, text);
            return None;
        };
        let duty = duties.remove(0);
        if duties.is_empty() {
            self.open.remove(&question);
        }
        let is_judged = duty == Duty::Refuse || known.part(me).conduct == Conduct::Honest;
        is_judged.then_some(duty)
    }
}

/// Reports an offence. Whether a segment has come its download thread tells, and that may be lost.
fn report(holds: bool, text: String, offences: &mut Offences) {
    if holds {
        offences.report(Rule::R9, text);
    } else {
        offences.doubt(Rule::R9, text);
    }
}

/// What is wrong with an answer.
fn wrong(question: Question, duty: Duty, answer: &SegmentAnswer, known: &Known) -> Option<String> {
    let Question {
        me, file, segment, ..
    } = question;
    let holds = known.has_come(me, file, segment);
    match answer.answer {
        Answer::Nack if duty == Duty::Serve && !known.has_left(me) => {
            Some(refusal(question, "refused", known))
        }
        Answer::Nack => None,
        Answer::Ack(_) if duty == Duty::Refuse => Some(unwilling(question, "sent", known)),
        Answer::Busy(_) if duty == Duty::Refuse => Some(unwilling(question, "put off", known)),
        Answer::Ack(_) if !holds => Some(early(question, "sent", known)),
        Answer::Ack(_) if !known.is_right(answer) => Some(format!(
            "rank {me} sent rank {} a wrong hash of {}",
            question.by,
            known.segment(file, segment),
        )),
        Answer::Busy(_) if !holds => Some(early(question, "put off", known)),
        Answer::Busy(_) if known.upload_time(me).is_zero() => Some(format!(
            "rank {me} put off rank {} with {}, though serving takes no time",
            question.by,
            known.segment(file, segment),
        )),
        Answer::Ack(_) | Answer::Busy(_) => None,
    }
}

fn refusal(question: Question, did: &str, known: &Known) -> String {
    let Question {
        me,
        by,
        file,
        segment,
        ..
    } = question;
    let how = if known.owns(me, file) {
        "owns"
    } else {
        "had verified before"
    };
    let segment = known.segment(file, segment);
    format!("rank {me} {did} {segment} to rank {by}, which it {how}")
}

fn unwilling(question: Question, did: &str, known: &Known) -> String {
    let why = if known.has_left(question.me) {
        "though it had left"
    } else {
        "though it is a free rider"
    };
    wrongly(question, did, why, known)
}

fn early(question: Question, did: &str, known: &Known) -> String {
    wrongly(question, did, "which it did not hold", known)
}

fn wrongly(question: Question, did: &str, why: &str, known: &Known) -> String {
    let Question {
        me,
        by,
        file,
        segment,
        ..
    } = question;
    let segment = known.segment(file, segment);
    format!("rank {me} {did} rank {by} {segment}, {why}")
}
