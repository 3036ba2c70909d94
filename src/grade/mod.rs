//! `bittorrent grade`: runs somebody's program for the assignment and says what is right and what is
//! wrong, and why.

pub mod calls;
pub mod grading;
pub mod inputs;
pub mod messages;
pub mod run;
pub mod verdict;
