//! Every kind of event, for tests.

use std::time::Duration;

use crate::event::{Deed, Event, Thread};
use crate::protocol::samples::{hash, hashes, messages, name};
use crate::protocol::*;

/// Every kind of message, and some whose text is hard to quote.
fn letters() -> Vec<Letter> {
    let missing = |reason| Missing {
        name: name("quoted \"x\" \\ Ș"),
        reason,
    };
    let reasons = [
        Reason::NobodyHasIt,
        Reason::NobodySendsIt,
        Reason::NotWritten("why".into()),
        Reason::ItLeft,
    ];
    let mut held = SegmentSet::none(8);
    held.insert(SegmentIndex(3));
    let mut letters: Vec<Letter> = messages().into_iter().map(|(letter, _)| letter).collect();
    letters.extend([
        ToTracker::AllComplete {
            missing: reasons.map(missing).into(),
        }
        .into(),
        ToDownload::Swarm(Swarm::Joined(Joined {
            file: FileId(1),
            hashes: hashes("\""),
            size: 3,
            members: [Rank(1), Rank(2), Rank(3)].into(),
            seeds: [Rank(1)].into(),
            held: vec![SegmentSet::all(8), SegmentSet::none(8), held],
        }))
        .into(),
        ToDownload::Segment(SegmentAnswer {
            file: FileId(1),
            segment: SegmentIndex(1_000_000),
            answer: Answer::Ack(hash(b'"')),
            gained: vec![],
        })
        .into(),
    ]);
    letters
}

/// A deed of each kind, and every kind of message both posted and taken. Each is the third of its flow.
pub(super) fn deeds() -> Vec<Deed> {
    let (from, file, segment) = (Rank(2), FileId(1), SegmentIndex(300));
    let mut deeds = vec![
        Deed::Begun,
        Deed::Verified {
            from,
            file,
            segment,
        },
        Deed::WrongHash {
            from,
            file,
            segment,
        },
        Deed::Saved {
            file: name("f"),
            problem: None,
        },
        Deed::Saved {
            file: name("quoted \"f\""),
            problem: Some("a full\ndisk".into()),
        },
        Deed::Left,
        Deed::Ended,
    ];
    for letter in letters() {
        let mut bytes = Vec::new();
        letter.encode(&mut bytes);
        let (number, bytes) = (3, bytes.len());
        deeds.push(Deed::Posted {
            to: Rank(2),
            number,
            bytes,
            letter: letter.clone(),
        });
        deeds.push(Deed::Taken {
            from,
            number,
            bytes,
            letter,
        });
    }
    deeds
}

/// An event of a rank's download thread.
pub(super) fn event(nanoseconds: u64, rank: u32, deed: Deed) -> Event {
    Event {
        time: Duration::from_nanos(nanoseconds),
        rank: Rank(rank),
        thread: Thread::Download,
        deed,
    }
}
