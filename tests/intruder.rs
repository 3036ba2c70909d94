//! A rank that breaks the rules: the job ends, with status 5 and words that name who met what.
//!
//! This program is both the test, which starts jobs of two clients and an intruder, and the
//! intruder, when `INTRUDER` in the environment says what it is to do.
#![allow(clippy::print_stdout, reason = "it reports as the test harness does")]

use std::env;
use std::thread;

use mpi::environment::Threading;
use mpi::traits::{Communicator, Destination, Source};
use support::job::{Job, hash};
use support::profiling::profiled;
use swarm::protocol::{
    Answer, FileId, FileName, Init, InitAck, Message, OwnedFile, Progress, Rank, SegmentAnswer,
    SegmentHash, SegmentIndex, SegmentRequest, Tag, ToDownload, ToTracker, ToUpload, decode,
    encode,
};
use swarm::runtime;

/// What the intruder does, and what is said of it.
const CASES: [(&str, &str); 8] = [
    (
        "undecodable",
        "bittorrent: rank 0, thread main: a message from rank 3: \
         expected UPDATE, found 3 bytes that are none: ",
    ),
    (
        "unknown tag",
        "bittorrent: rank 1, thread upload: a message from rank 3: \
         expected a message, found the unknown tag 77\n",
    ),
    (
        "wrong tag",
        "bittorrent: rank 1, thread upload: a message from rank 3: \
         expected SEGMENT_REQUEST, found STOP inside\n",
    ),
    (
        "not asked for",
        "bittorrent: rank 2, thread download: SEGMENT from rank 3: nobody asked for it\n",
    ),
    (
        "no such file",
        "bittorrent: rank 0, thread main: FILE_COMPLETE from rank 3: \
         there is no file number 99\n",
    ),
    (
        "false stop",
        "bittorrent: rank 1, thread upload: STOP from rank 3: only the tracker stops anybody\n",
    ),
    ("flood", " of them by rank 3; the protocol has at most 66\n"),
    (
        "panic",
        "bittorrent: rank 3, thread download: panicked at tests/intruder.rs:",
    ),
];

fn main() {
    if let Ok(deed) = env::var("INTRUDER") {
        intrude(&deed);
    }
    for (deed, message) in CASES {
        // Client 2 wants what only the intruder, client 3, says that it has, and so it waits.
        let f = format!("1 f 1 {} 0", hash('a'));
        let myself = env::current_exe().expect("this program has a path");
        let myself = myself.to_str().expect("a readable path");
        let deed_of_3 = format!("INTRUDER={deed}");
        // Where no library takes a message before its reader does, answers that nobody reads pile up.
        let job = profiled(Job::with_inputs(&[f, "0 1 x".into()]), "synchronous");
        let outcome = job
            .arguments(&[":", "-np", "1", "env", &deed_of_3, myself])
            .run();
        assert_eq!(outcome.status, Some(5), "{deed}: {}", outcome.stderr);
        outcome.assert_says(&[message]);
        assert!(outcome.outputs(".").is_empty());
        println!("test intruder: {deed} ... ok");
    }
}

/// Registers like a client, and then does its deed and stays.
fn intrude(deed: &str) -> ! {
    let (universe, _) =
        mpi::initialize_with_threading(Threading::Multiple).expect("nobody else initialises MPI");
    let world = universe.world();
    let [to_tracker, to_download, to_upload] = [(); 3].map(|()| world.duplicate());
    let send = |to: &dyn Fn(&[u8], i32), tag: Tag, bytes: &[u8]| to(bytes, tag.number());
    let tracker = |bytes: &[u8], tag| to_tracker.process_at_rank(0).send_with_tag(bytes, tag);
    let download = |bytes: &[u8], tag| to_download.process_at_rank(2).send_with_tag(bytes, tag);
    let upload = |bytes: &[u8], tag| to_upload.process_at_rank(1).send_with_tag(bytes, tag);

    let x = OwnedFile {
        name: FileName::new("x").expect("a good name"),
        hashes: [SegmentHash::new(&[b'x'; 32]).expect("a good hash")]
            .into_iter()
            .collect(),
    };
    let init = ToTracker::Init(Init::Ready(vec![x]));
    send(&tracker, Tag::Init, &encoded(&init));
    let (bytes, status) = to_download.any_process().receive_vec::<u8>();
    let ack: ToDownload = decode(status.tag(), &bytes).expect("an answer to INIT");
    assert!(matches!(ack, ToDownload::InitAck(InitAck::Start(_))));
    // Client 2 has begun when it asks for the segment that it will never get.
    let (bytes, status) = to_upload.any_process().receive_vec::<u8>();
    let request: ToUpload = decode(status.tag(), &bytes).expect("a request");
    assert_eq!(
        (request.tag(), status.source_rank()),
        (Tag::SegmentRequest, 2)
    );

    let segment = SegmentIndex(7);
    let answer = SegmentAnswer {
        file: FileId(1),
        segment,
        answer: Answer::Nack,
        gained: vec![],
    };
    match deed {
        "undecodable" => send(&tracker, Tag::Update, &[9, 9, 9]),
        "unknown tag" => upload(&[1], 77),
        "wrong tag" => send(&upload, Tag::SegmentRequest, &encoded(&ToUpload::Stop)),
        "not asked for" => send(
            &download,
            Tag::Segment,
            &encoded(&ToDownload::Segment(answer)),
        ),
        "no such file" => {
            let complete = ToTracker::FileComplete(Progress {
                file: FileId(99),
                gained: vec![],
            });
            send(&tracker, Tag::FileComplete, &encoded(&complete));
        }
        "flood" => {
            let request = encoded(&ToUpload::SegmentRequest(SegmentRequest {
                file: FileId(0),
                segment: SegmentIndex(0),
                hash: SegmentHash::new(&[b'a'; 32]).expect("a good hash"),
                gained: vec![],
                is_called: false,
            }));
            loop {
                send(&upload, Tag::SegmentRequest, &request);
            }
        }
        "false stop" => send(&upload, Tag::Stop, &encoded(&ToUpload::Stop)),
        "panic" => {
            runtime::Job::new(Rank(3), |_, _| {});
            let thread = thread::Builder::new().name("download".into());
            let _ = thread
                .spawn(|| panic!("as a test"))
                .expect("a thread")
                .join();
        }
        _ => unreachable!("{deed} is no deed"),
    }
    loop {
        thread::park(); // until the job is ended
    }
}

fn encoded(message: &impl Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(message, &mut bytes);
    bytes
}
