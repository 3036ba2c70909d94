//! The files that a run writes: `client<R>_<NAME>`, the report and the trace. Each is whole or not there.

use std::fmt;
use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::client::SavedFile;
use crate::protocol::{Hashes, Rank, output_name};
use crate::report::Report;
use crate::trace::{self, Header, Merge, Spool, TracePart};

/// The permissions of a new file, before the umask.
const MODE: u32 = 0o666;

/// A file that could not be written.
#[derive(Debug)]
pub struct NotWritten {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

/// In words for the user.
impl fmt::Display for NotWritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write {}: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for NotWritten {}

/// Writes a client's file into `folder`, which is created if missing: its hashes in order, one a line.
/// The output gets its name when it is whole, and replaces an older file of that name.
///
/// # Errors
/// When it cannot be written. Then nothing new is left.
pub fn save(folder: &Path, client: Rank, file: &SavedFile) -> Result<(), NotWritten> {
    let path = folder.join(output_name(client, &file.name));
    fs::create_dir_all(folder)
        .and_then(|()| write(folder, &path, &|lines| write_lines(lines, &file.hashes)))
        .map_err(|error| NotWritten { path, error })
}

/// Writes a report, in the same way.
///
/// # Errors
/// When it could not be written.
pub fn save_report(path: &Path, report: &Report) -> Result<(), NotWritten> {
    put(path, &|file| {
        serde_json::to_writer_pretty(&mut *file, report)?;
        file.write_all(b"\n")
    })
}

/// Writes a trace, in the same way: joins the parts of its threads.
///
/// # Errors
/// When it could not be written.
pub fn save_trace(path: &Path, header: &Header, parts: &[PathBuf]) -> Result<(), NotWritten> {
    let is_compressed = is_compressed(path);
    put(path, &|file| {
        let parts = (parts.iter()).filter_map(|path| TracePart::open(path).transpose());
        let parts: Vec<TracePart> = parts.collect::<anyhow::Result<_>>().map_err(inside)?;
        let events = Merge::new(parts.into_iter().map(|part| (part.owner(), part)));
        trace::write(file, is_compressed, header, events).map_err(inside)
    })
}

/// Begins a trace whose events come one by one.
///
/// # Errors
/// When nothing can be written there.
pub fn begin_trace(path: &Path) -> Result<Spool, NotWritten> {
    Spool::new(folder_of(path), is_compressed(path)).map_err(|error| not_written(path, error))
}

/// Writes such a trace when all events have come.
///
/// # Errors
/// When it, or an event before, could not be written.
pub fn save_spooled(path: &Path, header: &Header, spool: Spool) -> Result<(), NotWritten> {
    let events = spool.close().map_err(|error| not_written(path, error))?;
    put(path, &|file| events.give(header, file))
}

/// Whether a trace of this name is compressed.
fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "zst")
}

/// The error as one of the system, for the user.
fn inside(error: anyhow::Error) -> io::Error {
    io::Error::other(format!("{error:#}"))
}

/// The folder that a file is in, or is to be in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != "" => folder,
        _ => Path::new("."),
    }
}

/// Names the first of these options whose file is to be in a folder that does not exist, in words for
/// the user.
pub fn objection<'a>(
    options: impl IntoIterator<Item = (&'a str, &'a Option<PathBuf>)>,
) -> Option<String> {
    options.into_iter().find_map(|(option, path)| {
        let folder = folder_of(path.as_ref()?);
        (!folder.is_dir()).then(|| format!("{option}: there is no folder {}", folder.display()))
    })
}

fn not_written(path: &Path, error: io::Error) -> NotWritten {
    let path = path.to_owned();
    NotWritten { path, error }
}

/// Writes a file into a folder that is there.
fn put(path: &Path, content: Content<'_>) -> Result<(), NotWritten> {
    write(folder_of(path), path, content).map_err(|error| not_written(path, error))
}

/// Writes the content of a file.
type Content<'a> = &'a dyn Fn(&mut BufWriter<File>) -> io::Result<()>;

#[cfg(target_os = "linux")]
fn write(folder: &Path, path: &Path, content: Content<'_>) -> io::Result<()> {
    match unnamed::create(folder) {
        Ok(file) => unnamed::name(&filled(file, content)?, path),
        Err(_) => write_renamed(folder, path, content),
    }
}

#[cfg(not(target_os = "linux"))]
use write_renamed as write;

/// A file that has no name until it is whole. If the process ends before, nothing is left.
#[cfg(target_os = "linux")]
mod unnamed {
    use std::fs::{self, File, OpenOptions};
    use std::io;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::Path;

    use rustix::fs::{AtFlags, CWD, OFlags, linkat};

    /// Creates it. Not every file system can.
    pub(super) fn create(folder: &Path) -> io::Result<File> {
        let flags = OFlags::TMPFILE.bits().cast_signed();
        OpenOptions::new()
            .write(true)
            .mode(super::MODE)
            .custom_flags(flags)
            .open(folder)
    }

    /// Gives it its name.
    pub(super) fn name(file: &File, path: &Path) -> io::Result<()> {
        let unnamed = format!("/proc/self/fd/{}", file.as_raw_fd());
        let link = || linkat(CWD, &unnamed, CWD, path, AtFlags::SYMLINK_FOLLOW);
        match link() {
            Err(rustix::io::Errno::EXIST) => {
                fs::remove_file(path)?;
                Ok(link()?)
            }
            linked => Ok(linked?),
        }
    }
}

/// Writes under a temporary name, and then renames.
fn write_renamed(folder: &Path, path: &Path, content: Content<'_>) -> io::Result<()> {
    let (file, name) = tempfile::Builder::new()
        .prefix(".client")
        .permissions(Permissions::from_mode(MODE))
        .tempfile_in(folder)?
        .into_parts();
    filled(file, content)?;
    name.persist(path)?;
    Ok(())
}

fn filled(file: File, content: Content<'_>) -> io::Result<File> {
    let mut file = BufWriter::with_capacity(1 << 16, file);
    content(&mut file)?;
    Ok(file.into_inner()?)
}

fn write_lines(file: &mut impl Write, hashes: &Hashes) -> io::Result<()> {
    for hash in hashes.iter() {
        file.write_all(hash.as_bytes())?;
        file.write_all(b"\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::samples::{hashes, name};

    /// Both ways to write, in a folder of their own.
    fn both_ways(check: impl Fn(&Path, fn(&Path, &Path, Content<'_>) -> io::Result<()>)) {
        for way in [write, write_renamed] {
            check(tempfile::tempdir().unwrap().path(), way);
        }
    }

    fn files(folder: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        fs::read_dir(folder)
            .unwrap()
            .map(|e| name(e).into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_file_is_its_hashes_one_a_line_and_replaces_an_older_one() {
        both_ways(|folder, write| {
            let path = folder.join("client1_f");
            fs::write(&path, "something older and longer\n".repeat(9)).unwrap();
            for letters in ["ab", "", "c"] {
                write(folder, &path, &|file| write_lines(file, &hashes(letters))).unwrap();
                let lines: String = letters
                    .chars()
                    .map(|letter| letter.to_string().repeat(32) + "\n")
                    .collect();
                assert_eq!(fs::read_to_string(&path).unwrap(), lines);
                assert_eq!(files(folder), ["client1_f"]);
            }
            let new = folder.join("plain");
            fs::write(&new, "").unwrap();
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(
                mode(&path),
                mode(&new),
                "it is as accessible as any new file"
            );
        });
    }

    #[test]
    fn what_cannot_be_written_is_named_and_leaves_nothing() {
        both_ways(|folder, write| {
            fs::create_dir(folder.join("client1_f")).unwrap();
            let path = folder.join("client1_f");
            write(folder, &path, &|file| write_lines(file, &hashes("a"))).unwrap_err();
            assert_eq!(files(folder), ["client1_f"]);
        });
        let file = SavedFile {
            name: name("f"),
            hashes: hashes("a"),
        };
        let error = save(Path::new("/proc/nowhere"), Rank(3), &file);
        let error = error.unwrap_err().to_string();
        assert!(
            error.starts_with("cannot write /proc/nowhere/client3_f: "),
            "{error}"
        );
    }
}
