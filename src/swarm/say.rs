//! What a command prints. All of them print through here: printing can fail, and must not take anything
//! else with it.
//!
//! Who has closed our standard output wants no more of it: the command goes on, and its exit status is what it
//! would have been. Of a full disk the user hears, and the exit status says it. Where standard output is a report
//! or another file of the command, the words go to standard error.

use std::error::Error;
use std::fmt::{self, Display};
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::stdio::{stderr, stdout};

use crate::pipe::Patient;
use crate::shown::harmless;

/// Standard output could not be written to.
#[derive(Debug)]
pub struct NotSaid(io::Error);

impl Display for NotSaid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot print: {}", self.0)
    }
}

impl Error for NotSaid {}

/// Prints a text on standard output, in which foreign words steer no terminal.
///
/// # Errors
/// When that could not be written to, for another reason than that nobody reads it.
pub fn text(text: impl Display) -> Result<(), NotSaid> {
    exactly(harmless(&text.to_string()))
}

/// Prints a text as it is: one for a program, or with colours of our own.
///
/// # Errors
/// As [`text()`].
pub fn exactly(text: impl Display) -> Result<(), NotSaid> {
    let text = text.to_string();
    if IS_STDOUT_AN_OUTPUT.load(Ordering::Relaxed) {
        return on_stderr(&text);
    }
    let _in_turn = io::stdout().lock();
    to(&mut Patient(stdout()), &text)
}

/// Prints a line on standard output.
///
/// # Errors
/// As [`text()`].
pub fn line(line: impl Display) -> Result<(), NotSaid> {
    text(format_args!("{line}\n"))
}

/// Prints a line on standard error, in which foreign words steer no terminal. If that fails, nobody can be told.
pub fn problem(line: impl Display) {
    let clear = if IS_DRAWN_OVER.load(Ordering::Relaxed) {
        CLEAR
    } else {
        ""
    };
    _ = on_stderr(&format!("{clear}{}\n", harmless(&line.to_string())));
}

/// Passes on to standard output what another program has printed there, as it is.
///
/// # Errors
/// As [`text()`].
#[cfg(feature = "mpi")]
pub(crate) fn of_others(printed: &[u8]) -> Result<(), NotSaid> {
    let _in_turn = io::stdout().lock();
    said(Patient(stdout()).write_all(printed))
}

/// Passes on to standard error what another program has said there, as it is.
#[cfg(feature = "mpi")]
pub(crate) fn problem_of_others(said: &[u8]) {
    let _in_turn = io::stderr().lock();
    _ = Patient(stderr()).write_all(said);
}

/// What came of printing by other means.
///
/// # Errors
/// As [`text()`].
pub fn said(printed: io::Result<()>) -> Result<(), NotSaid> {
    match printed {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(NotSaid(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// From now on standard output is for a file of this command, and what it says goes to standard error.
pub(crate) fn leave_stdout_to_a_file() {
    IS_STDOUT_AN_OUTPUT.store(true, Ordering::Relaxed);
}

static IS_STDOUT_AN_OUTPUT: AtomicBool = AtomicBool::new(false);

/// From now on standard error may have a line of progress, which every message clears first.
pub fn over_progress() {
    IS_DRAWN_OVER.store(true, Ordering::Relaxed);
}

/// Goes to the start of a terminal's line, and clears it.
pub(crate) const CLEAR: &str = "\r\x1b[K";

static IS_DRAWN_OVER: AtomicBool = AtomicBool::new(false);

fn on_stderr(text: &str) -> Result<(), NotSaid> {
    let _in_turn = io::stderr().lock();
    to(&mut Patient(stderr()), text)
}

fn to(out: &mut impl Write, text: &str) -> Result<(), NotSaid> {
    said(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails in one way.
    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_reads_no_more_is_no_failure_and_a_full_disk_is() {
        to(&mut Failing(ErrorKind::BrokenPipe), "text").unwrap();
        let full = to(&mut Failing(ErrorKind::StorageFull), "text").unwrap_err();
        assert!(full.to_string().starts_with("cannot print: "), "{full}");
    }
}
