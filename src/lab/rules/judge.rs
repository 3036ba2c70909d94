//! The judge: shows the events to the checks, and says of each rule whether it was kept.

use std::collections::BTreeSet;
use std::fmt;
use std::mem;

use super::hearing::{Offences, add};
use super::known::{Inputs, KnownSwarm};
use super::{Hearing, Passing, Rule, RuleCheck, checks, routes};
use swarm::event::Event;
use swarm::protocol::Rank;
use swarm::scenario::Cast;
use swarm::settings::Settings;

/// What is to be said of a rule after a run. It is displayed with the rule in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The rule.
    pub rule: Rule,
    /// Whether it was kept.
    pub verdict: Verdict,
}

/// Whether a rule was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It was, in everything that happened.
    Holds,
    /// It was not.
    Broken {
        /// The first time.
        first: Offence,
        /// How many more times.
        more: usize,
    },
    /// The run was broken off when something was still due.
    CannotBeTold,
}

/// How a rule was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offence {
    /// The line of the event. For something that never happened: the line of the event that called for
    /// it, or the last line.
    pub line: u64,
    /// What a person would say of it.
    pub text: String,
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = self.rule;
        match &self.verdict {
            Verdict::Holds => write!(f, "{rule}: holds"),
            Verdict::Broken { first, .. } => write!(f, "{rule}: {}", first.text),
            Verdict::CannotBeTold => write!(f, "{rule}: cannot be told"),
        }
    }
}

/// Judges a run while it is told, event by event.
pub struct Judge {
    known: KnownSwarm,
    checks: Vec<(Rule, Box<dyn RuleCheck>)>,
    offences: Offences,
}

impl Judge {
    /// A judge of a run of `clients` clients. A `corrupt` client answers every request with a wrong
    /// hash, as it is meant to, and need not keep R9.
    pub fn new(clients: usize, settings: Settings, corrupt: BTreeSet<Rank>) -> Judge {
        Judge {
            known: KnownSwarm::new(clients, settings, corrupt),
            checks: checks(),
            offences: Offences::default(),
        }
    }

    /// The same, knowing which client plays which part.
    pub fn casting(mut self, cast: Cast) -> Judge {
        self.known.cast(cast);
        self
    }

    /// The same, knowing what the clients have read.
    pub fn knowing(mut self, inputs: Inputs) -> Judge {
        self.known.inputs = inputs;
        self
    }

    /// Takes the next event, which is on this line of the trace.
    pub fn see(&mut self, line: u64, event: &Event) {
        self.offences.line = line;
        let (rank, thread) = (event.rank, event.thread);
        if let Some(passing) = Passing::of(event) {
            self.see_message(passing);
        } else if self.known.has(rank, thread) {
            self.known.see_deed(rank, &event.deed);
            self.show(|check, hearing| check.deed(event, hearing));
        } else {
            let text = format!("rank {rank} has no {thread} thread in this swarm");
            self.offences.report(Rule::Messages, text);
        }
    }

    /// A message that this thread may not send or take is an offence in itself. The checks do not see
    /// it: so each message that they see has a sender and a reader that may exchange it.
    fn see_message(&mut self, passing: Passing<'_>) {
        self.show(|check, hearing| check.any_message(&passing, hearing));
        match routes::check(&passing, &self.known) {
            Ok(()) => {
                let news = self.known.see_message(&passing);
                let passing = Passing { news, ..passing };
                self.show(|check, hearing| check.message(&passing, hearing));
            }
            Err((rule, text)) => self.offences.report(rule, text),
        }
    }

    /// Shows something to all checks.
    fn show(&mut self, to: impl Fn(&mut dyn RuleCheck, &mut Hearing<'_>)) {
        for (rule, check) in &mut self.checks {
            let hearing = &mut Hearing {
                rule: *rule,
                known: &self.known,
                offences: &mut self.offences,
            };
            to(check.as_mut(), hearing);
        }
    }

    /// Whether the tracker has said that the swarm does not start.
    pub fn is_refused(&self) -> bool {
        self.known.is_refused
    }

    /// Returns what is to be said of each rule, in order. A run is whole if it came to its own end.
    ///
    /// If a run was broken off, the judge still has to see what led to each event: for a message that
    /// was taken, its posting; for an answer, what the client's other thread had taken before it.
    /// Without that, it calls the event wrong.
    pub fn close(mut self, is_whole: bool) -> Vec<Judgement> {
        let Offences {
            line,
            found,
            doubts,
        } = mem::take(&mut self.offences);
        self.offences.line = line;
        self.show(|check, hearing| check.owed(hearing));
        let owed = self.offences.found;
        let found = Rule::ALL.into_iter().zip(found);
        let judgement = |((rule, mut found), (mut due, owed))| {
            add(&mut due, owed);
            if is_whole {
                add(&mut found, due.take());
            }
            let verdict = match (found, due) {
                (Some((first, more)), _) => Verdict::Broken { first, more },
                (None, Some(_)) => Verdict::CannotBeTold,
                (None, None) => Verdict::Holds,
            };
            Judgement { rule, verdict }
        };
        found
            .zip(doubts.into_iter().zip(owed))
            .map(judgement)
            .collect()
    }
}
