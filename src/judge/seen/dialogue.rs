//! Which client asked which for which segment, and which sent it, as far as the messages show that.
//!
//! Every program has its own format of messages. But the hashes in them are known, and each belongs to one
//! segment. So a message with one hash that its sender lacks asks for the segment, and one with a hash
//! that its receiver lacks brings it. Where no message has a hash, nothing is known.

mod asks;
mod purposes;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::seen::calls::{Segment, Thread};
use crate::seen::known::Known;
use crate::seen::messages::Message;
use crate::seen::run::Run;
use crate::seen::unseen::{Unseen, unseen};
use purposes::{Purpose, purposes};
use swarm::protocol::Rank;

/// What clients asked each other for in a run, and got.
#[derive(Debug, Clone)]
pub struct Dialogue {
    /// How segments came, by client and segment.
    pub fetches: BTreeMap<(Rank, Segment), Fetch>,
    /// The questions that have a hash, by the client that asks and the segment, in the order of time.
    pub asks: BTreeMap<(Rank, Segment), Vec<Ask>>,
    /// The messages that brought a hash, by the client that got it and the segment, in the order of time.
    pub carries: BTreeMap<(Rank, Segment), Vec<Carry>>,
    /// The clients that wrote a file whole and right, each with the file's place among the files.
    pub complete: BTreeSet<(Rank, usize)>,
    /// Whether there is a fetch for nearly every segment that came.
    pub recognised: Result<(), Unseen>,
    /// The earliest time at which a client may have got a segment: that of the first message with its
    /// hash from another client that is no question.
    brought: BTreeMap<(Rank, Segment), Duration>,
}

/// How a segment came to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetch {
    /// The client that sent it. `None` if several may have.
    pub from: Option<Rank>,
    /// When the client asked for it, if that was seen.
    pub asked: Option<Duration>,
    /// When the answer came. `None` if it is not certain which message that was.
    pub answered: Option<Duration>,
    /// The client's thread that asked for it or took it.
    pub thread: Thread,
    /// Whether the answer had the hash.
    pub answer_has_hash: bool,
}

/// A question for a segment, with its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// The client that was asked.
    pub to: Rank,
    /// The client's thread that asked.
    pub thread: Thread,
    /// When.
    pub sent: Duration,
    /// When the answer came, if its thread awaits each answer before it asks again.
    pub answered: Option<Duration>,
    /// Whether its thread does so.
    pub is_awaited: bool,
}

/// A hash that came to a client that lacks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carry {
    /// From whom.
    pub from: Rank,
    /// When it was sent.
    pub sent: Duration,
    /// When it came.
    pub came: Duration,
    /// The receiver's thread that took it.
    pub thread: Thread,
}

/// A file that a client got whole.
#[derive(Debug, Clone)]
pub struct Download {
    /// The client that got it.
    pub client: Rank,
    /// The file's place among the files.
    pub file: usize,
    /// How its segments came, in the order of the file. A few may be missing.
    pub fetches: Vec<Fetch>,
}

/// Since when a client may hold a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// From the start.
    Always,
    /// From this time on at the earliest.
    NotBefore(Duration),
    /// It neither owns nor wants it.
    Never,
    /// Nothing shows how it came.
    Unknown,
}

/// The share of a file's segments that has to be recognised.
const ENOUGH: f64 = 0.95;

impl Dialogue {
    /// What the messages of a run show.
    pub fn new(known: &Known, run: &Run, messages: &[Message<'_>]) -> Dialogue {
        let purposes = purposes(known, messages);
        let mut dialogue = Dialogue {
            fetches: BTreeMap::new(),
            asks: asks::asks(messages, &purposes),
            carries: BTreeMap::new(),
            complete: complete(known, run),
            recognised: Ok(()),
            brought: BTreeMap::new(),
        };
        for (message, purpose) in messages.iter().zip(&purposes) {
            if !message.is_between_clients() || matches!(purpose, Purpose::Ask(_)) {
                continue;
            }
            for &segment in &message.sent.segments {
                let earliest = dialogue.brought.entry((message.to, segment));
                earliest.or_insert(message.sent.started);
            }
            if let (Purpose::Carry(segment), Some(taken)) = (*purpose, message.surely_taken())
                && let Some(came) = taken.completed
            {
                let carries = dialogue.carries.entry((message.to, segment)).or_default();
                carries.push(Carry {
                    from: message.from,
                    sent: message.sent.started,
                    came,
                    thread: taken.thread,
                });
            }
        }
        for carries in dialogue.carries.values_mut() {
            carries.sort_by_key(|carry| carry.came);
        }
        dialogue.fetches = dialogue.fetches(messages);
        let is_unclear = purposes.contains(&Purpose::Unclear);
        dialogue.recognised = dialogue.is_recognised(known, run, is_unclear);
        dialogue
    }

    /// The files that clients got whole and of which nearly all fetches are known.
    pub fn downloads(&self, known: &Known) -> Vec<Download> {
        let download = |&(client, file): &(Rank, usize)| {
            let segments = known.files[file].segments();
            let range = (client, segments.start)..(client, segments.end);
            let fetches: Vec<Fetch> = self.fetches.range(range).map(|(_, &fetch)| fetch).collect();
            (fetches.len() as f64 >= ENOUGH * segments.len() as f64).then_some(Download {
                client,
                file,
                fetches,
            })
        };
        self.complete.iter().filter_map(download).collect()
    }

    /// The questions of a client for a segment, in the order of time.
    pub fn asks(&self, client: Rank, segment: Segment) -> &[Ask] {
        (self.asks.get(&(client, segment))).map_or(&[], Vec::as_slice)
    }

    /// The messages that brought a segment to a client, in the order of time.
    pub fn carries(&self, client: Rank, segment: Segment) -> &[Carry] {
        (self.carries.get(&(client, segment))).map_or(&[], Vec::as_slice)
    }

    /// Since when a client may hold a segment.
    pub fn holds(&self, known: &Known, client: Rank, segment: Segment) -> Holds {
        if known.owns(client, segment) {
            return Holds::Always;
        }
        if !known.lacks(client, segment) {
            return Holds::Never;
        }
        let asked = self.asks(client, segment).first().map(|ask| ask.sent);
        let brought = self.brought.get(&(client, segment)).copied();
        (asked.into_iter().chain(brought).min()).map_or(Holds::Unknown, Holds::NotBefore)
    }

    fn fetches(&self, messages: &[Message<'_>]) -> BTreeMap<(Rank, Segment), Fetch> {
        let keys: BTreeSet<_> = self.asks.keys().chain(self.carries.keys()).collect();
        let fetch = |&(client, segment): &(Rank, Segment)| {
            let asks = self.asks(client, segment);
            let fetch = match self.carries(client, segment) {
                [] => told_of(asks)?,
                carries => brought_by(messages, client, asks, carries),
            };
            Some(((client, segment), fetch))
        };
        keys.into_iter().filter_map(fetch).collect()
    }

    fn is_recognised(&self, known: &Known, run: &Run, is_unclear: bool) -> Result<(), Unseen> {
        run.recording.has_every_message()?;
        if is_unclear {
            return unseen("questions and answers of clients look the same");
        }
        let segments = self.complete.iter().flat_map(|&(client, file)| {
            known.files[file]
                .segments()
                .map(move |segment| (client, segment))
        });
        let is_unique = |&(_, segment): &(Rank, Segment)| known.is_unique(segment);
        let unique: Vec<(Rank, Segment)> = segments.filter(is_unique).collect();
        let is_found = |key: &&(Rank, Segment)| self.fetches.contains_key(key);
        let (all, found) = (unique.len(), unique.iter().filter(is_found).count());
        if all == 0 {
            unseen("no client downloaded a file whose segments can be told apart")
        } else if found == 0 {
            unseen("no hash was recognised in what clients sent each other")
        } else if (found as f64) < ENOUGH * all as f64 {
            unseen(format!(
                "only {found} of {all} downloads of a segment were recognised in what clients \
                 sent each other"
            ))
        } else {
            Ok(())
        }
    }
}

/// The clients that have written a file whole and right, each with the file's place.
fn complete(known: &Known, run: &Run) -> BTreeSet<(Rank, usize)> {
    let mut complete = BTreeSet::new();
    for (place, file) in known.files.iter().enumerate() {
        for &client in &file.leechers {
            let output = run.outputs.get(&file.output(client));
            let output = output.map(|bytes| String::from_utf8_lossy(bytes));
            let is_right = |output: &str| output.split_whitespace().eq(known.hashes(file));
            if output.is_some_and(|output| is_right(&output)) {
                complete.insert((client, place));
            }
        }
    }
    complete
}

/// A fetch whose answer had no hash: the last question was the one that succeeded. If several clients
/// were asked at once, any of them may have answered.
fn told_of(asks: &[Ask]) -> Option<Fetch> {
    let last = asks.last()?;
    let is_awaited = asks.iter().all(|ask| ask.is_awaited);
    if is_awaited && last.answered.is_none() {
        return None;
    }
    let is_one = asks.iter().all(|ask| ask.to == last.to);
    Some(Fetch {
        from: (is_awaited || is_one).then_some(last.to),
        asked: Some(last.sent),
        answered: last.answered,
        thread: last.thread,
        answer_has_hash: false,
    })
}

/// A fetch whose answer had the hash. A refusal may have it too: after one, the client asks again.
fn brought_by(messages: &[Message<'_>], client: Rank, asks: &[Ask], carries: &[Carry]) -> Fetch {
    let is_asked_again = |pair: &[Carry]| {
        let between = pair[0].came..=pair[1].came;
        asks.iter().any(|ask| between.contains(&ask.sent))
    };
    let again = carries.windows(2).rposition(is_asked_again);
    let last = &carries[again.map_or(0, |place| place + 1)..];
    let Carry {
        from, came, thread, ..
    } = last[0];
    let is_one = last.iter().all(|carry| carry.from == from);
    let mut mine = asks.iter().filter(|ask| ask.to == from && ask.sent < came);
    let asked = mine.next_back().map(|ask| ask.sent);
    Fetch {
        from: is_one.then_some(from),
        asked: asked.or_else(|| spoke(messages, client, thread, from, last[0].sent)),
        answered: Some(came),
        thread,
        answer_has_hash: true,
    }
}

/// When a thread of a client last sent another client something before this time.
fn spoke(
    messages: &[Message<'_>],
    client: Rank,
    thread: Thread,
    to: Rank,
    before: Duration,
) -> Option<Duration> {
    let end = messages.partition_point(|message| message.sent.started < before);
    let mine = |message: &&Message<'_>| {
        (message.from, message.to, message.sent.thread) == (client, to, thread)
    };
    let last = messages[..end].iter().rev().find(mine);
    last.map(|message| message.sent.started)
}
