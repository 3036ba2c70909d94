//! The whole run, as something that any thread of any rank can end.

use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Scope};

use anyhow::{Context, Result};
use mpi::topology::{Communicator, SimpleCommunicator};

use crate::exit::Exit;
use crate::protocol::Rank;

/// The job, seen from one of its ranks.
#[derive(Debug, Clone, Copy)]
pub struct Job {
    me: Rank,
}

impl Job {
    /// Sees to it that a panic, in whatever thread, ends the job: a rank that stays behind after
    /// one would be waited for in vain.
    pub fn new(me: Rank) -> Job {
        let job = Job { me };
        panic::set_hook(Box::new(move |panic| {
            job.end(Exit::Broken, &panic.to_string())
        }));
        job
    }

    /// Ends all ranks at once with this exit status, after telling the user why.
    pub(super) fn end(self, exit: Exit, why: &str) -> ! {
        self.last_words(why);
        SimpleCommunicator::world().abort(exit.status().into())
    }

    /// Tells the user why this rank ends the job, and which thread says so. Only the first reason
    /// counts: what is met while the job is ending follows from it.
    pub(super) fn last_words(self, why: &str) {
        static SPOKEN: AtomicBool = AtomicBool::new(false);
        if !SPOKEN.swap(true, Ordering::Relaxed) {
            let thread = thread::current();
            let name = thread.name().unwrap_or("unnamed");
            eprintln!("bittorrent: rank {}, thread {name}: {why}", self.me);
        }
    }

    /// Ends all ranks, because this one met something that it cannot go on from.
    pub(super) fn abort(self, error: &anyhow::Error) -> ! {
        self.end(Exit::Broken, &format!("{error:#}"))
    }

    /// Starts a named thread, whose failure is the job's.
    pub(super) fn spawn<'scope>(
        self,
        threads: &'scope Scope<'scope, '_>,
        name: &str,
        work: impl FnOnce() -> Result<()> + Send + 'scope,
    ) -> Result<()> {
        let work = move || work().unwrap_or_else(|error| self.abort(&error));
        thread::Builder::new()
            .name(name.into())
            .spawn_scoped(threads, work)
            .with_context(|| format!("cannot start the {name} thread"))?;
        Ok(())
    }
}
