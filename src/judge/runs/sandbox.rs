//! Runs a program once, in a folder of its own and within limits, and sees to it that it ends.

mod command;
mod processes;
mod remains;
mod watch;

use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use processes::{LINGERING, descendants, end_all, sweep};
use remains::{RankEnds, beginning, culprits, outputs, rank_ends};
use rustix::process::{Pid, Signal, kill_process, set_child_subreaper};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use tempfile::TempDir;
use wait4::{ResUse, Wait4};
use watch::{STANDSTILL, Watch};

use crate::seen::known::Known;
use crate::seen::recording::Record;
use crate::seen::run::{Ending, Hung, Run};
use swarm::launch::Mpirun;
use swarm::protocol::Rank;

/// Where and how runs are made.
#[derive(Debug)]
pub struct Sandbox {
    /// The mpirun and its options, but for the number of ranks.
    pub mpirun: Mpirun,
    /// What each run may take.
    pub limits: Limits,
    /// Whether a run has name spaces of its own.
    pub is_isolated: bool,
    /// The folder of `rank.sh` and `isolate.sh`. It is deleted with this value.
    scripts: TempDir,
    /// Whether a signal came.
    is_interrupted: Arc<AtomicBool>,
}

/// A signal came: somebody wants the grading to end.
#[derive(Debug)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl Error for Interrupted {}

/// The most that a run may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the start of mpirun to its end.
    pub time: Duration,
    /// The address space of each rank, in bytes.
    pub memory: u64,
}

/// The most bytes of a file that a rank writes, and of all outputs together.
const MOST_OUTPUT: u64 = 64 << 20;

/// The folders of a run. The program's own is one of them, and the records lie beside it.
struct Places {
    /// All of it.
    all: PathBuf,
    /// Where the program works: the inputs and outputs.
    work: PathBuf,
    /// What the recorder and `rank.sh` write.
    record: PathBuf,
    /// For temporary files of MPI and of the program.
    scratch: PathBuf,
}

impl Places {
    fn new(all: &Path) -> Places {
        Places {
            all: all.to_owned(),
            work: all.join("work"),
            record: all.join("record"),
            scratch: all.join("tmp"),
        }
    }
}

/// What is run.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// The program. An absolute path.
    pub program: &'a Path,
    /// What stands behind it on its command line.
    pub arguments: &'a [&'a str],
    /// The profiling library's file, which is loaded before the MPI library.
    pub library: &'a Path,
    /// What that library does to the program: the variable PROFILING.
    pub deed: &'a str,
    /// The clients' inputs, in rank order.
    pub inputs: &'a [String],
    /// What is known of them.
    pub known: &'a Known,
}

impl Sandbox {
    /// Prepares for runs.
    ///
    /// # Errors
    /// When this system lacks a tool or a right that runs need.
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
        let places = Places::new(&path);
        fs::create_dir(&places.work)?;
        fs::create_dir(&places.scratch)?;
        let record = Record::prepare(&places.record, ranks, job.known);
        let record = record.context("cannot prepare the record")?;
        for (client, input) in Rank::clients(job.inputs.len()).zip(job.inputs) {
            fs::write(swarm::inputs::path(&places.work, client), input)?;
        }
        let (printed, writer) = io::pipe().context("cannot make a pipe")?;
        let mut command = self.command(job, &places);
        command.stdout(writer.try_clone()?).stderr(writer);
        let started = Instant::now();
        let child = (command.spawn())
            .with_context(|| format!("cannot run {}", command.get_program().display()))?;
        drop(command); // and with it the writing ends of the pipe
        let printed = thread::spawn(move || beginning(printed));
        let (resources, hung) = self.wait(child, started, &places, &record, ranks)?;
        let wall = started.elapsed();
        let left = sweep(hung.is_some());
        if self.is_interrupted.load(Ordering::Relaxed) {
            return Err(Interrupted.into());
        }
        let printed = printed.join().unwrap_or_default();
        let (hung, ranks_ended) = match hung {
            Some((hung, ends)) => (Some(hung), ends),
            None => (None, culprits(rank_ends(&places.record, ranks))),
        };
        let recording = record.read().context("cannot read the record")?;
        Ok(Run {
            ending: Ending {
                hung,
                status: resources.status.code(),
                ranks: ranks_ended,
            },
            wall,
            cpu: resources.rusage.utime + resources.rusage.stime,
            outputs: outputs(&places.work)?,
            printed,
            left,
            recording,
        })
    }

    /// Waits for the end of mpirun. Ends it if it hangs, and then says why, and how the ranks had ended by
    /// themselves.
    fn wait(
        &self,
        child: Child,
        started: Instant,
        places: &Places,
        record: &Record,
        ranks: usize,
    ) -> Result<(ResUse, Option<(Hung, RankEnds)>)> {
        let pid = Pid::from_child(&child);
        let (sender, ended) = mpsc::channel();
        thread::spawn(move || {
            let mut child = child;
            let _ = sender.send(child.wait4()); // the receiver lives longer
        });
        let mut watch = Watch::new(record);
        let hung = loop {
            match ended.recv_timeout(Duration::from_millis(100)) {
                Ok(resources) => return Ok((resources.context("cannot wait for mpirun")?, None)),
                Err(RecvTimeoutError::Disconnected) => bail!("nobody waits for mpirun"),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let is_over_time = started.elapsed() > self.limits.time;
            if is_over_time || self.is_interrupted.load(Ordering::Relaxed) {
                break Hung::TimeLimit(self.limits.time);
            } else if watch.is_at_a_standstill() {
                break Hung::Standstill(STANDSTILL);
            }
        };
        let ends = rank_ends(&places.record, ranks);
        let _ = kill_process(pid, Signal::TERM); // it may have ended just now
        let resources = match ended.recv_timeout(LINGERING) {
            Ok(resources) => resources.context("cannot wait for mpirun")?,
            Err(_) => {
                end_all(&descendants(), Signal::KILL);
                ended.recv().context("nobody waits for mpirun")??
            }
        };
        Ok((resources, Some((hung, ends))))
    }
}
