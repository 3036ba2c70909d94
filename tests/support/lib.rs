//! What several test programs and the benchmark share.

pub mod generate;
pub mod job;
pub mod profiling;
pub mod repository;
pub mod world;
