//! The assignment "Protocolul BitTorrent" on MPI.

pub mod cli;
pub mod client;
pub mod exit;
pub mod manifest;
pub mod protocol;
pub mod report;
pub mod runtime;
pub mod tracker;
