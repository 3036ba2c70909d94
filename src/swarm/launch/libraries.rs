//! The table of MPI libraries.
//!
//! A row is a library, with all that this program knows of it; [`Mpi::OTHER`] stands for all that it
//! does not know. To add a library, add a constant and list it in [`Mpi::ALL`].

use std::ffi::OsString;

/// An MPI library.
#[derive(Debug, PartialEq, Eq)]
pub struct Mpi {
    /// What people call it.
    pub name: &'static str,
    /// Words by which it, and its mpirun, name themselves when they are asked for their version.
    pub calls_itself: &'static [&'static str],
    /// What Debian appends to the names of its commands, so that several libraries can be installed
    /// side by side: `mpirun.SUFFIX`.
    suffix: Option<&'static str>,
    /// What its shared library is called. A version of it may follow after a dot.
    shared: &'static [&'static str],
    /// The environment variables that say which compilers `mpicc` and `mpic++` call, and what these usually are.
    called: &'static [(&'static str, &'static str)],
    /// The environment variables by which a rank knows its place.
    pub variables: Option<Variables>,
    /// The environment variables that permit its mpirun to run as root, if they are 1.
    pub as_root: &'static [&'static str],
    /// The option by which its mpirun starts more ranks than there are cores, if it takes one.
    pub oversubscribe: Option<&'static str>,
    /// Options of its mpirun, without their dashes, by which the user says how many ranks there are.
    pub(super) ranks: &'static [&'static str],
    /// Options of its mpirun, without their dashes, by which the user says where ranks go.
    pub(super) placement: &'static [&'static str],
    /// The processes with which it starts ranks. mpirun ends them, not the program.
    pub helpers: &'static [&'static str],
    /// The line above and below each message of its mpirun, if it has one on standard error.
    pub rule: Option<&'static str>,
    /// Messages of its mpirun that say with which status a rank has ended, and nothing else. `*` is any word, `STATUS`
    /// the status.
    pub says_how: &'static [&'static str],
    /// Messages that say that a rank has ended, in front of one that says how.
    pub says_that: &'static [&'static str],
    /// What it prints in front of the name of a function that has failed.
    pub failed_in: &'static [&'static str],
    /// How to install it.
    pub(super) packages: Packages,
}

/// 74 dashes.
const OPEN_MPIS_RULE: &str =
    "--------------------------------------------------------------------------";

/// The environment variables by which a library's ranks know their place.
#[derive(Debug, PartialEq, Eq)]
pub struct Variables {
    /// The rank.
    pub rank: &'static str,
    /// How many ranks there are.
    pub ranks: &'static str,
    /// How many of them are on this host.
    pub ranks_here: &'static str,
}

/// How to install a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packages {
    /// The command on macOS.
    pub(super) macos: &'static str,
    /// The command on Debian and what comes from it.
    pub(super) debian: &'static str,
    /// The command on Fedora and what comes from it.
    pub(super) fedora: &'static str,
    /// The command on Arch Linux.
    pub(super) arch: &'static str,
    /// The library and its address, for all other platforms.
    pub(super) elsewhere: &'static str,
}

impl Mpi {
    /// Open MPI. Its mpirun refuses root, and more ranks than cores, unless it is told.
    pub const OPEN_MPI: &Mpi = &Mpi {
        name: "Open MPI",
        calls_itself: &["Open MPI"],
        suffix: Some("openmpi"),
        // Since its version 1.8; MPICH and those that come from it have 12 at most.
        shared: &["libmpi.so.20", "libmpi.so.40"],
        called: &[("OMPI_CC", "gcc"), ("OMPI_CXX", "g++")],
        variables: Some(Variables {
            rank: "OMPI_COMM_WORLD_RANK",
            ranks: "OMPI_COMM_WORLD_SIZE",
            ranks_here: "OMPI_COMM_WORLD_LOCAL_SIZE",
        }),
        as_root: &["OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"],
        oversubscribe: Some("--oversubscribe"),
        ranks: &["c", "n", "np"],
        placement: &[
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
        ],
        helpers: &["orterun", "orted", "prte", "prted"],
        rule: Some(OPEN_MPIS_RULE),
        says_how: &[
            "* detected that one or more processes exited with non-zero status, thus causing the job to be \
             terminated. The first process to do so was: Process name: * Exit code: STATUS",
            "MPI_ABORT was invoked on rank * in communicator MPI_COMM_WORLD with errorcode STATUS NOTE: invoking \
             MPI_ABORT causes Open MPI to kill all MPI processes. You may or may not see output from other \
             processes, depending on exactly when Open MPI kills them.",
        ],
        says_that: &[
            "Primary job terminated normally, but 1 process returned a non-zero exit code. Per user-direction, the \
             job has been aborted.",
            "Primary job terminated normally, but * processes returned a non-zero exit code. Per user-direction, the \
             job has been aborted.",
        ],
        failed_in: &["error occurred in "],
        packages: Packages {
            macos: "brew install open-mpi",
            debian: "sudo apt-get install openmpi-bin",
            fedora: "sudo dnf install openmpi && module load mpi/openmpi-x86_64",
            arch: "sudo pacman -S openmpi",
            elsewhere: "Open MPI: https://www.open-mpi.org",
        },
    };

    /// MPICH. Its mpirun, which calls itself Hydra, passes SIGINT on to the ranks, and may forget what
    /// they printed last.
    pub const MPICH: &Mpi = &Mpi {
        name: "MPICH",
        calls_itself: &["MPICH", "HYDRA"],
        suffix: Some("mpich"),
        shared: &["libmpich.so", "libmpi.so.12"],
        called: &[("MPICH_CC", "gcc"), ("MPICH_CXX", "g++")],
        // Intel MPI has the same.
        variables: Some(Variables {
            rank: "PMI_RANK",
            ranks: "PMI_SIZE",
            ranks_here: "MPI_LOCALNRANKS",
        }),
        as_root: &[],
        oversubscribe: None,
        ranks: &["n", "np"],
        placement: &[],
        helpers: &["hydra_pmi_proxy"],
        rule: None,
        says_how: &[],
        says_that: &[],
        failed_in: &["Fatal error in internal_", "Fatal error in "],
        packages: Packages {
            macos: "brew install mpich",
            debian: "sudo apt-get install mpich",
            fedora: "sudo dnf install mpich && module load mpi/mpich-x86_64",
            arch: "sudo pacman -S mpich",
            elsewhere: "MPICH: https://www.mpich.org",
        },
    };

    /// Any other library: the user has to give its mpirun what it needs. If there is no mpirun, the user
    /// is told how to install Open MPI.
    pub const OTHER: &Mpi = &Mpi {
        name: "another MPI library",
        calls_itself: &[],
        suffix: None,
        shared: &["libmpi.so"],
        called: &[("I_MPI_CC", "gcc"), ("I_MPI_CXX", "g++")], // Intel MPI
        variables: None,
        as_root: &[],
        oversubscribe: None,
        ranks: &["n", "np"],
        placement: &[],
        helpers: &[],
        rule: None,
        says_how: &[],
        says_that: &[],
        failed_in: &[],
        packages: Mpi::OPEN_MPI.packages,
    };

    /// The table, in the order in which it is looked through.
    pub const ALL: [&Mpi; 3] = [Mpi::OPEN_MPI, Mpi::MPICH, Mpi::OTHER];

    /// The library that calls itself so in the text of a version.
    pub(super) fn from_version(version: &str) -> &'static Mpi {
        let says = |mpi: &&Mpi| mpi.calls_itself.iter().any(|name| version.contains(name));
        Mpi::ALL.into_iter().find(says).unwrap_or(Mpi::OTHER)
    }

    /// The library whose shared library has this name, such as `libmpi.so.40`, if it is one of MPI.
    pub fn from_shared(library: &str) -> Option<&'static Mpi> {
        let is_called = |name: &&str| {
            let version = library.strip_prefix(name);
            version.is_some_and(|version| version.is_empty() || version.starts_with('.'))
        };
        let mut all = Mpi::ALL.into_iter();
        all.find(|mpi| mpi.shared.iter().any(is_called))
    }

    /// The variables of each library that has some.
    pub fn all_variables() -> impl DoubleEndedIterator<Item = &'static Variables> {
        Mpi::ALL.iter().filter_map(|mpi| mpi.variables.as_ref())
    }

    /// What its mpirun may be called.
    pub(super) fn mpiruns(&'static self) -> Vec<OsString> {
        commands("mpirun", &[self])
    }

    /// What a compiler of any library may be called.
    pub fn compilers() -> Vec<OsString> {
        commands("mpicc", &Mpi::ALL)
    }

    /// The environment variables that say which compilers those call, and what these usually are: `OMPI_CC`, `gcc`. A
    /// value may have options behind the command.
    pub fn called_by_compilers() -> impl Iterator<Item = (&'static str, &'static str)> {
        Mpi::ALL.iter().flat_map(|mpi| mpi.called).copied()
    }
}

/// A command by its plain name first, then by those that it has for these libraries on Debian.
fn commands(plain: &str, libraries: &[&Mpi]) -> Vec<OsString> {
    let suffixes = libraries.iter().filter_map(|mpi| mpi.suffix);
    let debians = suffixes.map(|suffix| format!("{plain}.{suffix}"));
    let names = [plain.to_owned()].into_iter().chain(debians);
    names.map(OsString::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranks_of_each_library_know_their_place_by_what_it_really_sets() {
        let names = |mpi: &Mpi| {
            let names = mpi.variables.as_ref().expect("it sets some");
            [names.rank, names.ranks, names.ranks_here]
        };
        assert_eq!(
            names(Mpi::OPEN_MPI),
            [
                "OMPI_COMM_WORLD_RANK",
                "OMPI_COMM_WORLD_SIZE",
                "OMPI_COMM_WORLD_LOCAL_SIZE"
            ]
        );
        assert_eq!(
            names(Mpi::MPICH),
            ["PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"]
        );
        assert_eq!(
            Mpi::OPEN_MPI.as_root,
            ["OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"]
        );
    }

    #[test]
    fn libraries_and_mpiruns_are_known_by_what_they_say() {
        for (version, mpi) in [
            ("mpirun (Open MPI) 4.1.4\n\nReport bugs to", Mpi::OPEN_MPI),
            ("Open MPI v4.1.4, package: Debian OpenMPI", Mpi::OPEN_MPI),
            ("HYDRA build details:\n    Version: 4.0.2", Mpi::MPICH),
            ("MPICH Version:\t4.0.2\nMPICH Release date:", Mpi::MPICH),
            (
                "Intel(R) MPI Library for Linux* OS, Version 2021.9",
                Mpi::OTHER,
            ),
        ] {
            assert_eq!(Mpi::from_version(version), mpi);
        }
    }

    #[test]
    fn libraries_are_known_by_what_their_shared_library_is_called() {
        for (library, mpi) in [
            ("libmpi.so.40", Some(Mpi::OPEN_MPI)),
            ("libmpi.so.12", Some(Mpi::MPICH)),
            ("libmpich.so.10", Some(Mpi::MPICH)),
            ("libmpi.so.120", Some(Mpi::OTHER)),
            ("libmpi.so", Some(Mpi::OTHER)),
            ("libmpi_cxx.so.40", None),
            ("libc.so.6", None),
        ] {
            assert_eq!(Mpi::from_shared(library), mpi, "{library}");
        }
    }

    #[test]
    fn commands_are_tried_by_their_plain_name_first() {
        let names = ["mpicc", "mpicc.openmpi", "mpicc.mpich"];
        assert_eq!(Mpi::compilers(), names);
        assert_eq!(Mpi::MPICH.mpiruns(), ["mpirun", "mpirun.mpich"]);
        assert_eq!(Mpi::OTHER.mpiruns(), ["mpirun"]);
    }
}
