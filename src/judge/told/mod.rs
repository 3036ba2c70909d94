//! What all runs of a program together amount to, and how that is told.

pub(crate) mod disagreements;
pub mod grading;
pub(crate) mod observations;
pub mod page;
pub(crate) mod points;
#[cfg(test)]
pub(crate) mod samples;
pub(crate) mod sheet;
