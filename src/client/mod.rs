//! A client: it registers, and then downloads and uploads until the tracker stops it. State
//! machines only; the threads that drive them are in [`crate::runtime`].

mod download;
mod fetch;
mod library;
mod members;
mod sources;
mod upload;

use std::sync::Arc;

use anyhow::{Result, ensure};

use crate::manifest::Manifest;
use crate::protocol::{FileId, Init, Rank};
use crate::settings::Settings;

pub use download::{Download, Effect, SavedFile};
pub use library::Library;
pub use upload::Upload;

/// How a client answers requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conduct {
    /// By what it holds (R9).
    Honest,
    /// Every request with a wrong hash: an experiment on the others.
    Corrupt,
}

/// What a client says of its input (R1).
pub fn init(input: &Result<Manifest, Vec<String>>) -> Init {
    match input {
        Ok(manifest) => Init::Ready(manifest.owned.clone()),
        Err(problems) => Init::Unable(problems.clone()),
    }
}

/// A registered client's two halves, once the tracker has said to start and dealt the client's own
/// files their numbers.
///
/// # Errors
/// When the tracker dealt more or fewer numbers than the client has files.
pub fn start(
    me: Rank,
    manifest: Manifest,
    numbers: &[FileId],
    settings: Settings,
    conduct: Conduct,
) -> Result<(Download, Upload)> {
    let Manifest { owned, wanted } = manifest;
    ensure!(
        numbers.len() == owned.len(),
        "expected INIT_ACK with {} numbers of files, found {}",
        owned.len(),
        numbers.len()
    );
    let library = Arc::new(Library::default());
    for (&id, file) in numbers.iter().zip(&owned) {
        library.own(id, file.hashes.clone());
    }
    Ok((
        Download::new(me, owned, wanted, Arc::clone(&library), settings),
        Upload::new(library, conduct, &settings),
    ))
}
