//! Every file that a command writes goes through here, whole or not at all.
//!
//! * `claims` compares each output with all inputs and all other outputs before the work begins, and refuses what
//!   cannot be written.
//! * `folders` are created if missing, and removed again if the command is refused. A command can have one to itself.
//! * `place` is where an output goes: a file, or something that is written through.
//! * `whole` replaces a regular file at once: there is never half a file, nor a moment with neither.

mod claims;
mod folders;
mod place;
mod whole;

use crate::shown::Shown;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub use claims::Claims;
pub use folders::{Held, NewFolders, ready};
pub use place::Output;

use crate::client::SavedFile;
use crate::protocol::{Hashes, Rank, output_name};
use crate::report::Report;
use crate::trace::{self, Header, Merge, Spool, TracePart};

/// Writes the content of a file.
pub type Content<'a> = &'a dyn Fn(&mut dyn Write) -> io::Result<()>;

/// A file that could not be written.
#[derive(Debug)]
pub struct NotWritten {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

impl NotWritten {
    fn new(path: &Path, error: io::Error) -> NotWritten {
        let path = path.to_owned();
        NotWritten { path, error }
    }
}

/// In words for the user.
impl fmt::Display for NotWritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write {}: {}", self.path.shown(), self.error)
    }
}

impl std::error::Error for NotWritten {}

/// Writes a file that is compared with no other.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, content: &[u8]) -> Result<(), NotWritten> {
    Output::at(path)?.write(&|out| out.write_all(content))
}

/// Writes a client's file into `folder`, which is created if missing: its hashes in order, one a line.
///
/// # Errors
/// When it cannot be written.
pub fn save(folder: &Path, client: Rank, file: &SavedFile) -> Result<(), NotWritten> {
    let path = folder.join(output_name(client, &file.name));
    fs::create_dir_all(folder).map_err(|error| NotWritten::new(&path, error))?;
    Output::at(&path)?.write(&|mut lines| write_lines(&mut lines, &file.hashes))
}

/// Writes a report.
///
/// # Errors
/// When it could not be written.
pub fn save_report(output: &Output, report: &Report) -> Result<(), NotWritten> {
    output.write(&|out| {
        serde_json::to_writer_pretty(&mut *out, report)?;
        out.write_all(b"\n")
    })
}

/// Writes a trace: joins the parts of its threads.
///
/// # Errors
/// When it could not be written.
pub fn save_trace(output: &Output, header: &Header, parts: &[PathBuf]) -> Result<(), NotWritten> {
    let is_compressed = is_compressed(output);
    output.write(&|out| {
        let parts = (parts.iter()).filter_map(|path| TracePart::open(path).transpose());
        let parts: Vec<TracePart> = parts.collect::<anyhow::Result<_>>().map_err(inside)?;
        let events = Merge::new(parts.into_iter().map(|part| (part.owner(), part)));
        trace::write(out, is_compressed, header, events).map_err(inside)
    })
}

/// Begins a trace whose events come one by one.
///
/// # Errors
/// When nothing can be written there.
pub fn begin_trace(output: &Output) -> Result<Spool, NotWritten> {
    let folder = output.folder().map(Path::to_owned);
    let folder = folder.unwrap_or_else(std::env::temp_dir);
    let spool = Spool::new(&folder, is_compressed(output));
    spool.map_err(|error| NotWritten::new(output.path(), error))
}

/// Writes such a trace when all events have come.
///
/// # Errors
/// When it, or an event before, could not be written.
pub fn save_spooled(output: &Output, header: &Header, spool: Spool) -> Result<(), NotWritten> {
    let events = spool.close();
    let events = events.map_err(|error| NotWritten::new(output.path(), error))?;
    output.write(&|mut out| events.give(header, &mut out))
}

/// Whether a trace of this name is compressed.
fn is_compressed(output: &Output) -> bool {
    (output.path().extension()).is_some_and(|extension| extension == "zst")
}

/// The error as one of the system, for the user.
pub fn inside(error: anyhow::Error) -> io::Error {
    match error.downcast() {
        Ok(error) => error,
        Err(error) => io::Error::other(format!("{error:#}")),
    }
}

/// The folder that a file is in, or is to be in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != "" => folder,
        _ => Path::new("."),
    }
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

    fn file(letters: &str) -> SavedFile {
        let (name, hashes) = (name("f"), hashes(letters));
        SavedFile { name, hashes }
    }

    #[test]
    fn a_clients_file_is_its_hashes_one_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("some/where");
        for letters in ["ab", "", "c"] {
            save(&out, Rank(1), &file(letters)).unwrap();
            let lines = letters
                .chars()
                .map(|letter| letter.to_string().repeat(32) + "\n");
            let text = fs::read_to_string(out.join("client1_f")).unwrap();
            assert_eq!(text, lines.collect::<String>());
        }
    }

    #[test]
    fn a_clients_file_that_cannot_be_written_is_named() {
        let error = save(Path::new("/proc/nowhere"), Rank(3), &file("a"));
        let error = error.unwrap_err().to_string();
        let named = "cannot write /proc/nowhere/client3_f: ";
        assert!(error.starts_with(named), "{error}");
    }
}
