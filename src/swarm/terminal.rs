//! How wide a terminal is, and the last words to it. One that does not say how high it is may say how wide it is all the
//! same.

use std::env;
use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::stdio::stderr;
use rustix::termios::tcgetwinsize;

/// The columns of a terminal that does not say how many it has, and of what is printed for none.
pub const USUAL: u16 = 80;

/// The columns of a terminal. `None`: it is none.
pub fn width(of: &(impl AsFd + IsTerminal)) -> Option<u16> {
    let columns = || tcgetwinsize(of).map_or(0, |size| size.ws_col);
    of.is_terminal()
        .then(|| Some(columns()).filter(|&columns| columns > 0))
        .map(|columns| columns.unwrap_or(USUAL))
}

/// The columns for what is printed to be read: those of the terminal that shows it, or as many as the user's
/// environment says.
pub fn of_reader() -> u16 {
    let shown = width(&io::stdout()).or_else(|| width(&io::stderr()));
    let said = || env::var("COLUMNS").ok()?.parse().ok();
    shown.or_else(said).filter(|&it| it > 0).unwrap_or(USUAL)
}

/// Says a line on standard error to whoever reads it at this moment. Nobody is waited for: neither a reader, nor
/// another thread that prints.
pub(crate) fn last_words(line: impl Display) {
    let stderr = stderr();
    let mut polled = [PollFd::new(&stderr, PollFlags::OUT)];
    if poll(&mut polled, Some(&Timespec::default())) == Ok(1) {
        _ = rustix::io::write(stderr, format!("{line}\n").as_bytes());
    }
}
