//! Notices, on rank 0, when nothing moves any more and when the end is asked for from outside, and
//! names the clients that have not finished by then.
//!
//! Both take threads of their own. The tracker's thread may be the one that does not move: a large
//! message to a client that has stopped is never sent off. And a launcher that has sent SIGTERM waits
//! a few milliseconds before it kills, too few for a thread that only looks now and then.

use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, MutexGuard};
use std::thread::Scope;
use std::time::Duration;

use anyhow::{Context, Result};
use signal_hook::iterator::{Handle, Signals};

use super::job::Job;
use super::patience::{Silence, TICK};
use crate::exit::Exit;
use crate::launch::Roll;
use crate::report;
use crate::signals;
use crate::tracker::Tracker;

/// The tracker, which its loop and the watch share. The lock is never held across a message.
pub(super) struct Watched {
    machine: Mutex<Tracker>,
    /// How many messages it has taken.
    taken: AtomicU64,
}

impl Watched {
    pub(super) fn new(tracker: Tracker) -> Watched {
        Watched {
            machine: Mutex::new(tracker),
            taken: AtomicU64::new(0),
        }
    }

    pub(super) fn machine(&self) -> MutexGuard<'_, Tracker> {
        self.machine
            .lock()
            .expect("nothing panics while it holds the lock")
    }

    /// The tracker has taken a message.
    pub(super) fn has_taken(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// The clients that the tracker waits for, in words.
    fn unfinished(&self) -> String {
        report::unfinished(&self.machine().unfinished())
    }
}

/// The watch is over when this is dropped.
pub(super) struct Watch {
    signals: Handle,
    _over: Sender<()>,
}

impl Watch {
    /// Ends the job when the tracker takes no message for `patience` (`None`: never), and on a signal that
    /// asks for it. MPICH's launcher passes SIGINT on.
    pub(super) fn over<'scope>(
        tracker: &'scope Watched,
        patience: Option<Duration>,
        job: &Job,
        threads: &'scope Scope<'scope, '_>,
    ) -> Result<Watch> {
        let signals = Signals::new(signals::ending()).context("cannot wait for signals")?;
        let (sender, over) = mpsc::channel();
        let watch = Watch {
            signals: signals.handle(),
            _over: sender,
        };
        let mine = job.clone();
        job.spawn(threads, "signals", move || {
            end_on_signal(tracker, signals, &mine);
            Ok(())
        })?;
        if let Some(patience) = patience {
            let mine = job.clone();
            job.spawn(threads, "watch", move || {
                end_on_silence(tracker, patience, &over, &mine);
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

fn end_on_silence(tracker: &Watched, patience: Duration, over: &Receiver<()>, job: &Job) {
    let mut silence = Silence::new(patience, tracker.taken());
    while over.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        if silence.tick(tracker.taken()) {
            let time = humantime::format_duration(patience);
            let mut why = format!(
                "no client was heard of for {time} (--stall-timeout); {}",
                tracker.unfinished()
            );
            if let Some(stopped) = Roll::call(job.me.0).stopped() {
                why += &format!("; {stopped}");
            }
            job.end(Exit::Stalled, &why);
        }
    }
}

/// When a client whose download goes on is to say so with ALIVE: four times in the time after which the
/// run is ended. A download asks only when it has received a message, so one that hangs is silent.
pub(super) struct Heartbeat {
    interval: Duration,
    last: Duration,
}

impl Heartbeat {
    /// The first is due a quarter of `patience` after the start of the clock.
    pub(super) fn new(patience: Duration) -> Heartbeat {
        Heartbeat {
            interval: patience / 4,
            last: Duration::ZERO,
        }
    }

    /// When the client is to say so next.
    pub(super) fn due(&self) -> Duration {
        self.last + self.interval
    }

    /// Whether the client is to say so now; then the next time counts from `now`.
    pub(super) fn is_due(&mut self, now: Duration) -> bool {
        let due = now - self.last >= self.interval;
        if due {
            self.last = now;
        }
        due
    }
}

fn end_on_signal(tracker: &Watched, mut signals: Signals, job: &Job) {
    // Which one tells nothing: mpirun sends its own.
    if signals.forever().next().is_some() {
        let why = format!("a signal came; {}", tracker.unfinished());
        job.last_words(Exit::Stalled, &why);
        process::exit(Exit::Stalled.status().into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_client_that_goes_on_is_heard_well_before_the_silence_is_too_long() {
        let mut heartbeat = Heartbeat::new(60 * SECOND);
        let heard: Vec<u32> = (0..=60)
            .filter(|&second| heartbeat.is_due(second * SECOND))
            .collect();
        assert_eq!(heard, [15, 30, 45, 60]);
        assert_eq!(heartbeat.due(), 75 * SECOND, "if nothing else reminds it");
    }
}
