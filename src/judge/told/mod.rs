//! What is told of a grading.

pub(crate) mod all;
pub mod grading;
pub mod page;
pub(crate) mod points;
#[cfg(test)]
pub(crate) mod samples;
pub(crate) mod sheet;
pub(crate) mod summary;
