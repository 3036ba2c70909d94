//! Whatever bytes arrive, as an input or as a message: nothing panics, and nothing takes more
//! memory than a small multiple of their number.

use std::fmt::Debug;
use std::sync::Arc;

use fastrand::Rng;
use peak_alloc::PeakAlloc;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use support::generate;
use swarm::manifest::{self, Manifest};
use swarm::protocol::{
    Answer, Availability, FileId, Gained, Init, InitAck, Joined, Members, Message, Missing,
    Progress, Rank, Reason, SegmentAnswer, SegmentIndex, SegmentRequest, SegmentSet, Swarm, Tag,
    ToDownload, ToTracker, ToUpload, decode, encode,
};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Bytes of memory for each byte that arrives, and besides. The dearest byte is one of a name of
/// one letter: with its file, its place among the names and its reference count.
const MULTIPLE: usize = 64;
const BESIDES: usize = 8192;

/// Runs `work` on the bytes, and checks what memory it took.
fn measured<T>(bytes: &[u8], work: impl FnOnce(&[u8]) -> T) -> T {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let result = work(bytes);
    let taken = MEMORY.peak_usage() - before;
    let allowed = MULTIPLE * bytes.len() + BESIDES;
    assert!(
        taken <= allowed,
        "{} bytes made it take {taken}",
        bytes.len()
    );
    result
}

/// The same inputs for a seed.
fn inputs(seed: u64) -> Vec<Manifest> {
    let mut rng = Rng::with_seed(seed);
    let clients = rng.usize(1..=4);
    generate::inputs(&mut rng, clients, 0..=5, 0..=20)
}

/// Bytes, some places of them overwritten by others, and then cut off somewhere.
fn damaged(original: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let length = original.len();
    let pieces = [
        &b"4000000000"[..],
        b"-1",
        b" ",
        b"\n",
        b"\xff\xff\xff\xff\x0f",
        b"\0",
        b"a 0 ",
    ];
    let piece = prop_oneof![
        prop::sample::select(pieces.map(<[u8]>::to_vec).to_vec()),
        prop::collection::vec(any::<u8>(), 0..6),
    ];
    let damage = prop::collection::vec((0..=length, piece), 0..4);
    (damage, 0..=length + 8).prop_map(move |(damage, end)| {
        let mut bytes = original.clone();
        for (place, piece) in damage {
            let place = place.min(bytes.len());
            let end = (place + piece.len()).min(bytes.len());
            bytes.splice(place..end, piece);
        }
        bytes.truncate(end);
        bytes
    })
}

/// Messages of every kind.
fn messages(seed: u64) -> (Vec<ToTracker>, Vec<ToDownload>, Vec<ToUpload>) {
    let input = inputs(seed).swap_remove(0);
    let hashes = input.owned.first().map(|file| file.hashes.clone());
    let hashes = hashes.unwrap_or_else(|| [].into_iter().collect());
    let name = input
        .wanted
        .first()
        .or(input.owned.first().map(|file| &file.name))
        .cloned();
    let (file, segment) = (FileId(seed as u32), SegmentIndex(seed as usize % 1000));
    let members: Arc<[Rank]> = (1..seed as u32 % 300).map(Rank).collect();
    let joined = Joined {
        file,
        hashes: hashes.clone(),
        size: members.len() + 1,
        members: members.clone(),
        seeds: members.clone(),
        held: vec![SegmentSet::all(segment.0); seed as usize % 5],
    };
    let gained: Vec<SegmentIndex> = (0..segment.0 % 30).map(SegmentIndex).collect();
    let progress = Progress {
        file,
        gained: gained.clone(),
    };
    let news = members.iter().map(|&member| Gained {
        member,
        segments: gained.clone(),
    });
    let refreshed = Members {
        gained: news.collect(),
        size: members.len(),
        members: members.clone(),
        seeds: members.clone(),
    };
    let missing = name.iter().map(|name| Missing {
        name: name.clone(),
        reason: Reason::NotWritten("no space".into()),
    });
    let first = hashes.iter().next();
    let answer = |answer| {
        ToDownload::Segment(SegmentAnswer {
            file,
            segment,
            answer,
            gained: vec![segment; 2],
        })
    };
    let mut to_tracker = vec![
        ToTracker::AllComplete {
            missing: missing.collect(),
        },
        ToTracker::Init(Init::Ready(input.owned)),
        ToTracker::Init(Init::Unable(vec![
            "in1.txt:1: bad".into();
            seed as usize % 10
        ])),
        ToTracker::Update(progress.clone()),
        ToTracker::FileComplete(progress),
        ToTracker::Alive,
        ToTracker::Confirm { file, segment },
    ];
    to_tracker.extend(name.map(ToTracker::SwarmRequest));
    let mut to_download = vec![
        ToDownload::InitAck(InitAck::Start(
            members.iter().map(|rank| FileId(rank.0)).collect(),
        )),
        ToDownload::InitAck(InitAck::Refused),
        ToDownload::Swarm(Swarm::Joined(joined)),
        ToDownload::Swarm(Swarm::Members(refreshed)),
        ToDownload::Swarm(Swarm::Unknown),
        answer(Answer::Nack),
        ToDownload::Grant(file),
        ToDownload::Availability(Availability {
            file,
            segment,
            load: Some(7),
        }),
    ];
    to_download.extend(first.map(|hash| answer(Answer::Ack(hash))));
    let mut to_upload = vec![
        ToUpload::Stop,
        ToUpload::AvailabilityRequest { file, segment },
    ];
    to_upload.extend(first.map(|hash| {
        ToUpload::SegmentRequest(SegmentRequest {
            file,
            segment,
            hash,
            gained: vec![],
            is_called: false,
        })
    }));
    (to_tracker, to_download, to_upload)
}

fn decode_all(tag: i32, bytes: &[u8]) {
    let _ = measured(bytes, |bytes| decode::<ToTracker>(tag, bytes).is_ok());
    let _ = measured(bytes, |bytes| decode::<ToDownload>(tag, bytes).is_ok());
    let _ = measured(bytes, |bytes| decode::<ToUpload>(tag, bytes).is_ok());
}

fn check<S: Strategy>(strategy: &S, property: impl Fn(S::Value))
where
    S::Value: Debug,
{
    let config = Config {
        cases: 2000,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(strategy, |value| {
        property(value);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// An encoding of a message of a seed, with its tag; and whether it round-trips on the way.
fn encoding<M: Message + PartialEq>(message: &M) -> (i32, Vec<u8>) {
    let mut bytes = Vec::new();
    encode(message, &mut bytes);
    let tag = message.tag().number();
    assert_eq!(
        measured(&bytes, |bytes| decode::<M>(tag, bytes))
            .as_ref()
            .expect("it is whole"),
        message
    );
    (tag, bytes)
}

/// One test, because the memory that is measured is the whole process's.
#[test]
fn no_bytes_panic_or_take_more_memory_than_a_small_multiple_of_their_number() {
    let bytes = prop::collection::vec(any::<u8>(), 0..400);
    check(&bytes, |bytes| {
        drop(measured(&bytes, |bytes| manifest::parse(bytes)))
    });
    check(&("[ \n0-9a-z]{0,200}"), |text| {
        drop(measured(text.as_bytes(), |bytes| manifest::parse(bytes)));
    });
    let input = any::<u64>().prop_map(|seed| inputs(seed).swap_remove(0));
    check(&input, |input| {
        let text = input.to_string();
        let parsed = measured(text.as_bytes(), |bytes| manifest::parse(bytes));
        assert_eq!(parsed, Ok(input), "what is written reads back");
    });
    let inputs = input.prop_flat_map(|input| damaged(input.to_string().into_bytes()));
    check(&inputs, |bytes| {
        drop(measured(&bytes, |bytes| manifest::parse(bytes)))
    });

    let tag = -1..=Tag::ALL.len() as i32;
    check(&(tag, bytes), |(tag, bytes)| decode_all(tag, &bytes));
    let encodings = any::<u64>().prop_flat_map(|seed| {
        let (to_tracker, to_download, to_upload) = messages(seed);
        let mut encodings: Vec<_> = to_tracker.iter().map(encoding).collect();
        encodings.extend(to_download.iter().map(encoding));
        encodings.extend(to_upload.iter().map(encoding));
        prop::sample::select(encodings)
            .prop_flat_map(|(tag, bytes)| damaged(bytes).prop_map(move |bytes| (tag, bytes)))
    });
    check(&encodings, |(tag, bytes)| decode_all(tag, &bytes));
}
