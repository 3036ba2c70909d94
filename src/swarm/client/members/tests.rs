use std::sync::Arc;

use fastrand::Rng;

use super::*;
use crate::policy::order;
use crate::protocol::samples::hashes;
use crate::protocol::{FileId, Gained};

const ONE: SegmentIndex = SegmentIndex(1);
const TWO: SegmentIndex = SegmentIndex(2);

const NOW: Duration = Duration::ZERO;

fn at(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn order() -> Box<dyn Order> {
    (order::ALL[0].value.make)(0, &mut Rng::with_seed(0))
}

fn ranks(ranks: &[u32]) -> Arc<[Rank]> {
    ranks.iter().copied().map(Rank).collect()
}

/// The members `of`, as client 1 knows them. `seeds` are the seeds among them.
fn members(of: &[u32], seeds: &[u32], settings: Settings) -> KnownMembers {
    let joined = Joined {
        file: FileId(0),
        hashes: hashes("abcd"),
        size: of.len(),
        members: ranks(of),
        seeds: ranks(seeds),
        held: vec![],
    };
    KnownMembers::new(Rank(1), joined, &settings, false, &mut *order()).unwrap()
}

/// Settings in which serving a segment takes 5 ms.
fn timed() -> Settings {
    Settings {
        upload_time: at(5),
        ..Settings::default()
    }
}

fn list(members: &mut KnownMembers, of: &[u32], seeds: &[u32]) {
    let swarm = protocol::Members {
        size: of.len(),
        members: ranks(of),
        seeds: ranks(seeds),
        gained: vec![],
    };
    members.refresh(swarm, &mut *order());
}

fn hint(members: &mut KnownMembers, holder: u32, segment: SegmentIndex) {
    let holder = Rank(holder);
    members.heed(Hint { holder, segment }, &mut *order());
}

/// The members that a client which is not idle may ask for segment 1.
fn first(members: &KnownMembers) -> Vec<u32> {
    let askable = members.askable(false);
    let standing = members.standings(false).next().unwrap();
    let candidates = askable
        .iter()
        .filter(|rank| members.is_candidate(**rank, ONE, standing));
    candidates.map(|rank| rank.0).collect()
}

/// Whether a member has room for one more request.
fn is_free(members: &KnownMembers, rank: u32) -> bool {
    members.get(Rank(rank)).is_free(members.at_a_time)
}

/// Whether client 1 may ask a member for a segment at all.
fn may_ask(members: &KnownMembers, rank: u32, segment: SegmentIndex) -> bool {
    let is_candidate = |standing| members.is_candidate(Rank(rank), segment, standing);
    members.standings(true).any(is_candidate)
}

#[test]
fn who_refuses_in_a_row_is_spared_for_longer_and_longer_until_it_has_something() {
    let of = [1, 3];
    let mut members = members(&of, &[], Settings::default());
    assert!(!may_ask(&members, 1, ONE));
    for refusals in 1..=3 {
        members.has_refused(NOW, Rank(3), ONE);
        for _ in 0..refusals {
            assert_eq!(first(&members), [0; 0]);
            list(&mut members, &of, &[]);
        }
        assert_eq!(first(&members), [3]);
    }
    members.has_refused(NOW, Rank(3), ONE);
    members.has_held(Rank(3), ONE);
    assert_eq!(first(&members), [3]);
    members.has_refused(NOW, Rank(3), ONE);
    list(&mut members, &of, &[]);
    assert_eq!(first(&members), [3], "the count starts anew");
}

#[test]
fn one_peer_at_a_time_is_tried_and_after_a_refusal_none_until_the_next_list() {
    let of = [2, 3, 4];
    let mut members = members(&of, &[2], Settings::default());
    assert_eq!(first(&members), of);
    members.asks(Rank(2), ONE);
    assert_eq!(first(&members), of, "a seed needs no trial");
    members.asks(Rank(3), ONE);
    assert_eq!(first(&members), [2]);
    members.has_held(Rank(3), ONE);
    assert_eq!(first(&members), of, "who has proved itself is asked on");
    members.asks(Rank(4), ONE);
    members.has_refused(NOW, Rank(4), ONE);
    assert_eq!(first(&members), [2, 3]);
    list(&mut members, &of, &[2]);
    assert_eq!(first(&members), of);
    members.has_refused(NOW, Rank(3), ONE);
    list(&mut members, &of, &[2, 4]);
    members.asks(Rank(3), ONE);
    assert_eq!(first(&members), [2, 4], "a peer has become a seed");
    members.has_refused(NOW, Rank(2), ONE);
    assert_eq!(first(&members), [4], "a seed that refuses is one no more");
    members.has_held(Rank(2), ONE);
    assert_eq!(first(&members), [2, 4]);
}

#[test]
fn where_serving_takes_time_the_next_trial_is_due_after_a_while_and_the_same_peer_later() {
    let of = [2, 3, 4];
    let mut members = members(&of, &[2], timed());
    members.asks(Rank(3), ONE);
    members.has_refused(at(7), Rank(3), ONE);
    assert_eq!(first(&members), [2]);
    assert_eq!(members.due(), Some(at(7 + 2 * 5)));
    members.wake(at(17));
    assert_eq!(first(&members), [2, 4], "another one can be tried");
    assert_eq!(members.due(), Some(at(7 + 4 * 5)));
    members.wake(at(27));
    assert_eq!(first(&members), of);
    members.asks(Rank(3), ONE);
    members.has_refused(at(30), Rank(3), ONE);
    members.wake(at(30 + 39));
    assert_eq!(first(&members), [2, 4]);
    members.wake(at(30 + 2 * 20));
    assert_eq!(first(&members), of, "the second time it is twice as long");
}

#[test]
fn a_hint_makes_a_peer_worth_asking_for_that_segment_and_no_other() {
    let mut members = members(&[2, 3], &[], timed());
    members.asks(Rank(2), ONE);
    assert_eq!(first(&members), [0; 0]);
    hint(&mut members, 3, TWO);
    assert_eq!(first(&members), [0; 0]);
    assert_eq!(members.next_invitation(), Some((Rank(3), Some(TWO))));
    assert_eq!(members.next_invitation(), None);
    hint(&mut members, 3, ONE);
    assert_eq!(first(&members), [3]);
    hint(&mut members, 9, ONE);
    assert!(!members.ready.contains(&Rank(9)), "only the tracker lists");
}

#[test]
fn who_is_busy_is_left_alone_and_asked_first_when_it_keeps_a_slot() {
    let mut members = members(&[2, 3], &[2, 3], timed());
    members.asks(Rank(2), ONE);
    members.busy_until(Rank(2), at(9));
    assert_eq!((first(&members), members.due()), (vec![3], Some(at(9))));
    hint(&mut members, 2, TWO);
    assert_eq!(members.next_invitation(), None, "not yet");
    members.wake(at(9));
    assert_eq!(members.next_invitation(), Some((Rank(2), Some(TWO))));
    assert_eq!((first(&members), members.due()), (vec![2, 3], None));
}

#[test]
fn a_member_is_asked_for_as_many_segments_at_a_time_as_it_has_slots() {
    let mut members = members(&[1, 2], &[2], timed());
    members.asks(Rank(2), ONE);
    assert!(is_free(&members, 2));
    members.asks(Rank(2), TWO);
    assert!(!is_free(&members, 2) && members.askable(true).is_empty());
    members.has_held(Rank(2), ONE);
    assert!(is_free(&members, 2) && *members.askable(true) == [Rank(2)]);
}

#[test]
fn where_the_tracker_tells_nobody_is_asked_for_what_it_is_not_known_to_hold() {
    let mut members = members(&[2, 3], &[2], Settings::default());
    members.is_told = true;
    assert!(may_ask(&members, 2, ONE) && !may_ask(&members, 3, ONE));
    let swarm = protocol::Members {
        size: 2,
        members: ranks(&[2, 3]),
        seeds: ranks(&[2]),
        gained: vec![Gained {
            member: Rank(3),
            segments: vec![ONE],
        }],
    };
    members.refresh(swarm, &mut *order());
    assert!(may_ask(&members, 3, ONE) && !may_ask(&members, 3, TWO));
}

#[test]
fn a_peer_that_has_nothing_of_use_any_more_is_not_asked() {
    let mut members = members(&[2, 3], &[], timed());
    members.asks(Rank(2), TWO);
    hint(&mut members, 3, ONE);
    hint(&mut members, 3, TWO);
    assert_eq!(*members.askable(false), [Rank(3)]);
    members.gains(ONE);
    assert_eq!(*members.askable(false), [Rank(3)]);
    members.gains(TWO);
    assert!(members.askable(false).is_empty());
    hint(&mut members, 3, ONE);
    assert!(
        members.askable(false).is_empty(),
        "what is held is of no use"
    );
}

#[test]
fn a_list_of_some_adds_to_those_before_and_one_of_all_is_in_their_place() {
    let mut members = members(&[2, 3], &[2], Settings::default());
    assert!(members.are_all_known());
    let mut tell = |size, of: &[u32], seeds: &[u32]| {
        let swarm = protocol::Members {
            size,
            members: ranks(of),
            seeds: ranks(seeds),
            gained: vec![],
        };
        members.refresh(swarm, &mut *order());
        let known = members.ranks.iter().map(|rank| rank.0).collect();
        let seeds: Vec<u32> = members.seeds.iter().map(|rank| rank.0).collect();
        (known, seeds, members.are_all_known())
    };
    let known: (Vec<u32>, _, _) = tell(6, &[4, 5], &[5]);
    assert_eq!(known, (vec![2, 3, 4, 5], vec![2, 5], false));
    let known = tell(6, &[3, 6], &[3]);
    assert_eq!(known, (vec![2, 3, 4, 5, 6], vec![2, 3, 5], true));
    let all = [1, 2, 3, 4, 5, 6, 7];
    assert_eq!(
        tell(7, &all, &[2, 3, 5]),
        (all.to_vec(), vec![2, 3, 5], true)
    );
}
