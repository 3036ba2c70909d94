//! Values for tests: short ways to write them, where a character stands for the hash that repeats it,
//! and messages of every kind.

use super::*;

pub fn hash(letter: u8) -> SegmentHash {
    SegmentHash::new(&[letter; SegmentHash::LENGTH]).expect("a letter is printable")
}

pub fn hashes(letters: &str) -> Hashes {
    letters.bytes().map(hash).collect()
}

pub fn name(name: &str) -> FileName {
    FileName::new(name).expect("a good name")
}

pub fn owned(file: &str, letters: &str) -> OwnedFile {
    OwnedFile {
        name: name(file),
        hashes: hashes(letters),
    }
}

/// Messages of every kind, each with its encoding.
pub fn messages() -> Vec<(Letter, Vec<u8>)> {
    fn encoded(message: impl Into<Letter>, bytes: &[u8]) -> (Letter, Vec<u8>) {
        (message.into(), bytes.into())
    }
    let (file, segment) = (FileId(1), SegmentIndex(9));
    let progress = |file, gained: &[usize]| Progress {
        file: FileId(file),
        gained: gained.iter().copied().map(SegmentIndex).collect(),
    };
    let answer = |answer, gained| {
        ToDownload::Segment(SegmentAnswer {
            file,
            segment,
            answer,
            gained,
        })
    };
    let available = |load| {
        ToDownload::Availability(Availability {
            file,
            segment,
            load,
        })
    };
    let news = || vec![SegmentIndex(7), SegmentIndex(130)];
    let call = |segment, gained| {
        ToDownload::Call(Call {
            file,
            segment,
            is_farewell: segment.is_none(),
            gained,
        })
    };
    let decline = |waits, gained| {
        ToUpload::Decline(Decline {
            file,
            waits,
            gained,
        })
    };
    vec![
        encoded(
            ToTracker::Init(Init::Ready(vec![owned("f", "ab")])),
            &[&[0, 0, 1, 1, b'f', 0, 32][..], &[0xaa; 16], &[0xbb; 16]].concat(),
        ),
        encoded(
            ToTracker::Init(Init::Ready(vec![owned("f", "ax")])),
            &[&[0, 0, 1, 1, b'f', 1, 64][..], &[b'a'; 32], &[b'x'; 32]].concat(),
        ),
        encoded(
            ToTracker::Init(Init::Unable(vec!["why".into()])),
            &[0, 1, 1, 3, b'w', b'h', b'y'],
        ),
        encoded(
            ToTracker::SwarmRequest(name("film")),
            &[1, 4, b'f', b'i', b'l', b'm'],
        ),
        encoded(ToTracker::Update(progress(300, &[])), &[2, 0xac, 2, 0]),
        encoded(
            ToTracker::FileComplete(progress(7, &[3, 130])),
            &[3, 7, 2, 3, 0x82, 1],
        ),
        encoded(
            ToTracker::AllComplete {
                missing: vec![Missing {
                    name: name("x"),
                    reason: Reason::NobodySendsIt,
                }],
            },
            &[4, 1, 1, b'x', 1],
        ),
        encoded(ToTracker::Alive, &[5]),
        encoded(ToTracker::Confirm { file, segment }, &[6, 1, 9]),
        encoded(
            ToDownload::InitAck(InitAck::Start(vec![FileId(2), FileId(0)])),
            &[0, 0, 2, 2, 0],
        ),
        encoded(ToDownload::InitAck(InitAck::Refused), &[0, 1]),
        encoded(
            ToDownload::Swarm(Swarm::Joined(Joined {
                file: FileId(5),
                hashes: hashes("c"),
                size: 300,
                members: [Rank(1), Rank(200)].into(),
                seeds: [Rank(200)].into(),
                held: vec![SegmentSet::all(8), SegmentSet::none(8)],
            })),
            &[
                &[1, 0, 5, 0, 16][..],
                &[0xcc; 16],
                &[0xac, 2, 2, 1, 200, 1, 1, 200, 1, 2, 1, 0xff, 1, 0],
            ]
            .concat(),
        ),
        encoded(
            ToDownload::Swarm(Swarm::Members(Members {
                size: 7,
                members: [Rank(3)].into(),
                seeds: [].into(),
                gained: vec![Gained {
                    member: Rank(3),
                    segments: vec![segment],
                }],
            })),
            &[1, 1, 7, 1, 3, 0, 1, 3, 1, 9],
        ),
        encoded(ToDownload::Swarm(Swarm::Unknown), &[1, 2]),
        encoded(
            answer(Answer::Ack(hash(b'd')), vec![]),
            &[&[2, 1, 9, 0, 32][..], &[b'd'; 32], &[0]].concat(),
        ),
        encoded(answer(Answer::Nack, vec![]), &[2, 1, 9, 1, 0]),
        encoded(answer(Answer::Busy, news()), &[2, 1, 9, 2, 2, 7, 0x82, 1]),
        encoded(available(None), &[3, 1, 9, 0]),
        encoded(available(Some(5)), &[3, 1, 9, 1, 5]),
        encoded(call(Some(segment), vec![]), &[4, 1, 1, 9, 0, 0]),
        encoded(call(None, news()), &[4, 1, 0, 1, 2, 7, 0x82, 1]),
        encoded(ToDownload::Grant(file), &[5, 1]),
        encoded(
            ToUpload::SegmentRequest(SegmentRequest {
                file,
                segment: SegmentIndex(1_000_000),
                hash: hash(b'e'),
                gained: vec![],
                is_called: false,
            }),
            &[&[0, 1, 0xc0, 0x84, 0x3d, 32][..], &[b'e'; 32], &[0, 0]].concat(),
        ),
        encoded(ToUpload::AvailabilityRequest { file, segment }, &[1, 1, 9]),
        encoded(decline(true, vec![]), &[2, 1, 1, 0]),
        encoded(decline(false, news()), &[2, 1, 0, 2, 7, 0x82, 1]),
        encoded(ToUpload::Stop, &[3]),
    ]
}
