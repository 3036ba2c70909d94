//! `bittorrent grade`: runs somebody's program for the assignment and says what is right and what is
//! wrong, and why.

pub mod calls;
pub mod cases;
pub mod conduct;
pub mod dialogue;
mod elf;
pub mod grading;
pub mod inputs;
#[cfg(test)]
mod made_up;
pub mod messages;
pub mod outcome;
pub mod page;
pub mod profiling;
pub mod recording;
pub mod run;
pub mod sandbox;
pub mod summary;
pub mod verdict;
mod words;
