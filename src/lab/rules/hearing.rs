//! What a check sees, and where it reports.

use super::known::{KnownSwarm, News};
use super::{Offence, Rule};
use swarm::event::{Deed, Event, Thread};
use swarm::protocol::{Letter, Rank};

/// A rule, or a part of one.
pub(super) trait RuleCheck {
    /// A message is posted or taken, even one that breaks the rules of `routes`. Only the message
    /// layer wants these.
    fn any_message(&mut self, _: &Passing<'_>, _: &mut Hearing<'_>) {}

    /// A message is posted or taken, by a thread that may do that.
    fn message(&mut self, _: &Passing<'_>, _: &mut Hearing<'_>) {}

    /// A thread that exists did something else.
    fn deed(&mut self, _: &Event, _: &mut Hearing<'_>) {}

    /// The run is over: reports what was still to come.
    fn owed(&mut self, _: &mut Hearing<'_>) {}
}

/// Whether a message is posted or taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Posted,
    Taken,
}

impl Way {
    /// What the rank did with the message.
    pub(super) fn verb(self) -> &'static str {
        match self {
            Way::Posted => "sent",
            Way::Taken => "took",
        }
    }
}

/// A message that is posted or taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passing<'a> {
    pub(crate) way: Way,
    /// The thread that posts or takes it.
    pub(super) thread: Thread,
    pub(crate) from: Rank,
    pub(crate) to: Rank,
    pub(crate) number: u64,
    pub(crate) bytes: usize,
    pub(crate) letter: &'a Letter,
    /// What it changes in the swarm.
    pub(super) news: News,
}

impl Passing<'_> {
    /// The message of an event, if it is about one.
    pub(crate) fn of(event: &Event) -> Option<Passing<'_>> {
        let (way, peer, number, bytes, letter) = match &event.deed {
            Deed::Posted {
                to,
                number,
                bytes,
                letter,
            } => (Way::Posted, *to, number, bytes, letter),
            Deed::Taken {
                from,
                number,
                bytes,
                letter,
            } => (Way::Taken, *from, number, bytes, letter),
            Deed::Begun
            | Deed::Verified { .. }
            | Deed::WrongHash { .. }
            | Deed::Saved { .. }
            | Deed::Left
            | Deed::Ended => return None,
        };
        let (from, to) = match way {
            Way::Posted => (event.rank, peer),
            Way::Taken => (peer, event.rank),
        };
        Some(Passing {
            way,
            thread: event.thread,
            from,
            to,
            number: *number,
            bytes: *bytes,
            letter,
            news: News::default(),
        })
    }

    /// The rank that posts or takes it.
    pub(super) fn rank(&self) -> Rank {
        match self.way {
            Way::Posted => self.from,
            Way::Taken => self.to,
        }
    }
}

/// What a check may ask, and where it reports an offence against its rule.
pub(super) struct Hearing<'a> {
    pub(super) rule: Rule,
    pub(super) known: &'a KnownSwarm,
    pub(super) offences: &'a mut Offences,
}

impl Hearing<'_> {
    /// Reports an offence on the line that is judged, if there is one.
    pub(super) fn report(&mut self, text: impl Into<Option<String>>) {
        if let Some(text) = text.into() {
            self.report_against(self.rule, text);
        }
    }

    /// Reports an offence against a rule that is judged together with the check's own.
    pub(super) fn report_against(&mut self, rule: Rule, text: String) {
        self.offences.report(rule, text);
    }

    /// Reports an offence on another line.
    pub(super) fn report_at(&mut self, line: u64, text: String) {
        add_one(&mut self.offences.found, self.rule, line, text);
    }

    /// Reports what is an offence only if the run is whole. If it was broken off, the last events of
    /// the rank's other thread may be lost.
    pub(super) fn doubt(&mut self, text: String) {
        let line = self.offences.line;
        add_one(&mut self.offences.doubts, self.rule, line, text);
    }
}

/// For each rule, its first offence and the number of others.
type Found = [Option<(Offence, usize)>; Rule::ALL.len()];

/// The offences so far.
#[derive(Debug, Default)]
pub(super) struct Offences {
    /// The line of the event that is judged.
    pub(super) line: u64,
    pub(super) found: Found,
    /// What is an offence only if the run is whole.
    pub(super) doubts: Found,
}

impl Offences {
    /// Reports an offence on the line that is judged.
    pub(super) fn report(&mut self, rule: Rule, text: String) {
        add_one(&mut self.found, rule, self.line, text);
    }
}

fn add_one(found: &mut Found, rule: Rule, line: u64, text: String) {
    add(&mut found[rule as usize], Some((Offence { line, text }, 0)));
}

/// Adds other offences against a rule to those that were found.
pub(super) fn add(found: &mut Option<(Offence, usize)>, others: Option<(Offence, usize)>) {
    match (found, others) {
        (Some((first, more)), Some((other, others))) => {
            *more += others + 1;
            if other.line < first.line {
                *first = other;
            }
        }
        (found, Some(others)) => *found = Some(others),
        (_, None) => {}
    }
}
