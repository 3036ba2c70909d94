//! The assignment: a tracker and its clients.

pub mod client;
pub mod event;
pub mod exit;
pub mod inputs;
pub mod launch;
pub mod manifest;
pub mod options;
pub mod output;
pub mod policy;
pub mod progress;
pub mod protocol;
pub mod report;
#[cfg(feature = "mpi")]
pub mod runtime;
pub mod scenario;
pub mod settings;
pub mod statistics;
pub mod trace;
pub mod tracker;
