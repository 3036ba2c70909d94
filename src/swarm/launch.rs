//! `bittorrent launch`: counts the inputs, and becomes an mpirun that starts a rank for each and one
//! for the tracker.

mod environment;
mod mpirun;
mod roll;
#[cfg(feature = "mpi")]
pub mod start;

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::thread;

pub use environment::{is_first, is_under_mpirun, rank, ranks, ranks_here};
pub use mpirun::{Mpi, Mpirun};
pub use roll::Roll;

/// What is to be started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Where `in<R>.txt` are.
    pub input_dir: PathBuf,
    /// Which mpirun, if the user says.
    pub mpirun: Option<OsString>,
    /// Its options, besides those that follow from the inputs and the machine.
    pub mpirun_options: Vec<OsString>,
    /// The options of the ranks.
    pub options: Vec<OsString>,
    /// Print nothing but problems.
    pub quiet: bool,
}

/// What mpirun has to be told here, besides what the user tells it.
#[derive(Debug, Default)]
pub struct Additions {
    /// In front of its other options.
    pub options: Vec<&'static str>,
    /// Set to 1 in its environment.
    pub variables: Vec<&'static str>,
    /// A line for the user on each of them.
    pub reasons: Vec<String>,
}

/// What matters of where this runs.
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    /// As many ranks Open MPI starts without being asked twice.
    cores: usize,
    /// Whether Open MPI would refuse to run as this user.
    is_unpermitted_root: bool,
    /// Whether a batch system tells mpirun where ranks go.
    is_scheduled: bool,
}

impl Machine {
    /// The same for root.
    pub fn with_root(self) -> Machine {
        Machine {
            is_unpermitted_root: true,
            ..self
        }
    }
}

/// The permission that Open MPI wants of root.
const AS_ROOT: [&str; 2] = ["OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"];

impl Machine {
    /// This one, for who runs this.
    pub fn this() -> Machine {
        let available = thread::available_parallelism().map_or(1, usize::from);
        let is_set = |name: &&str| env::var_os(name).is_some();
        Machine {
            cores: num_cpus::get_physical().min(available),
            is_unpermitted_root: rustix::process::geteuid().is_root()
                && !AS_ROOT.iter().all(is_set),
            is_scheduled: ["SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID"]
                .iter()
                .any(is_set),
        }
    }
}

impl Mpirun {
    /// What it has to be told on this machine.
    pub fn additions(&self, ranks: usize, machine: Machine) -> Additions {
        Additions::new(self.mpi, ranks, &self.options, machine)
    }
}

impl Additions {
    fn new(mpi: Mpi, ranks: usize, options: &[OsString], machine: Machine) -> Additions {
        let mut additions = Additions::default();
        if mpi != Mpi::OpenMpi {
            return additions;
        }
        let places_ranks = |option: &OsString| {
            let option = option.to_string_lossy();
            option.starts_with('-') && PLACEMENT.contains(&option.trim_start_matches('-'))
        };
        let cores = machine.cores;
        if ranks > cores && !machine.is_scheduled && !options.iter().any(places_ranks) {
            additions.options.push("--oversubscribe");
            let noun = if cores == 1 { "core" } else { "cores" };
            let reason = format!("--oversubscribe added, for {ranks} ranks on {cores} {noun}");
            additions.reasons.push(reason);
        }
        if machine.is_unpermitted_root {
            additions.variables.extend(AS_ROOT);
            let reason = format!("{} set to 1, for this is root", AS_ROOT.join(" and "));
            additions.reasons.push(reason);
        }
        additions
    }
}

/// Options of mpirun by which the user says where ranks go, without their dashes.
const PLACEMENT: [&str; 10] = [
    "H",
    "host",
    "hostfile",
    "machinefile",
    "map-by",
    "N",
    "nooversubscribe",
    "oversubscribe",
    "rankfile",
    "use-hwthread-cpus",
];

#[cfg(test)]
mod tests {
    use super::*;

    const ROOMY: Machine = Machine {
        cores: 4,
        is_unpermitted_root: false,
        is_scheduled: false,
    };

    #[test]
    fn open_mpi_is_told_of_more_ranks_than_cores_unless_ranks_are_placed_otherwise() {
        let options = |mpi, ranks, options: &[&str], machine| {
            let options: Vec<OsString> = options.iter().map(OsString::from).collect();
            Additions::new(mpi, ranks, &options, machine).options
        };
        let scheduled = Machine {
            is_scheduled: true,
            ..ROOMY
        };
        assert_eq!(options(Mpi::OpenMpi, 5, &[], ROOMY), ["--oversubscribe"]);
        assert_eq!(
            options(Mpi::OpenMpi, 5, &["--mca", "btl", "tcp,self"], ROOMY),
            ["--oversubscribe"]
        );
        assert!(options(Mpi::OpenMpi, 4, &[], ROOMY).is_empty());
        assert!(options(Mpi::OpenMpi, 5, &["--hostfile", "hosts"], ROOMY).is_empty());
        assert!(options(Mpi::OpenMpi, 5, &["-oversubscribe"], ROOMY).is_empty());
        assert!(options(Mpi::OpenMpi, 5, &[], scheduled).is_empty());
        assert!(options(Mpi::Mpich, 5, &[], ROOMY).is_empty());
        assert!(options(Mpi::Other, 5, &[], ROOMY).is_empty());
    }

    #[test]
    fn root_is_permitted_where_open_mpi_asks_for_it() {
        let root = Machine {
            is_unpermitted_root: true,
            ..ROOMY
        };
        let variables = |mpi, machine| Additions::new(mpi, 1, &[], machine).variables;
        assert_eq!(variables(Mpi::OpenMpi, root), AS_ROOT);
        assert!(variables(Mpi::OpenMpi, ROOMY).is_empty());
        assert!(variables(Mpi::Mpich, root).is_empty());
    }

    #[test]
    fn every_addition_is_said() {
        let machine = Machine {
            cores: 1,
            is_unpermitted_root: true,
            is_scheduled: false,
        };
        assert_eq!(
            Additions::new(Mpi::OpenMpi, 3, &[], machine).reasons,
            [
                "--oversubscribe added, for 3 ranks on 1 core",
                "OMPI_ALLOW_RUN_AS_ROOT and OMPI_ALLOW_RUN_AS_ROOT_CONFIRM set to 1, for this is root",
            ]
        );
    }
}
