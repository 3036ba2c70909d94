//! Which members the tracker names: all, in one list for all clients, or some.

use super::*;

/// The number of answers that a test looks at.
const ANSWERS: usize = 200;

/// Clients 1 and 2 own `f`, and these have joined its swarm after them.
fn crowd(settings: Settings, peers: u32) -> Tracker {
    let clients = 3 + peers;
    let mut tracker = Tracker::new(clients as usize, settings);
    for client in 1..=clients {
        let owned = if client <= 2 {
            vec![owned("f", "abc")]
        } else {
            vec![]
        };
        answers(&mut tracker, client, ready(&owned));
    }
    for client in 3..clients {
        joined(&mut tracker, client);
    }
    tracker
}

/// Settings in which an answer names two members.
fn two(seed: u64) -> Settings {
    Settings {
        members: NonZeroUsize::new(2),
        update_interval: NonZeroUsize::MIN,
        seed,
        ..Settings::default()
    }
}

fn only(post: Vec<Envelope>) -> Swarm {
    match <[Envelope; 1]>::try_from(post).map(|[envelope]| envelope.letter) {
        Ok(Letter::ToDownload(ToDownload::Swarm(swarm))) => swarm,
        other => panic!("expected SWARM, found {other:?}"),
    }
}

fn joined(tracker: &mut Tracker, client: u32) -> Joined {
    match only(answers(tracker, client, ToTracker::SwarmRequest(name("f")))) {
        Swarm::Joined(joined) => joined,
        other @ (Swarm::Members(_) | Swarm::Unknown) => panic!("expected all, found {other:?}"),
    }
}

fn updated(tracker: &mut Tracker, client: u32, positions: &[usize]) -> Members {
    let update = ToTracker::Update(gained(F, positions));
    match only(answers(tracker, client, update)) {
        Swarm::Members(members) => members,
        other @ (Swarm::Joined(_) | Swarm::Unknown) => panic!("expected news, found {other:?}"),
    }
}

#[test]
fn r3_answers_share_one_list_until_somebody_joins_and_one_of_seeds_until_somebody_is_one() {
    let mut tracker = crowd(Settings::default(), 2);
    let first = updated(&mut tracker, 3, &[]);
    let second = updated(&mut tracker, 4, &[]);
    assert_eq!(first.members, ranks(&[1, 2, 3, 4]));
    assert!(Arc::ptr_eq(&first.members, &second.members));
    assert!(Arc::ptr_eq(&first.seeds, &second.seeds));
    let third = joined(&mut tracker, 5);
    assert!(Arc::ptr_eq(&first.members, &third.members));
    let fourth = updated(&mut tracker, 3, &[]);
    assert_eq!(fourth.members, ranks(&[1, 2, 3, 4, 5]));
    assert!(Arc::ptr_eq(&first.seeds, &fourth.seeds));
    answers(&mut tracker, 5, complete(F));
    let fifth = updated(&mut tracker, 3, &[]);
    assert!(Arc::ptr_eq(&fourth.members, &fifth.members));
    assert_eq!(fifth.seeds, ranks(&[1, 2, 5]));
}

#[test]
fn r3_a_client_that_is_told_of_some_is_told_of_others_each_time_and_how_many_there_are() {
    let mut tracker = crowd(two(1), 3);
    assert_eq!(answers(&mut tracker, 5, complete(F)), []);
    let first = joined(&mut tracker, 6);
    assert_eq!((first.members.len(), first.size), (2, 6));
    let mut seen = BTreeSet::new();
    for _ in 0..ANSWERS {
        let Members {
            size,
            members,
            seeds,
            ..
        } = updated(&mut tracker, 3, &[]);
        assert_eq!((members.len(), size), (2, 6));
        assert!(members.is_sorted_by(|one, next| one < next));
        let those = members
            .iter()
            .filter(|member| [1, 2, 5].contains(&member.0));
        assert!(seeds.iter().eq(those), "{seeds:?} of {members:?}");
        seen.extend(members.iter().map(|member| member.0));
    }
    assert_eq!(seen, BTreeSet::from([1, 2, 4, 5, 6]), "all, but not itself");
}

#[test]
fn r3_a_client_that_may_be_told_of_all_others_is() {
    let mut tracker = crowd(two(1), 0);
    let first = joined(&mut tracker, 3);
    assert_eq!((first.members, first.size), (ranks(&[1, 2]), 3));
    assert_eq!(updated(&mut tracker, 3, &[]).members, ranks(&[1, 2]));
}

#[test]
fn whom_a_client_is_told_of_follows_from_the_seed() {
    let lists = |seed| {
        let mut tracker = crowd(two(seed), 9);
        let lists = (0..ANSWERS).map(|_| updated(&mut tracker, 3, &[]).members);
        lists.collect::<Vec<_>>()
    };
    assert_eq!(lists(1), lists(1));
    assert_ne!(lists(1), lists(2));
}

#[test]
fn r2_a_client_that_is_told_of_some_hears_each_time_all_that_these_hold() {
    let mut tracker = crowd(
        Settings {
            tracker_index: indexed().settings.tracker_index,
            ..two(1)
        },
        2,
    );
    updated(&mut tracker, 3, &[2]);
    let told = |members: &Members| -> Vec<(u32, Vec<usize>)> {
        let news = members.gained.iter();
        news.map(|news| {
            let segments = news.segments.iter().map(|segment| segment.0);
            (news.member.0, segments.collect())
        })
        .collect()
    };
    for times in 0..ANSWERS {
        let gained: &[usize] = if times == 0 { &[0] } else { &[] };
        let members = updated(&mut tracker, 4, gained);
        let expected = if members.members.contains(&Rank(3)) {
            vec![(3, vec![2])]
        } else {
            vec![]
        };
        assert_eq!(told(&members), expected);
    }
    let first = joined(&mut tracker, 5);
    let held = first.held.iter().map(|held| held.iter().count());
    let holds = |member: &Rank| if member.0 <= 2 { 3 } else { 1 };
    assert!(held.eq(first.members.iter().map(holds)), "{first:?}");
}
