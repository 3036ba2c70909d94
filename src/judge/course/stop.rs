//! Somebody may want the grading of a course to end, and ends it with a signal.

use std::io;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// How long a process may take to end when it is told to.
const LINGERING: Duration = Duration::from_secs(20);

/// Whether a signal came.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

/// Why a wait is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    /// The process has ended.
    Ended,
    /// It has not, and its time is over.
    OverTime,
    /// It has not, and a signal came.
    Stopped,
}

impl Stop {
    /// From now on a signal is only noted.
    ///
    /// # Errors
    /// When signals cannot be taken.
    pub fn on_signals() -> Result<Stop> {
        let stop = Stop::default();
        for signal in [SIGINT, SIGTERM] {
            let noted = flag::register(signal, Arc::clone(&stop.0));
            noted.context("cannot take signals")?;
        }
        Ok(stop)
    }

    pub(super) fn is_asked_for(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Waits for a process, but leaves its status to be waited for.
    pub(super) fn wait(&self, child: &Child, time_limit: Option<Duration>) -> io::Result<Waited> {
        let start = Instant::now();
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        while waitid(WaitId::Pid(Pid::from_child(child)), look)?.is_none() {
            if self.is_asked_for() {
                return Ok(Waited::Stopped);
            }
            if time_limit.is_some_and(|limit| start.elapsed() >= limit) {
                return Ok(Waited::OverTime);
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(Waited::Ended)
    }

    /// Tells a process to end, and ends it if it does not.
    pub(super) fn end(child: &mut Child) {
        let _ = kill_process(Pid::from_child(child), Signal::TERM); // it may have ended just now
        let patient = Stop::default().wait(child, Some(LINGERING));
        if !matches!(patient, Ok(Waited::Ended)) {
            let _ = child.kill();
        }
    }
}
