//! What a launcher says in the environment of the ranks that it starts, before MPI can be asked.

use std::env;

use super::Mpi;

/// The variables in which PMIx and Slurm's srun leave a rank. They belong to no MPI library.
const LAUNCHERS_RANK: [&str; 2] = ["PMIX_RANK", "SLURM_PROCID"];

/// The variable in which Slurm's srun leaves the number of ranks.
const SRUNS_RANKS: &str = "SLURM_STEP_NUM_TASKS";

/// The variables that may hold a rank, in the order in which they are looked at.
fn rank_variables() -> impl Iterator<Item = &'static str> {
    Mpi::all_variables().map(|of| of.rank).chain(LAUNCHERS_RANK)
}

/// The rank that a launcher gave this process, if one did.
pub fn rank() -> Option<u32> {
    number(rank_variables())
}

/// Whether this process speaks for all: it has rank 0, or no launcher started it.
pub fn is_first() -> bool {
    rank().is_none_or(|rank| rank == 0)
}

/// How many ranks a launcher started together with this process, itself included.
pub fn ranks() -> Option<u32> {
    number(Mpi::all_variables().map(|of| of.ranks).chain([SRUNS_RANKS]))
}

/// How many of them are on this host, if the launcher has said so.
pub fn ranks_here() -> Option<u32> {
    number(Mpi::all_variables().map(|of| of.ranks_here))
}

/// An expression that a shell expands to the rank that an mpirun gave it, or to nothing without one.
pub fn rank_in_shell() -> String {
    Mpi::all_variables()
        .rev()
        .fold(String::new(), |others, of| {
            format!("${{{}:-{others}}}", of.rank)
        })
}

/// The rank that a launcher gave another process. `variables` is its `/proc/PID/environ`.
pub(super) fn rank_among(variables: &[u8]) -> Option<u32> {
    let value = |name: &str| {
        let mut variables = variables.split(|byte| *byte == 0);
        let value = variables.find_map(|variable| {
            let rest = variable.strip_prefix(name.as_bytes())?;
            rest.strip_prefix(b"=")
        })?;
        str::from_utf8(value).ok()?.parse().ok()
    };
    rank_variables().find_map(value)
}

/// Whether an mpirun started this process. A batch system may have started the shell that did.
#[cfg(feature = "mpi")]
pub(super) fn is_under_mpirun() -> bool {
    number(Mpi::all_variables().map(|of| of.ranks)).is_some()
}

fn number(mut names: impl Iterator<Item = &'static str>) -> Option<u32> {
    let number = names.find_map(|name| env::var(name).ok())?;
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

    #[test]
    fn a_shell_looks_at_one_library_after_another() {
        let expression = rank_in_shell();
        let first = "${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-";
        assert!(expression.starts_with(first), "{expression}");
    }
}
