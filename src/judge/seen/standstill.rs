//! Whether a run can go on: a standstill is proven by what its threads are in, not by the time.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::seen::calls::{Call, RankRecord, Recording, Thread, What};
use crate::seen::messages::{Message, messages};
use crate::seen::pattern::{Pattern, distinct};
use swarm::protocol::Rank;

/// What the system says of the threads of a rank. It knows them by numbers, as the rank does.
#[derive(Debug, Clone, Default)]
pub struct Threads {
    /// All that there are.
    pub all: BTreeSet<u32>,
    /// Those that wait until another thread of the rank wakes them, for however long: for a lock, or a condition.
    pub locked: BTreeSet<u32>,
}

/// Whether nothing can change any more: every rank has come out of `MPI_Init`, every thread of it is known, and is over,
/// waits in a call or waits for another one, and no message was sent that one of them could take. Some ranks may be in
/// `MPI_Finalize`, for they send nothing any more. Where all are, they only take their time. `threads` are those of each
/// rank, by rank.
pub fn is_proven(recording: &Recording, threads: &[Threads]) -> bool {
    let ranks = || recording.ranks.iter();
    // One that is not known may do anything at any time.
    let is_standing = |(record, threads): (&RankRecord, &Threads)| {
        record.levels.is_some()
            && !record.is_aborted
            && record.waits(&threads.locked)
            && !threads.all.is_empty()
            && threads.all.is_subset(&record.tasks)
    };
    recording.has_every_message().is_ok()
        && threads.len() == recording.ranks.len()
        && ranks().zip(threads).all(is_standing)
        && ranks().any(|record| record.finalize.is_none())
        && on_its_way(recording).is_none()
}

/// The first message that was sent and that a thread waits for.
pub fn on_its_way(recording: &Recording) -> Option<Message<'_>> {
    // There may be 100,000 of them, and as many calls.
    let patterns = |record: &RankRecord| distinct(waits_for(record));
    let waited_for: Vec<Vec<Pattern>> = recording.ranks.iter().map(patterns).collect();
    let mut messages = messages(recording).into_iter();
    messages.find(|message| {
        let patterns = waited_for.get(message.to.0 as usize);
        let is_waited_for = || patterns.is_some_and(|all| all.iter().any(|it| it.matches(message)));
        message.taken.is_none() && message.sent.error.is_none() && is_waited_for()
    })
}

/// When a call was last made that did more than look or wait for a message.
pub(crate) fn last_step(recording: &Recording) -> Duration {
    let is_step = |call: &&Call| !matches!(call.kind.what(), What::Find | What::Wait);
    let calls = recording.calls().map(|(_, call)| call);
    calls
        .filter(is_step)
        .map(|call| call.completed.or(call.returned).unwrap_or(call.started))
        .max()
        .unwrap_or_default()
}

/// What the threads of a rank wait for or look for.
fn waits_for(record: &RankRecord) -> impl Iterator<Item = Pattern> {
    let threads = (0..).zip(&record.threads);
    let living = threads.filter(|(_, state)| !state.is_over);
    living.flat_map(|(thread, state)| {
        let looks = state.polling.as_ref().map(Pattern::of_looks);
        let last = last_of(record, thread).filter(|call| call.returned.is_none());
        let receives = |call: &&Call| matches!(call.kind.what(), What::Receive | What::Find);
        let received = last.filter(receives).map(Pattern::of);
        let waits = last.is_some_and(|call| call.kind.what() == What::Wait);
        let begun = record.calls.iter().filter(move |call| {
            let is_open = call.returned.is_some() && call.completed.is_none();
            waits && call.thread == thread && is_open && call.kind.awaits_a_message()
        });
        looks
            .into_iter()
            .chain(received)
            .chain(begun.map(Pattern::of))
    })
}

fn last_of(record: &RankRecord, thread: Thread) -> Option<&Call> {
    record.calls.iter().rev().find(|call| call.thread == thread)
}

/// The ranks that have not come out of `MPI_Init`, or never came to it.
pub fn still_starting(recording: &Recording) -> impl Iterator<Item = Rank> {
    let ranks = recording.by_rank();
    ranks.filter_map(|(rank, record)| record.levels.is_none().then_some(rank))
}
