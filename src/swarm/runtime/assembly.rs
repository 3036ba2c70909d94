//! Watches the start and the end of a run, at which every rank waits for every other inside MPI.
//!
//! `MPI_Init` and `MPI_Finalize` return on no rank before all ranks have called them. One that stands
//! still holds up all the others there, and MPI cannot say which one it is. So a thread that does not
//! use MPI ends its process when that takes too long, and mpirun then ends the others.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use signal_hook::low_level;

use super::job::Job;
use super::patience::{Patience, TICK};
use crate::exit::Exit;
use crate::launch::Roll;

/// The watch is over when this is dropped: the ranks have come together.
pub(super) struct Assembly {
    _over: Option<Sender<()>>,
}

impl Assembly {
    /// Ends this process if the ranks do not come together within `patience` (`None`: it waits for
    /// ever). `what` is what MPI did not do then, such as "start".
    pub(super) fn to(what: &'static str, patience: Option<Duration>, job: &Job) -> Assembly {
        let over = patience.map(|patience| {
            let (sender, over) = mpsc::channel();
            let mine = job.clone();
            let watch = move || {
                let mut left = Patience::new(patience);
                while over.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                    if left.tick() {
                        give_up(what, patience, &mine);
                    }
                }
            };
            let thread = thread::Builder::new().name("watch".into()).spawn(watch);
            let started = thread.context("cannot start the watch thread");
            started.unwrap_or_else(|error| job.abort(&error));
            sender
        });
        Assembly { _over: over }
    }
}

/// Ends this process. The first rank of each host that is not stopped says before which ranks are there,
/// and the others give it time to.
fn give_up(what: &str, patience: Duration, job: &Job) -> ! {
    const TIME_TO_SPEAK: Duration = Duration::from_millis(500);
    let roll = Roll::call(job.me.0);
    if roll.speaker() == Some(job.me.0) {
        let time = humantime::format_duration(patience);
        let why = format!("MPI did not {what} within {time} (--stall-timeout); {roll}");
        job.last_words(Exit::Stalled, &why);
    }
    thread::sleep(TIME_TO_SPEAK);
    // Without destructors, for another thread is inside MPI.
    low_level::exit(Exit::Stalled.status().into())
}
