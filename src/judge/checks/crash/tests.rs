use super::*;
use crate::checks::Check;
use crate::seen::calls::Tag;
use crate::seen::condition::Condition;
use crate::seen::finding::Finding;
use crate::seen::made_up::MadeUp;

#[test]
fn a_run_that_ends_well_is_right() {
    assert_eq!(MadeUp::new(3).shown(Check::Crash), Ok(Shown::Right));
}

#[test]
fn a_segmentation_fault_is_said_with_the_last_calls_of_its_threads() {
    let mut made_up = MadeUp::new(3);
    made_up.send((1, 0), 2, 5);
    made_up.receive((1, 2), Peer::Any, Tag::One(7)).forever();
    made_up.crash(1, 11);
    made_up.run.printed = "-----\n mpirun noticed that\n".into();
    let crash = made_up.wrong(Check::Crash);
    assert_eq!(
        crash.said,
        "client 1 died of a segmentation fault (SIGSEGV)"
    );
    assert_eq!(
        crash.details,
        [
            "the main thread of client 1 had come out of MPI_Send at 0.002 s (client 2, tag 5)",
            "thread 2 of client 1 was in MPI_Recv since 0.002 s (anyone, tag 7)",
            "printed: mpirun noticed that"
        ]
    );
    assert!(crash.hint.contains("-fsanitize=address"));
}

#[test]
fn every_signal_has_words_and_a_hint() {
    for (signal, words) in [
        (4, "illegal"),
        (7, "bus error"),
        (8, "arithmetic"),
        (25, "SIGXFSZ"),
        (9, "SIGKILL"),
        (15, "SIGTERM"),
        (42, "signal 42"),
    ] {
        let mut made_up = MadeUp::new(3);
        made_up.crash(2, signal);
        let crash = made_up.wrong(Check::Crash);
        assert!(crash.said.contains(words), "{}", crash.said);
        assert!(!crash.hint.is_empty());
    }
}

#[test]
fn an_abort_is_said_with_what_was_printed() {
    let mut made_up = MadeUp::new(3);
    made_up.crash(2, 6);
    assert_eq!(
        made_up.wrong(Check::Crash).said,
        "client 2 died of abort (SIGABRT)"
    );
    made_up.run.printed = "*** stack smashing detected ***: terminated".into();
    let crash = made_up.wrong(Check::Crash);
    let said = "client 2 died of abort (SIGABRT); 'stack smashing detected' was printed";
    assert_eq!(crash.said, said);
    assert!(crash.hint.contains("stack"));
}

/// Others may give up before, by their number, because that one is gone.
#[test]
fn what_a_sanitizer_reports_is_said_of_the_rank_that_it_ended() {
    let mut made_up = MadeUp::new(4);
    for rank in [1, 3] {
        let ranks = &mut made_up.run.ending.ranks;
        ranks.insert(Rank(rank), RankEnd::Status(1));
    }
    let report = "==9==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x60 at pc 0x55\n\
                  WRITE of size 6 at 0x60 thread T1\n    #0 0x55 in save /tmp/tema2.c:120\n";
    let finding = Finding::read(report).unwrap();
    made_up.run.findings.insert(Rank(3), finding);
    let crash = made_up.wrong(Check::Crash);
    assert_eq!(
        crash.said,
        "client 3 ended with status 1: AddressSanitizer: heap-buffer-overflow at tema2.c:120 in save"
    );
    assert_eq!(crash.details[0], "reported: WRITE of size 6");
    // It goes on after some.
    made_up.run.ending.ranks.remove(&Rank(3));
    let crash = made_up.wrong(Check::Crash);
    assert_eq!(crash.said, "client 1 ended with status 1");
}

#[test]
fn who_died_of_a_signal_comes_before_who_ended_with_a_status() {
    let mut made_up = MadeUp::new(4);
    made_up.crash(3, 11);
    made_up
        .run
        .ending
        .ranks
        .insert(Rank(1), RankEnd::Status(15));
    let crash = made_up.wrong(Check::Crash);
    assert!(crash.said.starts_with("client 3"), "{}", crash.said);
    assert!(
        crash
            .details
            .contains(&"client 1 ended with status 15, too".to_owned())
    );
}

#[test]
fn who_died_of_a_signal_comes_before_who_noticed_that_and_gave_up() {
    let mut made_up = MadeUp::new(4);
    made_up.crash(3, 11);
    made_up.rank(1).is_aborted = true;
    assert!(
        made_up
            .wrong(Check::Crash)
            .said
            .starts_with("client 3 died")
    );
    // Who aborts may die of a signal itself.
    made_up.rank(3).is_aborted = true;
    made_up.rank(1).is_aborted = false;
    assert!(
        made_up
            .wrong(Check::Crash)
            .said
            .ends_with("an error in client 3")
    );
}

#[test]
fn a_status_is_said() {
    for (status, hint) in [(1, "return 0"), (127, "started"), (139, "debugger")] {
        let mut made_up = MadeUp::new(3);
        made_up.run.ending.status = Some(status);
        made_up
            .run
            .ending
            .ranks
            .insert(Rank(2), RankEnd::Status(status));
        let crash = made_up.wrong(Check::Crash);
        assert_eq!(crash.said, format!("client 2 ended with status {status}"));
        assert!(crash.hint.contains(hint));
    }
}

#[test]
fn a_rank_that_never_came_to_mpi_is_said_to_be_one() {
    let mut made_up = MadeUp::new(3);
    made_up.crash(2, 11);
    made_up.rank(2).levels = None;
    assert_eq!(
        made_up.wrong(Check::Crash).details,
        ["client 2 had not come to MPI"]
    );
}

#[test]
fn the_programs_own_abort_is_told_from_mpis() {
    let mut made_up = MadeUp::new(3);
    made_up.run.ending.status = Some(1);
    made_up.run.ending.ranks.clear();
    made_up.rank(2).is_aborted = true;
    let said = |made_up: &MadeUp| made_up.wrong(Check::Crash).said;
    assert_eq!(
        said(&made_up),
        "MPI ended the run because of an error in client 2"
    );
    made_up.run.printed = "[host:1] *** An error occurred in MPI_Recv\n".into();
    let failed = "MPI ended the run because MPI_Recv failed in client 2";
    assert_eq!(said(&made_up), failed);
    made_up.run.printed = "Abort(1): Fatal error in internal_Recv: Message\n".into();
    assert_eq!(said(&made_up), failed);
    made_up.run.printed = "Abort(1): Fatal error in PMPI_Recv: Message\n".into();
    assert_eq!(said(&made_up), failed);
    made_up.send((2, 0), 1, 1).error = Some(6);
    assert_eq!(
        said(&made_up),
        "MPI ended the run because MPI_Send failed in client 2"
    );
    made_up.call((2, 0), Kind::Abort);
    assert_eq!(said(&made_up), "client 2 called MPI_Abort");
}

#[test]
fn a_status_of_mpirun_alone_is_wrong_once_a_rank_has_come_to_mpi() {
    let mut made_up = MadeUp::new(3);
    made_up.run.ending.status = Some(1);
    made_up.rank(2).finalize = None;
    assert_eq!(
        made_up.wrong(Check::Crash).said,
        "mpirun ended with status 1"
    );
    made_up.run.ending.ranks.clear();
    for rank in 0..3 {
        made_up.rank(rank).levels = None;
    }
    made_up.run.printed = "not enough slots".into();
    let why =
        "mpirun ended with status 1 before any rank had come to MPI (printed: not enough slots)";
    assert_eq!(made_up.shown(Check::Crash), unseen(why));
}

/// As when Open MPI misses the end of a rank.
#[test]
fn what_mpirun_alone_says_of_ranks_that_have_all_finished_is_no_crash() {
    let mut made_up = MadeUp::new(3);
    made_up.run.ending.status = Some(1);
    let why = "mpirun ended with status 1, though every rank called MPI_Finalize, and none is known to have failed";
    assert_eq!(made_up.shown(Check::Crash), unseen(why));
    made_up.run.ending.ranks.clear();
    assert_eq!(made_up.shown(Check::Crash), unseen(why));
    // A plain run has no record.
    made_up.condition = Condition::AsItIs;
    made_up.wrong(Check::Crash);
}

/// Without mpirun, ranks die of a broken pipe, give up, or abort.
#[test]
fn who_killed_mpirun_is_not_known_but_a_rank_that_crashed_is() {
    let mut made_up = MadeUp::new(3);
    made_up.run.ending.status = None;
    made_up
        .run
        .ending
        .ranks
        .insert(Rank(0), RankEnd::Signal(13));
    made_up.run.ending.ranks.insert(Rank(1), RankEnd::Status(1));
    made_up.rank(1).is_aborted = true;
    let shown = made_up.shown(Check::Crash);
    let is_killed = |it: &Evidence| it.said.starts_with("mpirun was killed by a signal");
    assert!(
        matches!(&shown, Ok(Shown::Lacking(it)) if is_killed(it)),
        "{shown:?}"
    );
    // MPICH's mpirun starts ranks with another process, and that one may be killed.
    let mut without_helper = MadeUp::new(3);
    without_helper.crash(0, 13);
    let shown = without_helper.shown(Check::Crash);
    let is_lost = |it: &Evidence| {
        it.said
            .starts_with("rank 0 (the tracker) died of a broken pipe")
    };
    assert!(
        matches!(&shown, Ok(Shown::Lacking(it)) if is_lost(it)),
        "{shown:?}"
    );
    made_up
        .run
        .ending
        .ranks
        .insert(Rank(2), RankEnd::Signal(11));
    let said = made_up.wrong(Check::Crash).said;
    assert_eq!(said, "client 2 died of a segmentation fault (SIGSEGV)");
}

#[test]
fn what_ends_a_hang_is_no_crash() {
    let mut made_up = MadeUp::new(3);
    made_up.hang();
    for end in [
        RankEnd::Signal(9),
        RankEnd::Signal(15),
        RankEnd::Status(143),
    ] {
        made_up.run.ending.ranks.insert(Rank(1), end);
        assert!(made_up.shown(Check::Crash).is_err());
    }
    made_up.run.ending.ranks.insert(Rank(1), RankEnd::Status(1));
    assert_eq!(
        made_up.wrong(Check::Crash).said,
        "client 1 ended with status 1"
    );
}
