//! Whether only the threads call MPI that may do so at the thread level.

use crate::checks::evidence::*;

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    let mut ranks = scene.run.recording.by_rank();
    if let Some(evidence) = ranks.find_map(|(rank, record)| too_many_threads(rank, record)) {
        return wrong(evidence);
    }
    scene.saw_all_calls()?;
    Ok(Shown::Right)
}

/// Where only the main thread may call MPI, and another one does.
fn too_many_threads(rank: Rank, record: &RankRecord) -> Option<Evidence> {
    let levels = record.levels?;
    let level = levels.asked.min(levels.given);
    if level > Level::Funneled {
        return None;
    }
    let start = |call: &&Call| matches!(call.kind, Kind::Init | Kind::InitThread);
    let started = record.mpi_calls().find(start);
    // MPI's main thread is the one that started it.
    let main = started.map_or(0, |call| call.thread);
    let first = record.mpi_calls().find(|call| call.thread != main)?;
    let mut threads: Vec<Thread> = record.mpi_calls().map(|call| call.thread).collect();
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
    let (who, thread, users) = (who(rank), which_thread(first.thread), listed(&names));
    let said = format!("{who} calls MPI from {thread}, but {but}");
    let (function, started) = (first.function(), seconds(first.started));
    Some(Evidence::new(said, hint).with_details(vec![
        format!("asked for {asked}, given {given}, used by {users}"),
        format!("the first such call is {function} at {started}"),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Check;
    use crate::seen::made_up::MadeUp;

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
            let mut made_up = MadeUp::with_levels(asked, given);
            made_up.call((1, 0), Kind::InitThread);
            made_up.send((1, 2), 2, 5);
            let is_right = made_up.shown(Check::ThreadLevel) == Ok(Shown::Right);
            assert_eq!(is_right, fits, "{asked} {given}");
        }
    }

    #[test]
    fn a_level_that_does_not_fit_is_said_with_what_was_asked_for_and_given() {
        let said = |asked, given, kind| {
            let mut made_up = MadeUp::with_levels(asked, given);
            made_up.call((1, 0), kind);
            made_up.send((1, 2), 2, 5);
            made_up.wrong(Check::ThreadLevel)
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
        let mut made_up = MadeUp::with_levels(Level::Funneled, Level::Funneled);
        made_up.call((1, 2), Kind::InitThread);
        made_up.send((1, 2), 2, 5);
        made_up.call((1, 0), Kind::Join);
        assert_eq!(made_up.shown(Check::ThreadLevel), Ok(Shown::Right));
    }

    #[test]
    fn nothing_is_known_of_levels_before_mpi_or_past_a_cut() {
        let mut made_up = MadeUp::with_levels(Level::Funneled, Level::Funneled);
        made_up.rank(1).is_cut = true;
        assert!(made_up.shown(Check::ThreadLevel).is_err());
        assert!(MadeUp::new(0).shown(Check::ThreadLevel).is_err());
    }
}
