//! Output files: `client<R>_<NAME>`, whole or not at all.

use std::fs::Permissions;
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};

use crate::client::SavedFile;
use crate::protocol::Rank;

/// Writes a client's file into `folder`: its hashes in order, one a line.
///
/// It is written under a temporary name and then renamed, so that nobody ever sees a part of it,
/// and an older file of the same name is replaced.
///
/// # Errors
/// When the folder cannot be written to. Nothing new is left in it then.
pub(super) fn save(folder: &Path, client: Rank, file: &SavedFile) -> Result<()> {
    let path = folder.join(format!("client{client}_{}", file.name));
    write(folder, &path, file).with_context(|| format!("cannot write {}", path.display()))
}

fn write(folder: &Path, path: &Path, file: &SavedFile) -> Result<()> {
    let temporary = tempfile::Builder::new()
        .prefix(".client")
        .permissions(Permissions::from_mode(0o666)) // less the umask, like any other new file
        .tempfile_in(folder)?;
    let mut lines = BufWriter::with_capacity(1 << 16, temporary);
    for hash in file.hashes.iter() {
        lines.write_all(hash.as_bytes())?;
        lines.write_all(b"\n")?;
    }
    lines.into_inner()?.persist(path)?;
    Ok(())
}
