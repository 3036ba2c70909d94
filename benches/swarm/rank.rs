//! What this program does as a rank of an MPI job: the programs that ours is compared with, and a
//! shell around ours that notes what it used.

use std::env;
use std::fs;
use std::hint::black_box;
use std::process::{self, Command};
use std::time::Instant;

use bittorrent::launch;
use bittorrent::protocol::{
    Answer, FileId, Message, SegmentAnswer, SegmentHash, SegmentIndex, SegmentRequest, ToDownload,
    ToUpload, encode,
};
use mpi::environment::Threading;
use mpi::traits::{Communicator, Destination, Source};
use serde::{Deserialize, Serialize};
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
        "watch" => watch(),
        _ => unreachable!("{deed} is no deed"),
    }
}

/// Two ranks exchange requests and answers of the sizes of ours, 10 of them in flight. Prints how
/// many a second.
fn exchange() {
    const IN_FLIGHT: usize = 10;
    let number: usize = env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .expect("a number");
    let (universe, _) =
        mpi::initialize_with_threading(Threading::Multiple).expect("nobody else initialises MPI");
    let world = universe.world();
    let other = world.process_at_rank(1 - world.rank());
    let (file, segment) = (FileId(3), SegmentIndex(500));
    let hash = SegmentHash::new(&[b'a'; SegmentHash::LENGTH]).expect("a good hash");
    let request = encoded(&ToUpload::SegmentRequest(SegmentRequest {
        file,
        segment,
        hash,
    }));
    let answer = encoded(&ToDownload::Segment(SegmentAnswer {
        file,
        segment,
        answer: Answer::Ack(hash),
    }));
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
