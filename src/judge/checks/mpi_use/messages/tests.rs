use super::*;
use crate::seen::made_up::{MadeUp, ms, taken};

const CHAR: Datatype = Datatype::Basic {
    name: "MPI_CHAR",
    size: 1,
};
const INT: Datatype = Datatype::Basic {
    name: "MPI_INT",
    size: 4,
};

fn evidence(seen: Seen) -> Evidence {
    let Seen::Wrong(evidence) = seen else {
        panic!("that is wrong");
    };
    evidence
}

fn is_untold(seen: &Seen, word: &str) -> bool {
    matches!(seen, Seen::CannotBeTold(why) if why.contains(word))
}

#[test]
fn a_message_without_enough_room_is_said_with_both_lengths() {
    let mut made_up = MadeUp::new(3);
    made_up.send((1, 0), 2, 5).bytes = 31;
    made_up.send((1, 0), 2, 5);
    let call = made_up.receive((2, 1), Peer::Any, Tag::One(5));
    (call.bytes, call.error) = (31, Some(TRUNCATED));
    let seen = evidence(errors(&made_up.run.recording));
    assert_eq!(
        seen.said,
        "client 2 has room for 31 bytes in MPI_Recv, too little for a message of 32 bytes from client 1 with tag 5"
    );
    let last = seen.details.last().expect("the number of failures");
    assert_eq!(last, "1 call failed in this run");
}

#[test]
fn a_message_without_enough_room_is_known_from_the_receive_or_not_at_all() {
    let mut made_up = MadeUp::new(3);
    let call = made_up.take((2, 1), 1, 5);
    (call.bytes, call.error) = (31, Some(TRUNCATED));
    let seen = evidence(errors(&made_up.run.recording));
    assert!(
        seen.said
            .ends_with("a message of 32 bytes from client 1 with tag 5")
    );
    made_up.rank(2).calls[0].taken = None;
    let seen = evidence(errors(&made_up.run.recording));
    assert!(
        seen.said
            .ends_with("too little for a message from client 1 with tag 5")
    );
}

#[test]
fn another_error_is_said_with_its_class() {
    let mut made_up = MadeUp::new(3);
    made_up.send((1, 0), 2, 5).error = Some(6);
    let seen = evidence(errors(&made_up.run.recording));
    assert_eq!(
        seen.said,
        "MPI_Send failed in client 1 with error class 6 (client 2, tag 5)"
    );
}

#[test]
fn no_error_is_right_where_all_calls_are_known() {
    let mut made_up = MadeUp::new(3);
    made_up.send((1, 0), 2, 5);
    assert_eq!(errors(&made_up.run.recording), Seen::Right);
    made_up.rank(2).is_cut = true;
    assert!(is_untold(
        &errors(&made_up.run.recording),
        "client 2 made more calls"
    ));
}

/// A message from client 1 to client 2 of these types.
fn typed(sent: Datatype, wanted: Datatype) -> MadeUp {
    let mut made_up = MadeUp::new(3);
    made_up.send((1, 0), 2, 5).datatype = sent;
    made_up.take((2, 1), 1, 5).datatype = wanted;
    made_up
}

#[test]
fn types_of_other_sizes_do_not_match() {
    let seen = evidence(types(&typed(CHAR, INT).run.recording));
    assert_eq!(
        seen.said,
        "client 1 sends MPI_CHAR to client 2 with tag 5, and the receive expects MPI_INT"
    );
    assert_eq!(
        seen.details,
        [
            "MPI_Send sends MPI_CHAR of 1 byte each: 32 bytes",
            "MPI_Recv expects MPI_INT of 4 bytes each, at 0.002 s",
            "1 such message in this run"
        ]
    );
}

#[test]
fn bytes_and_the_programs_own_types_match_all() {
    for other in [Datatype::Bytes, Datatype::Other, INT] {
        assert_eq!(types(&typed(INT, other).run.recording), Seen::Right);
        assert_eq!(types(&typed(other, INT).run.recording), Seen::Right);
    }
}

#[test]
fn an_empty_message_has_no_type() {
    let mut made_up = typed(CHAR, INT);
    made_up.rank(1).calls[0].bytes = 0;
    made_up.rank(2).calls[0].taken.as_mut().unwrap().bytes = 0;
    assert_eq!(types(&made_up.run.recording), Seen::Right);
}

#[test]
fn a_message_that_is_not_surely_the_one_that_was_taken_has_no_type() {
    // Its length is another.
    let mut made_up = typed(CHAR, INT);
    made_up.rank(1).calls[0].bytes = 16;
    assert_eq!(types(&made_up.run.recording), Seen::Right);
    // Two threads took messages of the flow at once, or sent them.
    for (sender, taker) in [((1, 0), (2, 2)), ((1, 1), (2, 1))] {
        let mut made_up = typed(CHAR, INT);
        made_up.send(sender, 2, 5);
        made_up.take(taker, 1, 5);
        assert!(
            matches!(types(&made_up.run.recording), Seen::Wrong(_)),
            "they took turns"
        );
        for rank in [1, 2] {
            let call = &mut made_up.rank(rank).calls[0];
            (call.returned, call.completed) = (Some(ms(9)), Some(ms(9)));
        }
        assert_eq!(types(&made_up.run.recording), Seen::Right);
    }
    // A receive failed, and the others may be a message further.
    let mut made_up = typed(CHAR, INT);
    made_up.receive((2, 1), Peer::Any, Tag::Any).error = Some(TRUNCATED);
    assert!(is_untold(&types(&made_up.run.recording), "may have taken"));
    // There was no room for all calls.
    let mut made_up = typed(CHAR, INT);
    made_up.rank(0).is_cut = true;
    assert!(is_untold(&types(&made_up.run.recording), "tracker"));
}

#[test]
fn what_nobody_took_is_left() {
    let mut made_up = MadeUp::new(3);
    made_up.send((1, 0), 2, 5);
    assert_eq!(
        evidence(leftover(&made_up.run)).said,
        "1 message was sent and never received, first 32 bytes from client 1 to client 2 with tag 5"
    );
    for _ in 0..6 {
        made_up.send((0, 0), 2, 4);
    }
    let seen = evidence(leftover(&made_up.run));
    assert!(
        seen.said.starts_with("7 messages were sent"),
        "{}",
        seen.said
    );
    assert_eq!(seen.details.len(), MOST + 1);
    assert_eq!(seen.details[MOST], "and 2 more");
}

#[test]
fn what_was_taken_or_was_not_sent_is_not_left() {
    let mut made_up = MadeUp::new(3);
    made_up.send((1, 0), 2, 5);
    made_up.take((2, 1), 1, 5);
    made_up.send((1, 0), 2, 5).error = Some(6);
    made_up.send((1, 0), 2, 5).peer = Peer::None;
    assert_eq!(leftover(&made_up.run), Seen::Right);
}

#[test]
fn what_was_cancelled_is_not_left() {
    let mut made_up = MadeUp::new(3);
    made_up.send((1, 0), 2, 5).kind = Kind::Isend;
    made_up.call((1, 0), Kind::Cancel);
    assert_eq!(leftover(&made_up.run), Seen::Right);
    // Another call was.
    made_up.rank(1).calls[1].tag = Tag::One(6);
    evidence(leftover(&made_up.run));
    made_up.rank(1).calls[1].tag = Tag::One(5);
    made_up.rank(1).calls[1].peer = Peer::One(Rank(0));
    evidence(leftover(&made_up.run));
}

#[test]
fn what_a_receive_in_the_background_may_have_taken_is_not_surely_left() {
    let mut made_up = MadeUp::new(3);
    made_up.send((1, 0), 2, 5);
    let begun = made_up.receive((2, 1), Peer::Any, Tag::One(5));
    (begun.kind, begun.completed) = (Kind::Irecv, None);
    assert!(is_untold(&leftover(&made_up.run), "did not look"));
    made_up.rank(2).calls[0].tag = Tag::One(6);
    evidence(leftover(&made_up.run));
    // Nor was it taken by a receive that was cancelled, and so is complete.
    let begun = &mut made_up.rank(2).calls[0];
    (begun.tag, begun.completed) = (Tag::One(5), begun.returned);
    evidence(leftover(&made_up.run));
}

#[test]
fn what_is_left_cannot_be_told_of_a_run_that_is_not_complete() {
    let left = |change: fn(&mut MadeUp)| {
        let mut made_up = MadeUp::new(3);
        made_up.send((1, 0), 2, 5);
        change(&mut made_up);
        leftover(&made_up.run)
    };
    assert!(is_untold(&left(MadeUp::hang), "hung"));
    assert!(is_untold(&left(|made_up| made_up.crash(1, 11)), "crashed"));
    assert!(is_untold(
        &left(|made_up| made_up.rank(2).is_cut = true),
        "room"
    ));
    assert!(is_untold(
        &left(|made_up| made_up.rank(2).finalize = None),
        "MPI_Finalize"
    ));
    assert!(is_untold(
        &left(|made_up| made_up.receive((2, 0), Peer::Any, Tag::Any).error = Some(1)),
        "may have taken"
    ));
    let taken = left(|made_up| made_up.take((2, 0), 1, 5).taken = Some(taken(1, 5)));
    assert_eq!(taken, Seen::Right);
}
