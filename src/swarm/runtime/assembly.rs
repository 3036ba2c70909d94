//! Watches the start and the end of a run, at which every rank waits for every other inside MPI.
//!
//! `MPI_Init` and `MPI_Finalize` return on no rank before all ranks have called them. One that stands
//! still holds up all the others there, and MPI cannot say which one it is. So a thread that does not
//! use MPI ends its process when that takes too long, and mpirun then ends the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use signal_hook::low_level;

use super::job::Job;
use super::patience::{Patience, TICK};
use crate::exit::Exit;
use crate::launch::Roll;

/// The watch is over when this is dropped: the ranks have come together.
pub(super) struct Assembly(Option<Watched>);

struct Watched {
    outcome: Outcome,
    _over: Sender<()>,
}

/// Whether the ranks have come together or the watch has given up: what comes first is decided for good.
#[derive(Clone, Default)]
struct Outcome(Arc<AtomicBool>);

impl Outcome {
    /// Decides it. Returns whether it was open until now.
    fn decide(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }
}

impl Assembly {
    /// Ends this process if the ranks do not come together within `patience` (`None`: it waits for
    /// ever). `what` is what MPI did not do then, such as "start".
    pub(super) fn to(what: &'static str, patience: Option<Duration>, job: &Job) -> Assembly {
        Assembly(patience.map(|patience| {
            let (sender, over) = mpsc::channel();
            let outcome = Outcome::default();
            let (mine, open) = (job.clone(), outcome.clone());
            let watch = move || {
                let mut left = Patience::new(patience);
                while !is_over(&over, TICK) {
                    if left.tick() {
                        return give_up(what, patience, &mine, &over, &open);
                    }
                }
            };
            let thread = thread::Builder::new().name("watch".into()).spawn(watch);
            let started = thread.context("cannot start the watch thread");
            started.unwrap_or_else(|error| job.abort(&error));
            Watched {
                outcome,
                _over: sender,
            }
        }))
    }
}

impl Drop for Assembly {
    fn drop(&mut self) {
        if let Some(watched) = &self.0
            && !watched.outcome.decide()
        {
            // The watch has said that it gives up, and ends this process.
            loop {
                thread::park();
            }
        }
    }
}

/// Waits for the end of the watch for this time. Returns whether it has come.
fn is_over(over: &Receiver<()>, time: Duration) -> bool {
    over.recv_timeout(time) != Err(RecvTimeoutError::Timeout)
}

/// Ends this process, unless the ranks have come together meanwhile. The first rank of each host that is not
/// stopped says before which ranks are there, and the others give it time to.
fn give_up(what: &str, patience: Duration, job: &Job, over: &Receiver<()>, outcome: &Outcome) {
    const TIME_TO_SPEAK: Duration = Duration::from_millis(500);
    let mut roll = Roll::call(job.me.0);
    if roll.speaker() != Some(job.me.0) {
        // If the speaker has given up, mpirun ends this process meanwhile.
        if is_over(over, 2 * TIME_TO_SPEAK) {
            return;
        }
        roll = Roll::call(job.me.0);
    }
    if outcome.decide() {
        let time = humantime::format_duration(patience);
        let why = format!("MPI did not {what} within {time} (--stall-timeout); {roll}");
        job.last_words(Exit::Stalled, &why);
        thread::sleep(TIME_TO_SPEAK);
        // Without destructors, for another thread is inside MPI.
        low_level::exit(Exit::Stalled.status().into())
    }
}
