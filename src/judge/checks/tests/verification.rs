//! R4: whether a wrong hash is noticed.

use super::{Format, MadeUp};
use crate::checks::{Check, Shown};
use crate::seen::calls::{Kind, Lie};
use crate::seen::run::Hung;
use swarm::protocol::Rank;

/// Client 1 sends client 3 a wrong hash for segment 1. Whether the recording calls it that segment's
/// or not, it comes to the same.
fn lied(is_recorded: bool, again: Option<u32>) -> MadeUp {
    let mut made = MadeUp::swarm(3, 20);
    made.register();
    made.ask(3, 1, &[0]);
    made.answer(1, 3, if is_recorded { &[0] } else { &[] });
    if let Some(member) = again {
        made.fetch(Format::HashBothWays, 3, member, 0);
    }
    for segment in 1..20 {
        made.fetch(Format::HashBothWays, 3, 1 + segment % 2, segment);
    }
    made.finish();
    made.run.recording.ranks[1].lie = Some(Lie {
        to: Rank(3),
        segment: 0,
    });
    made
}

#[test]
fn who_asks_again_has_noticed() {
    for is_recorded in [false, true] {
        for member in [1, 2] {
            assert_eq!(
                lied(is_recorded, Some(member)).shown(Check::Verification),
                Ok(Shown::Right)
            );
        }
    }
}

#[test]
fn a_wrong_hash_that_is_written_is_wrong() {
    for is_recorded in [false, true] {
        let mut made = lied(is_recorded, None);
        let output = made
            .run
            .outputs
            .get_mut("client3_file1")
            .expect("it was written");
        output[..32].copy_from_slice(b"ffffffffffffffffffffffffffffffff");
        let evidence = made.wrong(Check::Verification);
        assert_eq!(
            evidence.said,
            "client 3 took a wrong hash for segment 1 of file1 from client 1 and wrote it to \
             client3_file1"
        );
        assert_eq!(
            evidence.details,
            [
                "expected in line 1: 00000000000000000000000000000000",
                "found: ffffffffffffffffffffffffffffffff"
            ]
        );
    }
}

#[test]
fn who_writes_what_the_tracker_said_may_not_have_looked() {
    for is_recorded in [false, true] {
        let made = lied(is_recorded, None);
        assert!(made.shown(Check::Verification).is_err(), "{is_recorded}");
    }
}

#[test]
fn a_run_that_hangs_after_a_lie_is_wrong_if_the_lie_came() {
    let mut made = lied(true, None);
    made.hang();
    made.run.outputs.clear();
    assert!(
        made.wrong(Check::Verification)
            .said
            .starts_with("the run waits for ever after client 1 sent client 3")
    );
    made.run.recording.ranks[3]
        .calls
        .retain(|call| call.taken.is_none());
    assert!(made.shown(Check::Verification).is_err());
}

#[test]
fn a_run_that_is_only_slow_does_not_hang_after_a_lie() {
    let mut made = lied(true, None);
    made.hang();
    made.run.outputs.clear();
    let limit = made.now() * 3 / 2;
    made.run.ending.hung = Some(Hung::TimeLimit(limit));
    assert!(made.is_untold(Check::Verification, "while messages still came"));
    made.run.ending.hung = Some(Hung::TimeLimit(2 * limit));
    made.wrong(Check::Verification);
}

#[test]
fn without_a_lie_nothing_is_told() {
    let mut made = lied(true, Some(2));
    made.run.recording.ranks[1].lie = None;
    assert!(made.shown(Check::Verification).is_err());
}

#[test]
fn why_no_message_was_changed_is_said() {
    let mut made = lied(true, None);
    made.run.recording.ranks[1].lie = None;
    assert!(made.is_untold(Check::Verification, "no client sent another just one hash"));
    for call in &mut made.run.recording.ranks[1].calls {
        if call.kind == Kind::Send {
            call.kind = Kind::StartSend;
        }
    }
    assert!(made.is_untold(Check::Verification, "those of MPI_Start cannot be"));
}
