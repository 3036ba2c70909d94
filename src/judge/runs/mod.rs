//! How runs are made: the tests, the recorder, the sandbox.

pub mod cases;
pub(crate) mod elf;
pub mod profiling;
pub(crate) mod sandbox;
pub mod sanitizer;
