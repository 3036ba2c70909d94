//! On which host a rank is: what is missing on one may be there on another.

use std::fmt;

/// The name of the host that this rank is on.
pub(super) fn this() -> String {
    mpi::environment::processor_name().unwrap_or_default()
}

/// A path, or a text that begins with one, for a user on rank 0's host: behind the name of its host, if
/// that is another.
pub(super) fn located(elsewhere: Option<&str>, path: impl fmt::Display) -> String {
    match elsewhere {
        None => path.to_string(),
        Some(host) => format!("{host}:{path}"),
    }
}
