//! Runs a program once, in a folder of its own and within limits, and sees to it that it ends.

mod processes;
mod watch;

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io::{self, PipeReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use processes::{LINGERING, descendants, end_all, sweep};
use rustix::process::{Pid, Signal, kill_process, set_child_subreaper};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use tempfile::TempDir;
use wait4::Wait4;
use watch::{STANDSTILL, Watch};

use crate::seen::known::Known;
use crate::seen::recording;
use crate::seen::run::{Ending, Hung, RankEnd, Run};
use swarm::launch::{Machine, Mpirun};
use swarm::protocol::Rank;

/// Where and how runs are made.
#[derive(Debug)]
pub struct Sandbox {
    /// The mpirun and its options, but for the number of ranks.
    pub mpirun: Mpirun,
    /// The limits.
    pub limits: Limits,
    /// Whether a run has name spaces of its own.
    pub is_isolated: bool,
    /// Its scripts.
    scripts: TempDir,
    /// Whether somebody wants all of this to end.
    is_interrupted: Arc<AtomicBool>,
}

/// Somebody wanted it to end: a signal came.
#[derive(Debug)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl Error for Interrupted {}

/// What a run may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the start of mpirun to its end.
    pub time: Duration,
    /// The address space of each rank, in bytes.
    pub memory: u64,
}

/// What every file may be as large as, and all outputs together, in bytes.
const MOST_OUTPUT: u64 = 64 << 20;

/// As many processes and threads may the user have who grades. Root has no such limit.
const MOST_PROCESSES: u64 = 4096;

/// As much of what is printed is kept.
const MOST_PRINTED: usize = 64 << 10;

/// What is run.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// The program. An absolute path.
    pub program: &'a Path,
    /// Its arguments.
    pub arguments: &'a [&'a str],
    /// The profiling library.
    pub library: &'a Path,
    /// What that library does to it: the variable PROFILING.
    pub deed: &'a str,
    /// The clients' inputs, in rank order.
    pub inputs: &'a [String],
    /// What is known of them.
    pub known: &'a Known,
}

impl Sandbox {
    /// Makes one ready.
    ///
    /// # Errors
    /// When this system lacks what it takes.
    pub fn new(mpirun: Mpirun, limits: Limits, is_isolated: bool) -> Result<Sandbox> {
        // What a program leaves behind becomes a child of this process, and is found.
        set_child_subreaper(Some(rustix::process::getpid())).context("cannot adopt processes")?;
        let scripts = tempfile::tempdir().context("cannot make a temporary folder")?;
        for (name, text) in [
            ("rank.sh", include_str!("rank.sh")),
            ("isolate.sh", include_str!("isolate.sh")),
        ] {
            fs::write(scripts.path().join(name), text).context("cannot write a script")?;
        }
        let is_interrupted = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            let noted = flag::register(signal, Arc::clone(&is_interrupted));
            noted.context("cannot take signals")?;
        }
        let sandbox = Sandbox {
            mpirun,
            limits,
            is_isolated,
            scripts,
            is_interrupted,
        };
        sandbox.try_out()?;
        Ok(sandbox)
    }

    /// Whether the tools are there that the limits and the name spaces take.
    fn try_out(&self) -> Result<()> {
        let tried = Command::new("prlimit").args(["--core=0", "true"]).output();
        ensure!(
            tried.is_ok_and(|output| output.status.success()),
            "the limits of other people's programs are set by prlimit, which cannot be run here: it is \
             part of util-linux"
        );
        if self.is_isolated {
            let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
            let output = self.isolated(folder.path()).arg("true").output();
            let output = output.context("--isolate: cannot run unshare")?;
            ensure!(
                output.status.success(),
                "--isolate: this system does not let you make name spaces: {}",
                String::from_utf8_lossy(&output.stderr).trim_end()
            );
        }
        Ok(())
    }

    /// A command that is to be run in name spaces of its own.
    fn isolated(&self, folder: &Path) -> Command {
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "--mount", "--net", "--pid"])
            .args(["--fork", "--kill-child", "--mount-proc", "sh"])
            .arg(self.scripts.path().join("isolate.sh"))
            .arg(folder);
        command
    }

    fn command(&self, job: &Job<'_>, folder: &Path, record: &Path) -> Command {
        let ranks = job.inputs.len() + 1;
        let mut mpirun = vec![self.mpirun.path.clone()];
        let machine = Machine::this();
        let machine = if self.is_isolated {
            machine.with_root()
        } else {
            machine
        };
        let additions = self.mpirun.additions(ranks, machine);
        mpirun.extend(additions.options.iter().map(OsString::from));
        mpirun.extend(["-np".into(), ranks.to_string().into()]);
        mpirun.extend(self.mpirun.options.iter().cloned());
        let mut command = if self.is_isolated {
            let mut command = self.isolated(folder);
            command.args(mpirun);
            command
        } else {
            let mut command = Command::new(&mpirun[0]);
            command.args(&mpirun[1..]);
            command
        };
        command
            .arg("sh")
            .arg(self.scripts.path().join("rank.sh"))
            .args([record, job.library])
            .args([self.limits.memory, MOST_OUTPUT, MOST_PROCESSES].map(|it| it.to_string()))
            .arg(job.program)
            .args(job.arguments)
            .current_dir(folder)
            .env("PROFILING", job.deed)
            .env("TMPDIR", folder.join(".tmp"))
            .envs(additions.variables.iter().map(|name| (name, "1")))
            .stdin(Stdio::null());
        command
    }

    /// Runs a program.
    ///
    /// # Errors
    /// When it cannot be started, or its folder cannot be written or read.
    pub fn run(&self, job: &Job<'_>) -> Result<Run> {
        let folder = tempfile::Builder::new()
            .prefix("grade")
            .tempdir()
            .context("cannot make a temporary folder")?;
        // The path of a socket is to be short, and no link.
        let path = folder.path().canonicalize()?;
        let ranks = job.inputs.len() + 1;
        let record = path.join(".record");
        recording::prepare(&record, ranks, job.known).context("cannot prepare the record")?;
        fs::create_dir(path.join(".tmp"))?;
        for (client, input) in Rank::clients(job.inputs.len()).zip(job.inputs) {
            fs::write(swarm::inputs::path(&path, client), input)?;
        }
        let (printed, writer) = io::pipe().context("cannot make a pipe")?;
        let mut command = self.command(job, &path, &record);
        command.stdout(writer.try_clone()?).stderr(writer);
        let started = Instant::now();
        let child = (command.spawn())
            .with_context(|| format!("cannot run {}", command.get_program().display()))?;
        drop(command); // and with it the writing ends of the pipe
        let printed = thread::spawn(move || beginning(printed));
        let pid = Pid::from_child(&child);
        let (sender, ended) = mpsc::channel();
        thread::spawn(move || {
            let mut child = child;
            let _ = sender.send(child.wait4()); // whoever waits has not gone
        });
        let mut watch = Watch::new(&record, ranks);
        let mut hung = None;
        let mut ends_before = BTreeMap::new();
        let resources = loop {
            match ended.recv_timeout(Duration::from_millis(100)) {
                Ok(resources) => break resources.context("cannot wait for mpirun")?,
                Err(RecvTimeoutError::Disconnected) => bail!("nobody waits for mpirun"),
                Err(RecvTimeoutError::Timeout) => {}
            }
            hung = if self.is_interrupted.load(Ordering::Relaxed)
                || started.elapsed() > self.limits.time
            {
                Some(Hung::TimeLimit(self.limits.time))
            } else if watch.is_at_a_standstill() {
                Some(Hung::Standstill(STANDSTILL))
            } else {
                continue;
            };
            ends_before = rank_ends(&record, ranks);
            let _ = kill_process(pid, Signal::TERM); // it may have ended just now
            match ended.recv_timeout(LINGERING) {
                Ok(resources) => break resources.context("cannot wait for mpirun")?,
                Err(_) => {
                    end_all(&descendants(), Signal::KILL);
                    break ended.recv().context("nobody waits for mpirun")??;
                }
            }
        };
        let wall = started.elapsed();
        let left = sweep(hung.is_some());
        if self.is_interrupted.load(Ordering::Relaxed) {
            return Err(Interrupted.into());
        }
        let printed = printed.join().unwrap_or_default();
        let ranks_ended = match hung {
            Some(_) => ends_before,
            None => culprits(rank_ends(&record, ranks)),
        };
        let recording = recording::read(&record, ranks).context("cannot read the record")?;
        Ok(Run {
            ending: Ending {
                hung,
                status: resources.status.code(),
                ranks: ranks_ended,
            },
            wall,
            cpu: resources.rusage.utime + resources.rusage.stime,
            outputs: outputs(&path)?,
            printed,
            left,
            recording,
        })
    }
}

/// The beginning of what is printed; the rest is read as well, so that nobody waits for it.
fn beginning(mut printed: PipeReader) -> String {
    let mut kept = Vec::new();
    let _ = (&mut printed)
        .take(MOST_PRINTED as u64)
        .read_to_end(&mut kept);
    let _ = io::copy(&mut printed, &mut io::sink());
    String::from_utf8_lossy(&kept).into_owned()
}

/// How the ranks have ended that have written it down.
fn rank_ends(record: &Path, ranks: usize) -> BTreeMap<Rank, RankEnd> {
    let end = |rank: Rank| {
        let text = fs::read_to_string(record.join(format!("end{rank}"))).ok()?;
        let status: i32 = text.trim().parse().ok()?;
        // As a shell has it.
        Some(match status {
            129..=192 => RankEnd::Signal(status - 128),
            status => RankEnd::Status(status),
        })
    };
    let ranks = (0..).map(Rank).take(ranks);
    ranks.filter_map(|rank| Some((rank, end(rank)?))).collect()
}

/// Without those that mpirun has ended because of another one.
fn culprits(mut ends: BTreeMap<Rank, RankEnd>) -> BTreeMap<Rank, RankEnd> {
    let is_victim = |end: &RankEnd| matches!(end, RankEnd::Signal(9 | 15));
    if ends
        .values()
        .any(|end| !is_victim(end) && *end != RankEnd::Status(0))
    {
        ends.retain(|_, end| !is_victim(end));
    }
    ends
}

/// The files that were not there before. Those of a name with a dot in front are ours.
fn outputs(folder: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut outputs = BTreeMap::new();
    let mut room = MOST_OUTPUT;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_input = swarm::inputs::number(&name, "in", ".txt").is_some();
        // A link could be to anything, and a pipe has no end.
        if name.starts_with('.') || is_input || !entry.file_type()?.is_file() {
            continue;
        }
        let mut bytes = Vec::new();
        fs::File::open(entry.path())?
            .take(room)
            .read_to_end(&mut bytes)?;
        room -= bytes.len() as u64;
        outputs.insert(name, bytes);
    }
    Ok(outputs)
}
