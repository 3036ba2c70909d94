//! The signals that ask a command to end: Ctrl-C, a `kill`, a terminal that is closed. All commands take the
//! same ones, and end with the same exit status.

use std::fmt;
use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use signal_hook::low_level::signal_name;

use crate::exit::Exit;
use crate::terminal;

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

/// From now on a file that may grow no more (`ulimit -f`) does not end the process: whoever writes it has an error, as
/// with a full disk.
///
/// # Errors
/// When signals cannot be taken.
pub fn outlive_full_files() -> Result<()> {
    flag::register(SIGXFSZ, Arc::default()).context("cannot take signals")?;
    Ok(())
}

/// Whether a signal ends the process at once.
static AT_ONCE: AtomicBool = AtomicBool::new(false);

/// The interrupt of this process. It is noted from the first who asks for it on.
static TAKEN: Mutex<Option<Interrupt>> = Mutex::new(None);

/// From now on a signal ends the process at once, with its name as the last words, until [`Interrupt::on_signals`] is
/// called.
///
/// # Errors
/// When signals cannot be taken.
pub fn end_at_once() -> Result<()> {
    let mut signals = Signals::new(ending()).context("cannot take signals")?;
    // What comes before the last of these is not lost either: it is noted.
    AT_ONCE.store(true, Ordering::Relaxed);
    Interrupt::begun()?;
    let end = move || {
        for signal in signals.forever() {
            if AT_ONCE.load(Ordering::Relaxed) {
                terminal::last_words(format_args!("bittorrent: {} came", name(signal)));
                signal_hook::low_level::exit(Exit::Stalled.status().into());
            }
        }
    };
    let thread = thread::Builder::new().name("signals".into()).spawn(end);
    thread.context("cannot take signals")?;
    Ok(())
}

/// The name of a signal.
pub fn name(signal: i32) -> String {
    signal_name(signal).map_or_else(|| format!("signal {signal}"), str::to_owned)
}

/// A signal that comes is noted, and the command ends when it can.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicUsize>);

/// An error, if this process notes signals and one has come.
///
/// # Errors
/// [`Interrupted`].
pub fn check() -> Result<(), Interrupted> {
    if AT_ONCE.load(Ordering::Relaxed) {
        return Ok(()); // there is no more to be done
    }
    let taken = TAKEN.lock().expect(NO_PANIC);
    taken.as_ref().map_or(Ok(()), Interrupt::check)
}

const NO_PANIC: &str = "nothing panics while it is held";

impl Interrupt {
    /// From now on signals are only noted. All interrupts of a process are the same one.
    ///
    /// # Errors
    /// When signals cannot be taken.
    pub fn on_signals() -> Result<Interrupt> {
        let interrupt = Interrupt::begun()?;
        AT_ONCE.store(false, Ordering::Relaxed);
        Ok(interrupt)
    }

    fn begun() -> Result<Interrupt> {
        let mut taken = TAKEN.lock().expect(NO_PANIC);
        if let Some(interrupt) = &*taken {
            return Ok(interrupt.clone());
        }
        let interrupt = Interrupt::default();
        for signal in ending() {
            let value = usize::try_from(signal).expect("a signal's number is not negative");
            let noted = flag::register_usize(signal, Arc::clone(&interrupt.0), value);
            noted.context("cannot take signals")?;
        }
        *taken = Some(interrupt.clone());
        Ok(interrupt)
    }

    /// That of this process, if it notes signals. Otherwise one that never comes.
    pub fn noted() -> Interrupt {
        let taken = TAKEN.lock().expect(NO_PANIC);
        taken.clone().unwrap_or_default()
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
        match Interrupt::noted().name() {
            Some(name) => write!(f, "{name} came"),
            None => f.write_str("interrupted"),
        }
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
