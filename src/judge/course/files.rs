//! The files of a submission: their fingerprint, a copy to build in, and the programs among them.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The files, folders and links in a folder and below, without `.git`, by their paths from there.
fn entries(folder: &Path) -> io::Result<BTreeMap<PathBuf, Metadata>> {
    let mut entries = BTreeMap::new();
    let mut below = vec![PathBuf::new()];
    while let Some(path) = below.pop() {
        for entry in fs::read_dir(folder.join(&path))? {
            let entry = entry?;
            let (path, metadata) = (path.join(entry.file_name()), entry.metadata()?);
            if entry.file_name() == ".git" {
                continue;
            }
            if metadata.is_dir() {
                below.push(path.clone());
            }
            if metadata.is_dir() || metadata.is_symlink() || metadata.is_file() {
                entries.insert(path, metadata);
            }
        }
    }
    Ok(entries)
}

/// A text that changes when the submission or the settings change.
pub(super) fn fingerprint(folder: &Path, settings: &str) -> Result<String> {
    // Another compiler may hash otherwise: then all are graded again.
    let mut hasher = DefaultHasher::new();
    (env!("CARGO_PKG_VERSION"), settings).hash(&mut hasher);
    let mut fingerprint = || {
        for (path, metadata) in entries(folder)? {
            let whole = folder.join(&path);
            path.hash(&mut hasher);
            if metadata.is_symlink() {
                fs::read_link(whole)?.hash(&mut hasher);
            } else if metadata.is_file() {
                metadata.permissions().mode().hash(&mut hasher);
                fs::read(whole)?.hash(&mut hasher);
            }
        }
        io::Result::Ok(format!("{:016x}", hasher.finish()))
    };
    fingerprint().with_context(|| format!("cannot read {}", folder.display()))
}

/// Copies a submission without what was compiled, so that what is compiled in the copy is by the build.
pub(super) fn copy(folder: &Path, to: &Path) -> Result<()> {
    let copy = || {
        for (path, metadata) in entries(folder)? {
            let (from, to) = (folder.join(&path), to.join(&path));
            if metadata.is_dir() {
                fs::create_dir(to)?;
            } else if metadata.is_symlink() {
                symlink(fs::read_link(from)?, to)?;
            } else if !is_elf(&from)? {
                fs::copy(from, to)?;
            }
        }
        io::Result::Ok(())
    };
    copy().with_context(|| format!("cannot copy {}", folder.display()))
}

/// The programs in a folder and below: compiled, executable, and no libraries.
pub(super) fn programs(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut programs = Vec::new();
    for (path, metadata) in entries(folder)? {
        let is_executable = metadata.is_file() && metadata.permissions().mode() & 0o111 != 0;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_library = name.ends_with(".so") || name.contains(".so.");
        let whole = folder.join(&path);
        if is_executable && !is_library && is_elf(&whole)? {
            programs.push(whole);
        }
    }
    Ok(programs)
}

/// Whether a compiler or a linker made it.
fn is_elf(path: &Path) -> io::Result<bool> {
    const MAGIC: &[u8] = b"\x7fELF";
    let mut start = Vec::new();
    File::open(path)?
        .take(MAGIC.len() as u64)
        .read_to_end(&mut start)?;
    Ok(start == MAGIC)
}
