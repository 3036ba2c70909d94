//! The files of a submission: their fingerprint, a copy to build in, and the programs among them. Only
//! regular files are opened, and no more is read than a submission may have.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Seek};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rustix::fs::OFlags;
use swarm::shown::Shown;

/// The most bytes of all files of a submission.
const MOST_BYTES: u64 = 64 << 20;

/// The most files and folders of a submission. A build may make some more.
const MOST_ENTRIES: usize = 10_000;

/// The files, folders and links in a folder and below, without `.git`, by their paths from there.
///
/// # Errors
/// When they cannot all be listed, or there are more than `most`.
fn entries(folder: &Path, most: usize) -> Result<BTreeMap<PathBuf, Metadata>> {
    let mut entries = BTreeMap::new();
    let mut below = vec![PathBuf::new()];
    while let Some(path) = below.pop() {
        let list = || format!("cannot list {}", shown(folder, &path));
        for entry in fs::read_dir(folder.join(&path)).with_context(list)? {
            let entry = entry.with_context(list)?;
            if entry.file_name() == ".git" {
                continue;
            }
            let path = path.join(entry.file_name());
            let metadata = entry.metadata();
            let metadata =
                metadata.with_context(|| format!("cannot look at {}", shown(folder, &path)))?;
            if metadata.is_dir() {
                below.push(path.clone());
            }
            if metadata.is_dir() || metadata.is_symlink() || metadata.is_file() {
                entries.insert(path, metadata);
                ensure!(
                    entries.len() <= most,
                    "it has more than {most} files and folders"
                );
            }
        }
    }
    Ok(entries)
}

/// What a submission consists of.
///
/// # Errors
/// As [`entries`], and when its files are too large.
fn handed_in(folder: &Path) -> Result<BTreeMap<PathBuf, Metadata>> {
    let entries = entries(folder, MOST_ENTRIES)?;
    let files = || entries.iter().filter(|(_, metadata)| metadata.is_file());
    let bytes = files().fold(0u64, |sum, (_, file)| sum.saturating_add(file.len()));
    if let Some((path, largest)) = files().max_by_key(|(_, file)| file.len()) {
        ensure!(
            bytes <= MOST_BYTES,
            "its files have {} MiB, and at most {} are read: {} has {} MiB",
            bytes >> 20,
            MOST_BYTES >> 20,
            path.shown(),
            largest.len() >> 20
        );
    }
    Ok(entries)
}

/// A path as the user is told of it: without the folders above the submission, which may be a copy's.
fn shown(folder: &Path, path: &Path) -> String {
    let name = Path::new(folder.file_name().unwrap_or_default());
    name.join(path).shown()
}

/// Opens what was a regular file, if it still is one. A pipe would wait, and a device do anything.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).expect("flags are small");
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is no file"))
    }
}

/// The content of a file of a submission, which may grow meanwhile.
fn content(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    open(path)?.take(MOST_BYTES).read_to_end(&mut content)?;
    Ok(content)
}

/// A text that changes when the submission or the settings change.
///
/// # Errors
/// When a file cannot be read, or there are too many.
pub(super) fn fingerprint(folder: &Path, settings: &str) -> Result<String> {
    // Another compiler may hash otherwise: then all are graded again.
    let mut hasher = DefaultHasher::new();
    (env!("CARGO_PKG_VERSION"), settings).hash(&mut hasher);
    for (path, metadata) in handed_in(folder)? {
        let whole = folder.join(&path);
        let read = || format!("cannot read {}", shown(folder, &path));
        path.hash(&mut hasher);
        if metadata.is_symlink() {
            fs::read_link(whole).with_context(read)?.hash(&mut hasher);
        } else if metadata.is_file() {
            metadata.permissions().mode().hash(&mut hasher);
            content(&whole).with_context(read)?.hash(&mut hasher);
        }
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// Copies a submission without what was compiled, so that what is compiled in the copy is by the build.
///
/// # Errors
/// When a file cannot be read or written, or there are too many.
pub(super) fn copy(folder: &Path, to: &Path) -> Result<()> {
    for (path, metadata) in handed_in(folder)? {
        let (from, to) = (folder.join(&path), to.join(&path));
        let copied = if metadata.is_dir() {
            fs::create_dir(to)
        } else if metadata.is_symlink() {
            fs::read_link(from).and_then(|target| symlink(target, to))
        } else {
            copy_source(&from, &to)
        };
        copied.with_context(|| format!("cannot copy {}", shown(folder, &path)))?;
    }
    Ok(())
}

fn copy_source(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = open(from)?;
    if !is_elf(&source)? {
        source.rewind()?;
        let mut copy = File::create(to)?;
        copy.set_permissions(source.metadata()?.permissions())?;
        io::copy(&mut source.take(MOST_BYTES), &mut copy)?;
    }
    Ok(())
}

/// The programs in a folder and below: compiled, executable, and no libraries.
///
/// # Errors
/// When the folder cannot be read, or has too many files.
pub(super) fn programs(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut programs = Vec::new();
    for (path, metadata) in entries(folder, 2 * MOST_ENTRIES)? {
        let is_executable = metadata.is_file() && metadata.permissions().mode() & 0o111 != 0;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_library = name.ends_with(".so") || name.contains(".so.");
        let whole = folder.join(&path);
        if is_executable && !is_library && is_elf(&open(&whole)?)? {
            programs.push(whole);
        }
    }
    Ok(programs)
}

/// The object files in a folder and below.
///
/// # Errors
/// As [`programs`].
pub(super) fn objects(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut objects = Vec::new();
    for (path, metadata) in entries(folder, 2 * MOST_ENTRIES)? {
        let whole = folder.join(&path);
        let is_object = metadata.is_file() && path.extension().is_some_and(|it| it == "o");
        if is_object && is_elf(&open(&whole)?)? {
            objects.push(whole);
        }
    }
    Ok(objects)
}

/// Whether a compiler or a linker made it.
fn is_elf(file: &File) -> io::Result<bool> {
    const MAGIC: &[u8] = b"\x7fELF";
    let mut start = Vec::new();
    file.take(MAGIC.len() as u64).read_to_end(&mut start)?;
    Ok(start == MAGIC)
}
