//! Dialogues with a download half, named after the rules that they show.

use std::num::NonZeroUsize;

use super::*;
use crate::client::Effect;
use crate::policy::selection;
use crate::policy::{Named, TrackerIndex, order};
use crate::protocol::samples::{hash, hashes, name, owned};
use crate::protocol::{
    Availability, Envelope, FileId, Gained, Joined, Letter, Members, SegmentAnswer, SegmentHash,
    SegmentIndex, SegmentRequest, SegmentSet,
};

mod designs;
mod timed;

const ME: Rank = Rank(2);
const F: FileId = FileId(5);
/// The hashes of 25 segments, all different.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxy";

fn settings(update_interval: usize, window: usize) -> Settings {
    let [update_interval, window] =
        [update_interval, window].map(|number| NonZeroUsize::new(number).unwrap());
    Settings {
        update_interval,
        window,
        ..Settings::default()
    }
}

fn policy<T>(all: &'static [Named<T>], name: &str) -> &'static Named<T> {
    Named::find(all, name).expect("a policy")
}

/// Settings with the index of segments.
fn indexed(settings: Settings) -> Settings {
    Settings {
        tracker_index: policy(TrackerIndex::ALL, "segments"),
        ..settings
    }
}

const NOW: Duration = Duration::ZERO;

/// A download half that wants these files, after its first move.
fn begun(wanted: &[&str], settings: Settings) -> (Download, Vec<Effect>) {
    let manifest = Manifest {
        owned: vec![owned("own", "z")],
        wanted: wanted.iter().map(|file| name(file)).collect(),
    };
    let library = Arc::new(Library::new(true));
    let mut download = Download::new(ME, manifest, library, settings, Part::default());
    let mut outbox = Outbox::default();
    download.wake(NOW, &mut outbox);
    (download, outbox.collect())
}

/// A download of `f` with this content from these members, after the first requests.
fn joined(letters: &str, members: &[u32], settings: Settings) -> (Download, Vec<Effect>) {
    let (mut download, _) = begun(&["f"], settings);
    let members: Arc<[Rank]> = members.iter().copied().map(Rank).collect();
    let held = if settings.knows_segments() {
        members.len()
    } else {
        0
    };
    let swarm = Swarm::Joined(Joined {
        file: F,
        hashes: hashes(letters),
        size: members.len() + 1,
        seeds: members.clone(),
        members,
        held: vec![SegmentSet::all(letters.len()); held],
    });
    let effects = hear(&mut download, Rank::TRACKER, ToDownload::Swarm(swarm));
    (download, effects)
}

fn hear(download: &mut Download, from: Rank, message: ToDownload) -> Vec<Effect> {
    let mut outbox = Outbox::default();
    download
        .step(NOW, from, message, &mut outbox)
        .expect("the protocol has a place for it");
    outbox.collect()
}

/// What the download half does after a save.
fn saved(download: &mut Download, outcome: Result<(), String>) -> Vec<Effect> {
    let mut outbox = Outbox::default();
    download.saved(NOW, outcome, &mut outbox);
    outbox.collect()
}

fn save(file: &str, letters: &str) -> Effect {
    Effect::Save(SavedFile {
        name: name(file),
        hashes: hashes(letters),
    })
}

fn segment(position: usize, answer: Answer) -> ToDownload {
    let segment = SegmentIndex(position);
    ToDownload::Segment(SegmentAnswer {
        file: F,
        segment,
        answer,
        gained: vec![],
    })
}

fn members(ranks: &[u32]) -> ToDownload {
    news(ranks, &[])
}

fn news(ranks: &[u32], gained: &[(u32, &[usize])]) -> ToDownload {
    let positions = |positions: &[usize]| positions.iter().copied().map(SegmentIndex).collect();
    let gained = gained.iter().map(|&(member, segments)| Gained {
        member: Rank(member),
        segments: positions(segments),
    });
    let ranks: Vec<Rank> = ranks.iter().copied().map(Rank).collect();
    let gains = |rank: &&Rank| gained.clone().any(|news| news.member == **rank);
    let seeds = ranks.iter().filter(|rank| !gains(rank)).copied();
    ToDownload::Swarm(Swarm::Members(Members {
        size: ranks.len(),
        seeds: seeds.collect(),
        members: ranks.into(),
        gained: gained.collect(),
    }))
}

fn told(message: ToTracker) -> Effect {
    Effect::Send(Envelope::new(Rank::TRACKER, message))
}

fn progress(gained: &[usize]) -> Progress {
    Progress {
        file: F,
        gained: gained.iter().copied().map(SegmentIndex).collect(),
    }
}

/// UPDATE, as the tracker of 2024 gets it.
fn update() -> Effect {
    told(ToTracker::Update(progress(&[])))
}

/// FILE_COMPLETE, in the same way.
fn complete() -> Effect {
    told(ToTracker::FileComplete(progress(&[])))
}

fn all_complete(missing: &[Missing]) -> Effect {
    told(ToTracker::AllComplete {
        missing: missing.to_vec(),
    })
}

/// Effects that are requests and nothing else: for each the member, the position and the hash.
fn requests(effects: &[Effect]) -> Vec<(u32, usize, SegmentHash)> {
    let request = |effect: &Effect| {
        let Effect::Send(Envelope {
            to,
            letter: Letter::ToUpload(message),
        }) = effect
        else {
            panic!("expected a request, found {effect:?}")
        };
        let ToUpload::SegmentRequest(SegmentRequest {
            file: F,
            segment,
            hash,
            ..
        }) = message
        else {
            panic!("expected a request for a segment of f, found {message:?}")
        };
        (to.0, segment.0, *hash)
    };
    effects.iter().map(request).collect()
}

fn positions(effects: &[Effect]) -> Vec<(u32, usize)> {
    requests(effects)
        .into_iter()
        .map(|(member, position, _)| (member, position))
        .collect()
}

/// Answers a lone request well, and the requests that follow, until something else follows.
fn answer_all(download: &mut Download, mut effects: Vec<Effect>) -> Vec<Effect> {
    while let [
        Effect::Send(Envelope {
            letter: Letter::ToUpload(_),
            ..
        }),
    ] = effects[..]
    {
        let (member, position, hash) = requests(&effects)[0];
        effects = hear(download, Rank(member), segment(position, Answer::Ack(hash)));
    }
    effects
}

#[test]
fn r3_each_wanted_file_is_asked_for_in_turn() {
    let (mut download, effects) = begun(&["f", "g"], settings(10, 1));
    assert_eq!(effects, [told(ToTracker::SwarmRequest(name("f")))]);
    let unknown = ToDownload::Swarm(Swarm::Unknown);
    let effects = hear(&mut download, Rank::TRACKER, unknown);
    assert_eq!(effects, [told(ToTracker::SwarmRequest(name("g")))]);
}

#[test]
fn r4_a_segment_is_asked_for_with_the_promised_hash_and_never_of_oneself() {
    let (_, effects) = joined("ab", &[2, 3], settings(10, 10));
    assert_eq!(requests(&effects), [(3, 0, hash(b'a')), (3, 1, hash(b'b'))]);
}

#[test]
fn r4_after_a_nack_or_a_wrong_hash_another_member_is_asked() {
    let (mut download, effects) = joined("ab", &[1, 2, 3, 4], settings(10, 1));
    assert_eq!(positions(&effects), [(3, 0)]);
    let effects = hear(&mut download, Rank(3), segment(0, Answer::Nack));
    assert_eq!(positions(&effects), [(4, 0)]);
    let effects = hear(&mut download, Rank(4), segment(0, Answer::Ack(hash(b'b'))));
    assert_eq!(positions(&effects), [(1, 0)], "a wrong hash is a refusal");
    assert_eq!(download.library.segment(F, SegmentIndex(0)), None);
    let effects = hear(&mut download, Rank(1), segment(0, Answer::Ack(hash(b'a'))));
    assert_eq!(
        positions(&effects),
        [(1, 1)],
        "who has refused lately is passed over"
    );
    assert_eq!(
        download.library.segment(F, SegmentIndex(0)),
        Some(hash(b'a'))
    );
}

#[test]
fn r4_who_refused_a_segment_is_not_asked_for_it_again_before_the_next_members() {
    let (mut download, _) = joined(LETTERS, &[1, 3], settings(10, 2));
    assert_eq!(
        positions(&hear(&mut download, Rank(3), segment(0, Answer::Nack))),
        [(1, 0)],
        "asked of the other one"
    );
    let effects = hear(&mut download, Rank(1), segment(0, Answer::Nack));
    assert_eq!(positions(&effects), [], "and then put aside");
    let effects = hear(&mut download, Rank(1), segment(1, Answer::Ack(hash(b'b'))));
    assert_eq!(positions(&effects), [(1, 2), (1, 3)], "for other segments");
    let effects = hear(&mut download, Rank(1), segment(2, Answer::Ack(hash(b'c'))));
    let rest = answer_window(&mut download, effects, (1, 3));
    assert_eq!(rest, [update()]);
    let effects = hear(&mut download, Rank::TRACKER, members(&[1, 2, 3]));
    assert_eq!(
        positions(&effects)[0].1,
        0,
        "the new members are asked for it first"
    );
}

/// Answers requests well, in order, until none is in flight. Returns the effects that are not
/// requests.
fn answer_window(
    download: &mut Download,
    effects: Vec<Effect>,
    in_flight: (u32, usize),
) -> Vec<Effect> {
    let is_request = |effect: &Effect| {
        matches!(
            effect,
            Effect::Send(Envelope {
                letter: Letter::ToUpload(_),
                ..
            })
        )
    };
    let mut waiting = VecDeque::from([in_flight]);
    waiting.extend(positions(&effects));
    let mut rest = Vec::new();
    while let Some((member, position)) = waiting.pop_front() {
        let letter = LETTERS.as_bytes()[position];
        let answer = segment(position, Answer::Ack(hash(letter)));
        let (requests, others): (Vec<_>, Vec<_>) = hear(download, Rank(member), answer)
            .into_iter()
            .partition(is_request);
        waiting.extend(positions(&requests));
        rest.extend(others);
    }
    rest
}

#[test]
fn r5_the_members_take_turns_from_the_one_behind_the_client_on() {
    let (_, effects) = joined(LETTERS, &[1, 2, 4, 9], settings(10, 5));
    assert_eq!(
        positions(&effects),
        [(4, 0), (9, 1), (1, 2), (4, 3), (9, 4)]
    );
}

#[test]
fn r6_after_every_interval_the_members_are_asked_anew_and_those_are_used() {
    for window in [1, 4, 10, 99] {
        let (mut download, effects) = joined(LETTERS, &[1], settings(10, window));
        let mut in_flight = positions(&effects);
        let mut gained = 0;
        let mut gain = |download: &mut Download, in_flight: &mut Vec<(u32, usize)>| {
            let (member, position) = in_flight.remove(0);
            let letter = LETTERS.as_bytes()[position];
            let answer = segment(position, Answer::Ack(hash(letter)));
            gained += 1;
            (gained, hear(download, Rank(member), answer))
        };
        let at_update = loop {
            let (gained, effects) = gain(&mut download, &mut in_flight);
            if effects == [update()] {
                break gained;
            }
            in_flight.extend(positions(&effects));
        };
        assert_eq!(at_update, 10, "with a window of {window}");
        while !in_flight.is_empty() {
            let (_, effects) = gain(&mut download, &mut in_flight);
            assert_eq!(
                effects,
                [],
                "nobody is asked before the tracker has answered"
            );
        }
        let effects = hear(&mut download, Rank::TRACKER, members(&[2, 7]));
        if window == 99 {
            let second = [update()];
            assert_eq!(
                effects, second,
                "for the segments that were in flight meanwhile"
            );
            let effects = hear(&mut download, Rank::TRACKER, members(&[2, 7]));
            assert_eq!(effects, [complete(), save("f", LETTERS)]);
        } else {
            assert!(positions(&effects).iter().all(|&(member, _)| member == 7));
        }
    }
}

#[test]
fn r6_the_last_segment_of_a_file_is_told_by_file_complete_alone() {
    let (mut download, effects) = joined(&LETTERS[..10], &[1], settings(10, 1));
    let effects = answer_all(&mut download, effects);
    assert_eq!(effects, [complete(), save("f", &LETTERS[..10])]);
}

#[test]
fn r7_a_file_is_completed_and_saved_with_its_last_segment_and_then_the_next_one_begins() {
    let (mut download, _) = begun(&["f", "g"], settings(10, 1));
    let members = [Rank(1), ME].into();
    let swarm = Swarm::Joined(Joined {
        file: F,
        hashes: hashes("ab"),
        size: 2,
        seeds: [Rank(1)].into(),
        members,
        held: vec![],
    });
    let effects = hear(&mut download, Rank::TRACKER, ToDownload::Swarm(swarm));
    assert_eq!(positions(&effects), [(1, 0)]);
    let effects = hear(&mut download, Rank(1), segment(0, Answer::Ack(hash(b'a'))));
    assert_eq!(positions(&effects), [(1, 1)]);
    let effects = hear(&mut download, Rank(1), segment(1, Answer::Ack(hash(b'b'))));
    assert_eq!(effects, [complete(), save("f", "ab")]);
    assert_eq!(
        saved(&mut download, Ok(())),
        [told(ToTracker::SwarmRequest(name("g")))]
    );
}

#[test]
fn r7_a_file_without_segments_is_complete_at_once() {
    let (mut download, effects) = joined("", &[1], settings(10, 1));
    assert_eq!(effects, [complete(), save("f", "")]);
    assert!(!download.is_done(), "it is not written yet");
    assert_eq!(saved(&mut download, Ok(())), [all_complete(&[])]);
    assert!(download.is_done());
}

#[test]
fn r7_a_file_that_cannot_be_written_is_missing_and_the_next_one_begins() {
    let (mut download, _) = joined("", &[1], settings(10, 1));
    let why = String::from("cannot write client2_f: No space left on device (os error 28)");
    let missing = Missing {
        name: name("f"),
        reason: Reason::NotWritten(why.clone()),
    };
    assert_eq!(saved(&mut download, Err(why)), [all_complete(&[missing])]);
}

#[test]
fn r8_who_wants_nothing_is_done_at_once_and_says_so_once() {
    let (download, effects) = begun(&[], settings(10, 1));
    assert_eq!(effects, [all_complete(&[])]);
    assert!(download.is_done());
}

#[test]
fn r8_what_could_not_be_had_is_named_at_the_end() {
    let (mut download, _) = begun(&["nowhere"], settings(10, 1));
    let effects = hear(
        &mut download,
        Rank::TRACKER,
        ToDownload::Swarm(Swarm::Unknown),
    );
    let missing = Missing {
        name: name("nowhere"),
        reason: Reason::NobodyHasIt,
    };
    assert_eq!(effects, [all_complete(&[missing])]);
}

#[test]
fn what_is_owned_is_saved_without_being_fetched() {
    let (mut download, effects) = begun(&["own", "f"], settings(10, 1));
    assert_eq!(effects, [save("own", "z")]);
    assert_eq!(
        saved(&mut download, Ok(())),
        [told(ToTracker::SwarmRequest(name("f")))]
    );
}

#[test]
fn a_file_that_every_member_refuses_is_given_up_after_three_rounds() {
    let (mut download, mut effects) = joined("a", &[1, 3], settings(10, 10));
    for round in 1..=3 {
        for _ in 0..2 {
            let (member, position) = positions(&effects)[0];
            effects = hear(&mut download, Rank(member), segment(position, Answer::Nack));
        }
        if round < 3 {
            assert_eq!(effects, [told(ToTracker::SwarmRequest(name("f")))]);
            effects = hear(&mut download, Rank::TRACKER, members(&[1, 2, 3]));
        }
    }
    let missing = Missing {
        name: name("f"),
        reason: Reason::NobodySendsIt,
    };
    assert_eq!(effects, [all_complete(&[missing])]);
}

#[test]
fn r4_who_sends_wrong_hashes_is_asked_last_and_after_three_no_more() {
    let (mut download, effects) = joined("abcdef", &[1, 3], settings(10, 1));
    assert_eq!(positions(&effects), [(3, 0)]);
    let wrong = Answer::Ack(hash(b'z'));
    let right = Answer::Ack(hash(b'a'));
    let nack = Answer::Nack;
    for (member, position, answer, next) in [
        (3, 0, wrong.clone(), (1, 0)),
        (1, 0, right, (1, 1)),        // 3 is passed over
        (1, 1, nack.clone(), (3, 1)), // unless it is the only one left
        (3, 1, wrong.clone(), (1, 2)),
        (1, 2, nack.clone(), (3, 2)),
        (3, 2, wrong, (1, 3)),
        (1, 3, nack, (1, 4)), // and now not even then
    ] {
        let effects = hear(&mut download, Rank(member), segment(position, answer));
        assert_eq!(positions(&effects), [next]);
    }
}

#[test]
fn a_segment_that_comes_starts_the_count_of_fruitless_rounds_anew() {
    let (mut download, mut effects) = joined("ab", &[3], settings(1, 1));
    let ask_again = [told(ToTracker::SwarmRequest(name("f")))];
    for _ in 0..2 {
        for position in [0, 1] {
            assert_eq!(positions(&effects), [(3, position)]);
            effects = hear(&mut download, Rank(3), segment(position, Answer::Nack));
        }
        assert_eq!(effects, ask_again);
        effects = hear(&mut download, Rank::TRACKER, members(&[3]));
    }
    assert_eq!(positions(&effects), [(3, 0)]);
    effects = hear(&mut download, Rank(3), segment(0, Answer::Ack(hash(b'a'))));
    assert_eq!(effects, [update()]);
    for _ in 0..2 {
        effects = hear(&mut download, Rank::TRACKER, members(&[3]));
        assert_eq!(positions(&effects), [(3, 1)]);
        effects = hear(&mut download, Rank(3), segment(1, Answer::Nack));
        assert_eq!(effects, ask_again);
    }
}

#[test]
fn r4_any_number_of_wrong_hashes_may_be_on_their_way() {
    let (mut download, effects) = joined(&"a".repeat(300), &[3], settings(300, 300));
    let asked = positions(&effects);
    assert_eq!(asked.len(), 300);
    let mut effects = Vec::new();
    for (member, position) in asked {
        assert_eq!(effects, [], "nobody else is left to ask");
        let wrong = segment(position, Answer::Ack(hash(b'z')));
        effects = hear(&mut download, Rank(member), wrong);
    }
    assert_eq!(effects, [told(ToTracker::SwarmRequest(name("f")))]);
    for _ in 0..2 {
        assert!(!download.is_done());
        effects = hear(&mut download, Rank::TRACKER, members(&[3]));
    }
    let missing = Missing {
        name: name("f"),
        reason: Reason::NobodySendsIt,
    };
    assert_eq!(effects, [all_complete(&[missing])]);
}

#[test]
fn an_answer_that_nobody_asked_for_is_an_error() {
    let refused = |from: u32, message: ToDownload| {
        let (mut download, _) = joined("ab", &[1, 3], settings(10, 1));
        download
            .step(NOW, Rank(from), message, &mut Outbox::default())
            .is_err()
    };
    assert!(!refused(3, segment(0, Answer::Nack)), "this one was");
    assert!(refused(1, segment(0, Answer::Nack)), "another member's");
    assert!(refused(3, segment(1, Answer::Nack)), "another segment's");
    assert!(refused(0, members(&[1])), "no SWARM was asked for");
}

#[test]
fn what_became_of_each_file_is_recorded() {
    let at = Duration::from_secs;
    let manifest = Manifest {
        owned: vec![],
        wanted: vec![name("f")],
    };
    let library = Arc::new(Library::new(true));
    let mut download = Download::new(ME, manifest, library, settings(10, 1), Part::default());
    let mut outbox = Outbox::default();
    download.wake(at(1), &mut outbox);
    let swarm = Swarm::Joined(Joined {
        file: F,
        hashes: hashes("ab"),
        size: 3,
        members: [Rank(1), Rank(3)].into(),
        seeds: [Rank(1), Rank(3)].into(),
        held: vec![],
    });
    let answer = |position, answer| segment(position, answer);
    for (time, from, message) in [
        (2, 0, ToDownload::Swarm(swarm)),
        (3, 3, answer(0, Answer::Ack(hash(b'a')))),
        (4, 1, answer(1, Answer::Nack)),
        (5, 3, answer(1, Answer::Ack(hash(b'b')))),
    ] {
        download
            .step(at(time), Rank(from), message, &mut outbox)
            .unwrap();
    }
    download.saved(at(9), Ok(()), &mut outbox);
    let record = FileDownload {
        name: name("f"),
        segments: 2,
        begun: at(1),
        nearly_done: Some(at(5)),
        latest: at(5),
        complete: true,
        sources: BTreeMap::from([(Rank(3), 2)]),
    };
    assert_eq!(*download.records, [record]);
}
