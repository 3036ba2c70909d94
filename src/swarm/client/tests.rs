//! Dialogues with the two halves of a client that plays a part of its own.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::*;
use crate::event::Deed;
use crate::manifest::Manifest;
use crate::protocol::samples::{hash, hashes, name, owned};
use crate::protocol::{
    Answer, Envelope, FileId, InitAck, Joined, Letter, Members, Missing, Progress, Rank, Reason,
    SegmentAnswer, SegmentIndex, SegmentRequest, Swarm, ToDownload, ToTracker, ToUpload,
};
use crate::settings::Settings;
use crate::statistics::Traffic;

const ME: Rank = Rank(2);
const MINE: FileId = FileId(0);
const F: FileId = FileId(5);

const fn at(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A client that owns a file of two segments, and wants these files.
fn client(wanted: &[&str], part: Part, settings: Settings) -> (Download, Upload) {
    let manifest = Manifest {
        owned: vec![owned("mine", "ab")],
        wanted: wanted.iter().map(|file| name(file)).collect(),
    };
    let ack = ToDownload::InitAck(InitAck::Start(vec![MINE]));
    let registration = Registration::new(ME, Ok(manifest), settings, part);
    let answered = registration.answered(Rank::TRACKER, ack, &mut Outbox::default());
    answered.unwrap().expect("the swarm starts")
}

fn leaving(leaving: Leaving) -> Part {
    Part {
        leaving,
        ..Part::default()
    }
}

fn wake(download: &mut Download, time: u64) -> Vec<Effect> {
    let mut outbox = Outbox::default();
    download.wake(at(time), &mut outbox);
    outbox.collect()
}

fn hear(download: &mut Download, time: u64, from: Rank, message: ToDownload) -> Vec<Effect> {
    let mut outbox = Outbox::default();
    let step = download.step(at(time), from, message, &mut outbox);
    step.unwrap();
    outbox.collect()
}

/// The tracker tells of `f`, which rank 3 has.
fn swarm(letters: &str) -> ToDownload {
    ToDownload::Swarm(Swarm::Joined(Joined {
        file: F,
        hashes: hashes(letters),
        size: 2,
        members: [ME, Rank(3)].into(),
        seeds: [Rank(3)].into(),
        held: vec![],
    }))
}

fn segment(position: usize, answer: Answer) -> ToDownload {
    ToDownload::Segment(SegmentAnswer {
        file: F,
        segment: SegmentIndex(position),
        answer,
        gained: vec![],
    })
}

fn told(message: ToTracker) -> Effect {
    Effect::Send(Envelope::new(Rank::TRACKER, message))
}

fn asked(file: &str) -> Effect {
    told(ToTracker::SwarmRequest(name(file)))
}

fn done(left: &[&str]) -> Effect {
    let missing = left.iter().map(|file| Missing {
        name: name(file),
        reason: Reason::ItLeft,
    });
    let missing = missing.collect();
    told(ToTracker::AllComplete { missing })
}

/// The answer to rank 3's request for a segment of the owned file.
fn answers(upload: &mut Upload, time: u64, segment: usize) -> Vec<Answer> {
    let request = ToUpload::SegmentRequest(SegmentRequest {
        file: MINE,
        segment: SegmentIndex(segment),
        hash: hash(b"ab"[segment]),
        gained: vec![],
        is_called: false,
    });
    let mut outbox = Outbox::default();
    upload
        .step(at(time), Rank(3), request, &mut outbox)
        .unwrap();
    sent(outbox)
}

fn sent(outbox: Outbox) -> Vec<Answer> {
    let answer = |envelope: Envelope| match envelope.letter {
        Letter::ToDownload(ToDownload::Segment(answer)) => Some(answer.answer),
        Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => None,
    };
    outbox.letters().into_iter().filter_map(answer).collect()
}

fn ack(letter: u8) -> Answer {
    Answer::Ack(hash(letter))
}

#[test]
fn who_arrives_late_asks_for_nothing_before_and_serves_what_it_owns() {
    let part = Part {
        arrival: at(7),
        ..Part::default()
    };
    let (mut download, mut upload) = client(&["f"], part, Settings::default());
    assert_eq!(wake(&mut download, 0), []);
    assert!(download.is_away() && !download.is_done());
    assert_eq!(download.due(), Some(at(7)));
    assert_eq!(wake(&mut download, 6), []);
    assert_eq!(answers(&mut upload, 6, 0), [ack(b'a')]);
    assert_eq!(wake(&mut download, 7), [asked("f")]);
    assert!(!download.is_away());
    assert_eq!(download.due(), None);
}

#[test]
fn a_free_rider_refuses_what_it_holds() {
    let part = Part {
        conduct: Conduct::FreeRider,
        ..Part::default()
    };
    let (_, mut upload) = client(&[], part, Settings::default());
    assert_eq!(answers(&mut upload, 0, 0), [Answer::Nack]);
    let question = ToUpload::AvailabilityRequest {
        file: MINE,
        segment: SegmentIndex(0),
    };
    let mut outbox = Outbox::default();
    upload.step(at(0), Rank(3), question, &mut outbox).unwrap();
    let letters = outbox.letters();
    let Letter::ToDownload(ToDownload::Availability(offer)) = &letters[0].letter else {
        panic!("{letters:?}");
    };
    assert_eq!(offer.load, None);
    assert!(!upload.has_left());
}

#[test]
fn a_slow_client_takes_its_own_time_for_a_segment() {
    let part = Part {
        upload_time: Some(at(5)),
        ..Part::default()
    };
    let (_, mut upload) = client(&[], part, Settings::default());
    assert_eq!(answers(&mut upload, 0, 0), []);
    assert_eq!(upload.due(), Some(at(5)));
}

#[test]
fn who_leaves_when_it_is_done_stays_so_long_after_all_complete() {
    let part = leaving(Leaving::WhenDone(at(4)));
    let (mut download, mut upload) = client(&["mine"], part, Settings::default());
    let effects = wake(&mut download, 1);
    assert!(matches!(effects[..], [Effect::Save(_)]));
    assert_eq!(answers(&mut upload, 100, 0), [ack(b'a')], "it is not done");
    let mut outbox = Outbox::default();
    download.saved(at(102), Ok(()), &mut outbox);
    assert_eq!(outbox.collect::<Vec<_>>(), [done(&[])]);
    assert_eq!(answers(&mut upload, 105, 0), [ack(b'a')]);
    assert!(!upload.has_left());
    assert_eq!(answers(&mut upload, 106, 0), [Answer::Nack]);
    assert!(upload.has_left());
}

#[test]
fn a_seed_leaves_when_it_has_sent_each_of_its_segments_and_what_is_on_the_link_goes_out() {
    let part = Part {
        upload_time: Some(at(5)),
        ..leaving(Leaving::AfterOneCopy)
    };
    let (_, mut upload) = client(&[], part, Settings::default());
    assert_eq!(answers(&mut upload, 0, 0), []);
    assert_eq!(answers(&mut upload, 0, 1), []);
    assert_eq!(
        answers(&mut upload, 6, 0),
        [ack(b'a')],
        "it takes one more on"
    );
    let mut outbox = Outbox::default();
    upload.pass(at(10), &mut outbox);
    assert_eq!(sent(outbox), [ack(b'b')], "the copy is out");
    assert!(upload.has_left());
    assert_eq!(answers(&mut upload, 11, 1), [Answer::Nack]);
    let mut outbox = Outbox::default();
    upload.pass(at(15), &mut outbox);
    assert_eq!(sent(outbox), [ack(b'a')]);
}

#[test]
fn who_leaves_in_the_middle_waits_for_what_is_in_flight_and_goes_without_the_rest() {
    let part = leaving(Leaving::At(at(10)));
    let settings = Settings {
        window: NonZeroUsize::new(2).unwrap(),
        ..Settings::default()
    };
    let (mut download, mut upload) = client(&["f", "g"], part, settings);
    assert_eq!(wake(&mut download, 0), [asked("f")]);
    assert_eq!(
        hear(&mut download, 1, Rank::TRACKER, swarm("cdef")).len(),
        2
    );
    assert_eq!(download.due(), Some(at(10)));
    assert_eq!(wake(&mut download, 10), []);
    assert_eq!(download.due(), None, "it leaves");
    assert_eq!(hear(&mut download, 11, Rank(3), segment(0, ack(b'c'))), []);
    let last = hear(&mut download, 12, Rank(3), segment(1, Answer::Nack));
    assert_eq!(last, [done(&["f", "g"])]);
    assert_eq!(answers(&mut upload, 12, 0), [Answer::Nack]);
    let counted = download.into_statistics(upload.service(), Traffic::default());
    let records = counted.downloads;
    assert!(records.len() == 1 && !records[0].complete);
}

#[test]
fn a_file_whose_last_segment_was_in_flight_is_complete_though_the_client_leaves() {
    let part = leaving(Leaving::At(at(10)));
    let (mut download, _) = client(&["f", "g"], part, Settings::default());
    wake(&mut download, 0);
    assert_eq!(hear(&mut download, 1, Rank::TRACKER, swarm("c")).len(), 1);
    let effects = hear(&mut download, 11, Rank(3), segment(0, ack(b'c')));
    let gained = vec![];
    let complete = told(ToTracker::FileComplete(Progress { file: F, gained }));
    assert_eq!(effects[0], complete);
    let mut outbox = Outbox::default();
    download.saved(at(11), Ok(()), &mut outbox);
    assert_eq!(outbox.collect::<Vec<_>>(), [done(&["g"])]);
}

#[test]
fn who_leaves_waits_for_the_answer_of_the_tracker_and_for_its_grants() {
    let part = leaving(Leaving::At(at(10)));
    let granting = Settings {
        tracker_grants: true,
        window: NonZeroUsize::new(2).unwrap(),
        update_interval: NonZeroUsize::new(1).unwrap(),
        ..Settings::default()
    };
    let (mut download, _) = client(&["f"], part, granting);
    wake(&mut download, 0);
    assert_eq!(hear(&mut download, 11, Rank::TRACKER, swarm("cde")), []);
    let grant = || ToDownload::Grant(F);
    assert_eq!(hear(&mut download, 12, Rank::TRACKER, grant()), []);
    let effects = hear(&mut download, 12, Rank::TRACKER, grant());
    assert_eq!(effects, [done(&["f"])], "two may be on their way");

    let one_by_one = Settings {
        update_interval: NonZeroUsize::new(1).unwrap(),
        ..Settings::default()
    };
    let (mut download, _) = client(&["f"], part, one_by_one);
    wake(&mut download, 0);
    assert_eq!(hear(&mut download, 1, Rank::TRACKER, swarm("cd")).len(), 2);
    let effects = hear(&mut download, 2, Rank(3), segment(0, ack(b'c')));
    assert_eq!(effects.len(), 1, "UPDATE");
    assert_eq!(
        hear(&mut download, 11, Rank(3), segment(1, Answer::Nack)),
        []
    );
    let members = ToDownload::Swarm(Swarm::Members(Members {
        size: 1,
        members: [ME].into(),
        seeds: [].into(),
        gained: vec![],
    }));
    assert_eq!(
        hear(&mut download, 12, Rank::TRACKER, members),
        [done(&["f"])]
    );
}

#[test]
fn an_owner_that_leaves_after_a_copy_goes_without_what_it_wants() {
    let (mut download, mut upload) =
        client(&["f"], leaving(Leaving::AfterOneCopy), Settings::default());
    wake(&mut download, 0);
    answers(&mut upload, 1, 0);
    answers(&mut upload, 2, 1);
    assert_eq!(
        hear(&mut download, 3, Rank::TRACKER, swarm("c")),
        [done(&["f"])]
    );
}

/// What a client does besides posting messages.
fn deeds(outbox: &mut Outbox) -> Vec<Deed> {
    let deed = |effect| match effect {
        Effect::Did(deed) => Some(deed),
        Effect::Send(_) | Effect::Save(_) => None,
    };
    outbox.filter_map(deed).collect()
}

#[test]
fn a_life_is_told_from_its_beginning_to_its_end_if_it_is_recorded() {
    let manifest = Manifest {
        owned: vec![owned("mine", "ab")],
        wanted: vec![name("f")],
    };
    let outbox = &mut Outbox::new(true);
    let part = leaving(Leaving::WhenDone(at(1)));
    let registration = Registration::new(ME, Ok(manifest), Settings::default(), part);
    outbox.begin();
    assert_eq!(deeds(outbox), [Deed::Begun]);
    registration.register(outbox);
    assert!(matches!(outbox.next(), Some(Effect::Send(_))), "INIT");
    let start = ToDownload::InitAck(InitAck::Start(vec![MINE]));
    let answered = registration.answered(Rank::TRACKER, start, outbox);
    let (mut download, mut upload) = answered.unwrap().expect("the swarm starts");
    download.wake(at(0), outbox);
    download
        .step(at(1), Rank::TRACKER, swarm("c"), outbox)
        .unwrap();
    assert_eq!(deeds(outbox), []);
    let came = segment(0, ack(b'c'));
    download.step(at(2), Rank(3), came, outbox).unwrap();
    let right = Deed::checked(true, Rank(3), F, SegmentIndex(0));
    assert_eq!(deeds(outbox), [right]);
    let (file, problem) = (name("f"), Some("no room".to_owned()));
    download.saved(at(2), Err("no room".into()), outbox);
    assert_eq!(deeds(outbox), [Deed::Saved { file, problem }, Deed::Ended]);
    let stop = ToUpload::Stop;
    upload.step(at(3), Rank::TRACKER, stop, outbox).unwrap();
    assert_eq!(deeds(outbox), [Deed::Left, Deed::Ended]);
}

#[test]
fn a_client_of_a_swarm_that_does_not_start_ends_and_takes_no_other_answer() {
    let outbox = &mut Outbox::new(true);
    let input = || Err(vec!["no input".into()]);
    let registration = || Registration::new(ME, input(), Settings::default(), Part::default());
    let refused = ToDownload::InitAck(InitAck::Refused);
    let answered = registration().answered(Rank::TRACKER, refused.clone(), outbox);
    assert!(answered.unwrap().is_none());
    assert_eq!(deeds(outbox), [Deed::Ended]);
    let start = ToDownload::InitAck(InitAck::Start(vec![]));
    for (from, message) in [
        (Rank(1), refused),
        (Rank::TRACKER, start),
        (Rank::TRACKER, ToDownload::Grant(F)),
    ] {
        assert!(registration().answered(from, message, outbox).is_err());
    }
}
