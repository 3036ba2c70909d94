//! What the ranks of a run called, as the profiling library recorded it.

mod kind;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use kind::{Kind, Spread, What};
use swarm::protocol::Rank;

/// The calls of all ranks. Times are those of the host's clock since the first call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recording {
    /// By rank. A rank that never came to MPI has a record without levels.
    pub ranks: Vec<RankRecord>,
}

impl Recording {
    /// The records of all ranks, each with its rank.
    pub fn by_rank(&self) -> impl Iterator<Item = (Rank, &RankRecord)> {
        (0..).map(Rank).zip(&self.ranks)
    }

    /// The record of a rank. `None` if there is no such rank.
    pub fn of(&self, rank: Rank) -> Option<&RankRecord> {
        self.ranks.get(rank.0 as usize)
    }

    /// The calls of a rank; none if there is no such rank.
    pub fn calls_of(&self, rank: Rank) -> &[Call] {
        self.of(rank).map_or(&[], |record| &record.calls)
    }

    /// The calls of all ranks, rank after rank.
    pub fn calls(&self) -> impl Iterator<Item = (Rank, &Call)> {
        self.by_rank()
            .flat_map(|(rank, record)| record.calls.iter().map(move |call| (rank, call)))
    }

    /// Whether a rank has come to MPI.
    pub fn has_started(&self) -> bool {
        self.ranks.iter().any(|record| record.levels.is_some())
    }
}

/// The calls of one rank.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RankRecord {
    /// The thread level that it asked for, and the one that MPI gave, once MPI has started.
    pub levels: Option<Levels>,
    /// When it called `MPI_Finalize`.
    pub finalize: Option<Duration>,
    /// Whether it called `MPI_Abort` itself, or MPI did because of an error.
    pub is_aborted: bool,
    /// Whether some of its calls are not known: there was no room for them, or the record is damaged. Then nothing can be
    /// told that needs all of them.
    pub is_cut: bool,
    /// What it called or used that may send, receive or begin something that is not seen, such as functions that the
    /// recorder does not follow. That they were called is known, each time; what came of it is not.
    pub not_followed: Vec<Arc<str>>,
    /// What is wrong with the record, if the program has written into it. Then nothing else is in it.
    pub damage: Option<String>,
    /// The wrong hash that the recorder made it send, if it did.
    pub lie: Option<Lie>,
    /// The threads that the program has made. The first is the main thread.
    pub threads: Vec<ThreadRecord>,
    /// The numbers that the system knows its threads by, and those that the MPI library has made.
    pub tasks: BTreeSet<u32>,
    /// Its calls in the order in which they began, without looks for a message that found none.
    pub calls: Vec<Call>,
}

/// Thread levels, as a program asks for one and gets another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels {
    /// What it asked for. `MPI_Init` asks for the lowest.
    pub asked: Level,
    /// What it got.
    pub given: Level,
}

/// What threads may do, in MPI's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// There is one thread.
    Single,
    /// Only the main thread calls MPI.
    Funneled,
    /// One thread at a time calls MPI.
    Serialized,
    /// Any thread calls MPI at any time.
    Multiple,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Single => "MPI_THREAD_SINGLE",
            Level::Funneled => "MPI_THREAD_FUNNELED",
            Level::Serialized => "MPI_THREAD_SERIALIZED",
            Level::Multiple => "MPI_THREAD_MULTIPLE",
        })
    }
}

/// A wrong hash that was sent instead of the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lie {
    /// To whom.
    pub to: Rank,
    /// Instead of this segment's.
    pub segment: Segment,
}

/// A segment of the run's inputs, by its number among all segments ([`crate::seen::known::Known`]).
pub type Segment = u32;

/// The number of a thread in its rank. 0 is the main one.
pub type Thread = u16;

/// A thread at the end of the recording.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ThreadRecord {
    /// Whether its function has returned.
    pub is_over: bool,
    /// When it has.
    pub ended: Option<Duration>,
    /// The number that the system knows it by; 0 is none.
    pub task: u32,
    /// What it has been looking for since its last other call, if it has looked.
    pub polling: Option<Polling>,
}

/// Repeated looks for a message that found none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Polling {
    /// What it calls again and again.
    pub kind: Kind,
    /// From whom.
    pub peer: Peer,
    /// With which tag.
    pub tag: Tag,
    /// On which communicator.
    pub comm: Comm,
    /// How many times.
    pub times: u64,
    /// Since when.
    pub since: Duration,
}

/// One call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Which thread of the rank made it.
    pub thread: Thread,
    /// Which function.
    pub kind: Kind,
    /// The name of a function that is not followed ([`Kind::Other`]).
    pub name: Option<Arc<str>>,
    /// The destination or the source; or the root of a collective operation.
    pub peer: Peer,
    /// The tag that it was called with.
    pub tag: Tag,
    /// The communicator on which it was called.
    pub comm: Comm,
    /// The number of bytes that it sends, or has room for.
    pub bytes: u64,
    /// The datatype that it was called with.
    pub datatype: Datatype,
    /// When it was called.
    pub started: Duration,
    /// When it returned. `None` if it has not.
    pub returned: Option<Duration>,
    /// When its operation was complete: for a call that does not wait, when a later call has found that
    /// out; for any other, when it returned.
    pub completed: Option<Duration>,
    /// The error class that it returned, if it failed.
    pub error: Option<i32>,
    /// What a receive took, or a probe found.
    pub taken: Option<Taken>,
    /// Whether it was cancelled in time: then nothing was sent or received.
    pub is_cancelled: bool,
    /// The segments whose hashes were recognised in what it sends, in the order of the message. A receive
    /// has none: they are in the send of its message.
    pub segments: Vec<Segment>,
}

/// A message that was received or found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Whose.
    pub from: Rank,
    /// The tag that it was sent with.
    pub tag: i32,
    /// Its length in bytes.
    pub bytes: u64,
}

/// Ranks are those of `MPI_COMM_WORLD`, whatever the communicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Peer {
    /// `MPI_ANY_SOURCE`.
    Any,
    /// This one; for a join, this thread.
    One(Rank),
    /// None: the call has no other side, or it is `MPI_PROC_NULL`.
    None,
}

/// A tag as a call has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tag {
    /// `MPI_ANY_TAG`.
    Any,
    /// This one.
    One(i32),
    /// The call has none.
    None,
}

/// A communicator, by a number that all its members know it by. 0 is `MPI_COMM_WORLD`.
pub type Comm = u32;

/// The datatype of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datatype {
    /// `MPI_BYTE` or `MPI_PACKED`, which match any other.
    Bytes,
    /// One of MPI's own: `MPI_CHAR`, `MPI_INT`.
    Basic {
        /// MPI's name for it.
        name: &'static str,
        /// The bytes of an element.
        size: u8,
    },
    /// One that the program made; or the call has none.
    Other,
}

impl Call {
    /// The name of the function.
    pub fn function(&self) -> &str {
        self.name.as_deref().unwrap_or(self.kind.function())
    }
}

impl RankRecord {
    /// A record of which nothing can be believed, for this reason.
    pub fn damaged(damage: String) -> RankRecord {
        RankRecord {
            is_cut: true,
            damage: Some(damage),
            ..RankRecord::default()
        }
    }

    /// The calls of MPI among its calls.
    pub fn mpi_calls(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(|call| call.kind != Kind::Join)
    }

    /// When a call ended. One that never returned lasts for ever, unless its thread was ended in it.
    pub fn end_of(&self, call: &Call) -> Duration {
        let thread = self.threads.get(usize::from(call.thread));
        match call.returned {
            Some(time) => time,
            None if thread.is_some_and(|thread| thread.is_over) => call.started,
            None => Duration::MAX,
        }
    }

    /// Whether this rank does nothing more by itself: every thread is over, or in a call that waits, or waits for
    /// another thread of it.
    pub fn waits(&self, locked: &BTreeSet<u32>) -> bool {
        let is_in_a_call = |number: usize| {
            let mut calls = self.calls.iter().rev();
            let last = calls.find(|call| usize::from(call.thread) == number);
            last.is_some_and(|call| call.returned.is_none() || call.kind == Kind::Finalize)
        };
        let mut threads = self.threads.iter().enumerate();
        !self.threads.is_empty()
            && threads.all(|(number, thread)| {
                thread.is_over
                    || locked.contains(&thread.task)
                    || (thread.polling.is_none() && is_in_a_call(number))
            })
    }

    /// Whether all its threads wait for each other, but for those that are over.
    pub fn is_locked(&self, locked: &BTreeSet<u32>) -> bool {
        let mut threads = self.threads.iter();
        threads.all(|thread| thread.is_over || locked.contains(&thread.task))
    }
}
