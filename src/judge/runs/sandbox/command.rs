//! The command that starts a run: mpirun, within limits, and in name spaces of its own if asked to.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use swarm::launch::{self, Machine};

use super::isolation::Needs;
use super::{ISOLATE, Job, OWN, Places, RANK, Recorder, Sandbox};

/// The most bytes of a file that a rank writes. MPI libraries share memory through files of several 100 MiB.
const MOST_FILE: u64 = 2 << 30;

/// The most processes and threads that the grading user may have. Root has no such limit.
const MOST_PROCESSES: u64 = 4096;

impl Sandbox {
    /// Whether the tool is there that the limits take.
    pub(super) fn try_out() -> Result<()> {
        let tried = Command::new("prlimit").args(["--core=0", "true"]).output();
        ensure!(
            tried.is_ok_and(|output| output.status.success()),
            "the limits of other people's programs are set by prlimit, which cannot be run here: it is \
             part of util-linux"
        );
        Ok(())
    }

    /// The command of a run, in its folder.
    ///
    /// # Errors
    /// When a run in name spaces of its own cannot be prepared.
    pub(super) fn command(&self, job: &Job<'_>, places: &Places) -> Result<Command> {
        let ranks = job.inputs.len() + 1;
        let mut machine = Machine::this(self.mpirun.mpi);
        let rank_script = self.scripts.path().join(RANK);
        let mut command = match &self.isolation {
            Some(isolation) => {
                if isolation.seems_root() {
                    machine = machine.with_root();
                }
                isolation
                    .give(places)
                    .context("cannot give the run its folders")?;
                let library = job.recorder.as_ref().map(|recorder| recorder.library);
                let files = [job.program, &rank_script].into_iter().chain(library);
                let needs = Needs {
                    places,
                    files: files.collect(),
                };
                let script = self.scripts.path().join(ISOLATE);
                let mut command = isolation.command(&script, &needs)?;
                command.arg(&self.mpirun.path);
                command
            }
            None => Command::new(&self.mpirun.path),
        };
        let additions = self.mpirun.additions(ranks, machine);
        command
            .args(&additions.options)
            .args(["-np", &ranks.to_string()])
            .args(&self.mpirun.options)
            .arg("sh")
            .arg(&rank_script)
            .arg(&places.record)
            .arg(job.sanitizers.addresses(self.memory))
            .args([MOST_FILE, MOST_PROCESSES].map(|it| it.to_string()))
            .arg(launch::rank_in_shell())
            .arg(if job.has_own_folders { OWN } else { "" })
            .arg(job.sanitizers.options(self.memory));
        for name in &additions.removed {
            command.env_remove(name);
        }
        if let Some(recorder) = &job.recorder {
            command.arg("env").args(recorder.variables(&places.record));
        }
        command
            .arg(job.program)
            .args(job.arguments)
            .current_dir(&places.work)
            .env("TMPDIR", &places.scratch)
            .envs(additions.variables.iter().map(|name| (name, "1")))
            .stdin(Stdio::null())
            // What signals its own group, or comes from a terminal, means either the run or who grades.
            .process_group(0);
        Ok(command)
    }
}

impl Recorder<'_> {
    /// What it finds in the environment of the program.
    fn variables(&self, record: &Path) -> Vec<OsString> {
        let pair = |name: &str, value: &OsStr| {
            let mut pair = OsString::from(name);
            pair.push("=");
            pair.push(value);
            pair
        };
        let mut variables = vec![
            pair("RECORDING", record.as_os_str()),
            pair("LD_PRELOAD", self.library.as_os_str()),
            pair("PROFILING", OsStr::new(self.deed)),
        ];
        // glibc fills what it allocates with the complement of this, but for what a thread has given back
        // and gets again.
        let of_heap = self.pattern.map(|byte| {
            let filled = !byte;
            format!("glibc.malloc.perturb={filled}:glibc.malloc.tcache_count=0")
        });
        variables.extend(of_heap.map(|it| pair("GLIBC_TUNABLES", OsStr::new(&it))));
        variables
    }
}
