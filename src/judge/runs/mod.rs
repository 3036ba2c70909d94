//! How programs are run.

pub mod cases;
pub(crate) mod elf;
pub mod profiling;
pub(crate) mod sandbox;
