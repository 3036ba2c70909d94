//! The exit statuses, in one place.

use std::process::ExitCode;

/// How a run ends, as its exit status says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Every wanted file was downloaded.
    Complete = 0,
    /// A wanted file could not be had; everything else was downloaded.
    Missing = 1,
    /// Nothing was started: the options, the number of ranks or an input cannot be used.
    Refused = 2,
    /// The run was broken off.
    Broken = 5,
}

impl Exit {
    /// The number that the process ends with.
    pub fn status(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.status())
    }
}
