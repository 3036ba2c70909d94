//! Dialogues with a tracker, named after the rules that they show.

mod members;

use std::num::NonZeroUsize;
use std::sync::Arc;

use super::*;
use crate::policy::TrackerIndex;
use crate::protocol::samples::{hashes, name, owned};
use crate::protocol::{
    Gained, Joined, Letter, Members, OwnedFile, Progress, Reason, SegmentIndex, SegmentSet, Swarm,
};

const F: FileId = FileId(0);
const G: FileId = FileId(1);

/// The envelopes that the tracker posts in answer to one message.
fn answers(tracker: &mut Tracker, from: u32, message: ToTracker) -> Vec<Envelope> {
    let mut post = Vec::new();
    tracker
        .step(Rank(from), message, &mut post)
        .expect("the protocol has a place for it");
    post
}

fn objection(tracker: &mut Tracker, from: u32, message: ToTracker) -> String {
    let mut post = Vec::new();
    let error = tracker
        .step(Rank(from), message, &mut post)
        .expect_err("no place for it");
    assert_eq!(post, [], "an error posts nothing");
    error.to_string()
}

fn to(client: u32, message: impl Into<Letter>) -> Envelope {
    Envelope::new(Rank(client), message)
}

fn ready(files: &[OwnedFile]) -> ToTracker {
    ToTracker::Init(Init::Ready(files.to_vec()))
}

fn ranks(ranks: &[u32]) -> Arc<[Rank]> {
    ranks.iter().copied().map(Rank).collect()
}

fn swarm(client: u32, swarm: Swarm) -> Envelope {
    to(client, ToDownload::Swarm(swarm))
}

/// UPDATE, as the tracker of 2024 gets it.
fn update(file: FileId) -> ToTracker {
    ToTracker::Update(Progress {
        file,
        gained: vec![],
    })
}

/// FILE_COMPLETE, in the same way.
fn complete(file: FileId) -> ToTracker {
    ToTracker::FileComplete(Progress {
        file,
        gained: vec![],
    })
}

fn members(ranks: &[u32], seeds: &[u32]) -> Swarm {
    Swarm::Members(Members {
        size: ranks.len(),
        members: self::ranks(ranks),
        seeds: self::ranks(seeds),
        gained: vec![],
    })
}

/// Three clients; the first owns `f`, the second `f` and `g`, the third nothing.
fn started() -> Tracker {
    started_with(Settings::default())
}

fn started_with(settings: Settings) -> Tracker {
    let mut tracker = Tracker::new(3, settings);
    answers(&mut tracker, 1, ready(&[owned("f", "abc")]));
    answers(
        &mut tracker,
        2,
        ready(&[owned("g", "x"), owned("f", "abc")]),
    );
    answers(&mut tracker, 3, ready(&[]));
    tracker
}

#[test]
fn r1_no_client_starts_before_every_client_has_registered() {
    let mut tracker = Tracker::new(3, Settings::default());
    assert_eq!(answers(&mut tracker, 3, ready(&[])), []);
    assert_eq!(
        answers(
            &mut tracker,
            2,
            ready(&[owned("g", "x"), owned("f", "abc")])
        ),
        []
    );
    let start = |client, numbers: &[FileId]| {
        to(
            client,
            ToDownload::InitAck(InitAck::Start(numbers.to_vec())),
        )
    };
    assert_eq!(
        answers(&mut tracker, 1, ready(&[owned("f", "abc")])),
        [start(1, &[F]), start(2, &[G, F]), start(3, &[])]
    );
    assert_eq!(
        objection(&mut tracker, 1, ready(&[])),
        "every client has registered already"
    );
}

#[test]
fn r1_nothing_is_answered_before_the_start_and_nobody_registers_twice() {
    let mut tracker = Tracker::new(2, Settings::default());
    answers(&mut tracker, 1, ready(&[]));
    assert_eq!(
        objection(&mut tracker, 1, ready(&[])),
        "it has registered already"
    );
    assert_eq!(tracker.unfinished(), [Rank(2)]);
    objection(&mut tracker, 1, ToTracker::Alive);
    objection(&mut tracker, 1, ToTracker::SwarmRequest(name("f")));
    objection(&mut tracker, 1, update(F));
    objection(&mut tracker, 1, complete(F));
    objection(&mut tracker, 1, ToTracker::AllComplete { missing: vec![] });
}

#[test]
fn r1_the_start_is_refused_with_the_problems_of_all_clients_in_rank_order() {
    let mut tracker = Tracker::new(3, Settings::default());
    let unable = |problem: &str| ToTracker::Init(Init::Unable(vec![problem.into()]));
    answers(&mut tracker, 3, unable("in3.txt:1: bad"));
    answers(&mut tracker, 2, ready(&[]));
    let refused = |client| to(client, ToDownload::InitAck(InitAck::Refused));
    assert_eq!(
        answers(&mut tracker, 1, unable("in1.txt:9: worse")),
        [refused(1), refused(2), refused(3)]
    );
    let problems = ["in1.txt:9: worse", "in3.txt:1: bad"]
        .map(String::from)
        .to_vec();
    assert_eq!(tracker.ending(), Some(&Ending::Refused(problems)));
}

#[test]
fn r2_owners_of_one_name_agree_on_its_segments_whoever_registers_first() {
    let inputs = [(1, "abcd"), (2, "abcd"), (3, "abxd"), (4, "abc")];
    let problems = [
        "clients 1 and 3 both own 'f', with different segments from segment 3 on",
        "clients 1 and 4 both own 'f', with different segments from segment 4 on",
    ];
    for first in 0..inputs.len() {
        let mut tracker = Tracker::new(inputs.len(), Settings::default());
        for (client, content) in inputs.iter().cycle().skip(first).take(inputs.len()) {
            answers(&mut tracker, *client, ready(&[owned("f", content)]));
        }
        let problems = problems.map(String::from).to_vec();
        assert_eq!(tracker.ending(), Some(&Ending::Refused(problems)));
    }
}

#[test]
fn r3_a_client_that_asks_for_a_swarm_is_told_all_of_it_and_is_its_peer_from_then_on() {
    let mut tracker = started();
    let joined = |members: &[u32]| {
        Swarm::Joined(Joined {
            file: G,
            hashes: hashes("x"),
            size: members.len() + 1,
            members: ranks(members),
            seeds: ranks(&[2]),
            held: vec![],
        })
    };
    let request = || ToTracker::SwarmRequest(name("g"));
    assert_eq!(
        answers(&mut tracker, 3, request()),
        [swarm(3, joined(&[2]))]
    );
    assert_eq!(
        answers(&mut tracker, 1, request()),
        [swarm(1, joined(&[2, 3]))]
    );
    let members = members(&[1, 2, 3], &[2]);
    assert_eq!(
        answers(&mut tracker, 3, request()),
        [swarm(3, members)],
        "asked again"
    );
}

#[test]
fn r3_a_file_that_nobody_owns_has_no_swarm() {
    let mut tracker = started();
    let request = ToTracker::SwarmRequest(name("nowhere"));
    assert_eq!(
        answers(&mut tracker, 3, request),
        [swarm(3, Swarm::Unknown)]
    );
}

#[test]
fn r6_update_is_answered_with_the_members_as_they_are_now() {
    let mut tracker = started();
    answers(&mut tracker, 3, ToTracker::SwarmRequest(name("g")));
    assert_eq!(
        answers(&mut tracker, 3, update(G)),
        [swarm(3, members(&[2, 3], &[2]))]
    );
    answers(&mut tracker, 1, ToTracker::SwarmRequest(name("g")));
    assert_eq!(
        answers(&mut tracker, 3, update(G)),
        [swarm(3, members(&[1, 2, 3], &[2]))]
    );
}

#[test]
fn r6_only_a_peer_updates_or_completes() {
    let mut tracker = started();
    for message in [update, complete] {
        let stranger = objection(&mut tracker, 3, message(F));
        assert_eq!(stranger, "it is not in the swarm of file number 0");
        assert_eq!(
            objection(&mut tracker, 1, message(F)),
            "it is a seed of file number 0"
        );
        let nothing = objection(&mut tracker, 1, message(FileId(2)));
        assert_eq!(nothing, "there is no file number 2");
    }
}

#[test]
fn r11_file_complete_makes_a_peer_a_seed_that_stays_when_it_is_done() {
    let mut tracker = started();
    answers(&mut tracker, 3, ToTracker::SwarmRequest(name("g")));
    assert_eq!(answers(&mut tracker, 3, complete(G)), []);
    let again = objection(&mut tracker, 3, complete(G));
    assert_eq!(again, "it is a seed of file number 1");
    answers(&mut tracker, 3, ToTracker::AllComplete { missing: vec![] });
    let post = answers(&mut tracker, 1, ToTracker::SwarmRequest(name("g")));
    let joined = Swarm::Joined(Joined {
        file: G,
        hashes: hashes("x"),
        size: 3,
        members: ranks(&[2, 3]),
        seeds: ranks(&[2, 3]),
        held: vec![],
    });
    assert_eq!(post, [swarm(1, joined)]);
}

#[test]
fn r2_progress_is_what_updates_and_complete_files_tell() {
    let settings = Settings {
        update_interval: NonZeroUsize::new(2).expect("2 is not 0"),
        ..Settings::default()
    };
    let mut tracker = Tracker::new(2, settings);
    answers(
        &mut tracker,
        1,
        ready(&[owned("f", "abcdefg"), owned("g", "xyz")]),
    );
    assert_eq!((tracker.progress(), tracker.size(&name("f"))), (None, None));
    answers(&mut tracker, 2, ready(&[]));
    let amount = |files, segments| Some(Amount { files, segments });
    assert_eq!(tracker.size(&name("f")), amount(1, 7));
    assert_eq!(tracker.size(&name("h")), None);
    let wanted = ["f", "g", "h", "f"].map(name);
    let all: Amount = wanted.iter().filter_map(|name| tracker.size(name)).sum();
    assert_eq!(Some(all), amount(3, 17));
    for (message, progress) in [
        (ToTracker::SwarmRequest(name("f")), amount(0, 0)),
        (update(F), amount(0, 2)),
        (update(F), amount(0, 4)),
        (ToTracker::SwarmRequest(name("f")), amount(0, 4)),
        (complete(F), amount(1, 7)),
        (ToTracker::SwarmRequest(name("g")), amount(1, 7)),
        (update(G), amount(1, 9)),
        (update(G), amount(1, 10)),
        (complete(G), amount(2, 10)),
        (ToTracker::AllComplete { missing: vec![] }, amount(2, 10)),
    ] {
        answers(&mut tracker, 2, message);
        assert_eq!(tracker.progress(), progress);
    }
}

#[test]
fn r3_a_seed_has_no_use_for_its_own_swarm() {
    let request = ToTracker::SwarmRequest(name("f"));
    assert_eq!(objection(&mut started(), 1, request), "it is a seed of 'f'");
}

#[test]
fn a_client_that_is_alive_is_not_answered() {
    assert_eq!(answers(&mut started(), 1, ToTracker::Alive), []);
}

#[test]
fn r12_each_client_is_stopped_once_when_every_client_is_done() {
    let mut tracker = started();
    answers(&mut tracker, 3, ToTracker::SwarmRequest(name("f")));
    answers(&mut tracker, 3, complete(F));
    let missing = Missing {
        name: name("z"),
        reason: Reason::NobodyHasIt,
    };
    let done = |missing: &[Missing]| ToTracker::AllComplete {
        missing: missing.to_vec(),
    };
    assert_eq!(answers(&mut tracker, 2, done(&[])), []);
    assert_eq!(
        objection(&mut tracker, 2, done(&[])),
        "it has nothing more to download"
    );
    assert_eq!(
        answers(&mut tracker, 3, done(std::slice::from_ref(&missing))),
        []
    );
    assert_eq!(tracker.ending(), None);
    assert_eq!(tracker.unfinished(), [Rank(1)]);
    let stop = |client| to(client, ToUpload::Stop);
    assert_eq!(
        answers(&mut tracker, 1, done(&[])),
        [stop(1), stop(2), stop(3)]
    );
    let tally = Tally {
        files: 1,
        segments: 3,
        missing: vec![(Rank(3), missing)],
    };
    assert_eq!(tracker.ending(), Some(&Ending::Complete(tally)));
    objection(&mut tracker, 1, done(&[]));
    assert_eq!(objection(&mut tracker, 1, done(&[])), "the run is over");
    assert_eq!(tracker.unfinished(), []);
}

fn gained(file: FileId, positions: &[usize]) -> Progress {
    Progress {
        file,
        gained: positions.iter().copied().map(SegmentIndex).collect(),
    }
}

/// A tracker with the index of segments. Clients 1 and 2 own `f`, and client 3 has joined its
/// swarm.
fn indexed() -> Tracker {
    let index = TrackerIndex::ALL
        .iter()
        .find(|index| index.value == TrackerIndex::Segments);
    let mut tracker = started_with(Settings {
        tracker_index: index.expect("there is one"),
        ..Settings::default()
    });
    let held = |positions: &[usize]| {
        let mut held = SegmentSet::none(3);
        for &position in positions {
            held.insert(SegmentIndex(position));
        }
        held
    };
    let joined = Swarm::Joined(Joined {
        file: F,
        hashes: hashes("abc"),
        size: 3,
        members: ranks(&[1, 2]),
        seeds: ranks(&[1, 2]),
        held: vec![held(&[0, 1, 2]); 2],
    });
    let request = ToTracker::SwarmRequest(name("f"));
    assert_eq!(answers(&mut tracker, 3, request), [swarm(3, joined)]);
    tracker
}

#[test]
fn r6_with_the_index_of_segments_a_peer_is_told_what_others_gained_since_it_was_last_told() {
    let mut tracker = Tracker::new(4, indexed().settings);
    answers(&mut tracker, 1, ready(&[owned("f", "abcd")]));
    (2..=4).for_each(|client| drop(answers(&mut tracker, client, ready(&[]))));
    let join = || ToTracker::SwarmRequest(name("f"));
    answers(&mut tracker, 2, join());
    answers(&mut tracker, 3, join());
    let update = |positions| ToTracker::Update(gained(F, positions));
    let news = |client, ranks: &[u32], seeds: &[u32], news: &[(u32, &[usize])]| {
        let news = news.iter().map(|&(member, positions)| Gained {
            member: Rank(member),
            segments: gained(F, positions).gained,
        });
        let members = self::ranks(ranks);
        let (seeds, gained) = (self::ranks(seeds), news.collect());
        let members = Members {
            size: ranks.len(),
            members,
            seeds,
            gained,
        };
        swarm(client, Swarm::Members(members))
    };
    assert_eq!(
        answers(&mut tracker, 2, update(&[3, 1])),
        [news(2, &[1, 2, 3], &[1], &[])],
        "what it says itself is no news to it"
    );
    assert_eq!(
        answers(&mut tracker, 3, update(&[0])),
        [news(3, &[1, 2, 3], &[1], &[(2, &[3, 1])])]
    );
    answers(&mut tracker, 2, ToTracker::FileComplete(gained(F, &[0, 2])));
    assert_eq!(
        answers(&mut tracker, 3, update(&[1])),
        [news(3, &[1, 2, 3], &[1, 2], &[(2, &[0, 2])])]
    );
    let post = answers(&mut tracker, 4, join());
    let Some(Letter::ToDownload(ToDownload::Swarm(Swarm::Joined(joined)))) =
        post.into_iter().next().map(|envelope| envelope.letter)
    else {
        panic!("expected SWARM");
    };
    let held: Vec<Vec<usize>> = joined
        .held
        .iter()
        .map(|held| held.iter().map(|segment| segment.0).collect())
        .collect();
    assert_eq!(held, [vec![0, 1, 2, 3], vec![0, 1, 2, 3], vec![0, 1]]);
}

#[test]
fn r6_a_segment_is_gained_once_and_is_one_of_the_file() {
    let mut tracker = indexed();
    let update = |positions: &[usize]| ToTracker::Update(gained(F, positions));
    answers(&mut tracker, 3, update(&[1]));
    for (position, wrong) in [(1, 2), (3, 4)] {
        assert_eq!(
            objection(&mut tracker, 3, update(&[position])),
            format!("it has not gained segment {wrong} of file number 0")
        );
    }
    let complete = ToTracker::FileComplete(gained(F, &[0]));
    assert_eq!(
        objection(&mut tracker, 3, complete),
        "it holds 2 of the 3 segments of file number 0"
    );
}

#[test]
fn r2_the_tracker_of_2024_is_not_told_which_segments_a_peer_holds() {
    let mut tracker = started();
    answers(&mut tracker, 3, ToTracker::SwarmRequest(name("f")));
    let update = ToTracker::Update(gained(F, &[1]));
    assert_eq!(
        objection(&mut tracker, 3, update),
        "the tracker is not to know of segments"
    );
}

#[test]
fn where_the_tracker_grants_a_window_of_segments_may_be_on_its_way() {
    let mut tracker = started_with(Settings {
        tracker_grants: true,
        window: 2.try_into().expect("2 is not 0"),
        ..Settings::default()
    });
    let post = answers(&mut tracker, 3, ToTracker::SwarmRequest(name("f")));
    let grant = || to(3, ToDownload::Grant(F));
    assert_eq!(post[1..], [grant(), grant()]);
    let again = answers(&mut tracker, 3, ToTracker::SwarmRequest(name("f")));
    assert_eq!(
        again,
        [swarm(3, members(&[1, 2, 3], &[1, 2]))],
        "no more of them for asking"
    );
    let confirm = |position| ToTracker::Confirm {
        file: F,
        segment: SegmentIndex(position),
    };
    assert_eq!(
        objection(&mut tracker, 3, confirm(3)),
        "file number 0 has no segment 4"
    );
    assert_eq!(answers(&mut tracker, 3, confirm(2)), [grant()]);
    assert_eq!(
        answers(&mut tracker, 3, confirm(0)),
        [],
        "every segment is granted"
    );
    assert_eq!(
        objection(&mut tracker, 3, complete(F)),
        "it has not confirmed every segment of file number 0"
    );
    assert_eq!(answers(&mut tracker, 3, confirm(1)), []);
    assert_eq!(
        objection(&mut tracker, 3, confirm(1)),
        "no segment of file number 0 is granted that has not come"
    );
    assert_eq!(answers(&mut tracker, 3, complete(F)), []);
}

#[test]
fn where_the_tracker_does_not_grant_nothing_is_confirmed() {
    let mut tracker = started();
    answers(&mut tracker, 3, ToTracker::SwarmRequest(name("f")));
    let segment = SegmentIndex(0);
    objection(&mut tracker, 3, ToTracker::Confirm { file: F, segment });
}
