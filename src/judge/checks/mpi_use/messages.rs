//! Messages that are cut off, misread or left behind.

use std::collections::BTreeMap;
use std::time::Duration;

use super::receivers::Pattern;
use super::unless_cut;
use crate::checks::check::{Evidence, Seen};
use crate::checks::outcome::{has_ended_well, what_happened};
use crate::seen::calls::{Call, Datatype, Kind, Peer, Recording, Tag, What};
use crate::seen::messages::{Message, messages};
use crate::seen::run::Run;
use crate::seen::words::{count, seconds, which_tag, who, whom};
use swarm::protocol::Rank;

/// The error class of a message that is longer than there is room for.
const TRUNCATED: i32 = 1;

/// As many messages are shown.
const MOST: usize = 5;

fn calls(recording: &Recording) -> impl Iterator<Item = (Rank, &Call)> {
    let ranks = (0..).map(Rank).zip(&recording.ranks);
    ranks.flat_map(|(rank, record)| record.calls.iter().map(move |call| (rank, call)))
}

pub(super) fn errors(recording: &Recording) -> Seen {
    let failed = || calls(recording).filter(|(_, call)| call.error.is_some());
    let Some((rank, call)) = failed().min_by_key(|(_, call)| call.started) else {
        return unless_cut(recording);
    };
    let (said, hint) = if call.error == Some(TRUNCATED) {
        let message = cut_off(recording, rank, call).map_or_else(
            || {
                format!(
                    "a message from {} with {}",
                    whom(call.peer),
                    which_tag(call.tag)
                )
            },
            |(from, tag, bytes)| {
                let bytes = count(bytes, "byte");
                format!("a message of {bytes} from {} with tag {tag}", who(from))
            },
        );
        (
            format!(
                "{} has room for {} in {}, too little for {message}",
                who(rank),
                count(call.bytes, "byte"),
                call.kind.function(),
            ),
            "make the count of the receive as large as the longest message with this tag, or ask MPI_Probe and \
             MPI_Get_count first",
        )
    } else {
        (
            format!(
                "{} failed in {} with error class {} ({}, {})",
                call.kind.function(),
                who(rank),
                call.error.unwrap_or_default(),
                whom(call.peer),
                which_tag(call.tag),
            ),
            "see the arguments of that call: the rank, the tag, the count, and the buffer",
        )
    };
    let number = failed().count();
    Seen::Wrong(Evidence::new(said, hint).with_details(vec![
        format!("that was at {}", seconds(call.started)),
        format!("{} failed in this run", count(number, "call")),
    ]))
}

/// The message that a call had no room for: from whom, its tag and its length.
fn cut_off(recording: &Recording, rank: Rank, call: &Call) -> Option<(Rank, i32, u64)> {
    if let Some(taken) = call.taken.filter(|taken| taken.bytes > call.bytes) {
        return Some((taken.from, taken.tag, taken.bytes));
    }
    let is_it = |message: &Message| {
        message.to == rank
            && message.taken.is_none_or(|taken| std::ptr::eq(taken, call))
            && message.sent.bytes > call.bytes
            && tag_of(message.sent)
                .is_some_and(|tag| Pattern::of(call).takes(message.sent.comm, message.from, tag))
    };
    let message = messages(recording).into_iter().find(is_it)?;
    Some((message.from, tag_of(message.sent)?, message.sent.bytes))
}

fn tag_of(call: &Call) -> Option<i32> {
    match call.tag {
        Tag::One(tag) => Some(tag),
        Tag::Any | Tag::None => None,
    }
}

/// Why it is not known which receive took which message.
fn unmatched(recording: &Recording) -> Option<String> {
    if let Seen::CannotBeTold(why) = unless_cut(recording) {
        return Some(why);
    }
    // Such a receive may have taken a message, and nobody knows which.
    let is_unclear = |(_, call): &(Rank, &Call)| {
        call.kind.what() == What::Receive && call.error.is_some() && call.taken.is_none()
    };
    let (rank, call) = calls(recording).find(is_unclear)?;
    let function = call.kind.function();
    Some(format!(
        "{function} failed in {}, and may have taken a message",
        who(rank)
    ))
}

pub(super) fn types(recording: &Recording) -> Seen {
    if let Some(why) = unmatched(recording) {
        return Seen::CannotBeTold(why);
    }
    // Which of a flow's messages a thread took is known only where no two send or take at once.
    let mut flows: BTreeMap<_, Vec<(Message, &Call)>> = BTreeMap::new();
    for message in messages(recording) {
        if let Some(taken) = message.taken {
            let flow = (
                message.sent.comm,
                message.from,
                message.to,
                tag_of(message.sent),
            );
            flows.entry(flow).or_default().push((message, taken));
        }
    }
    let is_ordered = |flow: &Vec<(Message, &Call)>| {
        flow.windows(2).all(|pair| {
            let [(before, taken_before), (next, taken_next)] = pair else {
                return true;
            };
            in_turn(before.sent, next.sent) && in_turn(taken_before, taken_next)
        })
    };
    let mut wrong = Vec::new();
    for (message, taken) in flows.into_values().filter(is_ordered).flatten() {
        let has_all = taken
            .taken
            .is_some_and(|taken| taken.bytes == message.sent.bytes && taken.bytes > 0);
        if let (Some(sent), Some(wanted), true) = (basic(message.sent), basic(taken), has_all)
            && sent.1 != wanted.1
        {
            wrong.push((message, taken, [sent, wanted]));
        }
    }
    wrong.sort_by_key(|(message, ..)| message.sent.started);
    let Some((message, taken, [sent, wanted])) = wrong.first() else {
        return Seen::Right;
    };
    let said = format!(
        "{} sends {} to {} with {}, and the receive expects {}",
        who(message.from),
        sent.0,
        who(message.to),
        which_tag(message.sent.tag),
        wanted.0,
    );
    let hint =
        "name the same datatype in the send and in the receive, that of the buffer's elements";
    Seen::Wrong(Evidence::new(said, hint).with_details(vec![
        format!(
            "{} sends {} of {} each: {}",
            message.sent.kind.function(),
            sent.0,
            count(sent.1, "byte"),
            count(message.sent.bytes, "byte"),
        ),
        format!(
            "{} expects {} of {} each, at {}",
            taken.kind.function(),
            wanted.0,
            count(wanted.1, "byte"),
            seconds(taken.started),
        ),
        format!("{} in this run", count(wrong.len(), "such message")),
    ]))
}

/// Whether a call was over when the next one began, or one thread made both.
fn in_turn(before: &Call, next: &Call) -> bool {
    let is_over = |end: Option<Duration>| end.is_some_and(|end| end <= next.started);
    before.thread == next.thread || is_over(before.returned) && is_over(before.completed)
}

/// The name of MPI's own datatype and the length of an element.
fn basic(call: &Call) -> Option<(&'static str, u8)> {
    match call.datatype {
        Datatype::Basic { name, size } => Some((name, size)),
        Datatype::Bytes | Datatype::Other => None,
    }
}

pub(super) fn leftover(run: &Run) -> Seen {
    let recording = &run.recording;
    if !has_ended_well(run) {
        let what = what_happened(run);
        return Seen::CannotBeTold(format!("{what}, so some messages were still on their way"));
    }
    if let Some(why) = unmatched(recording) {
        return Seen::CannotBeTold(why);
    }
    let never_ended = (0..)
        .map(Rank)
        .zip(&recording.ranks)
        .find(|(_, record)| record.finalize.is_none());
    if let Some((rank, _)) = never_ended {
        return Seen::CannotBeTold(format!("{} did not call MPI_Finalize", who(rank)));
    }
    let (mut left, open): (Vec<Message>, Vec<Message>) = untaken(recording)
        .into_iter()
        .partition(|message| !is_open(recording, message));
    left.sort_by_key(|message| message.sent.started);
    let Some(first) = left.first() else {
        return match open.first() {
            Some(message) => Seen::CannotBeTold(format!(
                "{} began to receive {}, and did not look whether it came",
                who(message.to),
                in_words(message)
            )),
            None => Seen::Right,
        };
    };
    let number = left.len();
    let verb = if number == 1 { "was" } else { "were" };
    let said = format!(
        "{} {verb} sent and never received, first {}",
        count(number, "message"),
        in_words(first)
    );
    let hint = "receive every message before MPI_Finalize; see who sends one more, or who stops one too early";
    let lines = left.iter().take(MOST).map(|message| {
        let sent = message.sent;
        format!(
            "{}: {} at {}",
            in_words(message),
            sent.kind.function(),
            seconds(sent.started)
        )
    });
    let more = number.saturating_sub(MOST);
    let more = (more > 0).then(|| format!("and {more} more"));
    Seen::Wrong(Evidence::new(said, hint).with_details(lines.chain(more).collect()))
}

/// The messages that nobody took and nobody took back.
pub(crate) fn untaken(recording: &Recording) -> Vec<Message<'_>> {
    let mut left = messages(recording);
    left.retain(|message| {
        message.taken.is_none()
            && message.sent.error.is_none()
            && !may_be_cancelled(recording, message)
    });
    left
}

/// Whether a message's sender has cancelled a call that may be the one that sent it.
fn may_be_cancelled(recording: &Recording, message: &Message) -> bool {
    let sent = message.sent;
    matches!(sent.kind, Kind::Isend | Kind::Issend)
        && recording.ranks[message.from.0 as usize]
            .calls
            .iter()
            .any(|call| {
                call.kind == Kind::Cancel
                    && call.started >= sent.started
                    && (call.peer == Peer::None || call.peer == sent.peer)
                    && (call.tag == Tag::None || call.tag == sent.tag)
            })
}

/// Whether a receive that was begun and never looked after may have taken the message.
fn is_open(recording: &Recording, message: &Message) -> bool {
    let calls = recording.ranks.get(message.to.0 as usize);
    calls.is_some_and(|record| {
        record.calls.iter().any(|call| {
            matches!(call.kind, Kind::Irecv | Kind::Imrecv)
                && call.completed.is_none()
                && tag_of(message.sent).is_some_and(|tag| {
                    Pattern::of(call).takes(message.sent.comm, message.from, tag)
                })
        })
    })
}

/// A message: `32 bytes from client 1 to client 2 with tag 5`.
pub(crate) fn in_words(message: &Message) -> String {
    format!(
        "{} from {} to {} with {}",
        count(message.sent.bytes, "byte"),
        who(message.from),
        who(message.to),
        which_tag(message.sent.tag),
    )
}

#[cfg(test)]
mod tests;
