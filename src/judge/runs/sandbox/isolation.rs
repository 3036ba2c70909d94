//! Name spaces of a run's own (`--isolate`): what it finds there, and who it is. `isolate.sh` makes them.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::Places;

/// Folders in which everybody may write, and where sockets of the host are. A run has empty ones.
const COVERED: [&str; 4] = ["/tmp", "/var/tmp", "/run", "/var/run"];

/// The user and group that owns nothing, as which a run of root runs.
const NOBODY: u32 = 65534;

/// The bit by which anybody may pass through a folder.
const PASSABLE: u32 = 0o001;

/// The environment variables that go in, besides those that begin with one of [`BEGINNINGS`]: what every program reads.
const VARIABLES: [&str; 10] = [
    "HOME",
    "LANG",
    "LANGUAGE",
    "LD_LIBRARY_PATH",
    "LOGNAME",
    "PATH",
    "SHELL",
    "TERM",
    "TZ",
    "USER",
];

/// The beginnings of the variables that MPI libraries, what carries their messages, threads and sanitizers read.
const BEGINNINGS: [&str; 25] = [
    "ASAN_", "FI_", "GOMP_", "HCOLL_", "HWASAN_", "HWLOC_", "HYDRA_", "I_MPI_", "KMP_", "LC_",
    "LSAN_", "MPICH_", "MPIEXEC_", "MPIR_", "MSAN_", "MV2_", "OMPI_", "OMP_", "OPAL_", "PMIX_",
    "PMI_", "PRTE_", "TSAN_", "UBSAN_", "UCX_",
];

/// As whom a run runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Identity {
    /// As nobody: root can do that, and has most to lose.
    Nobody,
    /// As who grades, who has no right of root's but seems to be root in there.
    Oneself,
}

/// How runs are kept from all but their own folders.
#[derive(Debug, Clone, Copy)]
pub(super) struct Isolation {
    identity: Identity,
}

/// What a run has to find of what is there.
pub(super) struct Needs<'a> {
    /// Its folders, and where it begins to work.
    pub(super) places: &'a Places,
    /// The files that it reads. Absolute paths.
    pub(super) files: Vec<&'a Path>,
}

impl Isolation {
    /// Finds out what this system lets the user do.
    ///
    /// # Errors
    /// When it lets nobody make name spaces.
    pub(super) fn new(script: &Path) -> Result<Isolation> {
        let is_root = rustix::process::geteuid().is_root();
        let root = is_root.then_some(Identity::Nobody);
        let mut refusal = String::new();
        for identity in root.into_iter().chain([Identity::Oneself]) {
            let isolation = Isolation { identity };
            let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
            let places = Places::new(&folder.path().canonicalize()?);
            for folder in places.own() {
                fs::create_dir_all(folder)?;
            }
            let needs = Needs {
                places: &places,
                files: Vec::new(),
            };
            if let Err(error) = isolation.give(&places) {
                refusal = error.to_string();
                continue;
            }
            let mut command = isolation.command(script, &needs)?;
            let output = command.arg("true").current_dir(&places.work).output();
            let output = output.context("--isolate: cannot run unshare")?;
            if output.status.success() {
                return Ok(isolation);
            }
            refusal = String::from_utf8_lossy(&output.stderr).trim_end().into();
        }
        bail!("--isolate: this system does not let you make name spaces: {refusal}")
    }

    /// Whether the run finds itself to be root, as mpirun asks.
    pub(super) fn seems_root(self) -> bool {
        self.identity == Identity::Oneself
    }

    /// Makes the run's folders the property of who runs.
    ///
    /// # Errors
    /// When that cannot be done.
    pub(super) fn give(self, places: &Places) -> io::Result<()> {
        fn give_all(path: &Path) -> io::Result<()> {
            chown(path, Some(NOBODY), Some(NOBODY))?;
            if path.is_dir() {
                for entry in fs::read_dir(path)? {
                    give_all(&entry?.path())?;
                }
            }
            Ok(())
        }
        match self.identity {
            Identity::Nobody => places.own().into_iter().try_for_each(give_all),
            Identity::Oneself => Ok(()),
        }
    }

    /// A command that runs what follows it in name spaces of its own.
    ///
    /// # Errors
    /// When it cannot be found out what has to be hidden.
    pub(super) fn command(self, script: &Path, needs: &Needs<'_>) -> Result<Command> {
        let mut command = Command::new("unshare");
        if self.identity == Identity::Oneself {
            command.args(["--user", "--map-root-user"]);
        }
        command
            .args(["--mount", "--net", "--pid", "--ipc", "--fork"])
            .args(["--kill-child", "--mount-proc", "sh"])
            .arg(script);
        for (step, path) in self.steps(needs)? {
            command.arg(step).arg(path);
        }
        command.arg("--").arg(match self.identity {
            Identity::Nobody => "as-nobody",
            Identity::Oneself => "as-oneself",
        });
        command
            .env_clear()
            .envs(env::vars_os().filter(|(name, _)| goes_in(name)));
        Ok(command)
    }

    /// What `isolate.sh` has to do, in this order.
    fn steps(self, needs: &Needs<'_>) -> Result<Vec<(&'static str, PathBuf)>> {
        let sockets = fs::read_to_string("/proc/net/unix").context("cannot list sockets")?;
        let is_there = |cover: &PathBuf| cover.is_dir() && !cover.is_symlink();
        let mut covers: BTreeSet<PathBuf> = (COVERED.iter().map(PathBuf::from))
            .filter(is_there)
            .collect();
        let own = needs.places.own();
        if self.identity == Identity::Nobody {
            for path in needs.files.iter().chain(&own) {
                let mut above: Vec<&Path> = path.ancestors().skip(1).collect();
                above.reverse();
                let closed = above.into_iter().find(|folder| !is_passable(folder));
                covers.extend(closed.map(Path::to_owned));
            }
        }
        let is_covered = |path: &Path| covers.iter().any(|cover| path.starts_with(cover));
        let mut shown = BTreeSet::new();
        for file in &needs.files {
            let folder = file.parent().unwrap_or(file);
            // What lies beside a program belongs to it, unless that is everything.
            let is_whole = !covers.iter().any(|cover| cover.starts_with(folder))
                && !needs.places.all.starts_with(folder)
                && (self.identity == Identity::Oneself || is_passable(folder));
            shown.insert(if is_whole { folder } else { file }.to_owned());
        }
        for list in ["PATH", "LD_LIBRARY_PATH"] {
            let folders = env::var_os(list).unwrap_or_default();
            shown.extend(env::split_paths(&folders).filter(|path| {
                path.is_absolute()
                    && path.is_dir()
                    && !covers.contains(path)
                    && !needs.places.all.starts_with(path)
            }));
        }
        shown.retain(|path| is_covered(path));
        let keep = |path: &Path| ("keep", path.to_owned());
        let show = |path: &Path| ("show", path.to_owned());
        let mut steps: Vec<_> = own.iter().map(|path| keep(path)).collect();
        steps.push(("protect", PathBuf::from("/")));
        steps.extend(shown.iter().map(|path| keep(path)));
        // One that is in another one is gone with it.
        let outermost = covers.iter().filter(|cover| {
            !covers
                .iter()
                .any(|other| other != *cover && cover.starts_with(other))
        });
        steps.extend(outermost.map(|cover| ("cover", cover.clone())));
        steps.extend(own.iter().map(|path| show(path)));
        steps.extend(shown.iter().map(|path| show(path)));
        steps.extend(bound(&sockets).map(|path| ("hide", path)));
        Ok(steps)
    }
}

/// Whether a variable goes in.
fn goes_in(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        VARIABLES.contains(&name) || BEGINNINGS.iter().any(|it| name.starts_with(it))
    })
}

/// Whether anybody may pass through a folder.
fn is_passable(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|folder| folder.mode() & PASSABLE != 0)
}

/// The paths of the sockets in a list as that of Linux: the eighth word, if there is one.
fn bound(list: &str) -> impl Iterator<Item = PathBuf> {
    let path = |line: &str| {
        let at = line.find(" /")? + 1;
        Some(PathBuf::from(&line[at..]))
    };
    let is_socket =
        |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket());
    list.lines().filter_map(path).filter(is_socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variables_that_mpi_reads_go_in() {
        let goes_in = |name: &str| goes_in(OsStr::new(name));
        for name in ["PATH", "OMPI_MCA_btl", "LC_ALL", "PMIX_MCA_gds"] {
            assert!(goes_in(name), "{name}");
        }
        for name in [
            "SSH_AUTH_SOCK",
            "DBUS_SESSION_BUS_ADDRESS",
            "PATHS",
            "TOKEN",
        ] {
            assert!(!goes_in(name), "{name}");
        }
    }

    #[test]
    fn only_sockets_with_a_path_have_to_be_hidden() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a socket");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let list = format!(
            "Num       RefCount Protocol Flags    Type St Inode Path\n\
             0000: 00000003 00000000 00000000 0001 03 1594\n\
             0000: 00000002 00000000 00010000 0001 01 1595 @/abstract\n\
             0000: 00000002 00000000 00010000 0001 01 1596 /gone\n\
             0000: 00000002 00000000 00010000 0001 01 1597 {}\n",
            path.display()
        );
        assert_eq!(bound(&list).collect::<Vec<_>>(), [path]);
    }
}
