//! Which threads may call MPI, and when.

use std::time::Duration;

use super::unless_cut;
use crate::checks::check::{Evidence, Seen};
use crate::seen::calls::{Call, Kind, Level, RankRecord, Recording, Thread};
use crate::seen::words::{count, listed, seconds, which_thread, who};
use swarm::protocol::Rank;

/// The calls of MPI among a rank's calls.
fn mpi_calls(record: &RankRecord) -> impl Iterator<Item = &Call> {
    record.calls.iter().filter(|call| call.kind != Kind::Join)
}

fn ranks(recording: &Recording) -> impl Iterator<Item = (Rank, &RankRecord)> {
    (0..).map(Rank).zip(&recording.ranks)
}

pub(super) fn level(recording: &Recording) -> Seen {
    let found = ranks(recording).find_map(|(rank, record)| too_many_threads(rank, record));
    found.map_or_else(|| unless_cut(recording), Seen::Wrong)
}

/// A rank at whose level only the main thread may call MPI, and another does.
fn too_many_threads(rank: Rank, record: &RankRecord) -> Option<Evidence> {
    let levels = record.levels?;
    let level = levels.asked.min(levels.given);
    if level > Level::Funneled {
        return None;
    }
    let start = |call: &&Call| matches!(call.kind, Kind::Init | Kind::InitThread);
    let started = mpi_calls(record).find(start);
    // MPI's main thread is the one that started it.
    let main = started.map_or(0, |call| call.thread);
    let first = mpi_calls(record).find(|call| call.thread != main)?;
    let mut threads: Vec<Thread> = mpi_calls(record).map(|call| call.thread).collect();
    threads.sort_unstable();
    threads.dedup();
    let names: Vec<String> = threads.iter().copied().map(which_thread).collect();
    let (asked, given) = (levels.asked, levels.given);
    let but = if started.is_some_and(|call| call.kind == Kind::Init) {
        "MPI_Init is for programs in which one thread calls MPI".to_owned()
    } else if asked <= Level::Funneled {
        format!("it asked for {asked}")
    } else {
        format!("MPI gave it only {given}")
    };
    let hint = "ask MPI_Init_thread for MPI_THREAD_MULTIPLE, and stop if `provided` is less";
    let said = format!(
        "{} calls MPI from {}, but {but}",
        who(rank),
        which_thread(first.thread)
    );
    Some(Evidence::new(said, hint).with_details(vec![
        format!(
            "asked for {asked}, given {given}, used by {}",
            listed(&names)
        ),
        format!(
            "the first such call is {} at {}",
            first.kind.function(),
            seconds(first.started)
        ),
    ]))
}

pub(super) fn concurrency(recording: &Recording) -> Seen {
    let found = ranks(recording).find_map(|(rank, record)| overlap(rank, record));
    if let Some(evidence) = found {
        return Seen::Wrong(evidence);
    }
    let is_free = |(_, record): (Rank, &RankRecord)| {
        record
            .levels
            .is_none_or(|levels| levels.given == Level::Multiple)
    };
    if recording.ranks.iter().any(|record| record.levels.is_some()) && ranks(recording).all(is_free)
    {
        return Seen::Right;
    }
    unless_cut(recording)
}

/// Two threads of a rank in MPI at once, where that is not allowed.
fn overlap(rank: Rank, record: &RankRecord) -> Option<Evidence> {
    let given = record.levels?.given;
    if given == Level::Multiple {
        return None;
    }
    // Of each thread, the call that lasts longest.
    let mut latest: Vec<(&Call, Duration)> = Vec::new();
    let (mut first, mut times) = (None, 0u64);
    for call in mpi_calls(record) {
        let other = latest
            .iter()
            .find(|(other, end)| other.thread != call.thread && *end > call.started);
        if let Some((other, _)) = other {
            times += 1;
            first.get_or_insert((*other, call));
        }
        let end = end_of(record, call);
        match latest
            .iter_mut()
            .find(|(other, _)| other.thread == call.thread)
        {
            Some(known) if known.1 < end => *known = (call, end),
            Some(_) => {}
            None => latest.push((call, end)),
        }
    }
    let (one, other) = first?;
    let said = format!(
        "{} was in {} with {} when {} called {}, but MPI gave it only {given}",
        who(rank),
        one.kind.function(),
        which_thread(one.thread),
        which_thread(other.thread),
        other.kind.function(),
    );
    let hint = "ask MPI_Init_thread for MPI_THREAD_MULTIPLE and look at `provided`, or let one lock guard all \
                calls of MPI";
    let until = match one.returned {
        Some(time) => format!("to {}", seconds(time)),
        None => "and did not come back".into(),
    };
    let line = |thread| which_thread(thread);
    Some(Evidence::new(said, hint).with_details(vec![
        format!(
            "{} was in {} from {} {until}",
            line(one.thread),
            one.kind.function(),
            seconds(one.started),
        ),
        format!(
            "{} called {} at {}",
            line(other.thread),
            other.kind.function(),
            seconds(other.started),
        ),
        format!("that happened {}", count(times, "time")),
    ]))
}

/// Until when a call was under way: one that never returned, for ever, unless its thread was ended in it.
pub(super) fn end_of(record: &RankRecord, call: &Call) -> Duration {
    let is_over = record
        .threads
        .get(usize::from(call.thread))
        .is_some_and(|thread| thread.is_over);
    match call.returned {
        Some(time) => time,
        None if is_over => call.started,
        None => Duration::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seen::calls::{Levels, Peer, Tag};
    use crate::seen::made_up::MadeUp;

    fn with_levels(asked: Level, given: Level) -> MadeUp {
        let mut made_up = MadeUp::new(3);
        for rank in 0..3 {
            made_up.rank(rank).levels = Some(Levels { asked, given });
        }
        made_up
    }

    fn evidence(seen: Seen) -> Evidence {
        let Seen::Wrong(evidence) = seen else {
            panic!("that is wrong");
        };
        evidence
    }

    #[test]
    fn a_thread_that_calls_mpi_needs_more_than_funneled() {
        for (asked, given, fits) in [
            (Level::Single, Level::Single, false),
            (Level::Single, Level::Multiple, false),
            (Level::Funneled, Level::Funneled, false),
            (Level::Multiple, Level::Funneled, false),
            (Level::Serialized, Level::Serialized, true),
            (Level::Multiple, Level::Serialized, true),
            (Level::Multiple, Level::Multiple, true),
        ] {
            let mut made_up = with_levels(asked, given);
            made_up.call((1, 0), Kind::InitThread);
            made_up.send((1, 2), 2, 5);
            let is_right = level(&made_up.run.recording) == Seen::Right;
            assert_eq!(is_right, fits, "{asked} {given}");
        }
    }

    #[test]
    fn a_level_that_does_not_fit_is_said_with_what_was_asked_for_and_given() {
        let said = |asked, given, kind| {
            let mut made_up = with_levels(asked, given);
            made_up.call((1, 0), kind);
            made_up.send((1, 2), 2, 5);
            evidence(level(&made_up.run.recording))
        };
        let single = said(Level::Single, Level::Single, Kind::Init);
        assert_eq!(
            single.said,
            "client 1 calls MPI from thread 2, but MPI_Init is for programs in which one thread calls MPI"
        );
        let asked = said(Level::Funneled, Level::Funneled, Kind::InitThread);
        assert!(asked.said.ends_with("but it asked for MPI_THREAD_FUNNELED"));
        let given = said(Level::Multiple, Level::Single, Kind::InitThread);
        assert!(
            given
                .said
                .ends_with("but MPI gave it only MPI_THREAD_SINGLE")
        );
        assert_eq!(
            given.details,
            [
                "asked for MPI_THREAD_MULTIPLE, given MPI_THREAD_SINGLE, used by the main thread and thread 2",
                "the first such call is MPI_Send at 0.002 s"
            ]
        );
    }

    #[test]
    fn the_main_thread_is_the_one_that_started_mpi() {
        let mut made_up = with_levels(Level::Funneled, Level::Funneled);
        made_up.call((1, 2), Kind::InitThread);
        made_up.send((1, 2), 2, 5);
        made_up.call((1, 0), Kind::Join);
        assert_eq!(level(&made_up.run.recording), Seen::Right);
    }

    #[test]
    fn nothing_is_known_of_levels_before_mpi_or_past_a_cut() {
        let mut made_up = with_levels(Level::Funneled, Level::Funneled);
        made_up.rank(1).is_cut = true;
        assert!(matches!(
            level(&made_up.run.recording),
            Seen::CannotBeTold(_)
        ));
        assert!(matches!(
            concurrency(&made_up.run.recording),
            Seen::CannotBeTold(_)
        ));
        let none = Recording::default();
        assert!(matches!(level(&none), Seen::CannotBeTold(_)));
        assert!(matches!(concurrency(&none), Seen::CannotBeTold(_)));
    }

    #[test]
    fn two_threads_in_mpi_at_once_need_multiple() {
        let mut made_up = with_levels(Level::Multiple, Level::Serialized);
        made_up.receive((1, 1), Peer::Any, Tag::Any).until(10);
        made_up.send((1, 2), 2, 5);
        made_up.send((1, 2), 2, 5);
        let seen = evidence(concurrency(&made_up.run.recording));
        assert_eq!(
            seen.said,
            "client 1 was in MPI_Recv with thread 1 when thread 2 called MPI_Send, but MPI gave it only \
             MPI_THREAD_SERIALIZED"
        );
        assert_eq!(
            seen.details,
            [
                "thread 1 was in MPI_Recv from 0.001 s to 0.010 s",
                "thread 2 called MPI_Send at 0.002 s",
                "that happened 2 times"
            ]
        );
        for rank in 0..3 {
            made_up.rank(rank).levels.as_mut().unwrap().given = Level::Multiple;
            made_up.rank(rank).is_cut = true;
        }
        assert_eq!(concurrency(&made_up.run.recording), Seen::Right);
    }

    #[test]
    fn a_call_that_does_not_come_back_overlaps_all_later_ones() {
        let mut made_up = with_levels(Level::Multiple, Level::Serialized);
        made_up.receive((1, 1), Peer::Any, Tag::Any).forever();
        made_up.send((1, 2), 2, 5);
        let seen = evidence(concurrency(&made_up.run.recording));
        assert!(seen.details[0].ends_with("and did not come back"));
        // A thread that was ended in its call waits no more.
        made_up.rank(1).threads[1].is_over = true;
        assert_eq!(concurrency(&made_up.run.recording), Seen::Right);
    }

    #[test]
    fn one_thread_after_another_and_joins_do_not_overlap() {
        let mut made_up = with_levels(Level::Serialized, Level::Serialized);
        made_up.call((1, 0), Kind::Join).until(100);
        made_up.send((1, 1), 2, 5).until(3);
        made_up.send((1, 2), 2, 5);
        made_up.send((1, 1), 2, 5);
        assert_eq!(concurrency(&made_up.run.recording), Seen::Right);
    }
}
