//! Whether a run can go on: a standstill is proven by what its threads are in, not by the time.

use std::collections::BTreeSet;

use crate::seen::calls::{Call, RankRecord, Recording, Thread, What};
use crate::seen::messages::{Message, messages};
use crate::seen::pattern::Pattern;
use swarm::protocol::Rank;

/// Whether nothing can change any more: every rank is between `MPI_Init` and `MPI_Finalize`, every thread of it is
/// over or in a call that waits, and no message was sent that one of them could take.
pub fn is_proven(recording: &Recording) -> bool {
    let is_standing = |record: &RankRecord| {
        let is_inside = record.levels.is_some() && record.finalize.is_none();
        is_inside && !record.is_aborted && record.waits()
    };
    recording.has_every_message().is_ok()
        && recording.ranks.iter().all(is_standing)
        && on_its_way(recording).is_none()
}

/// Whether each of these threads is known: `tasks` has those that the system knows of each rank, by rank. One that is
/// not may do anything at any time.
pub fn knows_all(recording: &Recording, tasks: &[BTreeSet<u32>]) -> bool {
    let ranks = recording.ranks.iter().zip(tasks);
    let mut ranks =
        ranks.map(|(record, tasks)| !tasks.is_empty() && tasks.is_subset(&record.tasks));
    tasks.len() == recording.ranks.len() && ranks.all(|is_known| is_known)
}

/// The first message that was sent and that a thread waits for.
pub fn on_its_way(recording: &Recording) -> Option<Message<'_>> {
    let mut messages = messages(recording).into_iter();
    messages.find(|message| {
        let is_waited_for = || {
            let record = recording.of(message.to);
            record.is_some_and(|record| waits_for(record).any(|it| it.matches(message)))
        };
        message.taken.is_none() && message.sent.error.is_none() && is_waited_for()
    })
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
