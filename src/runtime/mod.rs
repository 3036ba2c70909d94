//! What touches MPI, threads and files: it moves messages between the machines, and decides
//! nothing.

mod backoff;
mod client;
mod input;
mod job;
mod launcher;
mod mailbox;
mod output;
mod tracker;
mod watch;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use mpi::environment::Threading;
use mpi::topology::{Communicator, SimpleCommunicator};

pub use job::Job;
pub use launcher::is_first;

use crate::client::{Conduct, Settings};
use crate::exit::Exit;
use crate::protocol::{Envelope, Letter, Rank, ToDownload, ToTracker, ToUpload};
use crate::report;

/// What a run needs to know.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where `in<R>.txt` are.
    pub input_dir: PathBuf,
    /// Where `client<R>_<NAME>` go.
    pub output_dir: PathBuf,
    /// How clients download.
    pub settings: Settings,
    /// The clients that answer with wrong hashes.
    pub corrupt: Vec<Rank>,
    /// How long no client may be heard of before the run is ended; for ever, if there is none.
    pub stall_timeout: Option<Duration>,
    /// Print nothing but problems.
    pub quiet: bool,
}

impl Options {
    fn conduct(&self, client: Rank) -> Conduct {
        if self.corrupt.contains(&client) {
            Conduct::Corrupt
        } else {
            Conduct::Honest
        }
    }
}

/// Runs this process's part of the swarm: the tracker on rank 0, a client on every other.
///
/// It returns on all ranks once the swarm is done, with what is to be this rank's exit status:
/// rank 0 answers for all. What goes wrong inside and cannot be carried by the protocol ends the
/// whole job at once, on all ranks.
pub fn run(options: &Options) -> Exit {
    let Some((universe, threading)) = mpi::initialize_with_threading(Threading::Multiple) else {
        unreachable!("this is the only place that initialises MPI")
    };
    let world = universe.world();
    let me = Rank(u32::try_from(world.rank()).expect("a rank is not negative"));
    let clients = usize::try_from(world.size() - 1).expect("there is at least one rank");
    let job = Job::new(me);
    if threading < Threading::Multiple {
        return refuse(
            me,
            &format!(
                "two threads of a client use MPI at once, which takes MPI_THREAD_MULTIPLE; \
                 this MPI library provides only {threading:?}"
            ),
        );
    }
    if clients == 0 {
        return refuse(me, "a swarm takes at least 2 ranks, a tracker and a client");
    }
    if let Some(rank) = options
        .corrupt
        .iter()
        .find(|rank| rank.0 as usize > clients)
    {
        return refuse(
            me,
            &format!("--corrupt {rank}: the last client has rank {clients}"),
        );
    }
    participate(me, clients, &world, options, job).unwrap_or_else(|error| job.abort(&error))
}

/// Tells the user once, from rank 0, why nothing was started.
fn refuse(me: Rank, why: &str) -> Exit {
    if me == Rank::TRACKER {
        eprintln!("bittorrent: {why}");
    }
    Exit::Refused
}

fn participate(
    me: Rank,
    clients: usize,
    world: &SimpleCommunicator,
    options: &Options,
    job: Job,
) -> Result<Exit> {
    let (tracker, tracker_mailbox) = mailbox::open(world);
    let (download, download_mailbox) = mailbox::open(world);
    let (upload, upload_mailbox) = mailbox::open(world);
    let post = Post {
        tracker,
        download,
        upload,
    };
    if me != Rank::TRACKER {
        client::run(me, options, job, post, download_mailbox, upload_mailbox)?;
        return Ok(Exit::Complete);
    }
    if let Some(warning) = input::without_rank(&options.input_dir, clients) {
        eprintln!("{warning}");
    }
    let start = Instant::now();
    let ending = tracker::run(clients, options.stall_timeout, job, post, tracker_mailbox)?;
    Ok(report::show(
        &ending,
        clients,
        start.elapsed(),
        options.quiet,
    ))
}

/// The way out for every message, whoever reads it.
#[derive(Clone)]
struct Post {
    tracker: mailbox::Sender<ToTracker>,
    download: mailbox::Sender<ToDownload>,
    upload: mailbox::Sender<ToUpload>,
}

impl Post {
    fn send(&mut self, Envelope { to, letter }: Envelope) -> Result<()> {
        match letter {
            Letter::ToTracker(message) => self.tracker.send(to, &message),
            Letter::ToDownload(message) => self.download.send(to, &message),
            Letter::ToUpload(message) => self.upload.send(to, &message),
        }
    }

    fn send_all(&mut self, envelopes: &mut Vec<Envelope>) -> Result<()> {
        envelopes
            .drain(..)
            .try_for_each(|envelope| self.send(envelope))
    }
}
