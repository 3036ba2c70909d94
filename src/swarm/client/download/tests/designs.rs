//! Dialogues in which the designs differ: which member is asked, what the tracker knows, what it
//! grants.

use super::*;

fn availability_request(member: u32, position: usize) -> Effect {
    let segment = SegmentIndex(position);
    let message = ToUpload::AvailabilityRequest { file: F, segment };
    Effect::Send(Envelope::new(Rank(member), message))
}

fn availability(position: usize, load: Option<u32>) -> ToDownload {
    ToDownload::Availability(Availability {
        file: F,
        segment: SegmentIndex(position),
        load,
    })
}

fn least_busy(window: usize) -> Settings {
    Settings {
        peer_selection: policy(selection::ALL, "least-busy"),
        ..settings(10, window)
    }
}

#[test]
fn r5_the_least_busy_of_those_that_hold_a_segment_is_asked_for_it() {
    let (mut download, effects) = joined("ab", &[1, 3, 4], least_busy(1));
    assert_eq!(
        effects,
        [1, 3, 4].map(|member| availability_request(member, 0))
    );
    assert_eq!(hear(&mut download, Rank(1), availability(0, Some(2))), []);
    assert_eq!(hear(&mut download, Rank(4), availability(0, Some(1))), []);
    let effects = hear(&mut download, Rank(3), availability(0, None));
    assert_eq!(requests(&effects), [(4, 0, hash(b'a'))]);
    let effects = hear(&mut download, Rank(4), segment(0, Answer::Nack));
    assert_eq!(
        effects,
        [availability_request(1, 0)],
        "who holds it not, or refused it, is not asked again"
    );
    let effects = hear(&mut download, Rank(1), availability(0, Some(2)));
    assert_eq!(positions(&effects), [(1, 0)]);
}

#[test]
fn r4_a_segment_that_no_member_says_to_hold_is_asked_for_again_when_there_are_new_members() {
    let (mut download, effects) = joined("a", &[1], least_busy(1));
    assert_eq!(effects, [availability_request(1, 0)]);
    let effects = hear(&mut download, Rank(1), availability(0, None));
    assert_eq!(effects, [told(ToTracker::SwarmRequest(name("f")))]);
    let effects = hear(&mut download, Rank::TRACKER, members(&[1, 3]));
    assert_eq!(
        effects,
        [1, 3].map(|member| availability_request(member, 0))
    );
}

#[test]
fn an_offer_that_nobody_asked_for_is_an_error() {
    let refused = |from: u32, message: ToDownload| {
        let (mut download, _) = joined("ab", &[1, 3], least_busy(1));
        let step = download.step(NOW, Rank(from), message, &mut Outbox::default());
        step.is_err()
    };
    assert!(!refused(3, availability(0, Some(0))), "this one was");
    assert!(refused(4, availability(0, Some(0))), "another member's");
    assert!(refused(3, availability(1, Some(0))), "another segment's");
    assert!(refused(3, segment(0, Answer::Nack)), "nobody is asked yet");
}

#[test]
fn r6_with_the_index_of_segments_the_tracker_is_told_which_were_gained() {
    let (mut download, effects) = joined("abc", &[1], indexed(settings(2, 1)));
    let effects = answer_all(&mut download, effects);
    assert_eq!(effects, [told(ToTracker::Update(progress(&[0, 1])))]);
    let effects = hear(&mut download, Rank::TRACKER, members(&[1, 2]));
    let effects = answer_all(&mut download, effects);
    let complete = told(ToTracker::FileComplete(progress(&[2])));
    assert_eq!(effects, [complete, save("f", "abc")]);
}

#[test]
fn r4_with_the_index_of_segments_only_holders_are_asked() {
    let (mut download, effects) = joined("abcd", &[1], indexed(settings(2, 1)));
    answer_all(&mut download, effects);
    let told = news(&[1, 2, 3, 4], &[(3, &[2]), (3, &[0]), (4, &[3])]);
    let effects = hear(&mut download, Rank::TRACKER, told);
    assert_eq!(positions(&effects), [(3, 2)]);
    let effects = hear(&mut download, Rank(3), segment(2, Answer::Ack(hash(b'c'))));
    assert_eq!(positions(&effects), [(4, 3)]);
}

#[test]
fn the_rarest_segment_is_asked_for_first() {
    let settings = Settings {
        segment_order: policy(order::ALL, "rarest-first"),
        ..indexed(settings(1, 1))
    };
    let (mut download, effects) = joined("abcd", &[1], settings);
    let first = positions(&effects)[0].1;
    let effects = hear(
        &mut download,
        Rank(1),
        segment(first, Answer::Ack(hash(LETTERS.as_bytes()[first]))),
    );
    assert_eq!(effects, [told(ToTracker::Update(progress(&[first])))]);
    let rarest = (0..4).find(|&position| position != first).unwrap();
    let others: Vec<usize> = (0..4).filter(|&position| position != rarest).collect();
    let effects = hear(&mut download, Rank::TRACKER, news(&[1, 3], &[(3, &others)]));
    assert_eq!(positions(&effects), [(1, rarest)]);
}

#[test]
fn a_tracker_that_tells_of_too_few_members_is_an_error() {
    let (mut download, _) = begun(&["f"], indexed(settings(10, 1)));
    let swarm = Swarm::Joined(Joined {
        file: F,
        hashes: hashes("ab"),
        size: 2,
        members: [Rank(1)].into(),
        seeds: [Rank(1)].into(),
        held: vec![],
    });
    let message = ToDownload::Swarm(swarm);
    let step = download.step(NOW, Rank::TRACKER, message, &mut Outbox::default());
    let error = step.expect_err("one is missing").to_string();
    assert_eq!(error, "expected to be told what 1 members hold, found 0");
}

#[test]
fn where_the_tracker_grants_nothing_is_asked_for_before_and_everything_is_confirmed() {
    let settings = Settings {
        tracker_grants: true,
        ..settings(2, 2)
    };
    let (mut download, effects) = joined("abc", &[1], settings);
    assert_eq!(effects, []);
    let grant = || ToDownload::Grant(F);
    let effects = hear(&mut download, Rank::TRACKER, grant());
    assert_eq!(positions(&effects), [(1, 0)]);
    let effects = hear(&mut download, Rank(1), segment(0, Answer::Ack(hash(b'a'))));
    let confirm = |position| {
        let segment = SegmentIndex(position);
        told(ToTracker::Confirm { file: F, segment })
    };
    assert_eq!(effects, [confirm(0)], "it waits for the next grant");
    let effects = hear(&mut download, Rank::TRACKER, grant());
    assert_eq!(positions(&effects), [(1, 1)]);
    let effects = hear(&mut download, Rank(1), segment(1, Answer::Ack(hash(b'b'))));
    assert_eq!(effects, [confirm(1), update()]);
    assert_eq!(hear(&mut download, Rank::TRACKER, grant()), []);
    let effects = hear(&mut download, Rank::TRACKER, members(&[1]));
    assert_eq!(
        positions(&effects),
        [(1, 2)],
        "granted while the members were asked for"
    );
    let step = download.step(NOW, Rank::TRACKER, grant(), &mut Outbox::default());
    assert!(step.is_err(), "there is no fourth segment");
}

#[test]
fn a_granted_segment_that_every_member_refuses_does_not_wait_for_a_grant() {
    let settings = Settings {
        tracker_grants: true,
        ..settings(10, 1)
    };
    let (mut download, _) = joined("ab", &[1], settings);
    let effects = hear(&mut download, Rank::TRACKER, ToDownload::Grant(F));
    assert_eq!(positions(&effects), [(1, 0)]);
    let effects = hear(&mut download, Rank(1), segment(0, Answer::Nack));
    assert_eq!(effects, [told(ToTracker::SwarmRequest(name("f")))]);
}
