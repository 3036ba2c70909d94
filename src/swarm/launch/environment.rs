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

/// And how many of these on this host: Open MPI's, and MPICH's.
const RANKS_HERE: [&str; 2] = ["OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS"];

/// The rank that a launcher gave this process, if one did.
pub fn rank() -> Option<u32> {
    number(&RANK)
}

/// Whether this process speaks for all: it has rank 0, or no launcher started it.
pub fn is_first() -> bool {
    rank().is_none_or(|rank| rank == 0)
}

/// How many ranks a launcher started together with this process, itself included.
pub fn ranks() -> Option<u32> {
    number(&RANKS)
}

/// How many of them are on this host, if the launcher has said so.
pub fn ranks_here() -> Option<u32> {
    number(&RANKS_HERE)
}

/// The rank that a launcher gave another process, from that one's variables as Linux shows them.
pub(super) fn rank_among(variables: &[u8]) -> Option<u32> {
    let value = |name: &str| {
        let mut variables = variables.split(|byte| *byte == 0);
        let value = variables.find_map(|variable| {
            let rest = variable.strip_prefix(name.as_bytes())?;
            rest.strip_prefix(b"=")
        })?;
        str::from_utf8(value).ok()?.parse().ok()
    };
    RANK.iter().find_map(|name| value(name))
}

/// Whether an mpirun started this process. A batch system may have started the shell that did.
pub fn is_under_mpirun() -> bool {
    number(&RANKS[..2]).is_some()
}

fn number(names: &[&str]) -> Option<u32> {
    let number = names.iter().find_map(|name| env::var(name).ok())?;
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rank_is_read_from_another_process_variables() {
        assert_eq!(
            rank_among(b"HOME=/\0OMPI_COMM_WORLD_RANK=12\0A=1\0"),
            Some(12)
        );
        assert_eq!(rank_among(b"PMI_RANKS=3\0PMI_RANK=2"), Some(2));
        assert_eq!(rank_among(b"PMI_RANKS=3\0MY_PMI_RANK=2\0PMI_RANK=x"), None);
    }
}
