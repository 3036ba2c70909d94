//! The messages of a run as columns of numbers, for the space-time diagram.

use std::collections::{HashMap, VecDeque};
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Serialize;

use pages::column::Column;
use swarm::event::{Deed, Event, Thread};
use swarm::protocol::{
    Answer, FileId, FileName, Init, InitAck, Letter, Rank, SegmentIndex, Swarm, Tag, ToDownload,
    ToTracker, ToUpload,
};

/// More messages are not drawn one by one.
pub(super) const MOST: usize = 200_000;

/// One message: the n-th from one rank to one thread of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    from: Rank,
    to: Rank,
    reader: Thread,
    number: u64,
}

impl Key {
    /// The message that an event posts or takes, if it does, with what it says.
    pub(super) fn of(event: &Event) -> Option<(Key, &Letter)> {
        let (from, to, number, letter) = match &event.deed {
            Deed::Posted {
                to, number, letter, ..
            } => (event.rank, *to, *number, letter),
            Deed::Taken {
                from,
                number,
                letter,
                ..
            } => (*from, event.rank, *number, letter),
            Deed::Begun
            | Deed::Verified { .. }
            | Deed::WrongHash { .. }
            | Deed::Saved { .. }
            | Deed::Left
            | Deed::Ended => return None,
        };
        let key = Key {
            from,
            to,
            reader: Thread::reader(letter),
            number,
        };
        Some((key, letter))
    }
}

/// What a message says besides its tag, in a word.
const DETAILS: [&str; 11] = [
    "",
    "ACK",
    "NACK",
    "BUSY",
    "the file and its swarm",
    "the swarm now",
    "nobody has it",
    "the input cannot be used",
    "the swarm does not start",
    "held",
    "not held",
];

/// What an answer is known by.
#[derive(PartialEq, Eq, Hash)]
enum Question {
    Init(Rank),
    Swarm(Rank),
    Segment(Rank, Rank, FileId, SegmentIndex),
    Availability(Rank, Rank, FileId, SegmentIndex),
}

/// A message, as far as it is known.
struct Drawn {
    key: Key,
    posted: Option<Duration>,
    taken: Option<Duration>,
    tag: Tag,
    detail: usize,
    file: Option<FileId>,
    segment: Option<SegmentIndex>,
    bytes: usize,
    line: u64,
    answers: Option<usize>,
}

/// The messages of a run, or of a time in it.
pub(super) struct Messages {
    /// Only what was underway in this time is drawn, if it is said.
    window: Option<RangeInclusive<Duration>>,
    /// How many there are to be drawn.
    count: u64,
    /// None, if there are too many of them.
    drawn: Option<Vec<Drawn>>,
    /// Those that were posted and not taken.
    underway: HashMap<Key, Drawn>,
    /// Where the questions are that were taken and not answered.
    asked: HashMap<Question, VecDeque<(usize, Option<FileId>)>>,
}

impl Messages {
    pub(super) fn new(window: Option<RangeInclusive<Duration>>) -> Messages {
        Messages {
            window,
            count: 0,
            drawn: Some(Vec::new()),
            underway: HashMap::new(),
            asked: HashMap::new(),
        }
    }

    /// A message is posted or taken; a file's name is known by its number.
    pub(super) fn see(
        &mut self,
        line: u64,
        event: &Event,
        number: impl Fn(&FileName) -> Option<FileId>,
    ) {
        let Some((key, letter)) = Key::of(event) else {
            return;
        };
        let (Deed::Posted { bytes, .. } | Deed::Taken { bytes, .. }) = event.deed else {
            return;
        };
        let is_posted = matches!(event.deed, Deed::Posted { .. });
        if is_posted {
            let mut message = Drawn::new(key, letter, bytes, line, number);
            message.posted = Some(event.time);
            self.answer(&mut message, letter);
            if let Some(double) = self.underway.insert(key, message) {
                self.draw(double);
            }
        } else {
            let underway = self.underway.remove(&key);
            let mut message =
                underway.unwrap_or_else(|| Drawn::new(key, letter, bytes, line, number));
            message.taken = Some(event.time);
            let file = message.file;
            if let (Some(place), Some(question)) = (self.draw(message), question(key, letter)) {
                self.asked
                    .entry(question)
                    .or_default()
                    .push_back((place, file));
            }
        }
    }

    /// Finds what a message answers, and which file that was about.
    fn answer(&mut self, message: &mut Drawn, letter: &Letter) {
        let Some(question) = answered(message.key, letter) else {
            return;
        };
        if let Some(asked) = self.asked.get_mut(&question)
            && let Some((place, file)) = asked.pop_front()
        {
            message.answers = Some(place);
            message.file = message.file.or(file);
            if asked.is_empty() {
                self.asked.remove(&question);
            }
        }
    }

    /// Adds a message to those that are drawn, if it is one of them. Says where it is.
    fn draw(&mut self, message: Drawn) -> Option<usize> {
        if let Some(window) = &self.window {
            let first = message.posted.or(message.taken)?;
            let last = message.taken.unwrap_or(Duration::MAX);
            if first > *window.end() || last < *window.start() {
                return None;
            }
        }
        self.count += 1;
        let drawn = self.drawn.as_mut()?;
        if drawn.len() == MOST {
            self.drawn = None;
            self.asked = HashMap::new();
            return None;
        }
        drawn.push(message);
        Some(drawn.len() - 1)
    }

    /// Where a message is.
    pub(super) fn place(&self, key: Key) -> Option<usize> {
        let drawn = self.drawn.as_ref()?;
        drawn.iter().position(|message| message.key == key)
    }

    /// What was never taken is drawn, too.
    pub(super) fn close(&mut self) {
        let mut left: Vec<Drawn> = self.underway.drain().map(|(_, message)| message).collect();
        left.sort_by_key(|message| message.line);
        for message in left {
            self.draw(message);
        }
    }

    /// The same for the page, where files are known by their place.
    pub(super) fn report(&self, place: impl Fn(FileId) -> Option<usize>) -> Report {
        let columns = self.drawn.as_ref().map(|drawn| Columns::new(drawn, place));
        Report {
            count: self.count,
            columns,
        }
    }
}

impl Drawn {
    fn new(
        key: Key,
        letter: &Letter,
        bytes: usize,
        line: u64,
        number: impl Fn(&FileName) -> Option<FileId>,
    ) -> Drawn {
        let (detail, file, segment) = content(letter, number);
        let detail = DETAILS.iter().position(|text| *text == detail);
        Drawn {
            key,
            posted: None,
            taken: None,
            tag: letter.tag(),
            detail: detail.expect("every detail is in the list"),
            file,
            segment,
            bytes,
            line,
            answers: None,
        }
    }
}

/// What is to be said of a message, and which file and segment it is about.
fn content(
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
                    Answer::Busy(_) => "BUSY",
                };
                (detail, Some(answer.file), Some(answer.segment))
            }
            ToDownload::Availability(offer) => {
                let detail = if offer.load.is_some() {
                    "held"
                } else {
                    "not held"
                };
                (detail, Some(offer.file), Some(offer.segment))
            }
            ToDownload::Grant(file) => ("", Some(*file), None),
        },
        Letter::ToUpload(message) => match message {
            ToUpload::SegmentRequest(request) => ("", Some(request.file), Some(request.segment)),
            ToUpload::AvailabilityRequest { file, segment } => ("", Some(*file), Some(*segment)),
            ToUpload::Stop => ("", None, None),
        },
    }
}

/// The question that a message asks, if it asks one.
fn question(Key { from, to, .. }: Key, letter: &Letter) -> Option<Question> {
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
fn answered(Key { from, to, .. }: Key, letter: &Letter) -> Option<Question> {
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
            ToDownload::Grant(_) => None,
        },
        Letter::ToTracker(_) | Letter::ToUpload(_) => None,
    }
}

/// The messages, for the page.
#[derive(Serialize)]
pub(super) struct Report {
    /// How many there are, drawn or not.
    pub(super) count: u64,
    pub(super) columns: Option<Columns>,
}

/// A row is a message. What is not known is -1, or no number.
#[derive(Serialize)]
pub(super) struct Columns {
    posted: Column,
    taken: Column,
    from: Column,
    to: Column,
    tag: Column,
    detail: Column,
    file: Column,
    segment: Column,
    bytes: Column,
    line: Column,
    answers: Column,
}

impl Columns {
    fn new(drawn: &[Drawn], place: impl Fn(FileId) -> Option<usize>) -> Columns {
        let time = |time: Option<Duration>| time.map_or(f64::NAN, |time| time.as_secs_f64());
        Columns {
            posted: Column::f64(drawn.iter().map(|message| time(message.posted))),
            taken: Column::f64(drawn.iter().map(|message| time(message.taken))),
            from: Column::u16(drawn.iter().map(|message| message.key.from.0)),
            to: Column::u16(drawn.iter().map(|message| message.key.to.0)),
            tag: Column::u8(drawn.iter().map(|message| message.tag as usize)),
            detail: Column::u8(drawn.iter().map(|message| message.detail)),
            file: Column::place(drawn.iter().map(|message| message.file.and_then(&place))),
            segment: Column::place(drawn.iter().map(|message| message.segment.map(|it| it.0))),
            bytes: Column::u32(drawn.iter().map(|message| message.bytes as u64)),
            line: Column::u32(drawn.iter().map(|message| message.line)),
            answers: Column::place(drawn.iter().map(|message| message.answers)),
        }
    }
}

/// The texts that a message's detail is one of.
pub(super) fn details() -> &'static [&'static str] {
    &DETAILS
}

#[cfg(test)]
mod tests;
