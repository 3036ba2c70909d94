//! `bittorrent grade`: runs somebody's program for the assignment and says what is right and what is
//! wrong, and why.

mod all;
pub mod calls;
pub mod cases;
mod conduct;
mod dialogue;
mod elf;
mod grader;
pub mod grading;
mod hang;
pub mod inputs;
#[cfg(test)]
mod made_up;
mod messages;
mod mpi_use;
pub mod options;
mod outcome;
pub mod page;
mod points;
pub mod profiling;
mod recording;
pub mod run;
#[cfg(test)]
mod samples;
mod sandbox;
mod sheet;
mod summary;
pub mod verdict;
mod words;
