//! What touches MPI, threads and files: it moves messages between the machines, and decides
//! nothing.

mod backoff;
mod client;
mod launcher;
mod mailbox;
mod output;
mod tracker;

use std::path::PathBuf;
use std::thread::{self, Scope};
use std::time::Instant;

use anyhow::{Context, Result};
use mpi::environment::Threading;
use mpi::topology::{Communicator, SimpleCommunicator};

pub use launcher::is_first;

use crate::client::Settings;
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
    /// Print nothing but problems.
    pub quiet: bool,
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
    let job = Job { me };
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
    participate(me, clients, &world, options, &job).unwrap_or_else(|error| job.abort(&error))
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
    job: &Job,
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
    let start = Instant::now();
    let ending = tracker::run(clients, post, tracker_mailbox)?;
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

/// The whole run, as something that can be ended from any thread of any rank.
struct Job {
    me: Rank,
}

impl Job {
    /// Starts a named thread, whose failure is the job's.
    fn spawn<'scope>(
        &'scope self,
        threads: &'scope Scope<'scope, '_>,
        name: &str,
        work: impl FnOnce() -> Result<()> + Send + 'scope,
    ) -> Result<()> {
        let work = || work().unwrap_or_else(|error| self.abort(&error));
        thread::Builder::new()
            .name(name.into())
            .spawn_scoped(threads, work)
            .with_context(|| format!("cannot start the {name} thread"))?;
        Ok(())
    }

    /// Ends all ranks, because this one met something that it cannot go on from.
    fn abort(&self, error: &anyhow::Error) -> ! {
        let thread = thread::current();
        let name = thread.name().unwrap_or("unnamed");
        eprintln!("bittorrent: rank {}, thread {name}: {error:#}", self.me);
        SimpleCommunicator::world().abort(Exit::Broken.status().into())
    }
}
