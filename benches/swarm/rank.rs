//! What this program does as a rank of an MPI job: the programs that ours is compared with, and a
//! shell around ours that notes what it used.

use std::env;
use std::fs;
use std::hint::black_box;
use std::process::{self, Command};
use std::thread;
use std::time::Instant;

use mpi::environment::Threading;
use mpi::traits::{Communicator, Destination, Source};
use serde::{Deserialize, Serialize};
use swarm::launch;
use swarm::protocol::{
    Answer, Envelope, FileId, Init, InitAck, Letter, Message, Rank, SegmentAnswer, SegmentHash,
    SegmentIndex, SegmentRequest, ToDownload, ToTracker, ToUpload, encode,
};
use swarm::runtime::carriage::{self, Mailboxes, Own, Post, Receiver, Recorder};
use wait4::Wait4;

/// Says what a rank is to do.
pub const VARIABLE: &str = "BENCH_RANK";

/// What a process used.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Usage {
    /// Processor time, of the user and of the system, in seconds.
    pub cpu: f64,
    /// The most memory at a time, in bytes.
    pub memory: u64,
}

pub fn act(deed: &str) {
    match deed {
        "empty" => drop(mpi::initialize_with_threading(Threading::Multiple)),
        "exchange" => exchange(),
        "layout" => layout(),
        "watch" => watch(),
        _ => unreachable!("{deed} is no deed"),
    }
}

/// How many requests a rank has in flight, by default.
const IN_FLIGHT: usize = 10;

/// A request and its answer, of the sizes of ours.
fn pair() -> (ToUpload, ToDownload) {
    let (file, segment) = (FileId(3), SegmentIndex(500));
    let hash = SegmentHash::new(&[b'a'; SegmentHash::LENGTH]).expect("a good hash");
    let request = SegmentRequest {
        file,
        segment,
        hash,
        gained: vec![],
        is_called: false,
    };
    let answer = SegmentAnswer {
        file,
        segment,
        answer: Answer::Ack(hash),
        gained: vec![],
    };
    (
        ToUpload::SegmentRequest(request),
        ToDownload::Segment(answer),
    )
}

/// The number on the command line.
fn count() -> usize {
    let text = env::args().nth(1).expect("a number");
    text.parse().expect("a number")
}

/// Two ranks exchange requests and answers, some of them in flight. Prints how many a second.
fn exchange() {
    let number = count();
    let (universe, _) =
        mpi::initialize_with_threading(Threading::Multiple).expect("nobody else initialises MPI");
    let world = universe.world();
    let other = world.process_at_rank(1 - world.rank());
    let (request, answer) = pair();
    let (request, answer) = (encoded(&request), encoded(&answer));
    let mut buffer = vec![0; request.len().max(answer.len())];
    let start = Instant::now();
    if world.rank() == 0 {
        (0..IN_FLIGHT).for_each(|_| other.send(&request[..]));
        for received in 1..=number {
            black_box(other.receive_into(&mut buffer[..]));
            if received + IN_FLIGHT <= number {
                other.send(&request[..]);
            }
        }
        println!("{}", number as f64 / start.elapsed().as_secs_f64());
    } else {
        for _ in 0..number {
            black_box(other.receive_into(&mut buffer[..]));
            other.send(&answer[..]);
        }
    }
}

/// What the layout of a swarm can do at all, without its protocol: every client asks every other in
/// turn, with one thread, and answers with another, through the mailboxes of ours, posting and waiting
/// as ours do. So often that each asks each other so many times. Rank 0 tells them to start, waits
/// for them, and prints how many requests were answered a second, of all clients together.
fn layout() {
    let each = count();
    let (universe, _) =
        mpi::initialize_with_threading(Threading::Multiple).expect("nobody else initialises MPI");
    let world = universe.world();
    let me = Rank(u32::try_from(world.rank()).expect("a rank is not negative"));
    let (mailboxes, own) = carriage::open(&world);
    let others: Vec<Rank> = Rank::clients(mailboxes.clients())
        .filter(|other| *other != me)
        .collect();
    if me == Rank::TRACKER {
        let seconds = start_and_wait(&mailboxes, own.tracker, &others);
        println!(
            "{}",
            (others.len() * (others.len() - 1) * each) as f64 / seconds
        );
    } else {
        take_part(&mailboxes, own, me, &others, each * others.len());
    }
}

/// Rank 0's part. Returns how many seconds passed from the start to the end of the last.
fn start_and_wait(mailboxes: &Mailboxes, mut mailbox: Receiver<ToTracker>, all: &[Rank]) -> f64 {
    let mut post = a_post(mailboxes);
    let mut hear_all = |post: &mut Post| {
        for _ in all {
            mailbox.receive(post).expect("a message of ours");
        }
    };
    hear_all(&mut post);
    let start = Instant::now();
    for &client in all {
        let go = ToDownload::InitAck(InitAck::Start(Vec::new()));
        send(&mut post, client, go);
    }
    hear_all(&mut post);
    let seconds = start.elapsed().as_secs_f64();
    post.close().expect("all was sent");
    seconds
}

/// A client's part: so many requests to the others, and as many of theirs.
fn take_part(mailboxes: &Mailboxes, own: Own, me: Rank, others: &[Rank], number: usize) {
    let (request, answer) = pair();
    let (mut downloads, mut uploads) = (own.download, own.upload);
    thread::scope(|threads| {
        threads.spawn(move || {
            let mut post = a_post(mailboxes);
            for _ in 0..number {
                let (from, _) = uploads.receive(&mut post).expect("a message of ours");
                send(&mut post, from, answer.clone());
            }
            post.close().expect("all was sent");
        });
        let mut post = a_post(mailboxes);
        send(
            &mut post,
            Rank::TRACKER,
            ToTracker::Init(Init::Ready(Vec::new())),
        );
        downloads.receive(&mut post).expect("the start");
        // From the one behind this rank on, as ours begin, so that not all ask the same one.
        let (before, behind) = others.split_at(others.partition_point(|other| *other < me));
        let mut turns = behind.iter().chain(before).cycle().take(number);
        let mut ask = |post: &mut Post| {
            if let Some(&other) = turns.next() {
                send(post, other, request.clone());
            }
        };
        (0..IN_FLIGHT).for_each(|_| ask(&mut post));
        for _ in 0..number {
            downloads.receive(&mut post).expect("a message of ours");
            ask(&mut post);
        }
        let missing = Vec::new();
        send(&mut post, Rank::TRACKER, ToTracker::AllComplete { missing });
        post.close().expect("all was sent");
    });
}

/// A thread's way out. Each of the others has no more in flight with it than its requests.
fn a_post(mailboxes: &Mailboxes) -> Post {
    let most_untaken = (IN_FLIGHT + 1) * mailboxes.clients();
    Post::new(mailboxes, most_untaken, Recorder::default())
}

fn send(post: &mut Post, to: Rank, message: impl Into<Letter>) {
    post.send(Envelope::new(to, message))
        .expect("it can be sent");
}

fn encoded(message: &impl Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(message, &mut bytes);
    bytes
}

/// Runs the rest of the command line as this rank, and notes what it used in `usage<R>`.
fn watch() {
    let rank = launch::rank().expect("mpirun says which rank this is");
    let mut words = env::args().skip(1);
    let mut program = Command::new(words.next().expect("a program"));
    let mut child = program
        .args(words)
        .env_remove(VARIABLE)
        .spawn()
        .expect("it can be run");
    let used = child.wait4().expect("it can be waited for");
    let usage = Usage {
        cpu: (used.rusage.utime + used.rusage.stime).as_secs_f64(),
        memory: used.rusage.maxrss,
    };
    let text = serde_json::to_string(&usage).expect("numbers can be written");
    fs::write(format!("usage{rank}"), text).expect("the folder can be written to");
    process::exit(used.status.code().unwrap_or(1));
}
