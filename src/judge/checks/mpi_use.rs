//! How a program uses MPI.

mod messages;
mod receivers;
mod threads;

use crate::checks::check::{Check, Evidence, Seen};
use crate::checks::outcome::has_ended_well;
use crate::seen::calls::{RankRecord, Recording};
use crate::seen::run::{RankEnd, Run};
use crate::seen::words::{count, who};
pub(crate) use messages::{in_words, untaken};
pub(crate) use receivers::Pattern;
use swarm::protocol::Rank;

/// Judges the checks whose subject is the use of MPI.
pub fn judge(run: &Run) -> Vec<(Check, Seen)> {
    let recording = &run.recording;
    vec![
        (Check::ThreadLevel, threads::level(recording)),
        (Check::Concurrency, threads::concurrency(recording)),
        (Check::Receivers, receivers::judge(recording)),
        (Check::Errors, messages::errors(recording)),
        (Check::Types, messages::types(recording)),
        (Check::Leftover, messages::leftover(run)),
        (Check::Finalize, finalize(run)),
    ]
}

/// What is said where no call was seen that is wrong: that holds if all calls were seen.
fn unless_cut(run: &Recording) -> Seen {
    let cut = (0..)
        .map(Rank)
        .zip(&run.ranks)
        .find(|(_, record)| record.is_cut);
    match cut {
        Some((rank, _)) => Seen::CannotBeTold(format!(
            "{} made more calls than there was room to record",
            who(rank)
        )),
        None if run.ranks.iter().all(|record| record.levels.is_none()) => {
            Seen::CannotBeTold("no rank came to MPI".into())
        }
        None => Seen::Right,
    }
}

fn finalize(run: &Run) -> Seen {
    let ranks = || (0..).map(Rank).zip(&run.recording.ranks);
    let ends_well = |rank| run.ending.ranks.get(&rank) == Some(&RankEnd::Status(0));
    let is_without = |(rank, record): &(Rank, &RankRecord)| {
        record.levels.is_some()
            && record.finalize.is_none()
            && !record.is_aborted
            && ends_well(*rank)
    };
    let without: Vec<Rank> = ranks().filter(is_without).map(|(rank, _)| rank).collect();
    if let [first, others @ ..] = &*without {
        let others = match others.len() {
            0 => String::new(),
            more => format!(", and so did {} more", count(more, "rank")),
        };
        return Seen::Wrong(Evidence::new(
            format!("{} ended without MPI_Finalize{others}", who(*first)),
            "call MPI_Finalize on every way out of main, after all threads are joined",
        ));
    }
    if let Some((rank, _)) = ranks().find(|(_, record)| record.finalize.is_none()) {
        let why = match (has_ended_well(run), run.ending.hung) {
            (false, Some(_)) => "the run hung, and was ended",
            (false, None) => "the run crashed",
            (true, _) => "it never came to MPI, or nobody knows how it ended",
        };
        return Seen::CannotBeTold(format!("{} did not call it, but {why}", who(rank)));
    }
    Seen::Right
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seen::made_up::MadeUp;

    #[test]
    fn each_check_of_the_use_of_mpi_is_judged_once() {
        let seen = judge(&MadeUp::new(3).run);
        let checks: Vec<Check> = seen.iter().map(|(check, _)| *check).collect();
        let of_mpi = |check: &Check| check.subject() == crate::checks::check::Subject::Mpi;
        let all: Vec<Check> = Check::ALL.into_iter().filter(of_mpi).collect();
        assert_eq!(checks, all);
        assert!(seen.iter().all(|(_, seen)| *seen == Seen::Right));
    }

    #[test]
    fn a_rank_that_ends_without_finalize_is_named() {
        let mut made_up = MadeUp::new(4);
        made_up.rank(2).finalize = None;
        let wrong = |said: &str| {
            let hint = "call MPI_Finalize on every way out of main, after all threads are joined";
            Seen::Wrong(Evidence::new(said, hint))
        };
        let one = wrong("client 2 ended without MPI_Finalize");
        assert_eq!(finalize(&made_up.run), one);
        made_up.rank(3).finalize = None;
        let two = wrong("client 2 ended without MPI_Finalize, and so did 1 rank more");
        assert_eq!(finalize(&made_up.run), two);
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
            let seen = finalize(&made_up.run);
            assert!(
                matches!(&seen, Seen::CannotBeTold(said) if said.contains(why)),
                "{seen:?}"
            );
        }
    }

    #[test]
    fn a_rank_that_aborts_does_not_finalize() {
        let mut made_up = MadeUp::new(3);
        (made_up.rank(1).finalize, made_up.rank(1).is_aborted) = (None, true);
        assert!(matches!(finalize(&made_up.run), Seen::CannotBeTold(_)));
    }
}
