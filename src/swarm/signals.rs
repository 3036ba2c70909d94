//! The signals that ask a command to end: Ctrl-C, a `kill`, a terminal that is closed. All commands take the
//! same ones, and end with the same exit status.

use std::fmt;
use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::signal_name;

use crate::exit::Exit;

/// The signals. That of a closed terminal is not among them where `nohup` has it ignored.
pub fn ending() -> impl Iterator<Item = i32> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut signals = vec![SIGINT, SIGTERM];
    if !is_ignored(&status, SIGHUP) {
        signals.push(SIGHUP);
    }
    signals.into_iter()
}

/// Whether a process ignores a signal. `status` is its `/proc/PID/status`.
fn is_ignored(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// Whether a signal ends the process at once.
static AT_ONCE: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(true)));

/// From now on a signal ends the process at once, until an [`Interrupt`] notes them.
///
/// # Errors
/// When signals cannot be taken.
pub fn end_at_once() -> Result<()> {
    for signal in ending() {
        let status = Exit::Stalled.status().into();
        let taken = flag::register_conditional_shutdown(signal, status, Arc::clone(&AT_ONCE));
        taken.context("cannot take signals")?;
    }
    Ok(())
}

/// A signal that comes is noted, and the command ends when it can.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicUsize>);

/// The interrupt of this process, if it notes signals.
static TAKEN: Mutex<Option<Interrupt>> = Mutex::new(None);

fn taken() -> MutexGuard<'static, Option<Interrupt>> {
    TAKEN.lock().expect("nothing panics while it is held")
}

/// An error, if this process notes signals and one has come.
///
/// # Errors
/// [`Interrupted`].
pub fn check() -> Result<(), Interrupted> {
    taken().as_ref().map_or(Ok(()), Interrupt::check)
}

impl Interrupt {
    /// From now on signals are only noted. All interrupts of a process are the same one.
    ///
    /// # Errors
    /// When signals cannot be taken.
    pub fn on_signals() -> Result<Interrupt> {
        let mut taken = taken();
        if let Some(interrupt) = &*taken {
            return Ok(interrupt.clone());
        }
        let interrupt = Interrupt::default();
        for signal in ending() {
            let value = usize::try_from(signal).expect("a signal's number is not negative");
            let noted = flag::register_usize(signal, Arc::clone(&interrupt.0), value);
            noted.context("cannot take signals")?;
        }
        AT_ONCE.store(false, Ordering::Relaxed);
        *taken = Some(interrupt.clone());
        Ok(interrupt)
    }

    /// That of this process, if it notes signals. Otherwise one that never comes.
    pub fn noted() -> Interrupt {
        taken().clone().unwrap_or_default()
    }

    /// Whether a signal has come.
    pub fn has_come(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// The name of the signal that has come.
    pub fn name(&self) -> Option<&'static str> {
        let number = i32::try_from(self.0.load(Ordering::Relaxed)).ok()?;
        signal_name(number).filter(|_| number != 0)
    }

    /// An error, if a signal has come.
    ///
    /// # Errors
    /// [`Interrupted`].
    pub fn check(&self) -> Result<(), Interrupted> {
        match self.has_come() {
            true => Err(Interrupted),
            false => Ok(()),
        }
    }
}

/// A signal came: somebody wants the command to end.
#[derive(Debug)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

impl From<Interrupted> for io::Error {
    fn from(interrupted: Interrupted) -> io::Error {
        io::Error::other(interrupted) // the kind of this name means that one should try again
    }
}

/// The exit status of a command that has failed: a signal that was noted comes before what may follow from it.
pub fn exit_status(failed: Exit) -> Exit {
    check().map_or(Exit::Stalled, |()| failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nohup_has_ignored_is_known() {
        let status = "Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000001\n";
        assert!(is_ignored(status, SIGHUP));
        assert!(!is_ignored(status, SIGINT));
        assert!(!is_ignored("", SIGHUP));
    }
}
