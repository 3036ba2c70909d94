//! What a launcher says in the environment of the ranks that it starts, before MPI can be asked.

use std::env;
use std::ffi::OsString;
#[cfg(feature = "mpi")]
use std::fs;

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

/// Whether this process speaks for all: it has rank 0, or no mpirun started it. What srun has started may be
/// no rank, but a shell in which somebody works; and an mpirun does not say a rank alone, but also of how many.
pub fn is_first() -> bool {
    let ranks = Mpi::all_variables().filter(|of| env::var_os(of.ranks).is_some());
    number(ranks.map(|of| of.rank)).is_none_or(|rank| rank == 0)
}

/// The beginnings of the variables in which Slurm says what it has started, and how its ranks find each other.
const SLURMS: [&str; 4] = ["SLURM_", "SLURMD_", "PMI_", "PMIX_"];

/// From this number on, Slurm's steps are of a special kind, such as the shell of `salloc`.
const SPECIAL_STEPS: u32 = 0xffff_fff0;

/// Whether this process belongs to a step of Slurm's srun, such as a shell that `srun --pty` has started.
/// mpirun would wait there for ever for another step, or finds no place for its ranks.
pub(super) fn is_in_step() -> bool {
    let [step, nodes] = ["SLURM_STEP_ID", "SLURM_NNODES"].map(|name| number([name].into_iter()));
    step.is_some_and(|step| step < SPECIAL_STEPS || nodes == Some(1))
}

/// The variables of this process that are Slurm's.
pub(super) fn slurms() -> Vec<OsString> {
    let names = env::vars_os().map(|(name, _)| name);
    let is_slurms = |name: &OsString| {
        let name = name.to_string_lossy();
        SLURMS.iter().any(|beginning| name.starts_with(beginning))
    };
    names.filter(is_slurms).collect()
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

/// Whether an mpirun started this process. A batch system may have started the shell that did, and srun sets
/// some of the variables of MPICH's.
#[cfg(feature = "mpi")]
pub(super) fn is_under_mpirun() -> bool {
    let of_mpich = is_in_step() && env::var_os("MPI_LOCALNRANKS").is_none();
    let all = Mpi::all_variables().map(|of| of.ranks);
    number(all.filter(|name| !(of_mpich && name.starts_with("PMI_")))).is_some()
}

/// Whether this process is a rank of a job that has others: an mpirun has started them, or srun. What a shell of
/// srun's starts is no rank.
#[cfg(feature = "mpi")]
pub fn is_one_of_several() -> bool {
    let is_of_srun = || {
        let parent = format!("/proc/{}/comm", std::os::unix::process::parent_id());
        is_in_step() && fs::read_to_string(parent).is_ok_and(|name| name.trim() == SLURMS_PARENT)
    };
    ranks().is_some_and(|ranks| ranks > 1) && (is_under_mpirun() || is_of_srun())
}

/// The process of Slurm's that starts a step's ranks.
#[cfg(feature = "mpi")]
const SLURMS_PARENT: &str = "slurmstepd";

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
