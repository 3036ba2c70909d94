//! A client: it registers (`life`), and then downloads and uploads until the tracker stops it. These
//! are state machines only. The runtime drives them with threads, the twin in one process.

mod download;
mod fetch;
mod first_copy;
mod flight;
mod lacking;
mod library;
mod life;
mod link;
mod member;
mod members;
mod part;
mod queue;
mod sources;
mod stock;
mod trial;
mod upload;

pub use download::Download;
pub use library::Library;
pub use life::{Effect, Outbox, Registration, SavedFile, init};
pub use part::{Conduct, Leaving, Part};
pub use upload::Upload;

#[cfg(test)]
mod tests;
