//! Threads that wait for each other.

use crate::checks::evidence::*;
use crate::checks::hang::standstill::{Cause, Standstill};
use crate::checks::hang::waiting::{Stuck, Wish};

/// Looks for threads that wait for each other. It is no circle where another thread could answer.
pub(super) fn circle(standstill: &Standstill<'_>) -> Option<Cause> {
    for (start, _) in standstill.each() {
        let mut path = vec![start];
        while let Some(next) = standstill.next(*path.last().expect("it has a start")) {
            if let Some(from) = path.iter().position(|place| *place == next) {
                let circle = path.split_off(from);
                return Some((standstill.say_circle(&circle), circle));
            }
            path.push(next);
        }
    }
    None
}

impl Standstill<'_> {
    /// The one thread that this one surely waits for: the only one of its rank, or the only one that has
    /// done such a thing before, if all others are known to do something else.
    fn next(&self, place: usize) -> Option<usize> {
        let stuck = &self.stuck[place];
        let [rank] = *stuck.waits_for() else {
            return None;
        };
        let is_at_work = |stuck: &Stuck| !matches!(stuck.wish, Wish::Join(_) | Wish::Ended(_));
        let threads: Vec<usize> = self
            .each()
            .filter(|(_, other)| other.rank == rank && is_at_work(other))
            .map(|(place, _)| place)
            .collect();
        if let [only] = *threads {
            return Some(only);
        }
        let calls = |place: usize| {
            let thread = self.stuck[place].thread;
            let calls = self.calls(rank).iter();
            calls.filter(move |call| Some(call.thread) == thread)
        };
        let has_role = |&place: &usize| calls(place).any(|call| has_role(stuck, call));
        let has_helped = |&&place: &&usize| calls(place).any(|call| helps(stuck, rank, call));
        let mut helpers = threads.iter().filter(has_helped);
        let helper = helpers.next()?;
        (helpers.next().is_none() && threads.iter().all(has_role)).then_some(*helper)
    }

    fn say_circle(&self, circle: &[usize]) -> Evidence {
        let sends = |stuck: &Stuck| matches!(stuck.wish, Wish::Taker(_));
        let part = |place: &usize| {
            let stuck = &self.stuck[*place];
            let (who, function) = (stuck.who(), stuck.function);
            let ranks = all_of(&stuck.waits_for());
            if sends(stuck) {
                format!("{who} waits in {function} for {ranks} to receive")
            } else {
                format!("{who} waits in {function} for a message from {ranks}")
            }
        };
        let parts: Vec<String> = circle.iter().take(4).map(part).collect();
        let more = match circle.len() {
            0..=4 => "",
            _ => ", and so on in a circle",
        };
        let hint = if circle.iter().any(|place| sends(&self.stuck[*place])) {
            self.rests_on_buffering()
        } else {
            "one of them has to send before it receives, or a message before has got lost"
        };
        Evidence::new(format!("{}{more}", parts.join(", and ")), hint)
    }
}

/// Whether a call shows the role of its thread: it sends where this one waits for a message, or receives
/// where this one waits for a receive.
fn has_role(stuck: &Stuck, call: &Call) -> bool {
    match call.kind.what() {
        What::Send => matches!(stuck.wish, Wish::Message(..)),
        What::Receive | What::Find => matches!(stuck.wish, Wish::Taker(_)),
        What::Wait | What::Together | What::Other => false,
    }
}

/// Whether this one waits for such a call of that rank.
fn helps(stuck: &Stuck, rank: Rank, call: &Call) -> bool {
    let fits = if let Wish::Taker(sent) = stuck.wish {
        Pattern::of(call).takes_from(stuck.rank, sent)
    } else if let Wish::Message(patterns, _) = &stuck.wish {
        call.peer == Peer::One(stuck.rank)
            && patterns
                .iter()
                .any(|pattern| pattern.takes_from(rank, call))
    } else {
        false
    };
    fits && has_role(stuck, call)
}
