//! Whether two threads of a rank are in MPI at once only with `MPI_THREAD_MULTIPLE`.

use std::time::Duration;

use crate::checks::evidence::*;

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    let recording = &scene.run.recording;
    let mut ranks = recording.by_rank();
    if let Some(evidence) = ranks.find_map(|(rank, record)| overlap(rank, record)) {
        return wrong(evidence);
    }
    let may_overlap =
        |record: &RankRecord| (record.levels).is_none_or(|levels| levels.given == Level::Multiple);
    if !(recording.has_started() && recording.ranks.iter().all(may_overlap)) {
        scene.saw_all_calls()?;
    }
    Ok(Shown::Right)
}

/// Two threads of a rank in MPI at once, where that is not allowed.
fn overlap(rank: Rank, record: &RankRecord) -> Option<Evidence> {
    let given = record.levels?.given;
    if given == Level::Multiple {
        return None;
    }
    // For each thread, the call that ends last.
    let mut latest: Vec<(&Call, Duration)> = Vec::new();
    let (mut first, mut times) = (None, 0u64);
    for call in record.mpi_calls() {
        let other = latest
            .iter()
            .find(|(other, end)| other.thread != call.thread && *end > call.started);
        if let Some((other, _)) = other {
            times += 1;
            first.get_or_insert((*other, call));
        }
        let end = record.end_of(call);
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
    let (who, times) = (who(rank), count(times, "time"));
    let (thread, other_thread) = (which_thread(one.thread), which_thread(other.thread));
    let (function, called) = (one.function(), other.function());
    let said = format!(
        "{who} was in {function} with {thread} when {other_thread} called {called}, but MPI gave it only {given}"
    );
    let hint = "ask MPI_Init_thread for MPI_THREAD_MULTIPLE and look at `provided`, or let one lock guard all \
                calls of MPI";
    let until = match one.returned {
        Some(time) => format!("to {}", seconds(time)),
        None => "and did not come back".into(),
    };
    Some(Evidence::new(said, hint).with_details(vec![
        format!(
            "{thread} was in {function} from {} {until}",
            seconds(one.started)
        ),
        format!(
            "{other_thread} called {called} at {}",
            seconds(other.started)
        ),
        format!("that happened {times}"),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Check;
    use crate::seen::made_up::MadeUp;

    #[test]
    fn two_threads_in_mpi_at_once_need_multiple() {
        let mut made_up = MadeUp::with_levels(Level::Multiple, Level::Serialized);
        made_up.receive((1, 1), Peer::Any, Tag::Any).until(10);
        made_up.send((1, 2), 2, 5);
        made_up.send((1, 2), 2, 5);
        let seen = made_up.wrong(Check::Concurrency);
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
        assert_eq!(made_up.shown(Check::Concurrency), Ok(Shown::Right));
    }

    #[test]
    fn a_call_that_does_not_come_back_overlaps_all_later_ones() {
        let mut made_up = MadeUp::with_levels(Level::Multiple, Level::Serialized);
        made_up.receive((1, 1), Peer::Any, Tag::Any).forever();
        made_up.send((1, 2), 2, 5);
        let seen = made_up.wrong(Check::Concurrency);
        assert!(seen.details[0].ends_with("and did not come back"));
        // A thread that was ended in its call waits no more.
        made_up.rank(1).threads[1].is_over = true;
        assert_eq!(made_up.shown(Check::Concurrency), Ok(Shown::Right));
    }

    #[test]
    fn one_thread_after_another_and_joins_do_not_overlap() {
        let mut made_up = MadeUp::with_levels(Level::Serialized, Level::Serialized);
        made_up.call((1, 0), Kind::Join).until(100);
        made_up.send((1, 1), 2, 5).until(3);
        made_up.send((1, 2), 2, 5);
        made_up.send((1, 1), 2, 5);
        assert_eq!(made_up.shown(Check::Concurrency), Ok(Shown::Right));
    }

    #[test]
    fn nothing_is_known_of_levels_before_mpi_or_past_a_cut() {
        let mut made_up = MadeUp::with_levels(Level::Funneled, Level::Funneled);
        made_up.rank(1).is_cut = true;
        assert!(made_up.shown(Check::Concurrency).is_err());
        assert!(MadeUp::new(0).shown(Check::Concurrency).is_err());
    }
}
