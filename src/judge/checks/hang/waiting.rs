//! What each thread of a run that does not end was doing when it was ended.

use std::time::Duration;

use crate::checks::evidence::*;
use crate::seen::run::{RankEnd, Run};

/// A thread of a rank, or all of a rank.
#[derive(Clone)]
pub(super) struct Stuck<'a> {
    pub rank: Rank,
    /// `None` if it stands for all of the rank.
    pub thread: Option<Thread>,
    /// Whether no other thread of the rank is stuck.
    pub is_alone: bool,
    /// The function that it called.
    pub function: &'a str,
    /// Since when.
    pub since: Option<Duration>,
    pub wish: Wish<'a>,
}

/// What a thread waits for.
#[derive(Clone)]
pub(super) enum Wish<'a> {
    /// A message of one of these patterns, and how many times it has looked for one.
    Message(Vec<Pattern>, u64),
    /// That its message is taken.
    Taker(&'a Call),
    /// That all ranks call the same. These do not.
    All(Vec<Rank>),
    /// That another thread ends.
    Join(Peer),
    /// It waits for a request that was not seen.
    Unknown,
    /// It has found this message and not taken it, and how many times.
    Same(Taken, u64),
    /// Nothing of MPI: it is not in a call.
    Nothing,
    /// It never came to MPI.
    NeverCame,
    /// It ended.
    Ended(RankEnd),
}

impl Stuck<'_> {
    /// `thread 1 of client 2`.
    pub(super) fn who(&self) -> String {
        match self.thread.filter(|_| !self.is_alone) {
            Some(0) => format!("the main thread of {}", who(self.rank)),
            Some(thread) => format!("{} of {}", which_thread(thread), who(self.rank)),
            None => who(self.rank),
        }
    }

    /// The ranks that it may wait for. None if it may wait for any.
    pub(super) fn waits_for(&self) -> Vec<Rank> {
        let one = |peer| match peer {
            Peer::One(rank) => Some(rank),
            Peer::Any | Peer::None => None,
        };
        match &self.wish {
            Wish::Message(patterns, _) => {
                let ranks = patterns.iter().map(|pattern| one(pattern.peer));
                ranks.collect::<Option<_>>().unwrap_or_default()
            }
            Wish::Taker(call) => one(call.peer).into_iter().collect(),
            Wish::All(..)
            | Wish::Join(_)
            | Wish::Unknown
            | Wish::Same(..)
            | Wish::Nothing
            | Wish::NeverCame
            | Wish::Ended(_) => Vec::new(),
        }
    }

    /// What it waits for, in few words. What it does instead is in brackets.
    pub(super) fn what(&self) -> String {
        match &self.wish {
            Wish::Message(patterns, times) => {
                let first = patterns.first().map_or(String::new(), |pattern| {
                    format!("{}, {}", short(pattern.peer), pattern.tag)
                });
                let more = match patterns.len() {
                    0 | 1 => String::new(),
                    several => format!(", or {} more", several - 1),
                };
                let looked = match times {
                    0 => String::new(),
                    times => format!(" ({})", count(*times, "look")),
                };
                format!("{first}{more}{looked}")
            }
            Wish::Taker(call) => format!("{} to take {}", short(call.peer), call.tag),
            Wish::All(absent) => match &**absent {
                [] => "all others".into(),
                [one] => short(Peer::One(*one)),
                [one, others @ ..] => {
                    let others = count(others.len(), "other");
                    format!("{} and {others}", short(Peer::One(*one)))
                }
            },
            Wish::Join(Peer::One(thread)) => which_thread(thread.0 as Thread),
            Wish::Join(_) => "a thread".into(),
            Wish::Unknown => "a request".into(),
            Wish::Same(taken, times) => {
                let (from, times) = (short(Peer::One(taken.from)), count(*times, "time"));
                format!("(found tag {} of {from} {times})", taken.tag)
            }
            Wish::Nothing => "(not in MPI)".into(),
            Wish::NeverCame => "(never came to MPI)".into(),
            Wish::Ended(RankEnd::Status(status)) => format!("(ended with status {status})"),
            Wish::Ended(RankEnd::Signal(signal)) => format!("(died of signal {signal})"),
        }
    }
}

/// The other side of a call, in few words.
fn short(peer: Peer) -> String {
    match peer {
        Peer::One(Rank::TRACKER) => "rank 0".into(),
        Peer::One(_) | Peer::Any | Peer::None => peer.to_string(),
    }
}

/// What every thread does that has not ended, rank by rank.
pub(super) fn waiting(run: &Run) -> Vec<Stuck<'_>> {
    let mut all = Vec::new();
    for (rank, record) in run.recording.by_rank() {
        let whole = |wish| Stuck {
            rank,
            thread: None,
            is_alone: true,
            function: "-",
            since: None,
            wish,
        };
        match run.ending.ranks.get(&rank) {
            Some(end) if !end.is_killed() => {
                all.push(whole(Wish::Ended(*end)));
                continue;
            }
            _ if record.levels.is_none() && record.calls.is_empty() => {
                all.push(whole(Wish::NeverCame));
                continue;
            }
            _ => {}
        }
        let first = all.len();
        for (thread, state) in (0..).zip(&record.threads) {
            let last = record.calls.iter().rposition(|call| call.thread == thread);
            if !state.is_over && (last.is_some() || state.polling.is_some()) {
                all.push(doing(run, rank, record, thread, last));
            }
        }
        if all.len() == first + 1 {
            all[first].is_alone = true;
        }
    }
    all
}

fn doing<'a>(
    run: &'a Run,
    rank: Rank,
    record: &'a RankRecord,
    thread: Thread,
    last: Option<usize>,
) -> Stuck<'a> {
    let stuck = |function, since, wish| Stuck {
        rank,
        thread: Some(thread),
        is_alone: false,
        function,
        since: Some(since),
        wish,
    };
    let state = &record.threads[usize::from(thread)];
    let last = last.map(|place| &record.calls[place]);
    let is_inside = last.is_some_and(|call| call.returned.is_none());
    match (last, &state.polling) {
        (_, Some(polling)) if !is_inside => {
            let pattern = Pattern::of_looks(polling);
            let wish = if polling.kind.what() == What::Wait {
                requests(record, thread, pattern, polling.times)
            } else {
                Wish::Message(vec![pattern], polling.times)
            };
            stuck(polling.kind.function(), polling.since, wish)
        }
        (Some(call), _) if is_inside => {
            let wish = match call.kind.what() {
                What::Receive | What::Find => Wish::Message(vec![Pattern::of(call)], 0),
                What::Send => Wish::Taker(call),
                What::Wait => requests(record, thread, Pattern::of(call), 0),
                What::Together => Wish::All(absent(&run.recording, rank, call)),
                What::Other if call.kind == Kind::Join => Wish::Join(call.peer),
                What::Other => Wish::Unknown,
            };
            stuck(call.function(), call.started, wish)
        }
        (Some(call), _) => {
            // The last calls of the thread may all have found the same message.
            let found = record
                .calls
                .iter()
                .rev()
                .filter(|other| other.thread == thread)
                .take_while(|other| other.kind.what() == What::Find && other.taken == call.taken)
                .count();
            let since = call.returned.unwrap_or(call.started);
            match call.taken {
                Some(taken) if found > 1 => {
                    stuck(call.kind.function(), since, Wish::Same(taken, found as u64))
                }
                _ => stuck("-", since, Wish::Nothing),
            }
        }
        (None, _) => stuck("-", Duration::ZERO, Wish::Nothing),
    }
}

/// What a thread waits for that waits for earlier requests.
fn requests(record: &RankRecord, thread: Thread, pattern: Pattern, times: u64) -> Wish<'_> {
    let is_known = pattern.peer != Peer::None;
    let mut open = record.calls.iter().filter(|call| {
        call.thread == thread
            && call.returned.is_some()
            && call.completed.is_none()
            && (!is_known || Pattern::of(call) == pattern)
    });
    let received: Vec<Pattern> = open
        .clone()
        .filter(|call| call.kind.awaits_a_message())
        .map(Pattern::of)
        .collect();
    // It may be this that it waits for.
    if open.clone().any(|call| call.kind.what() == What::Together) {
        return Wish::Unknown;
    }
    let is_sent = |call: &&Call| call.kind.what() == What::Send;
    match (&*received, open.find(is_sent)) {
        ([_, ..], _) => Wish::Message(received, times),
        ([], Some(call)) => Wish::Taker(call),
        ([], None) if is_known => Wish::Message(vec![pattern], times),
        ([], None) => Wish::Unknown,
    }
}

/// The ranks that are not in a call in which all have to be.
fn absent(recording: &Recording, rank: Rank, call: &Call) -> Vec<Rank> {
    let is_in = |record: &RankRecord| {
        record.calls.iter().rev().any(|other| {
            other.returned.is_none() && other.kind == call.kind && other.comm == call.comm
        })
    };
    // A rank that has never used the communicator may be no member of it.
    let is_member = |record: &RankRecord| {
        call.comm == 0 || record.calls.iter().any(|other| other.comm == call.comm)
    };
    recording
        .by_rank()
        .filter(|(other, record)| *other != rank && is_member(record) && !is_in(record))
        .map(|(other, _)| other)
        .collect()
}
