use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use super::*;
use crate::client::queue::MOST_NEWS;
use crate::policy::order;
use crate::protocol::samples::hashes;
use crate::protocol::{FileId, Gained};

const ONE: SegmentIndex = SegmentIndex(1);
const TWO: SegmentIndex = SegmentIndex(2);

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

fn hear(members: &mut KnownMembers, of: u32, segment: SegmentIndex) {
    members.hears_of(Rank(of), &[segment], &mut *order());
}

/// The members that a client which is not idle may ask for segment 1.
fn first(members: &KnownMembers) -> Vec<u32> {
    let askable = members.askable(false);
    let standing = members.standings(false).next().unwrap();
    let candidates = (askable.to_choose_from.iter())
        .filter(|rank| members.is_candidate(**rank, ONE, standing, false));
    candidates.map(|rank| rank.0).collect()
}

/// Whether a member has room for one more request.
fn is_free(members: &KnownMembers, rank: u32) -> bool {
    members.get(Rank(rank)).is_free(members.at_a_time, false)
}

/// Whether client 1 may ask a member for a segment at all.
fn may_ask(members: &KnownMembers, rank: u32, segment: SegmentIndex) -> bool {
    let is_candidate = |standing| members.is_candidate(Rank(rank), segment, standing, true);
    members.standings(true).any(is_candidate)
}

#[test]
fn who_refuses_in_a_row_is_spared_for_longer_and_longer_until_it_has_something() {
    let of = [1, 3];
    let mut members = members(&of, &[], Settings::default());
    assert!(!may_ask(&members, 1, ONE));
    for refusals in 1..=3 {
        members.has_refused(Rank(3), ONE);
        for _ in 0..refusals {
            assert_eq!(first(&members), [0; 0]);
            list(&mut members, &of, &[]);
        }
        assert_eq!(first(&members), [3]);
    }
    members.has_refused(Rank(3), ONE);
    members.has_held(Rank(3), ONE);
    assert_eq!(first(&members), [3]);
    members.has_refused(Rank(3), ONE);
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
    members.has_refused(Rank(4), ONE);
    assert_eq!(first(&members), [2, 3]);
    list(&mut members, &of, &[2]);
    assert_eq!(first(&members), of);
    members.has_refused(Rank(3), ONE);
    list(&mut members, &of, &[2, 4]);
    members.asks(Rank(3), ONE);
    assert_eq!(first(&members), [2, 4], "a peer has become a seed");
    members.has_refused(Rank(2), ONE);
    assert_eq!(first(&members), [4], "a seed that refuses is one no more");
    members.has_held(Rank(2), ONE);
    assert_eq!(first(&members), [2, 4]);
}

/// The members that are asked in order to wait at them.
fn joined(members: &KnownMembers) -> Vec<u32> {
    let last = members.standings(false).find(|standing| standing.is_last);
    let standing = last.expect("where there are queues");
    let is_candidate = |rank: &Rank| members.is_candidate(*rank, ONE, standing, false);
    let askable = members.askable(false);
    let joined = askable.from(0).filter(is_candidate);
    joined.map(|rank| rank.0).collect()
}

#[test]
fn where_members_have_queues_those_that_hold_something_are_asked_and_any_other_may_be_joined() {
    let mut members = members(&[2, 3, 4], &[2], timed());
    assert_eq!((first(&members), joined(&members)), (vec![2], vec![3, 4]));
    members.asks(Rank(3), ONE);
    members.waits_at(Rank(3));
    assert_eq!((members.waiting(), members.will_call()), (1, false));
    assert_eq!(joined(&members), [4]);
    hear(&mut members, 3, ONE);
    assert!(members.will_call());
    assert_eq!(first(&members), [2], "it will call");
    members.declines(Rank(3), &[]);
    assert!(!members.will_call());
    assert_eq!(first(&members), [2]);
    let when_idle = |members: &KnownMembers| may_ask(members, 3, ONE);
    assert!(when_idle(&members), "what was on its way has not come");
    members.calls(Rank(3), true);
    assert!(members.will_call());
    members.gains(ONE);
    assert!(!members.will_call());
    members.calls(Rank(3), false);
    assert_eq!((members.waiting(), joined(&members)), (0, vec![4]));
    members.asks(Rank(4), ONE);
    members.has_refused(Rank(4), ONE);
    assert_eq!(joined(&members), [0; 0], "who has no queue is spared");
}

#[test]
fn a_client_waits_also_at_a_member_that_only_a_scenario_makes_slow() {
    let mut members = members(&[2, 3], &[2], Settings::default());
    members.asks(Rank(2), ONE);
    members.waits_at(Rank(2));
    assert!(members.will_call());
    assert_eq!(members.leave_queues(), [Rank(2)]);
    assert!(!members.will_call());
}

#[test]
fn a_member_hears_what_is_new_once_and_the_rest_with_the_next_message() {
    let mut members = members(&[2, 3], &[], timed());
    let gained: Vec<SegmentIndex> = (0..70).map(SegmentIndex).collect();
    assert_eq!(members.declines(Rank(2), &gained[..3]), gained[..3]);
    assert_eq!(members.declines(Rank(2), &gained[..3]), []);
    assert_eq!(members.declines(Rank(3), &gained), gained[..MOST_NEWS]);
    assert_eq!(members.declines(Rank(3), &gained), gained[MOST_NEWS..]);
    let mut untimed = self::members(&[2], &[], Settings::default());
    assert_eq!(untimed.declines(Rank(2), &gained), [], "nobody waits");
}

#[test]
fn a_member_is_asked_for_as_many_segments_at_a_time_as_it_has_slots() {
    let mut members = members(&[1, 2], &[2], timed());
    members.asks(Rank(2), ONE);
    assert!(is_free(&members, 2));
    members.asks(Rank(2), TWO);
    assert!(!is_free(&members, 2) && members.askable(true).is_empty());
    members.has_held(Rank(2), ONE);
    assert!(is_free(&members, 2) && members.askable(true).from(0).eq([Rank(2)]));
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
    hear(&mut members, 3, ONE);
    hear(&mut members, 3, TWO);
    let is_ready = |members: &KnownMembers| members.is_ready(Rank(3), members.get(Rank(3)));
    assert!(is_ready(&members));
    members.gains(ONE);
    assert!(is_ready(&members));
    members.gains(TWO);
    assert!(!is_ready(&members));
    hear(&mut members, 3, ONE);
    assert!(!is_ready(&members), "what is held is of no use");
    let mut told = self::members(&[2, 3], &[], Settings::default());
    told.is_told = true;
    hear(&mut told, 3, ONE);
    assert!(!told.askable(false).is_empty());
    told.gains(ONE);
    assert!(told.askable(false).is_empty());
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
