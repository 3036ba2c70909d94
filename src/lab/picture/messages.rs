//! The messages of a run as columns of numbers, for the space-time diagram.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Serialize;

use super::letter::{Question, answered, content, question};
use crate::rules::{Passing, Way};
use pages::column::{Column, Columns};
use swarm::event::{Event, Thread};
use swarm::protocol::{FileId, FileName, Letter, Rank, SegmentIndex, Tag};

/// The most messages that are drawn one by one.
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
    pub(super) fn of(passing: &Passing<'_>) -> Key {
        Key {
            from: passing.from,
            to: passing.to,
            reader: Thread::reader(passing.letter),
            number: passing.number,
        }
    }
}

/// A message, as far as it is known.
struct Drawn {
    key: Key,
    posted: Option<Duration>,
    taken: Option<Duration>,
    tag: Tag,
    detail: &'static str,
    file: Option<FileId>,
    segment: Option<SegmentIndex>,
    bytes: usize,
    line: u64,
    answers: Option<usize>,
}

/// The messages of a run, or of a time in it.
#[derive(Default)]
pub(super) struct Messages {
    /// Only what was underway in this time is drawn, if there is one.
    window: Option<RangeInclusive<Duration>>,
    /// How many there are to be drawn.
    count: u64,
    /// The messages to draw. If there are too many of them, none is.
    drawn: Vec<Drawn>,
    /// Those that were posted and not taken.
    underway: HashMap<Key, Drawn>,
    /// Where the questions are that were taken and not answered.
    asked: HashMap<Question, VecDeque<(usize, Option<FileId>)>>,
}

impl Messages {
    pub(super) fn new(window: Option<RangeInclusive<Duration>>) -> Messages {
        Messages {
            window,
            ..Messages::default()
        }
    }

    /// A message is posted or taken; a file's name is known by its number.
    pub(super) fn see(
        &mut self,
        line: u64,
        event: &Event,
        number: impl Fn(&FileName) -> Option<FileId>,
    ) {
        let Some(passing) = Passing::of(event) else {
            return;
        };
        let (key, letter) = (Key::of(&passing), passing.letter);
        let drawn = || Drawn::new(key, &passing, line, number);
        match passing.way {
            Way::Posted => {
                let mut message = drawn();
                message.posted = Some(event.time);
                self.answer(&mut message, letter);
                if let Some(double) = self.underway.insert(key, message) {
                    self.draw(double);
                }
            }
            Way::Taken => {
                let mut message = self.underway.remove(&key).unwrap_or_else(drawn);
                message.taken = Some(event.time);
                let file = message.file;
                let place = self.draw(message);
                if let Some((place, question)) = place.zip(question(key.from, key.to, letter)) {
                    let asked = self.asked.entry(question).or_default();
                    asked.push_back((place, file));
                }
            }
        }
    }

    /// Finds what a message answers, and which file that was about.
    fn answer(&mut self, message: &mut Drawn, letter: &Letter) {
        let Some(question) = answered(message.key.from, message.key.to, letter) else {
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

    /// Adds a message to those that are drawn, if it is one of them. Returns its row.
    fn draw(&mut self, message: Drawn) -> Option<usize> {
        if let Some(window) = &self.window {
            let first = message.posted.or(message.taken)?;
            let last = message.taken.unwrap_or(Duration::MAX);
            if first > *window.end() || last < *window.start() {
                return None;
            }
        }
        self.count += 1;
        if !self.is_drawable() {
            self.drawn = Vec::new();
            self.asked = HashMap::new();
            return None;
        }
        self.drawn.push(message);
        Some(self.drawn.len() - 1)
    }

    fn is_drawable(&self) -> bool {
        self.count <= MOST as u64
    }

    /// The row of a message.
    pub(super) fn place(&self, key: Key) -> Option<usize> {
        self.drawn.iter().position(|message| message.key == key)
    }

    /// Draws what was never taken, too.
    pub(super) fn close(&mut self) {
        let mut left: Vec<Drawn> = self.underway.drain().map(|(_, message)| message).collect();
        left.sort_by_key(|message| message.line);
        for message in left {
            self.draw(message);
        }
    }

    /// The messages as the page is told them. It knows a file by its place.
    pub(super) fn table(&self, place: impl Fn(FileId) -> Option<usize>) -> MessageTable {
        let details: BTreeSet<&str> = self.drawn.iter().map(|message| message.detail).collect();
        let details = Vec::from_iter(details);
        MessageTable {
            count: self.count,
            drawable: self.is_drawable(),
            columns: columns(&self.drawn, &details, place),
            details,
        }
    }
}

impl Drawn {
    fn new(
        key: Key,
        passing: &Passing<'_>,
        line: u64,
        number: impl Fn(&FileName) -> Option<FileId>,
    ) -> Drawn {
        let (detail, file, segment) = content(passing.letter, number);
        Drawn {
            key,
            posted: None,
            taken: None,
            tag: passing.letter.tag(),
            detail,
            file,
            segment,
            bytes: passing.bytes,
            line,
            answers: None,
        }
    }
}

/// The messages, for the page.
#[derive(Serialize)]
pub(super) struct MessageTable {
    /// How many there are, drawn or not.
    count: u64,
    /// Whether there are few enough to be drawn one by one. If not, there are no rows.
    pub(super) drawable: bool,
    /// The texts that a row's `detail` is a place of.
    details: Vec<&'static str>,
    columns: Columns,
}

/// A row is a message. An unknown time is NaN, an unknown place -1.
fn columns(drawn: &[Drawn], details: &[&str], place: impl Fn(FileId) -> Option<usize>) -> Columns {
    let time = |time: Option<Duration>| time.map_or(f64::NAN, |time| time.as_secs_f64());
    let detail = |message: &Drawn| {
        let place = details.binary_search(&message.detail);
        place.expect("the list has the detail of every message, in order")
    };
    let all = || drawn.iter();
    Columns::from([
        ("posted", Column::f64(all().map(|it| time(it.posted)))),
        ("taken", Column::f64(all().map(|it| time(it.taken)))),
        ("from", Column::u16(all().map(|it| it.key.from.0))),
        ("to", Column::u16(all().map(|it| it.key.to.0))),
        ("tag", Column::u8(all().map(|it| it.tag as usize))),
        ("detail", Column::u8(all().map(detail))),
        (
            "file",
            Column::place(all().map(|it| it.file.and_then(&place))),
        ),
        (
            "segment",
            Column::place(all().map(|it| it.segment.map(|it| it.0))),
        ),
        ("bytes", Column::u32(all().map(|it| it.bytes as u64))),
        ("line", Column::u32(all().map(|it| it.line))),
        ("answers", Column::place(all().map(|it| it.answers))),
    ])
}

#[cfg(test)]
mod tests;
