//! Notices, on rank 0, when nothing moves any more and when the end is asked for from outside, and
//! names the clients that have not finished by then.
//!
//! Both take threads of their own. The tracker's may be the one that does not move: a large message
//! to a client that has stopped is never sent off. And a launcher that has sent SIGTERM waits a few
//! milliseconds before it kills, too few for a thread that only looks now and then.

use std::process;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::Scope;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::{Handle, Signals};

use super::Job;
use crate::exit::Exit;
use crate::protocol::Rank;

/// How often it is looked whether anything moves.
const TICK: Duration = Duration::from_millis(100);

/// A client that goes on makes itself heard so many times in the time that is too long.
pub(super) const HEARD: u32 = 4;

/// What a watch can see of the tracker.
pub(super) trait Watched: Sync {
    /// How many messages it has taken.
    fn taken(&self) -> u64;
    /// Whom it waits for.
    fn unfinished(&self) -> Vec<Rank>;
}

/// The watch is over when this is dropped.
pub(super) struct Watch {
    signals: Handle,
    _over: Sender<()>,
}

impl Watch {
    /// Ends the job when the tracker takes no message for as long as `patience`, or on SIGTERM.
    pub(super) fn over<'scope>(
        tracker: &'scope impl Watched,
        patience: Option<Duration>,
        job: Job,
        threads: &'scope Scope<'scope, '_>,
    ) -> Result<Watch> {
        let signals = Signals::new([SIGTERM]).context("cannot wait for signals")?;
        let (sender, over) = mpsc::channel();
        let watch = Watch {
            signals: signals.handle(),
            _over: sender,
        };
        job.spawn(threads, "signals", move || {
            end_on_signal(tracker, signals, job);
            Ok(())
        })?;
        if let Some(patience) = patience {
            job.spawn(threads, "watch", move || {
                end_on_silence(tracker, patience, &over, job);
                Ok(())
            })?;
        }
        Ok(watch)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.signals.close();
    }
}

fn end_on_silence(tracker: &impl Watched, patience: Duration, over: &Receiver<()>, job: Job) {
    let mut since = Instant::now();
    let mut taken = tracker.taken();
    while over.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        if taken != tracker.taken() {
            taken = tracker.taken();
            since = Instant::now();
        } else if since.elapsed() >= patience {
            let time = humantime::format_duration(patience);
            let unfinished = unfinished(tracker);
            let why = format!("no client was heard of for {time} (--stall-timeout); {unfinished}");
            job.end(Exit::Stalled, &why);
        }
    }
}

fn end_on_signal(tracker: &impl Watched, mut signals: Signals, job: Job) {
    if signals.forever().next().is_some() {
        job.tell(&format!("SIGTERM came; {}", unfinished(tracker)));
        process::exit(Exit::Stalled.status().into());
    }
}

fn unfinished(tracker: &impl Watched) -> String {
    let ranks: Vec<String> = tracker
        .unfinished()
        .iter()
        .map(ToString::to_string)
        .collect();
    match ranks.as_slice() {
        [] => "every client has finished".into(),
        [rank] => format!("client {rank} has not finished"),
        ranks => format!("clients {} have not finished", ranks.join(", ")),
    }
}
