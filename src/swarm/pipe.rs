//! What waits for a reader, such as a pipe that nobody has opened and one that is full. A command that waits
//! there can be ended: a signal that it has noted is an error.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

use crate::signals;

/// The time between two looks at the signals.
const LOOK: Duration = Duration::from_millis(20);

/// So many bytes fit into a pipe that has room, so that writing them does not wait (PIPE_BUF on Linux; elsewhere it
/// is at least 512).
const FITS: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };

/// Opens a pipe to write to it, when somebody reads it.
///
/// # Errors
/// When it cannot be opened, or a signal has come.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    options.write(true).custom_flags(nonblocking);
    loop {
        match options.open(path) {
            Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => {
                signals::check()?;
                thread::sleep(LOOK);
            }
            opened => {
                let file = opened?;
                fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
                return Ok(file);
            }
        }
    }
}

/// Writes to what is open when there is room. A regular file always has room.
pub(crate) struct Patient<'a>(pub(crate) BorrowedFd<'a>);

impl Write for Patient<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        await_room(self.0)?;
        let fits = bytes.len().min(FITS);
        Ok(rustix::io::write(self.0, &bytes[..fits])?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn await_room(file: impl AsFd) -> io::Result<()> {
    let timeout = Timespec::try_from(LOOK).expect("it is short");
    loop {
        let mut polled = [PollFd::new(&file, PollFlags::OUT)];
        match poll(&mut polled, Some(&timeout)) {
            Ok(0) | Err(Errno::INTR) => signals::check()?,
            // If it cannot be written to, the write says why.
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_is_written_comes_in_order_however_late_it_is_read() {
        let (mut reader, writer) = io::pipe().unwrap();
        let bytes: Vec<u8> = (0..1 << 18).map(|n: u32| (n % 251) as u8).collect();
        let written = bytes.clone();
        let thread = thread::spawn(move || Patient(writer.as_fd()).write_all(&written));
        // More than a pipe holds: the writer waits for this.
        let mut read = Vec::new();
        reader.read_to_end(&mut read).unwrap();
        thread.join().unwrap().unwrap();
        assert!(read == bytes);
    }

    #[test]
    fn a_pipe_is_opened_for_whoever_comes_to_read_it_and_then_waits_for_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let opening = path.clone();
        let thread = thread::spawn(move || open(&opening).unwrap());
        let _reader = File::open(&path).unwrap();
        let file = thread.join().unwrap();
        assert!(!fcntl_getfl(&file).unwrap().contains(OFlags::NONBLOCK));
        assert!(open(&folder.path().join("nowhere")).is_err());
    }
}
