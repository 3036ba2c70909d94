//! Runs whose time is over, and that may only be slow.

use super::*;

#[test]
fn a_run_that_still_worked_when_its_time_was_up_is_not_said_to_hang() {
    let mut made_up = MadeUp::new(3);
    made_up.send((1, 1), 2, 5).until(1_000);
    too_long(&mut made_up, 2_000);
    assert!(matches!(shown(&made_up), Err(Unseen(why)) if why.contains("still came")));
    too_long(&mut made_up, 2_001);
    assert!(matches!(shown(&made_up), Ok(Shown::Wrong(_))));
}

#[test]
fn looks_and_waits_are_no_work() {
    let mut made_up = MadeUp::new(3);
    made_up.call((1, 1), Kind::Iprobe).until(1_900);
    made_up.call((1, 1), Kind::Test).until(1_900);
    too_long(&mut made_up, 2_000);
    assert!(matches!(shown(&made_up), Ok(Shown::Wrong(_))));
}

#[test]
fn far_too_many_messages_are_wrong_even_if_they_still_come() {
    let mut made_up = MadeUp::new(3);
    // Three segments, three ranks.
    for _ in 0..MOST_MESSAGES * 6 - 1 {
        made_up.send((2, 1), 1, 5);
    }
    too_long(&mut made_up, 40_000);
    assert!(shown(&made_up).is_err());
    made_up.send((2, 1), 1, 5);
    let wrong = evidence(shown(&made_up));
    assert_eq!(
        wrong.said,
        "30,000 messages were sent for 3 segments, and the run did not end"
    );
    assert_eq!(
        wrong.details[1],
        "most were sent by client 2 to client 1 with tag 5: 30,000 messages"
    );
}

#[test]
fn a_cut_recording_does_not_tell_what_the_threads_did_last() {
    let mut made_up = MadeUp::new(3);
    made_up.receive((2, 1), Peer::Any, Tag::One(7)).forever();
    made_up.rank(1).is_cut = true;
    made_up.hang();
    assert!(shown(&made_up).is_err());
    too_long(&mut made_up, 2_000);
    assert!(shown(&made_up).is_err());
}

#[test]
fn a_rank_that_still_writes_outside_of_mpi_may_only_be_slow() {
    let mut made_up = MadeUp::new(3);
    made_up.send((1, 1), 2, 5);
    too_long(&mut made_up, 4_000);
    assert!(matches!(shown(&made_up), Ok(Shown::Wrong(_))));
    made_up.run.ending.at_work.insert(Rank(1));
    assert!(
        matches!(shown(&made_up), Err(Unseen(why)) if why.contains("client 1 still read or wrote"))
    );
    // What it prints while it looks for a message is no work.
    made_up.call((1, 1), Kind::Recv).forever();
    assert!(matches!(shown(&made_up), Ok(Shown::Wrong(_))));
}
