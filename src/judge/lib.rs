//! `bittorrent grade`: runs somebody else's program for the assignment, and says what is right and what
//! is wrong, and why.

pub mod checks;
pub mod command;
mod grader;
pub mod runs;
pub mod seen;
pub mod told;
