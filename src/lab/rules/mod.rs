//! The protocol's rules, stated over what happened in a run: a judge that sees one event after
//! another, in one pass.
//!
//! [`Judge`] shows each event to every rule; a rule is a `Check`, and remembers what it needs. It
//! rests on order alone, never on times: the events of a thread are in their order, and a message is
//! posted before it is taken. Of the events between two threads of a client it knows only that what
//! one did before the other is told before, up to the moment between a deed and its record.
//!
//! What is said of the swarm comes from the events themselves (`Known`). What is remembered grows
//! with the swarm, its clients and segments, and not with the number of events.
//!
//! # What breaks which rule
//! `tests/rules.rs` breaks sound runs in these ways. Each time the rule in front is named, and no
//! other than those in brackets, which cannot hold either.
//!
//! | rule | how it is broken |
//! |---|---|
//! | R1 | INIT dropped, doubled; INIT_ACK early, dropped, doubled, a refusal without a reason; a request before INIT_ACK |
//! | R2 | a hash forged; a number too many; segments told that are not to be known; a segment asked of the tracker; a gained segment told twice; what members hold forged, in a list of all and of some |
//! | R3 | the client left out of a list; a stranger in it; in a list of some the client, a stranger, a member twice, too few, another order; their number forged; SWARM doubled, dropped, sent by a client, without a file that there is; a request before SWARM |
//! | R4 | Verified dropped, doubled, made WrongHash; a request with a forged hash, to who is no member, or not one of some that it was told of; a question who is busy to who is no member; a refusal not respected; a needless question who is busy; GRANT dropped, doubled; CONFIRM dropped; a request without an offer (R9) |
//! | R5 | one owner serves for the other, in three ways |
//! | R6 | UPDATE dropped, early, doubled; a request before its answer |
//! | R7 | FILE_COMPLETE dropped, early, doubled; the file not saved, saved early |
//! | R8 | ALL_COMPLETE dropped (R12), doubled, early, sent for another (R12), silent about a missing file; a file left behind by who stays; the thread ends early, never |
//! | R9 | what is held refused; a wrong hash; an answer dropped, doubled; put off without a reason; sent by who does not hold it (R4: it is no member); a free rider serves; who left serves, who stays leaves, an owner leaves before one copy is out, or stays after it; who leaves when done asks for more |
//! | R10 | the end dropped, early, doubled; a request taken after STOP (R12: STOP is early) |
//! | R11 | who became a seed left out of the first list, of a later one; an owner who is done left out; a seed not called one, in a list of all and of some; a peer called a seed |
//! | R12 | STOP dropped (R10), doubled (R10), early, sent by a client (R10); the tracker never ends, ends early |
//! | messages | never taken; never posted; taken twice; taken in another order; changed on the way; a number forged; a rank that there is not |

mod checking;
mod completion;
mod finishing;
mod grants;
mod index;
mod inputs;
mod known;
mod leaving;
mod messages;
mod offences;
mod registration;
mod requests;
mod routes;
mod service;
mod sources;
mod stopping;
mod swarms;
mod updates;

use std::collections::BTreeSet;
use std::fmt;
use std::mem;

pub use inputs::Inputs;
use known::{Known, News};
use offences::{Offences, add};
use swarm::event::{Deed, Event, Thread};
use swarm::protocol::{Letter, Rank};
use swarm::scenario::Cast;
use swarm::settings::Settings;

/// A rule, by its number in `docs/protocol.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    missing_docs,
    reason = "docs/protocol.md has their text, and so has the file of each"
)]
pub enum Rule {
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R9,
    R10,
    R11,
    R12,
    /// The message layer's: each message is taken once, in order, as it was posted, and none is
    /// left.
    Messages,
}

impl Rule {
    /// All of them, in order.
    pub const ALL: [Rule; 13] = [
        Rule::R1,
        Rule::R2,
        Rule::R3,
        Rule::R4,
        Rule::R5,
        Rule::R6,
        Rule::R7,
        Rule::R8,
        Rule::R9,
        Rule::R10,
        Rule::R11,
        Rule::R12,
        Rule::Messages,
    ];
}

impl Rule {
    /// What it is about, in a few words.
    pub fn about(self) -> &'static str {
        match self {
            Rule::R1 => "every client registers first",
            Rule::R2 => "the tracker knows the files, and holds no segment",
            Rule::R3 => "a client joins the swarm of each file that it wants",
            Rule::R4 => "each segment is asked for, and its hash is checked",
            Rule::R5 => "the sources vary",
            Rule::R6 => "the tracker is asked again after every interval",
            Rule::R7 => "a complete file is told of and saved",
            Rule::R8 => "a client that has all says so, once",
            Rule::R9 => "what is held is served, and nothing else",
            Rule::R10 => "an upload thread ends on STOP alone",
            Rule::R11 => "who has a whole file stays as a seed",
            Rule::R12 => "when all are done, everybody is stopped",
            Rule::Messages => "each message is taken once, in order",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Rule::Messages {
            f.pad("messages")
        } else {
            f.pad(&format!("{self:?}"))
        }
    }
}

/// What is to be said of a rule after a run. Displayed, an offence has its rule in front.
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
    /// In everything that happened.
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
    /// The event's line. For something that never happened, the line of what it was due to, or the
    /// last one.
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
    known: Known,
    checks: Vec<Box<dyn Check>>,
    offences: Offences,
}

impl Judge {
    /// A judge of a run of so many clients. Who is `corrupt` answers every request with a wrong hash,
    /// as it is meant to, and need not keep R9.
    pub fn new(clients: usize, settings: Settings, corrupt: BTreeSet<Rank>) -> Judge {
        Judge {
            known: Known::new(clients, settings, corrupt),
            checks: vec![
                Box::<messages::Messages>::default(),
                Box::<registration::Registration>::default(),
                Box::<index::Index>::default(),
                Box::<swarms::Swarms>::default(),
                Box::<requests::Requests>::default(),
                Box::<checking::Checking>::default(),
                Box::<grants::Grants>::default(),
                Box::<sources::Sources>::default(),
                Box::<updates::Updates>::default(),
                Box::<completion::Completion>::default(),
                Box::<finishing::Finishing>::default(),
                Box::<service::Service>::default(),
                Box::<leaving::Departures>::default(),
                Box::<stopping::Stopping>::default(),
            ],
            offences: Offences::default(),
        }
    }

    /// The same, knowing who plays which part.
    pub fn casting(mut self, cast: Cast) -> Judge {
        self.known.cast(cast);
        self
    }

    /// The same, knowing what the clients have read.
    pub fn knowing(mut self, inputs: Inputs) -> Judge {
        self.checks.push(Box::new(inputs::Given::new(inputs)));
        self
    }

    /// Takes the next event, which is on this line of the trace.
    pub fn see(&mut self, line: u64, event: &Event) {
        self.offences.line = line;
        let (rank, thread) = (event.rank, event.thread);
        match &event.deed {
            Deed::Posted {
                to,
                number,
                bytes,
                letter,
            } => self.see_message(&Passing {
                way: Way::Posted,
                thread,
                from: rank,
                to: *to,
                number: *number,
                bytes: *bytes,
                letter,
                news: News::default(),
            }),
            Deed::Taken {
                from,
                number,
                bytes,
                letter,
            } => self.see_message(&Passing {
                way: Way::Taken,
                thread,
                from: *from,
                to: rank,
                number: *number,
                bytes: *bytes,
                letter,
                news: News::default(),
            }),
            Deed::Begun
            | Deed::Verified { .. }
            | Deed::WrongHash { .. }
            | Deed::Saved { .. }
            | Deed::Left
            | Deed::Ended => {
                if !self.known.has(rank, thread) {
                    let text = format!("rank {rank} has no {thread} thread in this swarm");
                    self.offences.report(Rule::Messages, text);
                    return;
                }
                self.known.see_deed(rank, &event.deed);
                for check in &mut self.checks {
                    check.deed(rank, thread, &event.deed, &self.known, &mut self.offences);
                }
            }
        }
    }

    /// A message on a way that the protocol has not is an offence for itself. The other rules do not
    /// see it, so that they can rest on who sends what to whom.
    fn see_message(&mut self, passing: &Passing<'_>) {
        for check in &mut self.checks {
            check.any_message(passing, &self.known, &mut self.offences);
        }
        match routes::check(passing, &self.known) {
            Ok(()) => {
                let passing = Passing {
                    news: self.known.see_message(passing),
                    ..*passing
                };
                for check in &mut self.checks {
                    check.message(&passing, &self.known, &mut self.offences);
                }
            }
            Err((rule, text)) => self.offences.report(rule, text),
        }
    }

    /// What is to be said of each rule, in order. A run is whole if it came to its own end.
    ///
    /// Of a run that was broken off, the judge is to see all that led to what it sees: with a message
    /// that was taken its posting, and with an answer what the other thread of the client had taken
    /// before. Otherwise it misses that, and calls it wrong.
    pub fn close(mut self, is_whole: bool) -> Vec<Judgement> {
        let mut owed = Offences {
            line: self.offences.line,
            ..Offences::default()
        };
        let doubts = mem::take(&mut self.offences.doubts);
        let due = if is_whole {
            &mut self.offences
        } else {
            &mut owed
        };
        for (found, doubt) in due.found.iter_mut().zip(doubts) {
            add(found, doubt);
        }
        for check in &self.checks {
            check.owed(&self.known, due);
        }
        let verdict = |rule| match (self.offences.of(rule), owed.of(rule)) {
            (Some((first, more)), _) => Verdict::Broken {
                first: first.clone(),
                more,
            },
            (None, Some(_)) => Verdict::CannotBeTold,
            (None, None) => Verdict::Holds,
        };
        let judgement = |rule| Judgement {
            rule,
            verdict: verdict(rule),
        };
        Rule::ALL.map(judgement).into()
    }
}

/// One rule, or what belongs together of it.
trait Check {
    /// A message is posted or taken, by whomever and whatever it is. Only the message layer wants
    /// these.
    fn any_message(&mut self, _: &Passing<'_>, _: &Known, _: &mut Offences) {}

    /// A message is posted or taken, between threads that exist and may exchange it.
    fn message(&mut self, _: &Passing<'_>, _: &Known, _: &mut Offences) {}

    /// A thread that exists did something else.
    fn deed(&mut self, _: Rank, _: Thread, _: &Deed, _: &Known, _: &mut Offences) {}

    /// The run is over: reports what was still to come.
    fn owed(&self, _: &Known, _: &mut Offences) {}
}

/// Whether a message is posted or taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Posted,
    Taken,
}

/// A message that is posted or taken.
#[derive(Debug, Clone, Copy)]
struct Passing<'a> {
    way: Way,
    /// The thread that posts or takes it.
    thread: Thread,
    from: Rank,
    to: Rank,
    number: u64,
    bytes: usize,
    letter: &'a Letter,
    /// What it changes.
    news: News,
}

impl Passing<'_> {
    /// The rank that posts or takes it.
    fn rank(&self) -> Rank {
        match self.way {
            Way::Posted => self.from,
            Way::Taken => self.to,
        }
    }
}
