//! What the environment says about who started this process, before MPI is there to ask.

use std::env;

/// Where launchers leave a process's rank: Open MPI, MPICH and Intel MPI, PMIx, Slurm.
const RANK: [&str; 4] = [
    "OMPI_COMM_WORLD_RANK",
    "PMI_RANK",
    "PMIX_RANK",
    "SLURM_PROCID",
];

/// And where, how many they started: mpirun's, and Slurm's srun.
const RANKS: [&str; 3] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"];

/// The rank that a launcher gave this process, if one did.
pub fn rank() -> Option<u32> {
    number(&RANK)
}

/// Whether this process speaks for all: it has rank 0, or no launcher started it.
pub fn is_first() -> bool {
    rank().is_none_or(|rank| rank == 0)
}

/// How many ranks a launcher started together with this process, itself included.
pub(super) fn ranks() -> Option<u32> {
    number(&RANKS)
}

/// Whether an mpirun started this process. A batch system may have started the shell that did.
pub(super) fn is_under_mpirun() -> bool {
    number(&RANKS[..2]).is_some()
}

fn number(names: &[&str]) -> Option<u32> {
    let number = names.iter().find_map(|name| env::var(name).ok())?;
    number.parse().ok()
}
