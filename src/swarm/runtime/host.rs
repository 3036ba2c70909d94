//! On which host a rank is: what is missing on one may be there on another.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A host, by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Host(String);

impl Host {
    /// The one that this rank is on.
    pub(super) fn this() -> Host {
        Host(mpi::environment::processor_name().unwrap_or_default())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A path, or a text that begins with one, for a user on rank 0's host: behind the name of its host, if
/// that is another.
pub(super) fn located(elsewhere: Option<&Host>, path: impl fmt::Display) -> String {
    match elsewhere {
        None => path.to_string(),
        Some(host) => format!("{host}:{path}"),
    }
}
