//! The protocol's rules, stated over what happened in a run: a judge that sees one event after
//! another, in one pass.
//!
//! * [`Judge`] shows each event to every check. A rule has one check or more: the table below lists
//!   them.
//! * `hearing` is what a check sees, and where it reports. A check remembers what it needs.
//! * `known` is what the events so far tell of the swarm. All checks can ask it.
//! * `routes` is which thread may send which message to which. The checks see no other message.
//!
//! The checks rest on order alone, never on times: the events of a thread are in their order, and a
//! message is posted before it is taken. Between the two threads of a client, what one did before the
//! other is told before it, but for the moment between a deed and its record. What is remembered grows
//! with the clients, files and segments of the swarm, not with the number of events.
//!
//! A new rule is a file and its row in the table. `tests/it/rules.rs` breaks each rule of sound runs in
//! several ways: the judge has to name that rule, and only those others that cannot hold then either.

mod checking;
mod completion;
mod finishing;
mod grants;
mod hearing;
mod index;
mod judge;
mod known;
mod leaving;
mod messages;
mod queues;
mod registration;
mod requests;
mod routes;
mod service;
mod sources;
mod stopping;
mod swarms;
mod updates;

use std::fmt;

use hearing::{Hearing, RuleCheck};
pub(crate) use hearing::{Passing, Way};
pub use judge::{Judge, Judgement, Offence, Verdict};
pub use known::Inputs;

macro_rules! rules {
    ($($rule:ident $about:literal: $($check:ty)*,)*) => {
        /// A rule, by its number in `docs/protocol.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule { $(#[doc = concat!("It says that ", $about, ".")] $rule,)* }

        impl Rule {
            /// All of them, in order.
            pub const ALL: [Rule; [$($about),*].len()] = [$(Rule::$rule),*];

            /// What it says, in a few words.
            pub fn about(self) -> &'static str {
                match self { $(Rule::$rule => $about,)* }
            }
        }

        /// The checks of all rules, each with its rule.
        fn checks() -> Vec<(Rule, Box<dyn RuleCheck>)> {
            vec![$($((Rule::$rule, Box::<$check>::default()),)*)*]
        }
    };
}

// The table: a rule, what it says, and its checks. `SwarmLists` also judges R11, `Stopping` also R12.
// `Messages` is the message layer's rule.
rules! {
    R1 "every client registers first": registration::Registration,
    R2 "the tracker knows the files, and holds no segment": index::TrackerKnowledge,
    R3 "a client joins the swarm of each file that it wants": swarms::SwarmLists,
    R4 "each segment is asked for, and its hash is checked":
        requests::Requests checking::HashChecks grants::Grants,
    R5 "the sources vary": sources::FairShares,
    R6 "the tracker is asked again after every interval": updates::Updates,
    R7 "a complete file is told of and saved": completion::Completion,
    R8 "a client that has all says so, once": finishing::Finishing,
    R9 "what is held is served, and nothing else": service::Answers queues::Queues leaving::Departures,
    R10 "an upload thread ends on STOP alone": stopping::Stopping,
    R11 "who has a whole file stays as a seed": ,
    R12 "when all are done, everybody is stopped": ,
    Messages "each message is taken once, in order": messages::MessageLayer,
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
