use super::*;
use swarm::event::Deed;
use swarm::protocol::{Answer, SegmentAnswer, SegmentRequest, ToDownload, ToUpload, samples};

const TIME: Duration = Duration::from_millis(5);

fn event(time: Duration, rank: u32, thread: Thread, deed: Deed) -> Event {
    Event {
        time,
        rank: Rank(rank),
        thread,
        deed,
    }
}

/// Posted by rank 1 and taken by rank 2, or the other way round for an answer.
fn both(time: Duration, number: u64, letter: Letter) -> [Event; 2] {
    let is_request = matches!(letter, Letter::ToUpload(_));
    let [from, to] = if is_request { [1, 2] } else { [2, 1] };
    let [sender, reader] = [Thread::sender(Rank(from), &letter), Thread::reader(&letter)];
    let posted = Deed::Posted {
        to: Rank(to),
        number,
        bytes: 3,
        letter: letter.clone(),
    };
    let taken = Deed::Taken {
        from: Rank(from),
        number,
        bytes: 3,
        letter,
    };
    [
        event(time, from, sender, posted),
        event(time + TIME, to, reader, taken),
    ]
}

fn request(segment: usize) -> Letter {
    ToUpload::SegmentRequest(SegmentRequest {
        file: FileId(0),
        segment: SegmentIndex(segment),
        hash: samples::hash(b'a'),
        gained: vec![],
        is_called: false,
    })
    .into()
}

fn answer(segment: usize) -> Letter {
    ToDownload::Segment(SegmentAnswer {
        file: FileId(0),
        segment: SegmentIndex(segment),
        answer: Answer::Nack,
        gained: vec![],
    })
    .into()
}

fn gathered(window: Option<RangeInclusive<Duration>>, events: &[Event]) -> Messages {
    let mut messages = Messages::new(window);
    for (line, event) in (2..).zip(events) {
        messages.see(line, event, |_| None);
    }
    messages.close();
    messages
}

/// What each message answers.
fn answers(messages: &Messages) -> Vec<Option<usize>> {
    let drawn = &messages.drawn;
    drawn.iter().map(|message| message.answers).collect()
}

#[test]
fn an_answer_belongs_to_the_request_for_the_same_segment() {
    let mut events = vec![];
    events.extend(both(TIME, 1, request(0)));
    events.extend(both(2 * TIME, 2, request(1)));
    events.extend(both(4 * TIME, 1, answer(1)));
    events.extend(both(5 * TIME, 2, answer(0)));
    let messages = gathered(None, &events);
    assert_eq!(answers(&messages), [None, None, Some(1), Some(0)]);
}

#[test]
fn a_message_that_is_never_taken_is_drawn_and_so_is_one_whose_posting_is_lost() {
    let [posted, _] = both(TIME, 1, request(0));
    let [_, taken] = both(TIME, 1, answer(0));
    let messages = gathered(None, &[taken, posted]);
    let drawn = &messages.drawn;
    let times: Vec<_> = drawn.iter().map(|it| (it.posted, it.taken)).collect();
    assert_eq!(times, [(None, Some(2 * TIME)), (Some(TIME), None)]);
}

#[test]
fn only_what_is_underway_in_the_window_is_drawn() {
    let mut events = vec![];
    for segment in 0..9 {
        let time = TIME * 10 * segment as u32;
        events.extend(both(time, segment + 1, request(segment as usize)));
    }
    let messages = gathered(Some(TIME * 11..=TIME * 30), &events);
    let drawn = &messages.drawn;
    let segments: Vec<_> = drawn.iter().map(|it| it.segment.unwrap().0).collect();
    assert_eq!((segments, messages.count), (vec![1, 2, 3], 3));
}

#[test]
fn too_many_messages_are_only_counted() {
    let mut messages = Messages::new(None);
    let many = MOST as u64 + 7;
    for number in 1..=many {
        for event in both(TIME, number, request(0)) {
            messages.see(2, &event, |_| None);
        }
    }
    messages.close();
    let table = messages.table(|_| None);
    assert_eq!((table.count, table.drawable), (many, false));
    assert!(messages.asked.is_empty() && messages.underway.is_empty());
}
