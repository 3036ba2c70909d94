//! Runs in which functions were called that are not followed: what they sent or took was not seen.

use super::*;
use crate::seen::calls::{Call, Peer, Tag, What};

/// What is told of it.
type Told = fn(&Result<Shown, Unseen>) -> bool;

/// A call of a function that is not followed.
fn call(made: &mut MadeUp, at: At, name: &str) {
    made.call(at, Kind::Other).name = Some(name.into());
    let names = &mut made.rank(at.0).not_followed;
    if names.iter().all(|known| **known != *name) {
        names.push(name.into());
    }
}

/// Each defect shows, and no more when a message may have come unseen; nor is then called right what rests on all of
/// them.
#[test]
fn what_rests_on_every_message_is_told_neither_way_where_some_are_not_seen() {
    let without = |keep: fn(Rank, &Call) -> bool| {
        let mut made = MadeUp::right(Format::HashBothWays);
        for (rank, record) in (0..).map(Rank).zip(&mut made.run.recording.ranks) {
            record.calls.retain(|call| keep(rank, call));
        }
        made
    };
    let with_one_thread = || {
        let mut made = MadeUp::right(Format::HashBothWays);
        for call in &mut made.rank(4).calls {
            call.thread = DOWNLOAD;
        }
        made.rank(4).threads.truncate(1);
        made
    };
    let with_a_message_too_many = || {
        let mut made = MadeUp::right(Format::HashBothWays);
        made.send((1, UPLOAD), 2, 5);
        made
    };
    let by_the_tracker = || {
        let mut made = MadeUp::swarm(5, 40);
        made.register();
        for segment in 0..40 {
            for client in 3..=5 {
                made.send_hashes((0, 0), client, ANSWER, &[segment]);
                made.take((client, DOWNLOAD), 0, ANSWER);
            }
        }
        made.finish();
        made
    };
    let in_part = || {
        let mut made = MadeUp::right(Format::HashBothWays);
        made.run.recording.ranks[2].calls[0].segments.truncate(25);
        made
    };
    // To the tracker, but for the first time.
    let silent = without(|rank, call| {
        let is_late = call.started.as_millis() > 20;
        !is_late || rank != Rank::TRACKER && call.peer != Peer::One(Rank::TRACKER)
    });
    let is_right: Told = |shown| *shown == Ok(Shown::Right);
    let is_wrong: Told = |shown| matches!(shown, Ok(Shown::Wrong(_)));
    for (check, made, is_so) in [
        (Check::Updates, silent, is_wrong),
        (Check::TwoThreads, with_one_thread(), is_wrong),
        (Check::Leftover, with_a_message_too_many(), is_wrong),
        (Check::Peers, by_the_tracker(), is_wrong),
        (Check::Registration, in_part(), is_wrong),
        (
            Check::Leftover,
            MadeUp::right(Format::HashBothWays),
            is_right,
        ),
        (Check::Types, MadeUp::right(Format::HashBothWays), is_right),
        (
            Check::Receivers,
            MadeUp::right(Format::HashBothWays),
            is_right,
        ),
        (Check::Peers, MadeUp::right(Format::HashBothWays), is_right),
        (
            Check::Stopping,
            MadeUp::right(Format::HashBothWays),
            is_right,
        ),
    ] {
        let shown = made.shown(check);
        assert!(is_so(&shown), "{check}: {shown:?}");
        let mut made = made;
        call(&mut made, (4, DOWNLOAD), "MPI_Put");
        let shown = made.shown(check);
        let why = "client 4 uses MPI_Put, which is not followed";
        assert!(
            matches!(&shown, Err(Unseen(said)) if said.contains(why)),
            "{check}: {shown:?}"
        );
    }
}

/// That it was called is seen, and by which thread.
#[test]
fn what_every_call_shows_is_told_with_the_functions_name() {
    let mut made = MadeUp::new(3);
    call(&mut made, (1, 2), "MPI_Put");
    for check in [
        Check::Errors,
        Check::ThreadLevel,
        Check::Concurrency,
        Check::Finalize,
    ] {
        assert_eq!(made.shown(check), Ok(Shown::Right), "{check}");
    }
    made.rank(1).calls[0].error = Some(6);
    let said = made.wrong(Check::Errors).said;
    assert!(said.starts_with("MPI_Put failed in client 1"), "{said}");
}

/// It may go on as soon as something comes that is not seen.
#[test]
fn a_standstill_is_not_proven_where_messages_may_be_on_their_way_unseen() {
    let mut made = MadeUp::new(3);
    for rank in 0..3 {
        made.receive((rank, 0), Peer::Any, Tag::Any).forever();
    }
    made.hang();
    assert_eq!(made.rank(0).calls[0].kind.what(), What::Receive);
    assert!(made.stands_still(&[1], &[]));
    made.wrong(Check::Hang);
    made.rank(1).not_followed.push("MPI_Put".into());
    assert!(!made.stands_still(&[1], &[]));
    assert!(made.is_untold(Check::Hang, "client 1 uses MPI_Put, which is not followed"));
}
