//! Dialogues with a tracker, named after the rules that they show.

use super::*;
use crate::protocol::samples::{hashes, name, owned};
use crate::protocol::{Letter, Reason};

const F: FileId = FileId(0);
const G: FileId = FileId(1);

/// What the tracker posts in answer to one message.
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

fn ranks(ranks: &[u32]) -> Vec<Rank> {
    ranks.iter().copied().map(Rank).collect()
}

fn swarm(client: u32, swarm: Swarm) -> Envelope {
    to(client, ToDownload::Swarm(swarm))
}

/// Three clients; the first owns `f`, the second `f` and `g`, the third nothing.
fn started() -> Tracker {
    let mut tracker = Tracker::new(3);
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
    let mut tracker = Tracker::new(3);
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
    let mut tracker = Tracker::new(2);
    answers(&mut tracker, 1, ready(&[]));
    assert_eq!(
        objection(&mut tracker, 1, ready(&[])),
        "it has registered already"
    );
    assert_eq!(tracker.unfinished(), ranks(&[2]));
    objection(&mut tracker, 1, ToTracker::Alive);
    objection(&mut tracker, 1, ToTracker::SwarmRequest(name("f")));
    objection(&mut tracker, 1, ToTracker::Update(F));
    objection(&mut tracker, 1, ToTracker::FileComplete(F));
    objection(&mut tracker, 1, ToTracker::AllComplete { missing: vec![] });
}

#[test]
fn r1_the_start_is_refused_with_the_problems_of_all_clients_in_rank_order() {
    let mut tracker = Tracker::new(3);
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
        "ranks 1 and 3 both own 'f', with different segments from segment 3 on",
        "ranks 1 and 4 both own 'f', with different segments from segment 4 on",
    ];
    for first in 0..inputs.len() {
        let mut tracker = Tracker::new(inputs.len());
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
            members: ranks(members),
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
    let members = Swarm::Members(ranks(&[1, 2, 3]));
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
    let members = |members: &[u32]| Swarm::Members(ranks(members));
    assert_eq!(
        answers(&mut tracker, 3, ToTracker::Update(G)),
        [swarm(3, members(&[2, 3]))]
    );
    answers(&mut tracker, 1, ToTracker::SwarmRequest(name("g")));
    assert_eq!(
        answers(&mut tracker, 3, ToTracker::Update(G)),
        [swarm(3, members(&[1, 2, 3]))]
    );
}

#[test]
fn r6_only_a_peer_updates_or_completes() {
    let mut tracker = started();
    for message in [ToTracker::Update, ToTracker::FileComplete] {
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
    assert_eq!(answers(&mut tracker, 3, ToTracker::FileComplete(G)), []);
    let again = objection(&mut tracker, 3, ToTracker::FileComplete(G));
    assert_eq!(again, "it is a seed of file number 1");
    answers(&mut tracker, 3, ToTracker::AllComplete { missing: vec![] });
    let post = answers(&mut tracker, 1, ToTracker::SwarmRequest(name("g")));
    let joined = Swarm::Joined(Joined {
        file: G,
        hashes: hashes("x"),
        members: ranks(&[2, 3]),
    });
    assert_eq!(post, [swarm(1, joined)]);
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
    answers(&mut tracker, 3, ToTracker::FileComplete(F));
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
    assert_eq!(tracker.unfinished(), ranks(&[1]));
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
