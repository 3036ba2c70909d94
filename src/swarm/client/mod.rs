//! A client: it registers, and then downloads and uploads until the tracker stops it. State
//! machines only; the threads that drive them are in [`crate::runtime`].

mod download;
mod fetch;
mod first_copy;
mod flight;
mod hints;
mod lacking;
mod library;
mod link;
mod member;
mod members;
mod part;
mod sources;
mod trial;
mod upload;

use std::sync::Arc;

use anyhow::{Result, ensure};

use crate::manifest::Manifest;
use crate::protocol::{FileId, Init, Rank};
use crate::settings::Settings;

pub use download::{Download, Effect, SavedFile};
pub use library::Library;
pub use part::{Conduct, Leaving, Part};
pub use upload::Upload;

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
    part: Part,
) -> Result<(Download, Upload)> {
    let Manifest { owned, wanted } = manifest;
    ensure!(
        numbers.len() == owned.len(),
        "expected INIT_ACK with {} numbers of files, found {}",
        owned.len(),
        numbers.len()
    );
    let library = Arc::new(Library::default());
    if let Leaving::At(time) = part.leaving {
        library.close(time);
    }
    for (&id, file) in numbers.iter().zip(&owned) {
        library.own(id, file.hashes.clone());
    }
    let sizes = owned.iter().map(|file| file.hashes.len());
    let sizes: Vec<_> = numbers.iter().copied().zip(sizes).collect();
    Ok((
        Download::new(me, owned, wanted, Arc::clone(&library), settings).playing(part),
        Upload::new(me, library, part.conduct, &settings).playing(part, &sizes),
    ))
}

#[cfg(test)]
mod tests;
