//! The whole run, as something that any thread of any rank can end.

use std::io;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use mpi::environment;
use mpi::topology::{Communicator, SimpleCommunicator};

use signal_hook::low_level;

use crate::exit::Exit;
use crate::protocol::Rank;
use crate::say;

/// What is done, besides telling the user, when the job is ended before its end.
type OnFailure = dyn Fn(Exit, &str) + Send + Sync;

/// The job, seen from one of its ranks.
#[derive(Clone)]
pub struct Job {
    pub(super) me: Rank,
    /// The name of this rank's host, if that is not rank 0's.
    pub(super) elsewhere: Option<String>,
    on_failure: Arc<OnFailure>,
}

impl Job {
    /// From now on a panic ends the job, in whichever thread: other ranks would wait in vain for a rank
    /// that has lost a thread. When this rank ends the job, `on_failure` gets the exit status and the reason.
    pub fn new(me: Rank, on_failure: impl Fn(Exit, &str) + Send + Sync + 'static) -> Job {
        let job = Job {
            me,
            elsewhere: None,
            on_failure: Arc::new(on_failure),
        };
        let hook = job.clone();
        panic::set_hook(Box::new(move |panic| {
            hook.end(Exit::Broken, &panic.to_string())
        }));
        job
    }

    /// The same job, seen from a rank that is `elsewhere`.
    pub(super) fn on(self, elsewhere: Option<String>) -> Job {
        Job { elsewhere, ..self }
    }

    /// Ends all ranks at once with this exit status, after telling the user why.
    pub(super) fn end(&self, exit: Exit, why: &str) -> ! {
        self.last_words(exit, why);
        self.end_unsaid(exit)
    }

    /// The same, when the user has been told.
    pub(super) fn end_unsaid(&self, exit: Exit) -> ! {
        await_reader();
        if !environment::is_initialized() || environment::is_finalized() {
            low_level::exit(exit.status().into()); // there is nothing to abort
        }
        SimpleCommunicator::world().abort(exit.status().into())
    }

    /// Tells the user why this rank ends the job, and which thread says so. Only the first reason
    /// counts: a problem that a thread meets while the job is ending follows from it.
    pub(super) fn last_words(&self, exit: Exit, why: &str) {
        static SPOKEN: AtomicBool = AtomicBool::new(false);
        if !SPOKEN.swap(true, Ordering::Relaxed) {
            let thread = thread::current();
            let name = thread.name().unwrap_or("unnamed");
            let words = format!("rank {}, thread {name}: {why}", self.me);
            say::problem(format_args!("bittorrent: {words}"));
            (self.on_failure)(exit, &words);
            await_reader();
        }
    }

    /// Ends all ranks, because this one met something that it cannot go on from.
    pub(super) fn abort(&self, error: &anyhow::Error) -> ! {
        self.end(Exit::Broken, &format!("{error:#}"))
    }

    /// Starts a thread named `name`, whose failure ends the job.
    pub(super) fn spawn<'scope, T: Send + 'scope>(
        &self,
        threads: &'scope Scope<'scope, '_>,
        name: &str,
        work: impl FnOnce() -> Result<T> + Send + 'scope,
    ) -> Result<ScopedJoinHandle<'scope, T>> {
        let job = self.clone();
        thread::Builder::new()
            .name(name.into())
            .spawn_scoped(threads, move || {
                work().unwrap_or_else(|error| job.abort(&error))
            })
            .with_context(|| format!("cannot start the {name} thread"))
    }
}

/// Waits until the launcher has read what this rank has said, but not for long. MPICH's launcher loses
/// what it has not read, in one of twenty jobs that end themselves.
fn await_reader() {
    const LONGEST: Duration = Duration::from_millis(200);
    let start = Instant::now();
    let is_unread = || rustix::io::ioctl_fionread(io::stderr()).is_ok_and(|bytes| bytes > 0);
    while is_unread() && start.elapsed() < LONGEST {
        thread::sleep(Duration::from_millis(1));
    }
}
