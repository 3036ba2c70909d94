//! The message layer: each message posted is taken once, in order, with the same content, and none
//! is left. Each machine says how many of its messages are on
//! their way at most (`most_untaken`).

use std::collections::{BTreeMap, VecDeque};

use super::{Hearing, Passing, RuleCheck, Way};
use swarm::client::{Download, Upload};
use swarm::event::Thread;
use swarm::protocol::{Letter, Rank, Tag};
use swarm::tracker::Tracker;

#[derive(Default)]
pub(super) struct MessageLayer {
    flows: BTreeMap<(Rank, Rank, Thread), MessageFlow>,
    /// The number of a thread's messages that are not taken.
    untaken: BTreeMap<(Rank, Thread), usize>,
}

/// The messages from one rank to one mailbox.
#[derive(Default)]
struct MessageFlow {
    /// The number of messages that were posted.
    posted: u64,
    on_the_way: VecDeque<Posted>,
}

struct Posted {
    line: u64,
    number: u64,
    bytes: usize,
    letter: Letter,
}

impl RuleCheck for MessageLayer {
    fn any_message(&mut self, passing: &Passing<'_>, hearing: &mut Hearing<'_>) {
        let letter = passing.letter;
        let flow = (passing.from, passing.to, Thread::reader(letter));
        let flow = self.flows.entry(flow).or_default();
        let thread = Thread::sender(passing.from, letter);
        let untaken = self.untaken.entry((passing.from, thread)).or_default();
        // ALIVE does not count: their number depends on time.
        let counts = usize::from(letter.tag() != Tag::Alive);
        match passing.way {
            Way::Posted => {
                flow.post(passing, hearing);
                *untaken += counts;
                let (clients, settings) = (hearing.known.clients, &hearing.known.settings);
                let most = match thread {
                    Thread::Tracker => Tracker::most_untaken(clients, settings),
                    Thread::Download => Download::most_untaken(clients, settings),
                    Thread::Upload => Upload::most_untaken(clients, settings),
                };
                if *untaken > most {
                    hearing.report(format!(
                        "rank {}'s {thread} thread has {untaken} messages on their way, \
                         {most} at most are allowed",
                        passing.from
                    ));
                }
            }
            Way::Taken => {
                if flow.take(passing, hearing) {
                    *untaken = untaken.saturating_sub(counts);
                }
            }
        }
    }

    fn owed(&mut self, hearing: &mut Hearing<'_>) {
        let flows = self.flows.iter();
        let left = flows.flat_map(|(ends, flow)| flow.on_the_way.iter().map(move |m| (ends, m)));
        let mut left: Vec<_> = left.collect();
        left.sort_by_key(|(_, message)| message.line);
        for ((from, to, _), message) in left {
            let tag = message.letter.tag();
            let text = format!("rank {to} never took a {tag} from rank {from}");
            hearing.report_at(message.line, text);
        }
    }
}

impl MessageFlow {
    fn post(&mut self, passing: &Passing<'_>, hearing: &mut Hearing<'_>) {
        let expected = self.posted.saturating_add(1);
        if passing.number != expected {
            hearing.report(format!(
                "{} has the number {}, not {expected}",
                said(passing),
                passing.number
            ));
        }
        self.posted = expected;
        self.on_the_way.push_back(Posted {
            line: hearing.offences.line,
            number: passing.number,
            bytes: passing.bytes,
            letter: passing.letter.clone(),
        });
    }

    /// Returns whether such a message was on its way.
    fn take(&mut self, passing: &Passing<'_>, hearing: &mut Hearing<'_>) -> bool {
        let mut numbers = self.on_the_way.iter().map(|message| message.number);
        let place = numbers.position(|number| number == passing.number);
        let Some(message) = place.and_then(|place| self.on_the_way.remove(place)) else {
            hearing.report(format!("{} is not on its way", said(passing)));
            return false;
        };
        if place != Some(0) {
            hearing.report(format!("{} was taken before earlier ones", said(passing)));
        }
        if message.letter != *passing.letter || message.bytes != passing.bytes {
            hearing.report(format!("{} is not what was posted", said(passing)));
        }
        true
    }
}

fn said(passing: &Passing<'_>) -> String {
    let tag = passing.letter.tag();
    format!("a {tag} from rank {} to rank {}", passing.from, passing.to)
}
