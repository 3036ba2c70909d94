//! Threads that wait for each other.

use super::*;

#[test]
fn two_that_wait_for_each_other_are_a_circle() {
    let mut made_up = MadeUp::new(3);
    made_up.receive((1, 0), one(2), Tag::One(7)).forever();
    made_up.receive((2, 0), one(1), Tag::One(7)).forever();
    let wrong = stuck(&mut made_up);
    assert_eq!(
        wrong.said,
        "client 1 waits in MPI_Recv for a message from client 2, and client 2 waits in MPI_Recv for a message \
         from client 1"
    );
}

#[test]
fn a_circle_of_sends_rests_on_buffering() {
    let mut made_up = MadeUp::new(4);
    for (from, to) in [(1, 2), (2, 3), (3, 1)] {
        made_up.send((from, 0), to, 7).forever();
    }
    made_up.hang();
    let wrong = evidence(shown_under(&made_up, Condition::Synchronous));
    assert_eq!(
        wrong.said,
        "client 1 waits in MPI_Send for client 2 to receive, and client 2 waits in MPI_Send for client 3 to \
         receive, and client 3 waits in MPI_Send for client 1 to receive"
    );
    assert!(
        wrong.hint.contains("rests on MPI keeping messages"),
        "{}",
        wrong.hint
    );
    assert!(!stuck(&mut made_up).hint.contains("rests on"));
}

#[test]
fn a_circle_goes_through_the_threads_that_did_it_before() {
    let mut made_up = two_clients();
    for (me, other) in [(1, 2), (2, 1)] {
        made_up.send((me, 1), other, 1).forever();
        made_up.send((me, 2), other, 7).forever();
    }
    let wrong = stuck(&mut made_up);
    assert_eq!(
        wrong.said,
        "thread 1 of client 1 waits in MPI_Send for client 2 to receive, and thread 2 of client 2 waits in \
         MPI_Send for client 1 to receive"
    );
}

#[test]
fn it_is_no_circle_where_another_thread_could_answer() {
    let mut made_up = two_clients();
    for (me, other) in [(1, 2), (2, 1)] {
        made_up.receive((me, 1), one(other), Tag::One(7)).forever();
        made_up.receive((me, 2), Peer::Any, Tag::One(1)).forever();
    }
    let wrong = stuck(&mut made_up);
    assert_eq!(
        wrong.said,
        "thread 1 of client 1 waits for a message from client 2 with tag 7, and nobody sends it"
    );
}

/// A message that was taken.
fn send(made_up: &mut MadeUp, at: (u32, u16), to: u32, tag: i32) {
    made_up.send(at, to, tag);
    made_up.take((to, 0), at.0, tag);
    // The thread that took it has ended.
    made_up.rank(to).threads[0].is_over = true;
}

/// Whether a circle is said where threads 1 of both clients wait for each other, after these messages.
fn is_circle(before: fn(&mut MadeUp)) -> bool {
    let mut made_up = MadeUp::new(4);
    before(&mut made_up);
    for (me, other) in [(1, 2), (2, 1)] {
        made_up.receive((me, 1), one(other), Tag::One(7)).forever();
        made_up.receive((me, 2), Peer::Any, Tag::One(1)).forever();
    }
    stuck(&mut made_up)
        .said
        .contains(", and thread 1 of client")
}

#[test]
fn it_is_a_circle_only_where_it_is_known_who_does_what() {
    // Threads 1 have sent what is waited for, threads 2 something else.
    assert!(is_circle(|made_up| {
        for (me, other) in [(1, 2), (2, 1)] {
            send(made_up, (me, 1), other, 7);
            send(made_up, (me, 2), other, 8);
        }
    }));
    // Threads 2 may be about to send it.
    assert!(!is_circle(|made_up| {
        for (me, other) in [(1, 2), (2, 1)] {
            send(made_up, (me, 1), other, 7);
        }
    }));
    // Either has sent it.
    assert!(!is_circle(|made_up| {
        for (me, other) in [(1, 2), (2, 1)] {
            send(made_up, (me, 1), other, 7);
            send(made_up, (me, 2), other, 7);
        }
    }));
    // It was sent to another.
    assert!(!is_circle(|made_up| {
        for me in [1, 2] {
            send(made_up, (me, 1), 3, 7);
            send(made_up, (me, 2), 3, 8);
        }
    }));
}

#[test]
fn a_thread_that_was_ended_in_its_call_waits_no_more() {
    let mut made_up = MadeUp::new(3);
    made_up.receive((1, 1), one(2), Tag::One(7)).forever();
    made_up.receive((1, 2), one(0), Tag::One(7)).forever();
    made_up.rank(1).threads[1].is_over = true;
    let wrong = stuck(&mut made_up);
    assert!(
        wrong
            .said
            .starts_with("client 1 waits for a message from rank 0")
    );
}
