//! What the picture shows of a message, by its kind. A new tag is added here, and nowhere else in the picture.

use swarm::protocol::{
    Answer, FileId, FileName, Init, InitAck, Letter, Rank, SegmentIndex, Swarm, Tag, ToDownload,
    ToTracker, ToUpload,
};

/// A tag's hue (`theme.js`) and its line (`looks.js`). A request and its answer are related by one of them.
pub(super) fn look(tag: Tag) -> (&'static str, &'static str) {
    match tag {
        Tag::SegmentRequest => ("blue", "solid"),
        Tag::AvailabilityRequest => ("blue", "dashed"),
        Tag::Segment => ("orange", "solid"),
        Tag::Availability => ("orange", "dashed"),
        Tag::Call => ("orange", "dotted"),
        Tag::Decline => ("blue", "dotted"),
        Tag::Update => ("green", "solid"),
        Tag::Confirm => ("green", "dashed"),
        Tag::Swarm => ("purple", "solid"),
        Tag::SwarmRequest => ("purple", "dashed"),
        Tag::Grant => ("purple", "dotted"),
        Tag::FileComplete => ("vermillion", "solid"),
        Tag::AllComplete => ("vermillion", "dashed"),
        Tag::Init => ("sky", "solid"),
        Tag::InitAck => ("sky", "dashed"),
        Tag::Stop => ("grey", "solid"),
        Tag::Alive => ("grey", "dashed"),
    }
}

/// What a message says besides its tag, in a word, and the file and the segment that it is about.
pub(super) fn content(
    letter: &Letter,
    number: impl Fn(&FileName) -> Option<FileId>,
) -> (&'static str, Option<FileId>, Option<SegmentIndex>) {
    match letter {
        Letter::ToTracker(message) => match message {
            ToTracker::Init(Init::Unable(_)) => ("the input cannot be used", None, None),
            ToTracker::SwarmRequest(name) => ("", number(name), None),
            ToTracker::Update(progress) | ToTracker::FileComplete(progress) => {
                ("", Some(progress.file), None)
            }
            ToTracker::Confirm { file, segment } => ("", Some(*file), Some(*segment)),
            ToTracker::Init(Init::Ready(_)) | ToTracker::AllComplete { .. } | ToTracker::Alive => {
                ("", None, None)
            }
        },
        Letter::ToDownload(message) => match message {
            ToDownload::InitAck(InitAck::Start(_)) => ("", None, None),
            ToDownload::InitAck(InitAck::Refused) => ("the swarm does not start", None, None),
            ToDownload::Swarm(Swarm::Joined(joined)) => {
                ("the file and its swarm", Some(joined.file), None)
            }
            ToDownload::Swarm(Swarm::Members(_)) => ("the swarm now", None, None),
            ToDownload::Swarm(Swarm::Unknown) => ("nobody has it", None, None),
            ToDownload::Segment(answer) => {
                let detail = match answer.answer {
                    Answer::Ack(_) => "ACK",
                    Answer::Nack => "NACK",
                    Answer::Busy => "BUSY",
                };
                (detail, Some(answer.file), Some(answer.segment))
            }
            ToDownload::Availability(offer) => {
                let detail = match offer.load {
                    Some(_) => "held",
                    None => "not held",
                };
                (detail, Some(offer.file), Some(offer.segment))
            }
            ToDownload::Call(call) => {
                let detail = match call.segment {
                    Some(_) => "a slot is free",
                    None => "it waits no longer",
                };
                (detail, Some(call.file), call.segment)
            }
            ToDownload::Grant(file) => ("", Some(*file), None),
        },
        Letter::ToUpload(message) => match message {
            ToUpload::SegmentRequest(request) => ("", Some(request.file), Some(request.segment)),
            ToUpload::AvailabilityRequest { file, segment } => ("", Some(*file), Some(*segment)),
            ToUpload::Decline(decline) => {
                let detail = match decline.waits {
                    true => "it goes on waiting",
                    false => "it leaves the queue",
                };
                (detail, Some(decline.file), None)
            }
            ToUpload::Stop => ("", None, None),
        },
    }
}

/// A question, as its answer names it.
#[derive(PartialEq, Eq, Hash)]
pub(super) enum Question {
    Init(Rank),
    Swarm(Rank),
    Segment(Rank, Rank, FileId, SegmentIndex),
    Availability(Rank, Rank, FileId, SegmentIndex),
}

/// The question that a message asks, if it asks one.
pub(super) fn question(from: Rank, to: Rank, letter: &Letter) -> Option<Question> {
    match letter {
        Letter::ToTracker(ToTracker::Init(_)) => Some(Question::Init(from)),
        Letter::ToTracker(ToTracker::SwarmRequest(_) | ToTracker::Update(_)) => {
            Some(Question::Swarm(from))
        }
        Letter::ToUpload(ToUpload::SegmentRequest(request)) => {
            Some(Question::Segment(from, to, request.file, request.segment))
        }
        Letter::ToUpload(ToUpload::AvailabilityRequest { file, segment }) => {
            Some(Question::Availability(from, to, *file, *segment))
        }
        Letter::ToTracker(_) | Letter::ToUpload(_) | Letter::ToDownload(_) => None,
    }
}

/// The question that a message answers, if it answers one.
pub(super) fn answered(from: Rank, to: Rank, letter: &Letter) -> Option<Question> {
    match letter {
        Letter::ToDownload(message) => match message {
            ToDownload::InitAck(_) => Some(Question::Init(to)),
            ToDownload::Swarm(_) => Some(Question::Swarm(to)),
            ToDownload::Segment(answer) => {
                Some(Question::Segment(to, from, answer.file, answer.segment))
            }
            ToDownload::Availability(offer) => {
                Some(Question::Availability(to, from, offer.file, offer.segment))
            }
            ToDownload::Call(_) | ToDownload::Grant(_) => None,
        },
        Letter::ToTracker(_) | Letter::ToUpload(_) => None,
    }
}
