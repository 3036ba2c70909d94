//! Finds an mpirun, and says which library it belongs to.

use std::borrow::Cow;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};

use super::Mpi;
use crate::shown::Shown;

impl Mpi {
    /// The library that this mpirun belongs to.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn of_mpirun(mpirun: &OsStr) -> io::Result<&'static Mpi> {
        let output = Command::new(mpirun).arg("--version").output()?;
        let [stdout, stderr] =
            [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
        Ok(Mpi::from_version(&format!("{stdout}{stderr}")))
    }

    /// Whether an mpirun may start programs that were built with this library.
    fn fits(&self, mpirun: &Mpi) -> bool {
        self == mpirun || self == Mpi::OTHER || mpirun == Mpi::OTHER
    }
}

/// An mpirun, and what the user wants to tell it.
#[derive(Debug, Clone)]
pub struct Mpirun {
    /// Where it is, or what it is called.
    pub path: OsString,
    /// The library that it belongs to.
    pub mpi: &'static Mpi,
    /// The user's options.
    pub options: Vec<OsString>,
}

impl Mpirun {
    /// The one that is asked for, or else the first that can start programs built with `library`. What is asked for
    /// may have options behind it, apart by blanks: they come before `options`.
    ///
    /// # Errors
    /// When there is none, in words that tell how to get it; or when it is another library's.
    pub fn find(
        asked: Option<&OsStr>,
        library: &'static Mpi,
        options: Vec<OsString>,
    ) -> Result<Mpirun> {
        let (asked, mut more) = asked.map(words).unzip();
        let names = asked.clone().map(|mpirun| vec![mpirun]);
        let options = [more.take().unwrap_or_default(), options].concat();
        let mut foreign = None;
        for name in names.unwrap_or_else(|| library.mpiruns()) {
            match Mpi::of_mpirun(&name) {
                Ok(mpi) if library.fits(mpi) => {
                    let path = name;
                    return Ok(Mpirun { path, mpi, options });
                }
                Ok(mpi) => foreign = foreign.or(Some((name, mpi))),
                Err(error) if asked.is_none() && error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot run {}", name.shown()));
                }
            }
        }
        if let Some((name, mpi)) = foreign {
            let (name, theirs, ours) = (name.shown(), mpi.name, library.name);
            bail!(
                "{name} is {theirs}'s, and this program was built with {ours}: \
                 name {ours}'s with --mpirun or in $MPIRUN"
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
    /// The number of ranks that the user's options name, if they name one.
    pub fn ranks(&self) -> Option<usize> {
        let options = self.options.iter().map(|option| option.to_string_lossy());
        let options: Vec<_> = options.collect();
        let number = |pair: &[Cow<'_, str>]| {
            let name = pair[0].strip_prefix('-')?;
            let name = name.strip_prefix('-').unwrap_or(name);
            self.mpi
                .ranks
                .contains(&name)
                .then(|| pair[1].parse().ok())?
        };
        options.windows(2).find_map(number)
    }

    /// Its library's name and version, such as `Open MPI 4.1.4`, if it says them.
    pub fn version(&self) -> Option<String> {
        let output = Command::new(&self.path).arg("--version").output().ok()?;
        version(self.mpi, &String::from_utf8_lossy(&output.stdout))
    }
}

/// A command and its options, as Makefiles have them in a variable. A file may have blanks in its name.
fn words(asked: &OsStr) -> (OsString, Vec<OsString>) {
    let words = asked.as_bytes().split(u8::is_ascii_whitespace);
    let words = words.filter(|word| !word.is_empty());
    let mut words = words.map(|word| OsStr::from_bytes(word).to_owned());
    match words.next() {
        Some(command) if !is_there(asked) => (command, words.collect()),
        _ => (asked.to_owned(), Vec::new()),
    }
}

/// Whether there is a command of this name.
fn is_there(command: &OsStr) -> bool {
    let path = Path::new(command);
    if path.components().count() > 1 {
        return path.is_file();
    }
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).any(|folder| folder.join(path).is_file())
}

/// The name and the version, from what an mpirun says of itself: the first word that begins with a digit.
fn version(mpi: &Mpi, text: &str) -> Option<String> {
    let is_number = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit());
    let number = text.split_whitespace().find(is_number)?;
    Some(format!("{} {number}", mpi.name))
}

/// How to install a library's mpirun on this platform, which a Linux system describes in its
/// os-release.
fn installation(library: &Mpi, release: &str) -> String {
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
    let packages = &library.packages;
    let command = if cfg!(target_os = "macos") {
        packages.macos
    } else if platform(&["debian", "ubuntu"]) {
        packages.debian
    } else if platform(&["fedora", "rhel", "centos"]) {
        packages.fedora
    } else if platform(&["arch"]) {
        packages.arch
    } else {
        return format!("it comes with {}", packages.elsewhere);
    };
    format!("install it with\n\n    {command}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_an_mpirun_are_its_options_unless_a_file_is_called_so() {
        let folder = tempfile::tempdir().unwrap();
        let words = |text: &str| {
            let (command, options) = words(OsStr::new(text));
            let options: Vec<_> = options
                .iter()
                .map(|it| it.to_str().unwrap().to_owned())
                .collect();
            (command.into_string().unwrap(), options.join("|"))
        };
        let split = |command: &str, options: &str| (command.to_owned(), options.to_owned());
        assert_eq!(words("mpirun"), split("mpirun", ""));
        assert_eq!(
            words(" mpirun  --bind-to\tnone "),
            split("mpirun", "--bind-to|none")
        );
        assert_eq!(words("a/b c"), split("a/b", "c"));
        let path = folder.path().join("my mpirun");
        let path = path.to_str().unwrap();
        fs::write(path, "").unwrap();
        assert_eq!(words(path), split(path, ""));
        let (command, options) = words(&format!("{path} -x A"));
        assert!(
            command.ends_with("/my") && options == "mpirun|-x|A",
            "one cannot have both"
        );
    }

    #[test]
    fn the_users_number_of_ranks_is_known_by_the_options_of_the_library() {
        let ranks = |mpi, options: &[&str]| {
            let options = options.iter().map(OsString::from).collect();
            let path = "mpirun".into();
            Mpirun { path, mpi, options }.ranks()
        };
        assert_eq!(ranks(Mpi::OPEN_MPI, &["-x", "A", "-np", "2"]), Some(2));
        assert_eq!(ranks(Mpi::OPEN_MPI, &["--n", "3"]), Some(3));
        assert_eq!(ranks(Mpi::MPICH, &["-n", "4"]), Some(4));
        for options in [&[][..], &["-np"], &["-N", "2"], &["-np", "x"], &["np", "2"]] {
            assert_eq!(ranks(Mpi::OPEN_MPI, options), None);
        }
    }

    #[test]
    fn a_version_is_read_from_what_an_mpirun_says() {
        for (mpi, text, known) in [
            (
                Mpi::OPEN_MPI,
                "mpirun (Open MPI) 4.1.4\n\nReport",
                "Open MPI 4.1.4",
            ),
            (
                Mpi::MPICH,
                "HYDRA build details:\n    Version:    4.0.2\n",
                "MPICH 4.0.2",
            ),
        ] {
            assert_eq!(version(mpi, text).as_deref(), Some(known));
        }
        assert_eq!(version(Mpi::OTHER, "mine"), None);
    }

    #[test]
    fn a_missing_mpirun_comes_with_the_line_that_installs_it() {
        let line = |library, release: &str| installation(library, release);
        if cfg!(target_os = "linux") {
            let debian = line(Mpi::OPEN_MPI, "NAME=\"Debian GNU/Linux\"\nID=debian\n");
            assert!(debian.contains("    sudo apt-get install openmpi-bin\n"));
            let mint = line(Mpi::MPICH, "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n");
            assert!(mint.contains("    sudo apt-get install mpich\n"));
            assert!(line(Mpi::OPEN_MPI, "ID=fedora").contains("    sudo dnf install openmpi"));
            assert!(line(Mpi::OTHER, "ID=arch").contains("    sudo pacman -S openmpi\n"));
            assert_eq!(
                line(Mpi::MPICH, ""),
                "it comes with MPICH: https://www.mpich.org"
            );
        }
    }
}
