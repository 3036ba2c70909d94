//! How runs are made: the tests, the recorder, the sandbox, and the signal that ends them.

pub mod cases;
pub(crate) mod elf;
pub mod profiling;
pub(crate) mod sandbox;
pub mod sanitizer;
pub mod stop;
