//! Folders for outputs, which are created if missing, and are gone again if the command is refused.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

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
