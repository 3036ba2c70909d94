//! A regular file, which is whole or not there at any moment.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, BufWriter};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use rustix::fs::{Access, access};
use tempfile::NamedTempFile;

use super::{Content, folder_of};

/// The permissions of a new file, before the umask.
const MODE: u32 = 0o666;

/// The permissions that a file keeps when it is replaced. One that runs as its owner does not any more.
const KEPT: u32 = 0o777;

/// Begins the names of temporary files.
const PREFIX: &str = ".bittorrent";

/// Writes a file in the place of the one that is there, if there is one. `path` is no link. The older file
/// stays until the new one is whole. The new one has its mode, and its owner where that is permitted;
/// other names (hard links) keep the older content.
pub(super) fn write(path: &Path, content: Content<'_>) -> io::Result<()> {
    let older = fs::symlink_metadata(path).ok();
    let older = older.filter(Metadata::is_file);
    #[cfg(target_os = "linux")]
    if let Some(file) = unnamed::create(folder_of(path)) {
        let file = filled(file, older.as_ref(), content)?;
        if unnamed::name(&file, path).is_ok() {
            return Ok(());
        }
    }
    renamed(path, older.as_ref(), content)
}

/// Whether there can be a new file in a folder.
pub(super) fn try_out(folder: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if unnamed::create(folder).is_some() {
        return Ok(());
    }
    file_in(folder)?;
    Ok(())
}

/// A file in a folder that is removed with this value.
fn file_in(folder: &Path) -> io::Result<NamedTempFile> {
    // Otherwise the error has a name in it that nobody knows, another one each time.
    access(folder, Access::WRITE_OK | Access::EXEC_OK)?;
    temporary().tempfile_in(folder)
}

fn temporary() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder
        .prefix(PREFIX)
        .permissions(Permissions::from_mode(MODE));
    builder
}

/// Writes under a temporary name, and then renames.
fn renamed(path: &Path, older: Option<&Metadata>, content: Content<'_>) -> io::Result<()> {
    let (file, name) = file_in(folder_of(path))?.into_parts();
    filled(file, older, content)?;
    name.persist(path)?;
    Ok(())
}

fn filled(file: File, older: Option<&Metadata>, content: Content<'_>) -> io::Result<File> {
    let mut file = BufWriter::with_capacity(1 << 16, file);
    content(&mut file)?;
    let file = file.into_inner()?;
    if let Some(older) = older {
        let (owner, group) = (Some(older.uid()), Some(older.gid()));
        // Only root may give a file away, but its owner may to another of the own groups.
        if fchown(&file, owner, group).is_err() {
            _ = fchown(&file, None, group);
        }
        file.set_permissions(Permissions::from_mode(older.mode() & KEPT))?;
    }
    Ok(file)
}

/// A file that has no name until it is whole. If the process ends before, nothing is left.
#[cfg(target_os = "linux")]
mod unnamed {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::Path;

    use rustix::fs::{AtFlags, CWD, OFlags, linkat};

    /// Through this an open file can be given a name.
    const OPEN_FILES: &str = "/proc/self/fd";

    /// Creates it. Not every file system can, and without `/proc` it could not be given a name.
    pub(super) fn create(folder: &Path) -> Option<File> {
        let flags = OFlags::TMPFILE.bits().cast_signed();
        let mut options = OpenOptions::new();
        options.write(true).mode(super::MODE).custom_flags(flags);
        Path::new(OPEN_FILES).is_dir().then_some(())?;
        options.open(folder).ok()
    }

    /// Gives it its name.
    pub(super) fn name(file: &File, path: &Path) -> io::Result<()> {
        let unnamed = format!("{OPEN_FILES}/{}", file.as_raw_fd());
        let link = |path: &Path| -> io::Result<()> {
            Ok(linkat(CWD, &unnamed, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
        };
        match link(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // A link never replaces a file, but a new name does.
                let named = super::temporary().make_in(super::folder_of(path), link)?;
                named.into_temp_path().persist(path)?;
                Ok(())
            }
            linked => linked,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every way to write, in a folder of its own.
    fn every_way(check: impl Fn(&Path, &dyn Fn(&Path, Content<'_>) -> io::Result<()>)) {
        let older = |path: &Path| fs::symlink_metadata(path).ok();
        check(tempfile::tempdir().unwrap().path(), &write);
        check(tempfile::tempdir().unwrap().path(), &|path: &Path,
                                                     content: Content<
            '_,
        >| {
            renamed(path, older(path).as_ref(), content)
        });
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string();
        let mut names: Vec<String> = entries.map(|entry| name(entry).unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_replaces_an_older_one_and_is_as_accessible() {
        every_way(|folder, write| {
            let path = folder.join("f");
            for text in ["long\n".repeat(99), "short\n".into(), String::new()] {
                write(&path, &|out| out.write_all(text.as_bytes())).unwrap();
                assert_eq!(fs::read_to_string(&path).unwrap(), text);
                assert_eq!(names(folder), ["f"]);
            }
            let plain = folder.join("plain");
            fs::write(&plain, "").unwrap();
            let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
            assert_eq!(mode(&path), mode(&plain), "as any new file");
            for (before, after) in [(0o640, 0o640), (0o4751, 0o751), (0o666, 0o666)] {
                fs::set_permissions(&path, Permissions::from_mode(before)).unwrap();
                write(&path, &|out| out.write_all(b"new")).unwrap();
                assert_eq!(mode(&path), after);
            }
        });
    }

    #[test]
    fn an_owner_is_kept_where_that_is_permitted() {
        let is_root = rustix::process::geteuid().is_root();
        every_way(|folder, write| {
            let path = folder.join("f");
            fs::write(&path, "").unwrap();
            if is_root {
                std::os::unix::fs::chown(&path, Some(12), Some(34)).unwrap();
            }
            let owner = |path: &Path| {
                let file = fs::metadata(path).unwrap();
                (file.uid(), file.gid())
            };
            let before = owner(&path);
            write(&path, &|out| out.write_all(b"new")).unwrap();
            assert_eq!(owner(&path), before);
        });
    }

    #[test]
    fn other_names_of_a_replaced_file_keep_its_content() {
        every_way(|folder, write| {
            let (path, other) = (folder.join("f"), folder.join("other"));
            fs::write(&path, "older").unwrap();
            fs::hard_link(&path, &other).unwrap();
            write(&path, &|out| out.write_all(b"new")).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "new");
            assert_eq!(fs::read_to_string(&other).unwrap(), "older");
        });
    }

    #[test]
    fn what_cannot_be_written_leaves_what_was_there() {
        every_way(|folder, write| {
            let full = || io::Error::other("full");
            let path = folder.join("f");
            write(&path, &|_| Err(full())).unwrap_err();
            assert_eq!(names(folder), [""; 0]);
            fs::write(&path, "older").unwrap();
            let half = write(&path, &|out| {
                out.write_all(b"ha").and_then(|()| Err(full()))
            });
            half.unwrap_err();
            assert_eq!(fs::read_to_string(&path).unwrap(), "older");
            fs::create_dir(folder.join("folder")).unwrap();
            write(&folder.join("folder"), &|_| Ok(())).unwrap_err();
            assert_eq!(names(folder), ["f", "folder"]);
        });
    }
}
