//! Whether every rank calls `MPI_Finalize`.

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
        let others = match others.len() {
            0 => String::new(),
            more => format!(", and so did {} more", count(more, "rank")),
        };
        return wrong(Evidence::new(
            format!("{} ended without MPI_Finalize{others}", who(*first)),
            "call MPI_Finalize on every way out of main, after all threads are joined",
        ));
    }
    if let Some((rank, _)) = (run.recording.by_rank()).find(|(_, record)| record.finalize.is_none())
    {
        let why = match (run.has_ended_well(), run.ending.hung) {
            (false, Some(_)) => "the run hung, and was ended",
            (false, None) => "the run crashed",
            (true, _) => "it never came to MPI, or nobody knows how it ended",
        };
        return unseen(format!("{} did not call it, but {why}", who(rank)));
    }
    Ok(Shown::Right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Check;
    use crate::seen::made_up::MadeUp;

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
    fn a_rank_that_aborts_does_not_finalize() {
        let mut made_up = MadeUp::new(3);
        (made_up.rank(1).finalize, made_up.rank(1).is_aborted) = (None, true);
        assert!(made_up.shown(Check::Finalize).is_err());
    }
}
