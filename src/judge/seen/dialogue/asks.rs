//! The questions for segments, and when each was answered.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::seen::calls::{Segment, Thread};
use crate::seen::dialogue::Ask;
use crate::seen::dialogue::purposes::Purpose;
use crate::seen::messages::Message;
use swarm::protocol::Rank;

/// What a thread of a client does that shows which answer belongs to which question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// It takes a message of another client.
    Take(Rank),
    /// It sends something that asks for nothing.
    Send,
    /// It asks for a segment, with this message.
    Ask(usize),
}

/// The questions. One has its answer if its thread awaits every answer before it asks again.
pub(super) fn asks(
    messages: &[Message<'_>],
    purposes: &[Purpose],
) -> BTreeMap<(Rank, Segment), Vec<Ask>> {
    let mut threads: BTreeMap<(Rank, Thread), Vec<(Duration, Step)>> = BTreeMap::new();
    for (place, (message, purpose)) in messages.iter().zip(purposes).enumerate() {
        let is_ask = matches!(purpose, Purpose::Ask(_));
        let step = if is_ask { Step::Ask(place) } else { Step::Send };
        let thread = threads.entry((message.from, message.sent.thread));
        thread.or_default().push((message.sent.started, step));
        if let Some(taken) = message.surely_taken()
            && let Some(came) = taken.completed
            && !is_ask
            && message.is_between_clients()
        {
            let thread = threads.entry((message.to, taken.thread));
            thread.or_default().push((came, Step::Take(message.from)));
        }
    }
    let mut asks: BTreeMap<(Rank, Segment), Vec<Ask>> = BTreeMap::new();
    for ((client, thread), mut steps) in threads {
        steps.sort_unstable();
        let places = (0..steps.len()).filter(|&place| matches!(steps[place].1, Step::Ask(_)));
        let places: Vec<usize> = places.collect();
        let answers = places
            .iter()
            .map(|&place| answer(messages, &steps[place..]));
        let answers: Vec<Option<Duration>> = answers.collect();
        let is_awaited = answers.iter().rev().skip(1).all(Option::is_some);
        for (&place, answered) in places.iter().zip(answers) {
            let (sent, Step::Ask(number)) = steps[place] else {
                continue;
            };
            let Purpose::Ask(segment) = purposes[number] else {
                continue;
            };
            asks.entry((client, segment)).or_default().push(Ask {
                to: messages[number].to,
                thread,
                sent,
                answered: answered.filter(|_| is_awaited),
                is_awaited,
            });
        }
    }
    for asks in asks.values_mut() {
        asks.sort_by_key(|ask| ask.sent);
    }
    asks
}

/// When the last part of the answer to the first of these steps came, if that was before the next
/// question.
fn answer(messages: &[Message<'_>], steps: &[(Duration, Step)]) -> Option<Duration> {
    let Step::Ask(number) = steps[0].1 else {
        return None;
    };
    let own = Step::Take(messages[number].to);
    let rest = steps[1..].iter();
    let before_next = rest.take_while(|(_, step)| !matches!(step, Step::Ask(_)));
    let parts = before_next
        .skip_while(|(_, step)| *step != own)
        .take_while(|(_, step)| *step == own);
    parts.last().map(|&(came, _)| came)
}
