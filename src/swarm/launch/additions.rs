//! What an mpirun has to be told on this machine, besides what the user tells it.

use std::env;
use std::ffi::OsString;
use std::thread;

use super::{Mpi, Mpirun, environment};

/// The options and variables that this program adds to the user's.
#[derive(Debug, Default)]
pub struct Additions {
    /// Options, in front of the user's.
    pub options: Vec<&'static str>,
    /// Environment variables that are set to 1.
    pub variables: Vec<&'static str>,
    /// Environment variables that are removed.
    pub removed: Vec<OsString>,
    /// A line for the user on each of them.
    pub reasons: Vec<String>,
}

/// What an mpirun finds where this runs.
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    /// The ranks that Open MPI starts without being asked twice.
    cores: usize,
    /// Whether the mpirun would refuse to run as this user.
    is_unpermitted_root: bool,
    /// Whether a batch system tells mpirun where ranks go.
    is_scheduled: bool,
    /// Whether mpirun can start nothing by way of Slurm, for all this is a step of srun.
    is_in_step: bool,
}

impl Machine {
    /// This machine for the current user, as a library's mpirun finds it.
    pub fn this(mpi: &Mpi) -> Machine {
        let available = thread::available_parallelism().map_or(1, usize::from);
        let is_set = |name: &&str| env::var_os(name).is_some();
        let is_in_step = environment::is_in_step();
        Machine {
            cores: num_cpus::get_physical().min(available),
            is_unpermitted_root: rustix::process::geteuid().is_root()
                && !mpi.as_root.iter().all(is_set),
            is_scheduled: !is_in_step
                && ["SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID"]
                    .iter()
                    .any(is_set),
            is_in_step,
        }
    }

    /// The same machine for root.
    pub fn with_root(self) -> Machine {
        Machine {
            is_unpermitted_root: true,
            ..self
        }
    }
}

impl Mpirun {
    /// What it has to be told on this machine, for this number of ranks.
    pub fn additions(&self, ranks: usize, machine: Machine) -> Additions {
        let Mpirun { mpi, options, .. } = self;
        let mut additions = Additions::default();
        let places_ranks = |option: &OsString| {
            let option = option.to_string_lossy();
            option.starts_with('-') && mpi.placement.contains(&option.trim_start_matches('-'))
        };
        let cores = machine.cores;
        if let Some(oversubscribe) = mpi.oversubscribe
            && ranks > cores
            && !machine.is_scheduled
            && !options.iter().any(places_ranks)
        {
            additions.options.push(oversubscribe);
            let noun = if cores == 1 { "core" } else { "cores" };
            let reason = format!("{oversubscribe} added, for {ranks} ranks on {cores} {noun}");
            additions.reasons.push(reason);
        }
        if machine.is_unpermitted_root && !mpi.as_root.is_empty() {
            additions.variables.extend(mpi.as_root);
            let reason = format!("{} set to 1, for this is root", mpi.as_root.join(" and "));
            additions.reasons.push(reason);
        }
        if machine.is_in_step {
            additions.removed = environment::slurms();
            additions.reasons.push(
                "Slurm's variables removed, for this is a step of srun, in which mpirun can start no other: \
                 all ranks are on this host"
                    .into(),
            );
        }
        additions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn additions(mpi: &'static Mpi, ranks: usize, options: &[&str], machine: Machine) -> Additions {
        let mpirun = Mpirun {
            path: "mpirun".into(),
            mpi,
            options: options.iter().map(OsString::from).collect(),
        };
        mpirun.additions(ranks, machine)
    }

    const ROOMY: Machine = Machine {
        cores: 4,
        is_unpermitted_root: false,
        is_scheduled: false,
        is_in_step: false,
    };

    #[test]
    fn open_mpi_is_told_of_more_ranks_than_cores_unless_ranks_are_placed_otherwise() {
        let options =
            |mpi, ranks, options: &[&str], machine| additions(mpi, ranks, options, machine).options;
        let scheduled = Machine {
            is_scheduled: true,
            ..ROOMY
        };
        assert_eq!(options(Mpi::OPEN_MPI, 5, &[], ROOMY), ["--oversubscribe"]);
        assert_eq!(
            options(Mpi::OPEN_MPI, 5, &["--mca", "btl", "tcp,self"], ROOMY),
            ["--oversubscribe"]
        );
        assert!(options(Mpi::OPEN_MPI, 4, &[], ROOMY).is_empty());
        assert!(options(Mpi::OPEN_MPI, 5, &["--hostfile", "hosts"], ROOMY).is_empty());
        assert!(options(Mpi::OPEN_MPI, 5, &["-oversubscribe"], ROOMY).is_empty());
        assert!(options(Mpi::OPEN_MPI, 5, &[], scheduled).is_empty());
        assert!(options(Mpi::MPICH, 5, &[], ROOMY).is_empty());
        assert!(options(Mpi::OTHER, 5, &[], ROOMY).is_empty());
    }

    #[test]
    fn root_is_permitted_where_open_mpi_asks_for_it() {
        let root = Machine {
            is_unpermitted_root: true,
            ..ROOMY
        };
        let variables = |mpi, machine| additions(mpi, 1, &[], machine).variables;
        assert_eq!(variables(Mpi::OPEN_MPI, root), Mpi::OPEN_MPI.as_root);
        assert!(variables(Mpi::OPEN_MPI, ROOMY).is_empty());
        assert!(variables(Mpi::MPICH, root).is_empty());
    }

    #[test]
    fn every_addition_is_said() {
        let machine = Machine {
            cores: 1,
            is_unpermitted_root: true,
            is_in_step: true,
            ..ROOMY
        };
        assert_eq!(
            additions(Mpi::OPEN_MPI, 3, &[], machine).reasons,
            [
                "--oversubscribe added, for 3 ranks on 1 core",
                "OMPI_ALLOW_RUN_AS_ROOT and OMPI_ALLOW_RUN_AS_ROOT_CONFIRM set to 1, for this is root",
                "Slurm's variables removed, for this is a step of srun, in which mpirun can start no other: \
                 all ranks are on this host",
            ]
        );
    }
}
