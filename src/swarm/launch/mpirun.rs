//! Which mpirun there is, and whose.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io;
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};

/// Who made an MPI library, or an mpirun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mpi {
    /// Open MPI.
    OpenMpi,
    /// MPICH.
    Mpich,
    /// Somebody else: what it wants is for the user to say.
    Other,
}

impl Mpi {
    /// Whose this mpirun is.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn of_mpirun(mpirun: &OsStr) -> io::Result<Mpi> {
        let output = Command::new(mpirun).arg("--version").output()?;
        let [stdout, stderr] =
            [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
        Ok(Mpi::from_version(&format!("{stdout}{stderr}")))
    }

    /// Who says this of himself. MPICH's mpirun goes by the name of Hydra.
    pub(super) fn from_version(version: &str) -> Mpi {
        let says = |name: &str| version.contains(name);
        if says("Open MPI") {
            Mpi::OpenMpi
        } else if says("MPICH") || says("HYDRA") {
            Mpi::Mpich
        } else {
            Mpi::Other
        }
    }

    /// Whether an mpirun may start programs that were built with this library.
    fn fits(self, mpirun: Mpi) -> bool {
        self == mpirun || self == Mpi::Other || mpirun == Mpi::Other
    }

    /// What its mpirun is called: the plain name first, then Debian's, under which several can be
    /// installed side by side.
    fn names(self) -> &'static [&'static str] {
        match self {
            Mpi::OpenMpi => &["mpirun", "mpirun.openmpi"],
            Mpi::Mpich => &["mpirun", "mpirun.mpich"],
            Mpi::Other => &["mpirun"],
        }
    }
}

impl fmt::Display for Mpi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mpi::OpenMpi => "Open MPI",
            Mpi::Mpich => "MPICH",
            Mpi::Other => "another MPI library",
        })
    }
}

/// An mpirun, and what the user wants to tell it.
#[derive(Debug, Clone)]
pub struct Mpirun {
    /// Where it is, or what it is called.
    pub path: OsString,
    /// Whose it is.
    pub mpi: Mpi,
    /// The user's options.
    pub options: Vec<OsString>,
}

impl Mpirun {
    /// The one that is asked for, or else the first that can start programs built with `library`.
    ///
    /// # Errors
    /// When there is none, in words that tell how to get it; or when it is another library's.
    pub fn find(asked: Option<&OsStr>, library: Mpi, options: Vec<OsString>) -> Result<Mpirun> {
        let names: Vec<&OsStr> = match asked {
            Some(mpirun) => vec![mpirun],
            None => library.names().iter().map(OsStr::new).collect(),
        };
        let mut foreign = None;
        for name in names {
            match Mpi::of_mpirun(name) {
                Ok(mpi) if library.fits(mpi) => {
                    let path = name.to_owned();
                    return Ok(Mpirun { path, mpi, options });
                }
                Ok(mpi) => foreign = foreign.or(Some((name, mpi))),
                Err(error) if asked.is_none() && error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot run {}", name.display()));
                }
            }
        }
        if let Some((name, mpi)) = foreign {
            bail!(
                "{} is {mpi}'s, and this program was built with {library}: \
                 name {library}'s with --mpirun or in $MPIRUN",
                name.display()
            );
        }
        let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        Err(anyhow!(
            "there is no mpirun; {}",
            installation(library, &release)
        ))
    }
}

impl Mpirun {
    /// Its library's name and version, such as `Open MPI 4.1.4`, if it says them.
    pub fn version(&self) -> Option<String> {
        let output = Command::new(&self.path).arg("--version").output().ok()?;
        version(self.mpi, &String::from_utf8_lossy(&output.stdout))
    }
}

/// The name and the version, from what an mpirun says of itself: the first word that begins with a digit.
fn version(mpi: Mpi, text: &str) -> Option<String> {
    let is_number = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit());
    let number = text.split_whitespace().find(is_number)?;
    Some(format!("{mpi} {number}"))
}

/// How to install a library's mpirun on this platform, which a Linux system describes in its
/// os-release.
fn installation(library: Mpi, release: &str) -> String {
    let platform = |names: &[&str]| {
        let values = release.lines().filter_map(|line| {
            let (key, value) = line.split_once('=')?;
            ["ID", "ID_LIKE"]
                .contains(&key)
                .then(|| value.trim_matches('"'))
        });
        values
            .flat_map(str::split_whitespace)
            .any(|id| names.contains(&id))
    };
    let mpich = library == Mpi::Mpich;
    let pick = |for_openmpi, for_mpich| if mpich { for_mpich } else { for_openmpi };
    let line = if cfg!(target_os = "macos") {
        pick("brew install open-mpi", "brew install mpich")
    } else if platform(&["debian", "ubuntu"]) {
        pick(
            "sudo apt-get install openmpi-bin",
            "sudo apt-get install mpich",
        )
    } else if platform(&["fedora", "rhel", "centos"]) {
        pick(
            "sudo dnf install openmpi && module load mpi/openmpi-x86_64",
            "sudo dnf install mpich && module load mpi/mpich-x86_64",
        )
    } else if platform(&["arch"]) {
        pick("sudo pacman -S openmpi", "sudo pacman -S mpich")
    } else {
        let site = pick("https://www.open-mpi.org", "https://www.mpich.org");
        return format!("it comes with {}: {site}", pick("Open MPI", "MPICH"));
    };
    format!("install it with\n\n    {line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_and_mpiruns_are_known_by_what_they_say() {
        for (version, mpi) in [
            ("mpirun (Open MPI) 4.1.4\n\nReport bugs to", Mpi::OpenMpi),
            ("Open MPI v4.1.4, package: Debian OpenMPI", Mpi::OpenMpi),
            ("HYDRA build details:\n    Version: 4.0.2", Mpi::Mpich),
            ("MPICH Version:\t4.0.2\nMPICH Release date:", Mpi::Mpich),
            (
                "Intel(R) MPI Library for Linux* OS, Version 2021.9",
                Mpi::Other,
            ),
        ] {
            assert_eq!(Mpi::from_version(version), mpi);
        }
    }

    #[test]
    fn a_version_is_read_from_what_an_mpirun_says() {
        for (mpi, text, known) in [
            (
                Mpi::OpenMpi,
                "mpirun (Open MPI) 4.1.4\n\nReport",
                "Open MPI 4.1.4",
            ),
            (
                Mpi::Mpich,
                "HYDRA build details:\n    Version:    4.0.2\n",
                "MPICH 4.0.2",
            ),
        ] {
            assert_eq!(version(mpi, text).as_deref(), Some(known));
        }
        assert_eq!(version(Mpi::Other, "mine"), None);
    }

    #[test]
    fn a_missing_mpirun_comes_with_the_line_that_installs_it() {
        let line = |library, release: &str| installation(library, release);
        if cfg!(target_os = "linux") {
            let debian = line(Mpi::OpenMpi, "NAME=\"Debian GNU/Linux\"\nID=debian\n");
            assert!(debian.contains("    sudo apt-get install openmpi-bin\n"));
            let mint = line(Mpi::Mpich, "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n");
            assert!(mint.contains("    sudo apt-get install mpich\n"));
            assert!(line(Mpi::OpenMpi, "ID=fedora").contains("    sudo dnf install openmpi"));
            assert!(line(Mpi::Other, "ID=arch").contains("    sudo pacman -S openmpi\n"));
            assert_eq!(
                line(Mpi::Mpich, ""),
                "it comes with MPICH: https://www.mpich.org"
            );
        }
    }
}
