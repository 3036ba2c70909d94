//! Somebody may want the grading to end, and ends it with a signal: what is waited for ends, too.

use std::io;
use std::process::Child;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use swarm::signals::Interrupt;

/// How long a process may take to end when it is told to.
const LINGERING: Duration = Duration::from_secs(20);

/// The time between two looks. Time is counted in them: while this process is stopped, what it waits for has
/// no time either.
const LOOK: Duration = Duration::from_millis(10);

/// Whether a signal came.
#[derive(Debug, Clone, Default)]
pub struct Stop(Interrupt);

/// Why a wait is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited {
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
        Interrupt::on_signals().map(Stop)
    }

    pub(crate) fn is_asked_for(&self) -> bool {
        self.0.has_come()
    }

    /// Waits for a process, but leaves its status to be waited for.
    pub(crate) fn wait(&self, child: &Child, time_limit: Option<Duration>) -> io::Result<Waited> {
        let mut waited = Duration::ZERO;
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        while waitid(WaitId::Pid(Pid::from_child(child)), look)?.is_none() {
            if self.is_asked_for() {
                return Ok(Waited::Stopped);
            }
            if time_limit.is_some_and(|limit| waited >= limit) {
                return Ok(Waited::OverTime);
            }
            thread::sleep(LOOK);
            waited += LOOK;
        }
        Ok(Waited::Ended)
    }

    /// Tells a process to end, and ends it if it does not.
    pub(crate) fn end(child: &mut Child) {
        let _ = kill_process(Pid::from_child(child), Signal::TERM); // it may have ended just now
        let patient = Stop::default().wait(child, Some(LINGERING));
        if !matches!(patient, Ok(Waited::Ended)) {
            let _ = child.kill();
        }
    }
}
