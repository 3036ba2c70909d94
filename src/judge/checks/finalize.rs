//! Whether every rank calls `MPI_Finalize`, and when all its threads are done with MPI (MPI 3.1, 12.4.3).

use crate::checks::evidence::*;
use crate::seen::run::RankEnd;

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    let run = scene.run;
    let ends_well = |rank| run.ending.ranks.get(&rank) == Some(&RankEnd::Status(0));
    let is_without = |(rank, record): &(Rank, &RankRecord)| {
        record.levels.is_some()
            && record.finalize.is_none()
            && !record.is_aborted
            && ends_well(*rank)
    };
    let without: Vec<Rank> = (run.recording.by_rank().filter(is_without))
        .map(|(rank, _)| rank)
        .collect();
    if let [first, others @ ..] = &*without {
        let others = more(others, "so did");
        return wrong(Evidence::new(
            format!("{} ended without MPI_Finalize{others}", who(*first)),
            "call MPI_Finalize on every way out of main, after all threads are joined",
        ));
    }
    let open = (run.recording.by_rank()).filter(|(_, record)| record.finalize.is_none());
    let open: Vec<Rank> = open.map(|(rank, _)| rank).collect();
    if let [rank, others @ ..] = &*open {
        let why = match (run.has_ended_well(), run.ending.hung) {
            (false, Some(_)) => "the run hung, and was ended",
            (false, None) => "the run crashed",
            (true, _) => "it never came to MPI, or nobody knows how it ended",
        };
        let others = more(others, "neither did");
        return unseen(format!("{} did not call it{others}; but {why}", who(*rank)));
    }
    let ends = || run.recording.by_rank().filter_map(end);
    if let (Some(evidence), true) = (ends().find_map(|end| too_early(&end)), run.has_ended_well()) {
        return wrong(evidence);
    }
    let other = |end: &End| end.begun.is_some_and(|thread| thread != end.call.thread);
    if let Some(End {
        rank, call, begun, ..
    }) = ends().find(other)
    {
        let [ended, begun] = [call.thread, begun.unwrap_or_default()].map(which_thread);
        return unseen(format!(
            "{} called it in {ended}, and {begun} started MPI: it should be the same thread",
            who(rank)
        ));
    }
    Ok(Shown::Right)
}

/// That others did the same, if there are any.
fn more(others: &[Rank], did: &str) -> String {
    match others.len() {
        0 => String::new(),
        more => format!(", and {did} {} more", count(more, "rank")),
    }
}

/// The end of MPI in a rank.
struct End<'a> {
    rank: Rank,
    record: &'a RankRecord,
    call: &'a Call,
    /// The thread that started MPI.
    begun: Option<Thread>,
}

fn end((rank, record): (Rank, &RankRecord)) -> Option<End<'_>> {
    let start = |call: &&Call| matches!(call.kind, Kind::Init | Kind::InitThread);
    let mut calls = record.mpi_calls();
    Some(End {
        rank,
        record,
        begun: record.mpi_calls().find(start).map(|call| call.thread),
        call: calls.find(|call| call.kind == Kind::Finalize)?,
    })
}

/// Another thread was in a call then, and was not ended in it.
fn too_early(end: &End<'_>) -> Option<Evidence> {
    let End {
        rank,
        record,
        call: end,
        ..
    } = end;
    let is_inside = |call: &&Call| {
        call.thread != end.thread && call.started < end.started && record.end_of(call) > end.started
    };
    let call = record.mpi_calls().find(is_inside)?;
    let (thread, function) = (which_thread(call.thread), call.function());
    let said = format!(
        "{} called MPI_Finalize while {thread} was in {function}",
        who(*rank)
    );
    let hint = "let every thread that calls MPI come to its end, and join it, before MPI_Finalize: nothing of MPI may \
                go on then";
    let until = match call.returned {
        Some(time) => format!("came back at {}", seconds(time)),
        None => "did not come back".into(),
    };
    Some(Evidence::new(said, hint).with_details(vec![
        format!("MPI_Finalize was called at {}", seconds(end.started)),
        format!(
            "{function} was called at {}, and {until}",
            seconds(call.started)
        ),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Check;
    use crate::seen::made_up::{MadeUp, ms};

    #[test]
    fn a_rank_that_ends_without_finalize_is_named() {
        let mut made_up = MadeUp::new(4);
        made_up.rank(2).finalize = None;
        let wrong = |said: &str| {
            let hint = "call MPI_Finalize on every way out of main, after all threads are joined";
            Ok(Shown::Wrong(Evidence::new(said, hint)))
        };
        let one = wrong("client 2 ended without MPI_Finalize");
        assert_eq!(made_up.shown(Check::Finalize), one);
        made_up.rank(3).finalize = None;
        let two = wrong("client 2 ended without MPI_Finalize, and so did 1 rank more");
        assert_eq!(made_up.shown(Check::Finalize), two);
    }

    #[test]
    fn a_rank_that_was_killed_had_no_time_to_finalize() {
        let mut hung = MadeUp::new(3);
        hung.hang();
        let mut crashed = MadeUp::new(3);
        crashed.crash(1, 11);
        let mut unknown = MadeUp::new(3);
        unknown.rank(1).finalize = None;
        unknown.rank(1).levels = None;
        for (made_up, why) in [(hung, "hung"), (crashed, "crashed"), (unknown, "never")] {
            let seen = made_up.shown(Check::Finalize);
            assert!(
                matches!(&seen, Err(Unseen(said)) if said.contains(why)),
                "{seen:?}"
            );
        }
    }

    #[test]
    fn no_thread_may_be_in_mpi_when_it_ends() {
        let mut made_up = MadeUp::new(3);
        made_up.call((1, 0), Kind::InitThread);
        made_up.receive((1, 2), Peer::Any, Tag::One(3)).forever();
        made_up.send((1, 1), 2, 5);
        made_up.call((1, 0), Kind::Join).forever();
        made_up.call((1, 0), Kind::Finalize);
        let seen = made_up.wrong(Check::Finalize);
        assert_eq!(
            seen.said,
            "client 1 called MPI_Finalize while thread 2 was in MPI_Recv"
        );
        assert_eq!(
            seen.details,
            [
                "MPI_Finalize was called at 0.005 s",
                "MPI_Recv was called at 0.002 s, and did not come back"
            ]
        );
        // It comes back later.
        made_up.rank(1).calls[1].returned = Some(ms(6));
        made_up.wrong(Check::Finalize);
        // It was back before, or its thread was ended in it.
        made_up.rank(1).calls[1].returned = Some(ms(4));
        assert_eq!(made_up.shown(Check::Finalize), Ok(Shown::Right));
        made_up.rank(1).calls[1].returned = None;
        made_up.rank(1).threads[2].is_over = true;
        assert_eq!(made_up.shown(Check::Finalize), Ok(Shown::Right));
        // Nor is it the program's fault where the run was ended from outside.
        made_up.rank(1).threads[2].is_over = false;
        made_up.hang();
        assert!(made_up.shown(Check::Finalize).is_err());
    }

    #[test]
    fn mpi_should_be_ended_by_the_thread_that_started_it() {
        let mut made_up = MadeUp::new(3);
        made_up.call((1, 0), Kind::InitThread);
        made_up.call((1, 2), Kind::Finalize);
        assert!(made_up.is_untold(Check::Finalize, "client 1 called it in thread 2"));
        made_up.rank(1).calls[0].thread = 2;
        assert_eq!(made_up.shown(Check::Finalize), Ok(Shown::Right));
    }

    #[test]
    fn a_rank_that_aborts_does_not_finalize() {
        let mut made_up = MadeUp::new(3);
        (made_up.rank(1).finalize, made_up.rank(1).is_aborted) = (None, true);
        assert!(made_up.shown(Check::Finalize).is_err());
    }
}
