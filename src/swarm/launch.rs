//! Starts a swarm with mpirun, and tells what launchers say of the ranks that they started.
//!
//! * `libraries` is the table of the MPI libraries: all that this program knows of each.
//! * `mpirun` finds the mpirun of a library, `additions` is what it has to be told here, and
//!   `start` runs it. `attend` stays with it: it passes signals on, leaves out what is `repeated`, and looks
//!   whether the ranks that were `started` have ended.
//! * `environment` reads what a launcher leaves in the environment of a rank, and `roll` which
//!   ranks are on this host.

mod additions;
#[cfg(feature = "mpi")]
mod attend;
mod environment;
mod libraries;
mod mpirun;
#[cfg(feature = "mpi")]
mod repeated;
mod roll;
#[cfg(feature = "mpi")]
mod start;
#[cfg(feature = "mpi")]
mod started;

use std::ffi::OsString;
use std::path::PathBuf;

pub use additions::{Additions, Machine};
#[cfg(feature = "mpi")]
pub use environment::is_one_of_several;
pub use environment::{is_first, rank, rank_in_shell, ranks, ranks_here};
pub use libraries::Mpi;
pub use mpirun::Mpirun;
pub use roll::Roll;
#[cfg(feature = "mpi")]
pub use start::{lone_rank, lost_ranks};

/// A swarm that is to be started with mpirun.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The folder of `in<R>.txt`.
    pub input_dir: PathBuf,
    /// The mpirun that the user names.
    pub mpirun: Option<OsString>,
    /// The user's options of mpirun.
    pub mpirun_options: Vec<OsString>,
    /// The options of the ranks.
    pub options: Vec<OsString>,
    /// Print nothing but problems.
    pub quiet: bool,
}
