//! `bittorrent grade`: runs somebody's program for the assignment and says what is right and what is
//! wrong, and why.

pub mod all;
pub mod calls;
pub mod cases;
pub mod conduct;
pub mod dialogue;
mod elf;
pub mod grader;
pub mod grading;
pub mod hang;
pub mod inputs;
#[cfg(test)]
mod made_up;
pub mod messages;
pub mod mpi_use;
pub mod options;
pub mod outcome;
pub mod page;
pub mod points;
pub mod profiling;
pub mod recording;
pub mod run;
#[cfg(test)]
mod samples;
pub mod sandbox;
pub mod sheet;
pub mod summary;
pub mod verdict;
mod words;
