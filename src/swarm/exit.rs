//! The exit statuses of a run.

use std::fmt;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

/// How a run ends. The value is the exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// Everything that was asked for is done.
    Complete = 0,
    /// A file is missing because no client sent it.
    Missing = 1,
    /// Nothing was started.
    Refused = 2,
    /// A file is missing because it could not be written.
    NotWritten = 3,
    /// Nothing moved any more, or a signal ended the run.
    Stalled = 4,
    /// An error inside the program ended the run.
    Broken = 5,
}

impl Exit {
    /// All exit statuses, in order.
    pub const ALL: [Exit; 6] = [
        Exit::Complete,
        Exit::Missing,
        Exit::Refused,
        Exit::NotWritten,
        Exit::Stalled,
        Exit::Broken,
    ];

    /// The exit status of the process.
    pub fn status(self) -> u8 {
        self as u8
    }
}

/// Says what the status means, in words for the user.
impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Exit::Complete => "every wanted file was downloaded, by all clients that stayed",
            Exit::Missing => "a wanted file could not be had; everything else was downloaded",
            Exit::Refused => "nothing was started: options, ranks or inputs cannot be used",
            Exit::NotWritten => "an output could not be written; everything else was downloaded",
            Exit::Stalled => "the run was ended: nothing moved any more, or a signal came",
            Exit::Broken => "the run was broken off by an error inside",
        })
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.status())
    }
}
