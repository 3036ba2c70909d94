//! Folders for outputs, which are created if missing, and are gone again if the command is refused. A command
//! that writes to one over a long time has it to itself.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::{NotWritten, whole};

/// Folders that were created. Those that are still empty are removed with this value, unless they are to stay.
#[derive(Debug, Default)]
#[must_use]
pub struct NewFolders(Vec<PathBuf>);

impl NewFolders {
    /// Creates a folder and those that it is in, as far as they are missing.
    ///
    /// # Errors
    /// When that cannot be. No folder is left then.
    pub fn create(folder: &Path) -> io::Result<NewFolders> {
        let mut new = NewFolders::default();
        new.add(folder)?;
        Ok(new)
    }

    /// They stay, though nothing is in them.
    pub fn keep(mut self) {
        self.0.clear();
    }

    /// All of both.
    pub(super) fn extend(&mut self, mut others: NewFolders) {
        self.0.append(&mut others.0);
    }

    fn add(&mut self, folder: &Path) -> io::Result<()> {
        let mut created = fs::create_dir(folder);
        if let (Err(error), Some(parent)) = (&created, folder.parent())
            && error.kind() == ErrorKind::NotFound
            && parent != ""
        {
            self.add(parent)?;
            created = fs::create_dir(folder);
        }
        match created {
            Ok(()) => self.0.push(folder.to_owned()),
            // Somebody else may create it at the same time.
            Err(_) if folder.is_dir() => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(in_place(folder)),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl Drop for NewFolders {
    fn drop(&mut self) {
        for folder in self.0.drain(..).rev() {
            _ = fs::remove_dir(folder); // not if there is something in it
        }
    }
}

/// A folder that no other command has as long as this value is there.
#[derive(Debug)]
#[must_use]
pub struct Held(File);

impl Held {
    /// Takes a folder, which is created if missing. `None`: another command has it.
    ///
    /// Where there are no locks, two commands are not told apart.
    ///
    /// # Errors
    /// When there can be no such folder.
    pub fn take(folder: &Path) -> io::Result<Option<Held>> {
        loop {
            fs::create_dir_all(folder)?;
            let file = File::open(folder)?;
            if flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
                return Ok(None);
            }
            // Who had it may have ended just now, and have removed the folder.
            if id(file.metadata()) == id(fs::metadata(folder)) {
                return Ok(Some(Held(file)));
            }
        }
    }

    /// The folder.
    pub(super) fn id(&self) -> Option<FolderId> {
        id(self.0.metadata())
    }
}

/// A folder, as the system knows it.
pub(super) type FolderId = (u64, u64);

/// Whether a command has a folder to itself. `ours` are the folders that this one has.
pub(super) fn is_anothers(folder: &Path, ours: &[FolderId]) -> bool {
    let Ok(file) = File::open(folder) else {
        return false; // who needs it says why it cannot be opened
    };
    let is_ours = id(file.metadata()).is_some_and(|id| ours.contains(&id));
    // Those who only look do not disturb each other.
    let look = || flock(&file, FlockOperation::NonBlockingLockShared);
    !is_ours && look() == Err(Errno::WOULDBLOCK)
}

fn id(of: io::Result<fs::Metadata>) -> Option<FolderId> {
    of.ok().map(|it| (it.dev(), it.ino()))
}

/// Why there can be no folder where something else is.
fn in_place(folder: &Path) -> io::Error {
    match fs::metadata(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            io::Error::other("it is a link that leads nowhere")
        }
        _ => Errno::NOTDIR.into(),
    }
}

/// Creates a folder if it is missing, and makes sure that there can be new files in it.
///
/// # Errors
/// When there cannot. No folder is left then.
pub fn ready(folder: &Path) -> Result<NewFolders, NotWritten> {
    let ready = || {
        let new = NewFolders::create(folder)?;
        whole::try_out(folder)?;
        Ok(new)
    };
    ready().map_err(|error| NotWritten::new(folder, error))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn folders_that_are_not_to_stay_are_gone_again_if_nothing_is_in_them() {
        let here = tempfile::tempdir().unwrap();
        let at = |name: &str| here.path().join(name);
        drop(ready(&at("a/b/c")).unwrap());
        assert!(!at("a").exists());
        ready(&at("a/b/c")).unwrap().keep();
        assert!(at("a/b/c").is_dir());
        drop(ready(&at("a/b/c")).unwrap());
        assert!(at("a/b/c").is_dir(), "it was there before");
        let new = ready(&at("d/e")).unwrap();
        fs::write(at("d/file"), "somebody else's").unwrap();
        drop(new);
        assert!(at("d/file").is_file() && !at("d/e").exists());
    }

    #[test]
    fn a_folder_that_is_held_is_no_other_commands_until_it_is_let_go() {
        let here = tempfile::tempdir().unwrap();
        let (folder, link) = (here.path().join("a/b"), here.path().join("link"));
        symlink("a/b", &link).unwrap();
        let held = Held::take(&folder).unwrap().unwrap();
        for name in [&folder, &link] {
            assert!(Held::take(name).unwrap().is_none());
        }
        drop(held);
        let held = Held::take(&link).unwrap().unwrap();
        fs::remove_dir(&folder).unwrap();
        assert!(Held::take(&folder).unwrap().is_some(), "it is a new folder");
        drop(held);
        fs::write(here.path().join("file"), "").unwrap();
        assert!(Held::take(&here.path().join("file")).is_err());
    }

    #[test]
    fn where_something_else_is_there_can_be_no_folder() {
        let here = tempfile::tempdir().unwrap();
        let at = |name: &str| here.path().join(name);
        fs::write(at("file"), "").unwrap();
        symlink("file", at("link")).unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        let why = |name: &str| ready(&at(name)).unwrap_err().error.to_string();
        for name in ["file", "link", "file/new", "link/new"] {
            assert_eq!(why(name), "Not a directory (os error 20)", "{name}");
        }
        for name in ["dangling", "dangling/new"] {
            assert_eq!(why(name), "it is a link that leads nowhere", "{name}");
        }
        assert_eq!(fs::read_dir(here.path()).unwrap().count(), 3);
    }
}
