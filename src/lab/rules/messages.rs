//! The message layer: each message posted is taken once, in order, with the same content, and none
//! is left. Nobody posts more than it says to post at most while nobody takes any.

use std::collections::{BTreeMap, VecDeque};

use super::known::Known;
use super::{Check, Offences, Passing, Rule, Way};
use swarm::client::{Download, Upload};
use swarm::event::Thread;
use swarm::protocol::{Letter, Rank, Tag};
use swarm::tracker::Tracker;

/// Remembers the messages on their way, and how many there were.
#[derive(Default)]
pub(super) struct Messages {
    flows: BTreeMap<(Rank, Rank, Thread), Flow>,
    /// How many messages of a thread nobody has taken.
    untaken: BTreeMap<(Rank, Thread), usize>,
}

/// The messages from one rank to one mailbox.
#[derive(Default)]
struct Flow {
    /// How many were posted.
    posted: u64,
    on_the_way: VecDeque<Posted>,
}

struct Posted {
    line: u64,
    number: u64,
    bytes: usize,
    letter: Letter,
}

impl Check for Messages {
    fn any_message(&mut self, passing: &Passing<'_>, known: &Known, offences: &mut Offences) {
        let letter = passing.letter;
        let flow = (passing.from, passing.to, Thread::reader(letter));
        let flow = self.flows.entry(flow).or_default();
        let thread = Thread::sender(passing.from, letter);
        let untaken = self.untaken.entry((passing.from, thread)).or_default();
        // Of ALIVE there are as many as the tracker leaves time for.
        let counts = usize::from(letter.tag() != Tag::Alive);
        match passing.way {
            Way::Posted => {
                flow.post(passing, offences);
                *untaken += counts;
                let (clients, settings) = (known.clients, &known.settings);
                let most = match thread {
                    Thread::Tracker => Tracker::most_untaken(clients, settings),
                    Thread::Download => Download::most_untaken(clients, settings),
                    Thread::Upload => Upload::most_untaken(clients, settings),
                };
                if *untaken > most {
                    let text = format!(
                        "rank {}'s {thread} thread has {untaken} messages on their way, \
                         {most} at most are allowed",
                        passing.from
                    );
                    offences.report(Rule::Messages, text);
                }
            }
            Way::Taken => {
                if flow.take(passing, offences) {
                    *untaken = untaken.saturating_sub(counts);
                }
            }
        }
    }

    fn owed(&self, _: &Known, owed: &mut Offences) {
        let flows = self.flows.iter();
        let left = flows.flat_map(|(ends, flow)| flow.on_the_way.iter().map(move |m| (ends, m)));
        let mut left: Vec<_> = left.collect();
        left.sort_by_key(|(_, message)| message.line);
        for ((from, to, _), message) in left {
            let tag = message.letter.tag();
            let text = format!("rank {to} never took a {tag} from rank {from}");
            owed.report_at(message.line, Rule::Messages, text);
        }
    }
}

impl Flow {
    fn post(&mut self, passing: &Passing<'_>, offences: &mut Offences) {
        let expected = self.posted.saturating_add(1);
        if passing.number != expected {
            let text = format!(
                "{} has the number {}, not {expected}",
                said(passing),
                passing.number
            );
            offences.report(Rule::Messages, text);
        }
        self.posted = expected;
        self.on_the_way.push_back(Posted {
            line: offences.line,
            number: passing.number,
            bytes: passing.bytes,
            letter: passing.letter.clone(),
        });
    }

    /// Says whether such a message was on its way.
    fn take(&mut self, passing: &Passing<'_>, offences: &mut Offences) -> bool {
        let mut numbers = self.on_the_way.iter().map(|message| message.number);
        let place = numbers.position(|number| number == passing.number);
        let Some(message) = place.and_then(|place| self.on_the_way.remove(place)) else {
            let text = format!("{} is not on its way", said(passing));
            offences.report(Rule::Messages, text);
            return false;
        };
        if place != Some(0) {
            let text = format!("{} was taken before earlier ones", said(passing));
            offences.report(Rule::Messages, text);
        }
        if message.letter != *passing.letter || message.bytes != passing.bytes {
            let text = format!("{} is not what was posted", said(passing));
            offences.report(Rule::Messages, text);
        }
        true
    }
}

fn said(passing: &Passing<'_>) -> String {
    let tag = passing.letter.tag();
    format!("a {tag} from rank {} to rank {}", passing.from, passing.to)
}
