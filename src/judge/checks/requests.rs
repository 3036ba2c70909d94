//! Whether every request is completed or freed before `MPI_Finalize` (MPI 3.1, 8.7).

use crate::checks::evidence::*;

/// The most requests that are shown.
const MOST: usize = 5;

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    let recording = &scene.run.recording;
    scene.saw_good_end(", so some requests were still open")?;
    scene.saw_all_messages()?;
    if let Some((rank, _)) = (recording.by_rank()).find(|(_, record)| record.finalize.is_none()) {
        return unseen(format!("{} did not call MPI_Finalize", who(rank)));
    }
    for (rank, record) in recording.by_rank() {
        let open: Vec<&Call> = record.calls.iter().filter(|call| is_open(call)).collect();
        if open.is_empty() {
            continue;
        }
        // It may have completed some of them all the same.
        let mut calls = record.mpi_calls();
        let failed = |call: &&Call| call.kind.what() == What::Wait && call.error.is_some();
        if let Some(call) = calls.find(failed) {
            return unseen(format!("{} failed in {}", call.function(), who(rank)));
        }
        if let Some(call) = open.iter().find(|call| scene.may_be_cancelled(rank, call)) {
            let (who, function) = (who(rank), call.function());
            return unseen(format!(
                "{who} cancelled {function}, and did not look what became of it"
            ));
        }
        return wrong(evidence(rank, &open));
    }
    Ok(Shown::Right)
}

/// Whether this began something of which nobody has asked whether it is complete.
fn is_open(call: &Call) -> bool {
    let is_begun = call.kind.goes_on() && call.returned.is_some() && call.error.is_none();
    is_begun && call.completed.is_none() && !call.is_cancelled
}

fn evidence(rank: Rank, open: &[&Call]) -> Evidence {
    let verb = if open.len() == 1 { "was" } else { "were" };
    let said = format!(
        "{} {verb} begun in {} and never completed, first {}",
        count(open.len(), "request"),
        who(rank),
        shown(open[0]),
    );
    let hint = "ask MPI what became of each request (MPI_Wait, MPI_Test), or free it (MPI_Request_free), before \
                MPI_Finalize; until then its buffer is MPI's";
    let lines = open.iter().take(MOST);
    let lines = lines.map(|call| format!("{} at {}", shown(call), seconds(call.started)));
    let more = open.len().saturating_sub(MOST);
    let more = (more > 0).then(|| format!("and {more} more"));
    Evidence::new(said, hint).with_details(lines.chain(more).collect())
}

/// `MPI_Isend of 33 bytes to client 2 with tag 3`.
fn shown(call: &Call) -> String {
    let function = call.function();
    let bytes = count(call.bytes, "byte");
    match call.kind.what() {
        What::Send => format!("{function} of {bytes} to {} with {}", call.peer, call.tag),
        What::Receive => format!("{function} from {} with {}", call.peer, call.tag),
        What::Find | What::Wait | What::Together | What::Other => function.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Check;
    use crate::seen::made_up::{Change, MadeUp};

    /// A run with a send that nobody has completed.
    fn open() -> MadeUp {
        let mut made_up = MadeUp::new(3);
        made_up.send((1, 0), 2, 5);
        made_up.take((2, 1), 1, 5);
        let sent = &mut made_up.rank(1).calls[0];
        (sent.kind, sent.completed) = (Kind::Isend, None);
        made_up
    }

    #[test]
    fn what_is_begun_is_to_be_completed() {
        let mut made_up = open();
        assert_eq!(
            made_up.wrong(Check::Requests).said,
            "1 request was begun in client 1 and never completed, first MPI_Isend of 32 bytes to client 2 with tag 5"
        );
        for _ in 0..6 {
            let begun = made_up.receive((1, 0), Peer::Any, Tag::Any);
            (begun.kind, begun.completed) = (Kind::Irecv, None);
        }
        let seen = made_up.wrong(Check::Requests);
        assert!(
            seen.said.starts_with("7 requests were begun"),
            "{}",
            seen.said
        );
        assert!(seen.details[1].starts_with("MPI_Irecv from anyone with any tag at 0."));
        assert_eq!(seen.details[MOST], "and 2 more");
    }

    #[test]
    fn what_is_complete_or_failed_or_was_cancelled_is_not_open() {
        let changes: [Change; 3] = [
            |made_up| made_up.rank(1).calls[0].completed = Some(made_up.now()),
            |made_up| made_up.rank(1).calls[0].error = Some(6),
            |made_up| made_up.rank(1).calls[0].is_cancelled = true,
        ];
        for change in changes {
            let mut made_up = open();
            change(&mut made_up);
            assert_eq!(made_up.shown(Check::Requests), Ok(Shown::Right));
        }
    }

    #[test]
    fn what_is_open_cannot_be_told_of_a_run_that_is_not_complete() {
        let changes: [(&str, Change); 6] = [
            ("hung", MadeUp::hang),
            ("crashed", |made_up| made_up.crash(1, 11)),
            ("room", |made_up| made_up.rank(2).is_cut = true),
            ("MPI_Finalize", |made_up| made_up.rank(2).finalize = None),
            ("MPI_Waitall failed in client 1", |made_up| {
                made_up.call((1, 0), Kind::Waitall).error = Some(6);
            }),
            ("cancelled MPI_Isend", |made_up| {
                made_up.call((1, 0), Kind::Cancel);
            }),
        ];
        for (why, change) in changes {
            let mut made_up = open();
            change(&mut made_up);
            assert!(made_up.is_untold(Check::Requests, why), "{why}");
        }
    }
}
