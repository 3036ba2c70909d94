//! What is judged, and how a judgement is said.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a program is judged by. The worst is first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// Every client ends up with the files that it wants, and with no others.
    Outputs,
    /// No rank dies of a signal or ends with another status than 0.
    Crash,
    /// Every run ends by itself.
    Hang,
    /// No process is left after the run.
    Processes,
    /// Threads call MPI as the level that was asked for and given allows.
    ThreadLevel,
    /// Two threads never call MPI at once without `MPI_THREAD_MULTIPLE`.
    Concurrency,
    /// No two threads wait for messages that either could take.
    Receivers,
    /// No call of MPI comes back with an error, a message that is cut off among them.
    Errors,
    /// What is sent is what is expected: the data of a message has the type that its receive names.
    Types,
    /// Every message that is sent is received.
    Leftover,
    /// Every rank calls `MPI_Finalize`.
    Finalize,
    /// A client has two threads that talk.
    TwoThreads,
    /// The tracker knows all owned files before any client asks another (R1).
    Registration,
    /// Clients get segments from each other, and none from the tracker.
    Peers,
    /// Segments are asked for one by one, and only given by who has them (R4, R9).
    Answers,
    /// A hash that came back wrong is noticed (R4).
    Verification,
    /// A file that several hold is not fetched from one (R5).
    Sources,
    /// The tracker is asked again after every ten segments (R6).
    Updates,
    /// Clients that got a file serve it to others (R9).
    Serving,
    /// Nobody stops before all are done (R12).
    Stopping,
}

/// What checks are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// How runs end, and what they leave.
    Outcome,
    /// The use of MPI.
    Mpi,
    /// The assignment's protocol.
    Assignment,
}

impl Check {
    /// All of them, the worst first.
    pub const ALL: [Check; 20] = [
        Check::Outputs,
        Check::Crash,
        Check::Hang,
        Check::Processes,
        Check::ThreadLevel,
        Check::Concurrency,
        Check::Receivers,
        Check::Errors,
        Check::Types,
        Check::Leftover,
        Check::Finalize,
        Check::TwoThreads,
        Check::Registration,
        Check::Peers,
        Check::Answers,
        Check::Verification,
        Check::Sources,
        Check::Updates,
        Check::Serving,
        Check::Stopping,
    ];

    /// What it is about.
    pub fn subject(self) -> Subject {
        match self {
            Check::Outputs | Check::Crash | Check::Hang | Check::Processes => Subject::Outcome,
            Check::ThreadLevel
            | Check::Concurrency
            | Check::Receivers
            | Check::Errors
            | Check::Types
            | Check::Leftover
            | Check::Finalize => Subject::Mpi,
            Check::TwoThreads
            | Check::Registration
            | Check::Peers
            | Check::Answers
            | Check::Verification
            | Check::Sources
            | Check::Updates
            | Check::Serving
            | Check::Stopping => Subject::Assignment,
        }
    }

    /// Its name, on the command line and for programs.
    pub fn name(self) -> &'static str {
        match self {
            Check::Outputs => "outputs",
            Check::Crash => "crash",
            Check::Hang => "hang",
            Check::Processes => "processes",
            Check::ThreadLevel => "thread-level",
            Check::Concurrency => "concurrency",
            Check::Receivers => "receivers",
            Check::Errors => "errors",
            Check::Types => "types",
            Check::Leftover => "leftover",
            Check::Finalize => "finalize",
            Check::TwoThreads => "two-threads",
            Check::Registration => "registration",
            Check::Peers => "peers",
            Check::Answers => "answers",
            Check::Verification => "verification",
            Check::Sources => "sources",
            Check::Updates => "updates",
            Check::Serving => "serving",
            Check::Stopping => "stopping",
        }
    }
}

/// What is right where the check holds.
impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Check::Outputs => "every client writes the files that it wants",
            Check::Crash => "no rank crashes",
            Check::Hang => "every run ends",
            Check::Processes => "no process is left behind",
            Check::ThreadLevel => "the thread level fits the threads",
            Check::Concurrency => "threads share MPI as their level allows",
            Check::Receivers => "no thread takes another's messages",
            Check::Errors => "no MPI call fails",
            Check::Types => "messages are what their receivers expect",
            Check::Leftover => "every message is received",
            Check::Finalize => "every rank calls MPI_Finalize",
            Check::TwoThreads => "every client talks with two threads",
            Check::Registration => "the tracker knows all files first (R1)",
            Check::Peers => "clients get segments from each other",
            Check::Answers => "only who has a segment gives it (R4, R9)",
            Check::Verification => "a wrong hash is noticed (R4)",
            Check::Sources => "downloads vary their sources (R5)",
            Check::Updates => "the tracker is asked every ten segments (R6)",
            Check::Serving => "who has got a file serves it (R9)",
            Check::Stopping => "nobody stops before all are done (R12)",
        })
    }
}

/// What one run shows of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It holds.
    Right,
    /// It does not.
    Wrong(Evidence),
    /// What should be seen in one of several runs was not, though there was occasion: the check does
    /// not hold if it never is.
    Lacking(Evidence),
    /// This run does not tell, for this reason.
    CannotBeTold(String),
}

/// Why something is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What happened, in one sentence without its full stop: `client 2 wrote no client2_file1`.
    pub said: String,
    /// More of it, a line each: a table, the first lines that differ.
    pub details: Vec<String>,
    /// What to look at in the program, in one sentence without its full stop.
    pub hint: String,
}

impl Evidence {
    /// Says what happened and what to look at.
    pub fn new(said: impl Into<String>, hint: impl Into<String>) -> Evidence {
        Evidence {
            said: said.into(),
            details: Vec::new(),
            hint: hint.into(),
        }
    }

    /// Adds more of it.
    pub fn with_details(mut self, details: Vec<String>) -> Evidence {
        self.details = details;
        self
    }
}
