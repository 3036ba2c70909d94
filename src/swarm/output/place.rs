//! Where an output goes: a file, or something that is written through.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::{Content, NotWritten, folder_of, whole};
use crate::links::{followed, is_open_already};
use crate::pipe::{self, Patient};
use crate::say;
use crate::trace::parts_folder;

/// The mode bit of a folder in which only a file's owner may replace it.
const STICKY: u32 = 0o1000;

/// A file that can be written.
#[derive(Debug)]
pub struct Output {
    /// As the user names it.
    pub(super) shown: PathBuf,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) enum Place {
    /// A regular file, or none yet. It is no link.
    File(PathBuf),
    /// A device, a pipe, or what this process has open: it is written through.
    Open(File),
}

impl Output {
    /// Opens a place that is compared with no other.
    ///
    /// # Errors
    /// When that cannot be.
    pub fn at(path: &Path) -> Result<Output, NotWritten> {
        let place = Place::of(path).map_err(|error| NotWritten::new(path, error))?;
        let shown = path.to_owned();
        Ok(Output { shown, place })
    }

    /// As the user names it.
    pub fn path(&self) -> &Path {
        &self.shown
    }

    /// The folder of a regular file. `None`: it is none, and has no folder of ours.
    pub fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::File(path) => Some(folder_of(path)),
            Place::Open(_) => None,
        }
    }

    /// The folder of the parts of a trace: beside the file at the end of all links, so that it is one folder by
    /// whatever name the trace goes. `None`: as for [`Output::folder`].
    pub fn parts(&self) -> Option<PathBuf> {
        self.folder().map(|_| parts_folder(&self.shown))
    }

    /// Removes an older file that a reader would take for the new one until that is written.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self) -> Result<(), NotWritten> {
        match &self.place {
            Place::File(path) => match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(NotWritten::new(&self.shown, error))
                }
                Ok(()) | Err(_) => Ok(()),
            },
            Place::Open(_) => Ok(()),
        }
    }

    /// Writes it: a regular file as a whole or not at all. `content` may be called twice, and writes the same
    /// each time.
    ///
    /// # Errors
    /// When it cannot be written. What was there before stays then.
    pub fn write(&self, content: Content<'_>) -> Result<(), NotWritten> {
        let written = match &self.place {
            Place::File(path) => whole::write(path, content),
            Place::Open(file) => through(file, content),
        };
        written.map_err(|error| NotWritten::new(&self.shown, error))
    }
}

/// Writes to what is open. Who closes the other end wants no more of it.
fn through(file: &File, content: Content<'_>) -> io::Result<()> {
    let mut out = io::BufWriter::with_capacity(1 << 16, Patient(file.as_fd()));
    let written = content(&mut out).and_then(|()| io::Write::flush(&mut out));
    drop(out.into_parts()); // which writes nothing again
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

impl Place {
    /// Finds out what is at a path.
    pub(super) fn of(path: &Path) -> io::Result<Place> {
        match fs::metadata(path) {
            Ok(file) => find(path, &file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // It is said to be a folder.
                if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
                    return Err(error);
                }
                target(path).map(Place::File)
            }
            Err(error) => Err(error),
        }
    }
}

/// Finds out what is at a path, where there is something.
fn find(path: &Path, file: &Metadata) -> io::Result<Place> {
    let kind = file.file_type();
    if kind.is_dir() {
        return Err(io::Error::from_raw_os_error(
            rustix::io::Errno::ISDIR.raw_os_error(),
        ));
    }
    if kind.is_block_device() {
        return Err(io::Error::other("it is a disk"));
    }
    let (stdout, stderr) = (io::stdout(), io::stderr());
    // Nobody reads what goes to a device, unless it is a terminal.
    if is_same(&stdout, file) && (!kind.is_char_device() || stdout.is_terminal()) {
        say::leave_stdout_to_a_file();
    }
    for own in [stdout.as_fd(), stderr.as_fd()] {
        if is_same(&own, file) {
            return Ok(Place::Open(File::from(own.try_clone_to_owned()?)));
        }
    }
    let target = target(path)?;
    if kind.is_file() && !is_open_already(&target) {
        Ok(Place::File(target))
    } else if kind.is_fifo() {
        Ok(Place::Open(pipe::open(path)?))
    } else {
        Ok(Place::Open(OpenOptions::new().append(true).open(path)?))
    }
}

/// Whether something that this process has open is this file.
fn is_same(own: &impl AsFd, file: &Metadata) -> bool {
    rustix::fs::fstat(own).is_ok_and(|own| (own.st_dev, own.st_ino) == (file.dev(), file.ino()))
}

/// The file at the end of all links, without a link in its folder either. It need not be there.
pub(super) fn target(path: &Path) -> io::Result<PathBuf> {
    let path = followed(path)?;
    let Some(name) = path.file_name() else {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    };
    Ok(folder_of(&path).canonicalize()?.join(name))
}

/// Makes sure that a file can be replaced, or created if there is none.
pub(super) fn may_be_replaced(path: &Path) -> io::Result<()> {
    let folder = folder_of(path);
    if let Ok(file) = fs::metadata(path) {
        OpenOptions::new().write(true).open(path)?;
        let (folder, me) = (fs::metadata(folder)?, geteuid());
        let is_ours = [file.uid(), folder.uid()].contains(&me.as_raw()) || me.is_root();
        if folder.mode() & STICKY != 0 && !is_ours {
            return Err(io::Error::from(io::ErrorKind::PermissionDenied));
        }
    }
    whole::try_out(folder)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn folder(files: &[&str]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in files {
            fs::write(folder.path().join(name), name).unwrap();
        }
        folder
    }

    #[test]
    fn a_link_stays_and_what_it_leads_to_is_written() {
        let folder = folder(&["older"]);
        let at = |name: &str| folder.path().join(name);
        symlink("older", at("a")).unwrap();
        symlink("new", at("b")).unwrap();
        for (link, target) in [("a", "older"), ("b", "new")] {
            let output = Output::at(&at(link)).unwrap();
            output.write(&|out| out.write_all(b"text")).unwrap();
            assert!(at(link).is_symlink());
            assert!(!at(target).is_symlink());
            assert_eq!(fs::read_to_string(at(target)).unwrap(), "text");
        }
        symlink("c", at("c")).unwrap();
        Output::at(&at("c")).unwrap_err();
    }

    #[test]
    fn what_is_no_regular_file_is_written_through() {
        let folder = folder(&[]);
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let reading = pipe.clone();
        let reader = std::thread::spawn(move || fs::read_to_string(reading).unwrap());
        let output = Output::at(&pipe).unwrap();
        assert_eq!(output.folder(), None);
        output.write(&|out| out.write_all(b"text")).unwrap();
        output.remove().unwrap();
        drop(output);
        assert_eq!(reader.join().unwrap(), "text");
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    }

    #[test]
    fn who_closes_a_pipe_wants_no_more_of_it() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let file = File::from(std::os::fd::OwnedFd::from(writer));
        through(&file, &|out| out.write_all(&[0; 1 << 20])).unwrap();
        let full = File::options().write(true).open("/dev/full").unwrap();
        through(&full, &|out| out.write_all(b"text")).unwrap_err();
    }
}
