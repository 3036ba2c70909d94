//! Every kind of event, for tests.

use std::time::Duration;

use crate::event::{Deed, Event, Thread};
use crate::protocol::samples::{hash, hashes, name, owned};
use crate::protocol::*;

fn letters() -> Vec<Letter> {
    let (file, segment) = (FileId(1), SegmentIndex(1_000_000));
    let progress = Progress {
        file,
        gained: vec![segment],
    };
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
    let answer = |answer| {
        ToDownload::Segment(SegmentAnswer {
            file,
            segment,
            answer,
            hints: vec![],
        })
    };
    let available = |load| {
        ToDownload::Availability(Availability {
            file,
            segment,
            load,
        })
    };
    let mut held = SegmentSet::none(8);
    held.insert(SegmentIndex(3));
    vec![
        ToTracker::Init(Init::Ready(vec![owned("f", "ab"), owned("g", "xy")])).into(),
        ToTracker::Init(Init::Unable(vec!["why".into()])).into(),
        ToTracker::SwarmRequest(name("film")).into(),
        ToTracker::Update(progress.clone()).into(),
        ToTracker::FileComplete(progress).into(),
        ToTracker::AllComplete {
            missing: reasons.map(missing).into(),
        }
        .into(),
        ToTracker::Alive.into(),
        ToTracker::Confirm { file, segment }.into(),
        ToDownload::InitAck(InitAck::Start(vec![file])).into(),
        ToDownload::InitAck(InitAck::Refused).into(),
        ToDownload::Swarm(Swarm::Joined(Joined {
            file,
            hashes: hashes("c"),
            size: 3,
            members: [Rank(1), Rank(2), Rank(3)].into(),
            seeds: [Rank(1)].into(),
            held: vec![SegmentSet::all(8), SegmentSet::none(8), held],
        }))
        .into(),
        ToDownload::Swarm(Swarm::Members(Members {
            size: 1,
            members: [Rank(3)].into(),
            seeds: [].into(),
            gained: vec![Gained {
                member: Rank(3),
                segments: vec![SegmentIndex(9)],
            }],
        }))
        .into(),
        ToDownload::Swarm(Swarm::Unknown).into(),
        answer(Answer::Ack(hash(b'"'))).into(),
        answer(Answer::Nack).into(),
        answer(Answer::Busy(Duration::new(1, 130))).into(),
        available(None).into(),
        available(Some(5)).into(),
        ToDownload::Grant(file).into(),
        ToUpload::SegmentRequest(SegmentRequest {
            file,
            segment,
            hash: hash(b'e'),
        })
        .into(),
        ToUpload::AvailabilityRequest { file, segment }.into(),
        ToUpload::Stop.into(),
    ]
}

/// One of each kind, and every kind of message both posted and taken, all the third of their flow.
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
        match &letter {
            Letter::ToTracker(message) => encode(message, &mut bytes),
            Letter::ToDownload(message) => encode(message, &mut bytes),
            Letter::ToUpload(message) => encode(message, &mut bytes),
        }
        let (number, bytes) = (3, bytes.len());
        deeds.push(Deed::Posted {
            to: Rank(7),
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
