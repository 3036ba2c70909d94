//! What the environment says about who started this process, before MPI is there to ask.

use std::env;

/// Where launchers leave a process's rank: Open MPI, MPICH and Intel MPI, PMIx, Slurm.
const RANK: [&str; 4] = [
    "OMPI_COMM_WORLD_RANK",
    "PMI_RANK",
    "PMIX_RANK",
    "SLURM_PROCID",
];

/// The rank that a launcher gave this process, if one did.
pub fn rank() -> Option<u32> {
    let rank = RANK.iter().find_map(|name| env::var(name).ok())?;
    rank.parse().ok()
}

/// Whether this process speaks for all: it has rank 0, or no launcher started it.
pub fn is_first() -> bool {
    rank().is_none_or(|rank| rank == 0)
}
