mod circles;
mod slow;

use super::*;
use crate::checks::Check;
use crate::checks::tests::evidence;
use crate::seen::condition::Condition;
use crate::seen::known::Known;
use crate::seen::made_up::{MadeUp, ms, polling, taken};
use crate::seen::run::RankEnd;
use swarm::manifest::Manifest;
use swarm::protocol::samples::{name, owned};

fn shown_under(made_up: &MadeUp, condition: Condition) -> Result<Shown, Unseen> {
    let inputs = [
        Manifest {
            owned: vec![owned("file1", "abc")],
            wanted: vec![],
        },
        Manifest {
            owned: vec![],
            wanted: vec![name("file1")],
        },
    ];
    let mut made_up = made_up.clone();
    made_up.known = Known::new(&inputs);
    made_up.condition = condition;
    made_up.shown(Check::Hang)
}

fn shown(made_up: &MadeUp) -> Result<Shown, Unseen> {
    shown_under(made_up, Condition::Recorded)
}

/// What is said of a run that stands still.
fn stuck(made_up: &mut MadeUp) -> Evidence {
    made_up.hang();
    evidence(shown(made_up))
}

fn one(rank: u32) -> Peer {
    Peer::One(Rank(rank))
}

/// Clients 1 and 2 whose threads 1 send requests (1) and wait for answers (7) of threads 2.
fn two_clients() -> MadeUp {
    let mut made_up = MadeUp::new(3);
    for (me, other) in [(1, 2), (2, 1)] {
        made_up.send((me, 1), other, 1);
        made_up.take((other, 2), me, 1);
        made_up.send((other, 2), me, 7);
        made_up.take((me, 1), other, 7);
    }
    made_up
}

/// A run that took longer than it may, a second after its last call.
fn too_long(made_up: &mut MadeUp, wall: u64) {
    made_up.hang();
    made_up.run.ending.hung = Some(Hung::TimeLimit(ms(wall)));
    made_up.run.wall = ms(wall);
}

#[test]
fn a_run_that_ends_is_right_and_a_crash_tells_nothing() {
    let mut made_up = MadeUp::new(3);
    assert_eq!(shown(&made_up), Ok(Shown::Right));
    made_up.crash(1, 11);
    assert!(matches!(shown(&made_up), Err(Unseen(why)) if why.contains("crashed")));
}

#[test]
fn who_goes_on_when_another_rank_has_died_of_a_signal_does_not_hang() {
    for condition in [Condition::Recorded, Condition::AsItIs] {
        let mut made_up = MadeUp::new(3);
        made_up.receive((0, 0), Peer::Any, Tag::Any).forever();
        made_up.hang();
        made_up.run.ending.ranks = [(Rank(1), RankEnd::Signal(11))].into();
        let why = "the run stood still for 5.000 s, and client 1 had died of a signal";
        assert_eq!(shown_under(&made_up, condition), Err(Unseen(why.into())));
        // The grader itself ends what hangs.
        made_up.run.ending.ranks = [(Rank(1), RankEnd::Signal(9))].into();
        assert!(matches!(
            shown_under(&made_up, condition),
            Ok(Shown::Wrong(_))
        ));
    }
}

#[test]
fn a_wait_for_another_tag_than_was_sent_is_said() {
    let mut made_up = MadeUp::new(3);
    made_up.send((0, 0), 2, 5);
    made_up.receive((0, 0), Peer::Any, Tag::Any).forever();
    made_up.receive((2, 1), one(0), Tag::One(7)).forever();
    made_up.receive((2, 2), Peer::Any, Tag::One(1)).forever();
    let wrong = stuck(&mut made_up);
    assert_eq!(
        wrong.said,
        "thread 1 of client 2 waits for tag 7 from rank 0 (the tracker), which has sent it tag 5"
    );
    assert_eq!(
        wrong.details,
        [
            "the run stood still for 5.000 s",
            "who                      since  in              waits for",
            "client 2, thread 1     0.003 s  MPI_Recv        rank 0, tag 7",
            "rank 0 (tracker)       0.002 s  MPI_Recv        anyone, any tag",
            "client 2, thread 2     0.004 s  MPI_Recv        anyone, tag 1",
            "nobody took 32 bytes from rank 0 (the tracker) to client 2 with tag 5",
        ]
    );
    // A communicator is like a tag.
    made_up.rank(0).calls[0].tag = Tag::One(7);
    made_up.rank(0).calls[0].comm = 1;
    assert!(
        stuck(&mut made_up)
            .said
            .ends_with("tag 7 on another communicator")
    );
}

#[test]
fn a_message_for_the_other_thread_is_not_the_one_that_is_waited_for() {
    let mut made_up = MadeUp::new(3);
    made_up.send((1, 1), 2, 1);
    made_up.receive((2, 1), one(1), Tag::One(7)).forever();
    made_up.receive((2, 2), Peer::Any, Tag::One(1)).forever();
    made_up.hang();
    assert!(shown(&made_up).is_err());
    // Nor if that thread has ended.
    made_up.rank(2).threads[2].is_over = true;
    let wrong = stuck(&mut made_up);
    assert!(wrong.said.starts_with("thread 2 of client 2 has ended"));
}

#[test]
fn a_message_that_was_found_once_is_not_found_again_and_again() {
    let mut made_up = MadeUp::new(3);
    made_up.call((1, 2), Kind::Iprobe).taken = Some(taken(2, 9));
    assert!(
        stuck(&mut made_up)
            .said
            .starts_with("client 1 has called nothing of MPI")
    );
}

#[test]
fn a_thread_that_ended_takes_no_more() {
    let mut made_up = two_clients();
    made_up.send((1, 1), 2, 1);
    made_up.receive((1, 1), one(2), Tag::One(7)).forever();
    made_up.rank(2).threads[1].is_over = true;
    made_up.rank(2).threads[2].is_over = true;
    let wrong = stuck(&mut made_up);
    assert_eq!(
        wrong.said,
        "thread 2 of client 2 has ended, and nobody takes 32 bytes from client 1 to client 2 with tag 1"
    );
}

#[test]
fn a_rank_that_is_gone_is_not_to_be_waited_for() {
    let gone = |peer, change: fn(&mut MadeUp)| {
        let mut made_up = MadeUp::new(3);
        made_up.receive((1, 1), peer, Tag::One(7)).forever();
        made_up.hang();
        change(&mut made_up);
        let wrong = evidence(shown(&made_up));
        wrong.said
    };
    let said = gone(one(0), |made_up| made_up.rank(0).finalize = Some(ms(9)));
    assert_eq!(
        said,
        "client 1 waits for rank 0 (the tracker), which has called MPI_Finalize"
    );
    let said = gone(one(2), |made_up| {
        made_up.run.ending.ranks.insert(Rank(2), RankEnd::Status(0));
    });
    assert_eq!(
        said,
        "client 1 waits for client 2, which has ended with status 0"
    );
    let all = |made_up: &mut MadeUp| {
        made_up.rank(0).finalize = Some(ms(9));
        made_up.rank(2).finalize = Some(ms(9));
    };
    assert!(gone(Peer::Any, all).contains("all who could send it have ended"));
}

#[test]
fn who_does_not_come_to_what_all_have_to_call_is_named() {
    let mut made_up = MadeUp::new(3);
    made_up.call((0, 0), Kind::Barrier).forever();
    made_up.call((1, 0), Kind::Barrier).forever();
    made_up.receive((2, 0), Peer::Any, Tag::One(7)).forever();
    let wrong = stuck(&mut made_up);
    assert_eq!(
        wrong.said,
        "rank 0 (the tracker) waits in MPI_Barrier for client 2, which is in MPI_Recv"
    );
    assert_eq!(
        wrong.details[2],
        "rank 0 (tracker)     0.001 s  MPI_Barrier     client 2"
    );
}

#[test]
fn a_rank_that_never_came_is_named_if_it_comes_no_more() {
    let mut made_up = MadeUp::new(3);
    made_up.receive((0, 0), Peer::Any, Tag::One(7)).forever();
    made_up.rank(2).levels = None;
    made_up.hang();
    let Err(Unseen(why)) = shown(&made_up) else {
        panic!("it may only be slow to start");
    };
    assert!(why.ends_with("and client 2 had not come out of MPI_Init"));
    made_up.run.ending.ranks.insert(Rank(2), RankEnd::Status(0));
    let wrong = evidence(shown(&made_up));
    assert!(wrong.said.ends_with("; it has ended with status 0"));
}

#[test]
fn nothing_is_said_where_nobody_came() {
    let mut made_up = MadeUp::new(2);
    made_up.rank(0).levels = None;
    made_up.rank(1).levels = None;
    made_up.hang();
    assert!(matches!(shown(&made_up), Err(Unseen(why)) if why.contains("had not come out")));
}

#[test]
fn who_is_in_finalize_sends_nothing_any_more() {
    let mut made_up = MadeUp::new(3);
    made_up.receive((0, 0), Peer::Any, Tag::Any).forever();
    made_up.receive((1, 0), one(2), Tag::Any).forever();
    made_up.call((2, 0), Kind::Finalize).forever();
    made_up.hang();
    made_up.rank(2).finalize = Some(ms(3));
    let is_proven = |made_up: &MadeUp| made_up.stands_still(&[1, 2], &[]);
    assert!(is_proven(&made_up));
    // Its upload thread still does something.
    let mut working = made_up.clone();
    working.send((2, 1), 1, 5);
    working.rank(2).threads[1].is_over = false;
    working.take((1, 1), 2, 5);
    working.rank(1).threads[1].is_over = true;
    assert!(!is_proven(&working));
    // All are there: that takes its time.
    for rank in 0..2 {
        made_up.rank(rank).calls.clear();
        made_up.call((rank, 0), Kind::Finalize).forever();
        made_up.rank(rank).finalize = Some(ms(4));
    }
    assert!(!is_proven(&made_up));
}

#[test]
fn nothing_stands_still_with_a_thread_that_nobody_knows() {
    let mut made_up = MadeUp::new(3);
    for rank in 0..3 {
        made_up.receive((rank, 0), Peer::Any, Tag::Any).forever();
    }
    made_up.hang();
    assert!(made_up.stands_still(&[1, 2, 3], &[]));
    assert!(!made_up.stands_still(&[1, 2, 3, 4], &[]));
    assert!(!made_up.stands_still(&[], &[]));
}

/// Thread 1 of client 2 is not in MPI.
#[test]
fn who_waits_for_another_thread_for_ever_stands_still_as_well() {
    let mut made_up = MadeUp::new(3);
    made_up.send((2, 1), 0, 5);
    made_up.take((0, 0), 2, 5);
    for rank in 0..3 {
        made_up.receive((rank, 0), Peer::Any, Tag::Any).forever();
    }
    made_up.hang();
    assert!(!made_up.stands_still(&[1, 2], &[]));
    assert!(!made_up.stands_still(&[1, 2], &[1, 3]));
    assert!(made_up.stands_still(&[1, 2], &[2]));
}

#[test]
fn a_message_on_its_way_is_no_standstill() {
    let mut made_up = MadeUp::new(3);
    made_up.send((0, 0), 2, 7);
    made_up.receive((2, 1), Peer::Any, Tag::One(7)).forever();
    made_up.hang();
    let Err(Unseen(why)) = shown(&made_up) else {
        panic!("it may come yet");
    };
    assert!(why.contains("a message was on its way that client 2 waits for: 32 bytes from rank 0"));
}

#[test]
fn a_plain_run_has_no_record_and_hangs_when_its_time_is_over() {
    let mut made_up = MadeUp::new(3);
    too_long(&mut made_up, 2_000);
    let wrong = evidence(shown_under(&made_up, Condition::AsItIs));
    assert!(wrong.said.starts_with("the run was ended after"));
}

#[test]
fn a_message_that_is_found_again_and_again_is_to_be_received() {
    let mut made_up = MadeUp::new(3);
    for _ in 0..3 {
        let found = made_up.call((1, 2), Kind::Iprobe);
        (found.peer, found.tag, found.taken) = (Peer::Any, Tag::Any, Some(taken(2, 9)));
    }
    let wrong = stuck(&mut made_up);
    assert_eq!(
        wrong.said,
        "client 1 has found a message with tag 9 from client 2 3 times with MPI_Iprobe and does not receive it"
    );
}

#[test]
fn a_send_that_nobody_receives_is_said() {
    let mut made_up = MadeUp::new(3);
    made_up.send((1, 1), 2, 5).forever();
    made_up.receive((2, 1), Peer::Any, Tag::One(7)).forever();
    let wrong = stuck(&mut made_up);
    assert_eq!(
        wrong.said,
        "client 1 waits in MPI_Send for client 2 to receive 32 bytes with tag 5, and nobody does"
    );
    // One that was begun before is waited for.
    let call = &mut made_up.rank(1).calls[0];
    (call.kind, call.returned) = (Kind::Isend, Some(ms(2)));
    made_up.call((1, 1), Kind::Wait).forever();
    assert!(
        stuck(&mut made_up)
            .said
            .starts_with("client 1 waits in MPI_Wait for client 2")
    );
}

#[test]
fn a_wait_for_one_rank_is_said_where_another_has_sent_the_same() {
    let said = "waits for tag 3 from client 1, while client 2 has sent it such a message";
    let mut made_up = MadeUp::new(3);
    made_up.send((2, 0), 1, 3);
    made_up.receive((1, 1), one(1), Tag::One(3)).forever();
    made_up.receive((2, 2), Peer::Any, Tag::One(1)).forever();
    assert!(stuck(&mut made_up).said.ends_with(said));
    // Another thread takes such messages from whomever: this one is for it.
    made_up.receive((1, 2), one(2), Tag::One(3));
    assert!(!stuck(&mut made_up).said.ends_with(said));
}

#[test]
fn a_receive_that_was_begun_before_is_waited_for() {
    let mut made_up = MadeUp::new(3);
    let begun = made_up.receive((1, 1), one(2), Tag::One(7));
    (begun.kind, begun.completed) = (Kind::Irecv, None);
    made_up.call((1, 1), Kind::Wait).forever();
    let wrong = stuck(&mut made_up);
    assert!(
        wrong
            .said
            .starts_with("client 1 waits for a message from client 2 with tag 7")
    );
    made_up.rank(1).calls[0].completed = Some(ms(1));
    assert_eq!(stuck(&mut made_up).said, "every thread waits for another");
}

#[test]
fn a_thread_that_is_not_in_mpi_is_named() {
    let mut made_up = MadeUp::new(3);
    made_up.send((1, 1), 2, 5);
    made_up.take((2, 1), 1, 5);
    made_up.receive((2, 1), one(1), Tag::One(5)).forever();
    let silent = "client 1 has called nothing of MPI since 0.002 s, after MPI_Send: it";
    let locked = format!("{silent} waits for a lock, or for another thread to wake it");
    assert_eq!(stuck(&mut made_up).said, locked);
    // Where nothing is proven, it may do anything.
    too_long(&mut made_up, 5_000);
    let wrong = evidence(shown(&made_up));
    assert_eq!(
        wrong.said,
        format!("{silent} computes, sleeps or waits for a lock")
    );
}

#[test]
fn a_thread_that_looks_without_end_is_said_to() {
    let mut made_up = MadeUp::new(3);
    made_up.rank(1).threads[2].polling = Some(polling(Peer::Any, Tag::One(5)));
    made_up.hang();
    made_up.rank(1).threads[2].is_over = false;
    let wrong = evidence(shown(&made_up));
    assert_eq!(
        wrong.said,
        "client 1 has looked 12,345 times with MPI_Iprobe for a message from anyone with tag 5, and nobody sends \
         it"
    );
    let row = "client 1     0.100 s  MPI_Iprobe      anyone, tag 5 (12,345 looks)";
    assert_eq!(wrong.details[2], row);
}

#[test]
fn a_join_is_in_the_table_and_explains_nothing() {
    let mut made_up = MadeUp::new(3);
    made_up.call((1, 0), Kind::Join).forever().peer = one(1);
    made_up.receive((1, 1), one(0), Tag::Any).forever();
    let wrong = stuck(&mut made_up);
    assert!(
        wrong
            .said
            .starts_with("thread 1 of client 1 waits for a message")
    );
    assert_eq!(
        wrong.details[3],
        "client 1, main thread     0.001 s  pthread_join    thread 1"
    );
}

#[test]
fn a_lost_message_is_said_with_its_segment() {
    let mut made_up = MadeUp::new(3);
    made_up.send((1, 1), 2, 5).segments = vec![2];
    made_up.receive((2, 1), Peer::Any, Tag::One(7)).forever();
    let details = stuck(&mut made_up).details;
    assert_eq!(
        details.last().unwrap(),
        "nobody took 32 bytes from client 1 to client 2 with tag 5, which has the hash of segment 3 of file1"
    );
    for _ in 0..6 {
        made_up.send((1, 1), 2, 5);
    }
    assert_eq!(
        stuck(&mut made_up).details.last().unwrap(),
        "nor 2 messages more"
    );
}

#[test]
fn the_table_is_short_and_narrow() {
    let mut made_up = MadeUp::new(1_000);
    for rank in 1..1_000 {
        let call = made_up
            .receive((rank, 1), one(0), Tag::One(1_234))
            .forever();
        call.kind = Kind::Sendrecv;
    }
    let details = stuck(&mut made_up).details;
    assert_eq!(details.len(), 1 + 24);
    assert_eq!(details[24], "and 977 more");
    assert!(details.iter().all(|line| line.len() <= 100));
}
