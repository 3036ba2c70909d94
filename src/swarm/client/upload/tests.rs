use std::num::NonZeroUsize;

use super::*;
use crate::protocol::samples::{hash, hashes};
use crate::protocol::{Hint, SegmentIndex};

const OWNED: FileId = FileId(0);
const COMING: FileId = FileId(1);
const NOW: Duration = Duration::ZERO;

fn upload() -> Upload {
    let library = Arc::new(Library::default());
    library.own(OWNED, hashes("ab"));
    library.expect(COMING, hashes("cd"));
    Upload::new(Rank(1), library, &[], &Settings::default(), Part::default())
}

/// The answer to a message from rank 7.
fn answer(upload: &mut Upload, file: FileId, segment: usize, hash: SegmentHash) -> Answer {
    let segment = SegmentIndex(segment);
    let request = ToUpload::SegmentRequest(SegmentRequest {
        file,
        segment,
        hash,
    });
    let mut outbox = Outbox::default();
    upload.step(NOW, Rank(7), request, &mut outbox).unwrap();
    let post = outbox.letters();
    let [ack, nack] = [Answer::Ack(hash), Answer::Nack].map(|answer| {
        let message = ToDownload::Segment(SegmentAnswer {
            file,
            segment,
            answer,
            hints: vec![],
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
    Upload::new(Rank(1), library, &[], &settings, Part::default())
}

/// Asks for a segment of the owned file, as rank `from`, at a time.
fn ask(upload: &mut Upload, time: u64, from: u32, segment: usize) -> Vec<Envelope> {
    let letter = *b"abc".get(segment).expect("a position");
    let request = ToUpload::SegmentRequest(SegmentRequest {
        file: OWNED,
        segment: SegmentIndex(segment),
        hash: hash(letter),
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

#[test]
fn who_comes_when_all_slots_are_taken_is_told_when_one_is_free() {
    let mut upload = timed(NonZeroUsize::new(2));
    let busy = |post: Vec<Envelope>| {
        let letter = post.into_iter().next_back()?.letter;
        let Letter::ToDownload(ToDownload::Segment(SegmentAnswer {
            answer: Answer::Busy(time),
            ..
        })) = letter
        else {
            return None;
        };
        Some(time)
    };
    assert_eq!(ask(&mut upload, 100, 3, 0), []);
    assert_eq!(ask(&mut upload, 101, 4, 0), []);
    let nack = ask(&mut upload, 101, 5, 2);
    assert_eq!(
        (nack.len(), busy(nack)),
        (1, None),
        "a refusal needs no slot"
    );
    assert_eq!(busy(ask(&mut upload, 102, 5, 1)), Some(milliseconds(3)));
    let post = ask(&mut upload, 105, 5, 1);
    assert_eq!(post.len(), 1, "the first one is through: a slot is free");
    assert_eq!(post[0].to, Rank(3));
    assert_eq!(busy(ask(&mut upload, 106, 6, 1)), Some(milliseconds(4)));
    assert_eq!(upload.service().busy, 2);
}

/// The hints in the last one of some messages: rank and segment.
fn hints(post: &[Envelope]) -> Vec<(u32, usize)> {
    let Some(Letter::ToDownload(ToDownload::Segment(answer))) =
        post.last().map(|envelope| &envelope.letter)
    else {
        panic!("expected SEGMENT, found {post:?}");
    };
    let pair = |hint: &Hint| (hint.holder.0, hint.segment.0);
    answer.hints.iter().map(pair).collect()
}

#[test]
fn where_serving_takes_time_a_refusal_says_who_holds_what_and_a_segment_does_not() {
    let mut upload = timed(NonZeroUsize::new(1));
    ask(&mut upload, 100, 3, 1);
    assert_eq!(hints(&ask(&mut upload, 101, 4, 1)), [(1, 0), (1, 1)]);
    let mut outbox = Outbox::default();
    upload.pass(milliseconds(105), &mut outbox);
    assert_eq!(hints(&outbox.letters()), []);
    let nack = ask(&mut upload, 105, 5, 2);
    assert_eq!(hints(&nack), [(1, 1), (1, 0), (3, 1)], "rank 3 has got it");
}
