//! A run that does not end, and what its causes are looked for in.

use std::collections::BTreeSet;

use crate::checks::evidence::*;
use crate::checks::hang::waiting::{Stuck, Wish, waiting};
use crate::seen::condition::Condition;
use crate::seen::run::RankEnd;

/// The evidence of a cause, and the places of the threads that it names.
pub(super) type Cause = (Evidence, Vec<usize>);

/// A run that does not end.
pub(super) struct Standstill<'a> {
    pub(super) scene: &'a Scene<'a>,
    /// What every thread does.
    pub(super) stuck: Vec<Stuck<'a>>,
    /// The messages that nobody took.
    pub(super) lost: Vec<Message<'a>>,
    /// The first of those that only their times and contents tell apart: there may be 100,000.
    pub(super) first_lost: Vec<Message<'a>>,
}

impl<'a> Standstill<'a> {
    pub(super) fn new(scene: &'a Scene<'a>) -> Standstill<'a> {
        let lost: Vec<Message<'a>> = scene.untaken().collect();
        let mut seen = BTreeSet::new();
        let mut first_lost = lost.clone();
        first_lost.retain(|message| {
            let Call { comm, tag, .. } = message.sent;
            seen.insert((message.from, message.to, *comm, *tag))
        });
        Standstill {
            scene,
            stuck: waiting(scene.run),
            lost,
            first_lost,
        }
    }

    /// What every thread does, with its place.
    pub(super) fn each(&self) -> impl Iterator<Item = (usize, &Stuck<'a>)> {
        self.stuck.iter().enumerate()
    }

    /// A rank that may only be slow: one of its threads is not in MPI, and it still reads or writes.
    pub(super) fn at_work(&self) -> Option<Rank> {
        let at_work = &self.scene.run.ending.at_work;
        let is_outside = |stuck: &&Stuck| matches!(stuck.wish, Wish::Nothing);
        let mut outside = self.stuck.iter().filter(is_outside);
        outside
            .find(|stuck| at_work.contains(&stuck.rank))
            .map(|stuck| stuck.rank)
    }

    pub(super) fn calls(&self, rank: Rank) -> &'a [Call] {
        self.scene.run.recording.calls_of(rank)
    }

    /// How a rank ended or stopped, if it does nothing for others any more.
    pub(super) fn fate(&self, rank: Rank) -> Option<String> {
        let run = self.scene.run;
        match run.ending.ranks.get(&rank).filter(|end| !end.is_killed()) {
            Some(RankEnd::Status(status)) => Some(format!("has ended with status {status}")),
            Some(RankEnd::Signal(signal)) => Some(format!("has died of signal {signal}")),
            None => {
                let record = run.recording.of(rank)?;
                record.finalize.map(|_| "has called MPI_Finalize".into())
            }
        }
    }

    /// The hint where a send waits for its receive.
    pub(super) fn rests_on_buffering(&self) -> &'static str {
        if self.scene.condition == Condition::Synchronous {
            "MPI_Send may wait until its message is received, and here it does: the program rests on MPI keeping \
             messages until then, which it need not; receive in another thread, or send with MPI_Isend"
        } else {
            "a long message is sent only when its receive has begun: receive in another thread, or send with \
             MPI_Isend"
        }
    }
}
