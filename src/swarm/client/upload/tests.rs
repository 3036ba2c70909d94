use std::num::NonZeroUsize;

use super::*;
use crate::protocol::SegmentIndex;
use crate::protocol::samples::{hash, hashes};

const OWNED: FileId = FileId(0);
const COMING: FileId = FileId(1);
const NOW: Duration = Duration::ZERO;

fn upload() -> Upload {
    let library = Arc::new(Library::new(true));
    library.own(OWNED, hashes("ab"));
    library.expect(COMING, hashes("cd"));
    Upload::new(library, &[], &Settings::default(), Part::default())
}

/// The answer to a message from rank 7.
fn answer(upload: &mut Upload, file: FileId, segment: usize, hash: SegmentHash) -> Answer {
    let segment = SegmentIndex(segment);
    let request = ToUpload::SegmentRequest(SegmentRequest {
        file,
        segment,
        hash,
        gained: vec![],
        is_called: false,
    });
    let mut outbox = Outbox::default();
    upload.step(NOW, Rank(7), request, &mut outbox).unwrap();
    let post = outbox.letters();
    let [ack, nack] = [Answer::Ack(hash), Answer::Nack].map(|answer| {
        let message = ToDownload::Segment(SegmentAnswer {
            file,
            segment,
            answer,
            gained: vec![],
        });
        vec![Envelope::new(Rank(7), message)]
    });
    if post == ack {
        return Answer::Ack(hash);
    }
    assert_eq!(post, nack);
    Answer::Nack
}

#[test]
fn r9_what_is_held_is_acknowledged_and_what_is_not_is_refused() {
    let mut upload = upload();
    assert_eq!(
        answer(&mut upload, OWNED, 1, hash(b'b')),
        Answer::Ack(hash(b'b'))
    );
    assert_eq!(
        answer(&mut upload, OWNED, 1, hash(b'a')),
        Answer::Nack,
        "another segment"
    );
    assert_eq!(
        answer(&mut upload, OWNED, 2, hash(b'a')),
        Answer::Nack,
        "beyond the end"
    );
    assert_eq!(
        answer(&mut upload, FileId(9), 0, hash(b'a')),
        Answer::Nack,
        "another file"
    );
}

#[test]
fn r9_a_segment_of_a_file_in_progress_is_served_as_soon_as_it_is_held() {
    let mut upload = upload();
    assert_eq!(answer(&mut upload, COMING, 1, hash(b'd')), Answer::Nack);
    upload.library.store(COMING, SegmentIndex(1), hash(b'd'));
    assert_eq!(
        answer(&mut upload, COMING, 1, hash(b'd')),
        Answer::Ack(hash(b'd'))
    );
    assert_eq!(answer(&mut upload, COMING, 0, hash(b'c')), Answer::Nack);
}

#[test]
fn a_corrupt_client_answers_every_request_with_a_wrong_hash() {
    let mut upload = Upload {
        conduct: Conduct::Corrupt,
        ..upload()
    };
    for (file, segment, hash) in [(OWNED, 1, hash(b'b')), (COMING, 0, hash(b'0'))] {
        let segment = SegmentIndex(segment);
        let request = ToUpload::SegmentRequest(SegmentRequest {
            file,
            segment,
            hash,
            gained: vec![],
            is_called: false,
        });
        let mut outbox = Outbox::default();
        upload.step(NOW, Rank(7), request, &mut outbox).unwrap();
        let sent = outbox.letters().pop().map(|envelope| envelope.letter);
        let Some(Letter::ToDownload(ToDownload::Segment(answer))) = sent else {
            panic!("expected SEGMENT, found {sent:?}");
        };
        assert!(matches!(answer.answer, Answer::Ack(other) if other != hash));
    }
}

#[test]
fn r10_it_ends_on_the_trackers_stop_and_on_nothing_else() {
    let mut upload = upload();
    answer(&mut upload, OWNED, 0, hash(b'a'));
    assert!(!upload.is_stopped());
    assert!(
        upload
            .step(NOW, Rank(3), ToUpload::Stop, &mut Outbox::default())
            .is_err()
    );
    assert!(!upload.is_stopped());
    upload
        .step(NOW, Rank::TRACKER, ToUpload::Stop, &mut Outbox::default())
        .unwrap();
    assert!(upload.is_stopped());
    assert!(
        upload
            .step(NOW, Rank::TRACKER, ToUpload::Stop, &mut Outbox::default())
            .is_err()
    );
}

const fn milliseconds(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// An upload half whose link takes 5 ms for a segment.
fn timed(upload_slots: Option<NonZeroUsize>) -> Upload {
    let settings = Settings {
        upload_time: milliseconds(5),
        upload_slots,
        ..Settings::default()
    };
    let library = upload().library;
    Upload::new(library, &[], &settings, Part::default())
}

/// Asks for a segment of the owned file, as rank `from`, at a time.
fn ask(upload: &mut Upload, time: u64, from: u32, segment: usize) -> Vec<Envelope> {
    request(upload, time, from, (OWNED, segment), false)
}

/// The same, in answer to a call.
fn come(upload: &mut Upload, time: u64, from: u32, segment: usize) -> Vec<Envelope> {
    request(upload, time, from, (OWNED, segment), true)
}

fn request(
    upload: &mut Upload,
    time: u64,
    from: u32,
    (file, segment): (FileId, usize),
    is_called: bool,
) -> Vec<Envelope> {
    let letters = if file == OWNED { b"abc" } else { b"cde" };
    let request = ToUpload::SegmentRequest(SegmentRequest {
        file,
        segment: SegmentIndex(segment),
        hash: hash(letters[segment]),
        is_called,
        gained: vec![],
    });
    let mut outbox = Outbox::default();
    upload
        .step(milliseconds(time), Rank(from), request, &mut outbox)
        .unwrap();
    outbox.letters()
}

fn load(upload: &mut Upload, time: u64, segment: usize) -> Option<u32> {
    let request = ToUpload::AvailabilityRequest {
        file: OWNED,
        segment: SegmentIndex(segment),
    };
    let mut outbox = Outbox::default();
    upload
        .step(milliseconds(time), Rank(9), request, &mut outbox)
        .unwrap();
    let offer = outbox
        .letters()
        .into_iter()
        .rfind(|envelope| envelope.to == Rank(9))
        .map(|envelope| envelope.letter);
    let Some(Letter::ToDownload(ToDownload::Availability(offer))) = offer else {
        panic!("expected AVAILABILITY, found {offer:?}");
    };
    offer.load
}

#[test]
fn segments_take_the_link_one_after_another_and_all_else_is_answered_at_once() {
    let mut upload = timed(None);
    let passed = |upload: &mut Upload, time: u64| {
        let mut outbox = Outbox::default();
        upload.pass(milliseconds(time), &mut outbox);
        (outbox.letters().iter())
            .map(|envelope| envelope.to.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(upload.due(), None);
    assert_eq!(ask(&mut upload, 100, 3, 0), []);
    assert_eq!(ask(&mut upload, 101, 4, 1), []);
    assert_eq!(ask(&mut upload, 101, 5, 2).len(), 1, "a refusal");
    assert_eq!(load(&mut upload, 101, 0), Some(2));
    assert_eq!(load(&mut upload, 101, 2), None);
    assert_eq!(upload.due(), Some(milliseconds(105)));
    assert!(passed(&mut upload, 104).is_empty());
    assert_eq!(passed(&mut upload, 106), [3]);
    assert_eq!(load(&mut upload, 106, 0), Some(1));
    assert_eq!(
        upload.due(),
        Some(milliseconds(110)),
        "it was behind the first one"
    );
    let late = ask(&mut upload, 112, 6, 0);
    assert_eq!(
        late.len(),
        1,
        "what is through by then is posted with whatever comes"
    );
    assert_eq!(
        upload.due(),
        Some(milliseconds(117)),
        "the link was free since 110"
    );
    assert_eq!(passed(&mut upload, 117), [6]);
    assert_eq!(
        upload.service(),
        Service {
            served: 3,
            refused: 1,
            busy: 0
        }
    );
}

/// The calls among some messages: whom, and what is suggested.
fn calls(post: Vec<Envelope>) -> Vec<(u32, Option<usize>)> {
    let call = |envelope: Envelope| match envelope.letter {
        Letter::ToDownload(ToDownload::Call(call)) => {
            Some((envelope.to.0, call.segment.map(|segment| segment.0)))
        }
        Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => None,
    };
    post.into_iter().filter_map(call).collect()
}

/// The answers among some messages: whom, whether it is BUSY, and what it tells.
fn answers(post: &[Envelope]) -> Vec<(u32, bool, Vec<usize>)> {
    let answer = |envelope: &Envelope| match &envelope.letter {
        Letter::ToDownload(ToDownload::Segment(answer)) => {
            let gained = answer.gained.iter().map(|segment| segment.0).collect();
            Some((envelope.to.0, answer.answer == Answer::Busy, gained))
        }
        Letter::ToTracker(_) | Letter::ToDownload(_) | Letter::ToUpload(_) => None,
    };
    post.iter().filter_map(answer).collect()
}

fn pass(upload: &mut Upload, time: u64) -> Vec<Envelope> {
    let mut outbox = Outbox::default();
    upload.pass(milliseconds(time), &mut outbox);
    outbox.letters()
}

/// Rank `from` declines.
fn decline(upload: &mut Upload, time: u64, from: u32, file: FileId, waits: bool) -> Vec<Envelope> {
    let message = ToUpload::Decline(Decline {
        file,
        waits,
        gained: vec![],
    });
    let mut outbox = Outbox::default();
    let step = upload.step(milliseconds(time), Rank(from), message, &mut outbox);
    step.unwrap();
    outbox.letters()
}

#[test]
fn who_finds_no_slot_waits_and_is_called_in_turn() {
    let mut upload = timed(NonZeroUsize::new(1));
    assert_eq!(ask(&mut upload, 100, 3, 0), []);
    for client in [4, 5] {
        let post = ask(&mut upload, 101, client, 0);
        assert_eq!(answers(&post), [(client, true, vec![])]);
        assert_eq!(calls(post), [], "the slot is taken");
    }
    let call = calls(pass(&mut upload, 105));
    assert_eq!(call, [(4, Some(1))], "of which there are the fewest copies");
    let post = ask(&mut upload, 105, 6, 0);
    assert_eq!(answers(&post), [(6, true, vec![])], "the slot is kept");
    let crossed = ask(&mut upload, 105, 4, 1);
    assert_eq!(
        answers(&crossed),
        [(4, true, vec![])],
        "it crossed the call"
    );
    assert_eq!(come(&mut upload, 105, 4, 1), []);
    assert_eq!(calls(pass(&mut upload, 110)), [(5, Some(0))]);
    let call = calls(decline(&mut upload, 110, 5, OWNED, true));
    assert_eq!(call, [(4, Some(0))], "who was served goes on waiting");
    assert_eq!(come(&mut upload, 110, 4, 0), []);
    let next = calls(pass(&mut upload, 115));
    assert_eq!(next, [(6, Some(1))]);
    assert_eq!(upload.service().busy, 4);
}

#[test]
fn a_call_that_nobody_answers_lapses_and_whoever_comes_late_waits_on() {
    let mut upload = timed(NonZeroUsize::new(1));
    ask(&mut upload, 100, 3, 0);
    ask(&mut upload, 100, 4, 0);
    ask(&mut upload, 100, 5, 0);
    assert_eq!(calls(pass(&mut upload, 105)), [(4, Some(1))]);
    let lapse = milliseconds(5) / 8;
    assert_eq!(upload.due(), Some(milliseconds(105) + lapse));
    assert_eq!(calls(pass(&mut upload, 106)), [(5, Some(1))]);
    assert_eq!(come(&mut upload, 106, 5, 1), []);
    let post = come(&mut upload, 107, 4, 0);
    assert_eq!(answers(&post), [(4, true, vec![])]);
    assert_eq!(calls(pass(&mut upload, 111)), [(4, Some(0))]);
}

#[test]
fn who_lacks_nothing_is_not_called_before_there_is_more_for_it() {
    let mut upload = timed(NonZeroUsize::new(2));
    let post = request(&mut upload, 1, 7, (COMING, 0), false);
    assert_eq!(
        answers(&post),
        [(7, true, vec![])],
        "it can wait for a segment to come"
    );
    assert!(calls(post).is_empty() && upload.due().is_none());
    upload.library.store(COMING, SegmentIndex(1), hash(b'd'));
    assert!(upload.is_nudged());
    assert_eq!(calls(pass(&mut upload, 2)), [(7, Some(1))]);
    assert!(!upload.is_nudged());
    assert_eq!(decline(&mut upload, 3, 7, COMING, true), []);
    assert_eq!(upload.due(), None, "it has said that it needs nothing");
    upload.library.store(COMING, SegmentIndex(0), hash(b'c'));
    assert_eq!(
        calls(pass(&mut upload, 4)),
        [(7, Some(0))],
        "all that there is"
    );
}

#[test]
fn who_leaves_the_queue_hears_one_last_word() {
    let mut upload = timed(NonZeroUsize::new(1));
    ask(&mut upload, 100, 3, 0);
    ask(&mut upload, 100, 4, 0);
    assert_eq!(
        calls(decline(&mut upload, 101, 4, OWNED, false)),
        [(4, None)]
    );
    assert_eq!(
        calls(decline(&mut upload, 101, 4, OWNED, false)),
        [(4, None)],
        "whoever says so is answered"
    );
    ask(&mut upload, 102, 4, 0);
    assert_eq!(calls(pass(&mut upload, 105)), [(4, Some(1))]);
    let last = calls(decline(&mut upload, 105, 4, OWNED, false));
    assert_eq!(last, [(4, None)], "even if it was called meanwhile");
}

#[test]
fn a_client_that_leaves_tells_all_that_wait() {
    let mut upload = timed(NonZeroUsize::new(1));
    ask(&mut upload, 100, 3, 0);
    ask(&mut upload, 100, 4, 0);
    ask(&mut upload, 100, 5, 0);
    assert_eq!(calls(pass(&mut upload, 105)), [(4, Some(1))]);
    upload.library.close(milliseconds(106));
    assert_eq!(upload.due(), Some(milliseconds(105) + milliseconds(5) / 8));
    assert_eq!(calls(pass(&mut upload, 106)), [(5, None)]);
    let post = come(&mut upload, 107, 4, 0);
    assert_eq!(answers(&post), [(4, false, vec![])], "a refusal");
    assert_eq!(calls(post), [(4, None)]);
}

#[test]
fn what_it_has_gained_is_told_once_to_each() {
    let mut upload = timed(NonZeroUsize::new(1));
    let asks = |upload: &mut Upload, from| request(upload, 1, from, (COMING, 0), false);
    ask(&mut upload, 1, 3, 0);
    upload.library.store(COMING, SegmentIndex(1), hash(b'd'));
    assert_eq!(answers(&asks(&mut upload, 4)), [(4, true, vec![1])]);
    assert_eq!(answers(&asks(&mut upload, 4)), [(4, true, vec![])]);
    assert_eq!(answers(&asks(&mut upload, 5)), [(5, true, vec![1])]);
}
