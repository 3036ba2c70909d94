//! Runs a program once, in a folder of its own and within limits, and sees to it that it ends.

mod command;
mod isolation;
mod processes;
mod remains;
mod wait;
mod watch;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use isolation::Isolation;
pub use processes::end_descendants;
use remains::{Printed, RunFolder, culprits, findings, outputs, rank_ends};
use rustix::process::set_child_subreaper;
use swarm::shown::Shown;
use tempfile::TempDir;
use wait::{BrokenOff, Waiting};

use crate::runs::sanitizer::Sanitizers;
use crate::seen::known::Known;
use crate::seen::recording::Record;
use crate::seen::run::{Ending, Run};
use swarm::launch::Mpirun;
use swarm::protocol::Rank;
use swarm::signals::Interrupt;

/// Where and how runs are made.
#[derive(Debug)]
pub struct Sandbox {
    /// The mpirun and its options, but for the number of ranks.
    pub mpirun: Mpirun,
    /// The address space that a rank may have, in bytes.
    pub memory: u64,
    /// How a run is kept from all but its own folders, if it is.
    isolation: Option<Isolation>,
    /// The folder of `rank.sh` and `isolate.sh`. It is deleted with this value.
    scripts: TempDir,
    /// Whether a signal came.
    interrupt: Interrupt,
}

/// This machine gave a run so little time that nothing can be said of it.
#[derive(Debug)]
pub struct NoTime;

impl fmt::Display for NoTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this machine has no time for a run: it stands still, or does much else")
    }
}

impl Error for NoTime {}

/// The most bytes of all outputs together that are read.
const MOST_OUTPUT: u64 = 64 << 20;

/// The scripts.
const RANK: &str = "rank.sh";
const ISOLATE: &str = "isolate.sh";

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

    /// Those in which a run may write.
    fn own(&self) -> [&Path; 3] {
        [&self.work, &self.record, &self.scratch]
    }

    /// Where each rank works, in order; or the one folder where all do.
    fn of_ranks(&self, has_own_folders: bool, ranks: usize) -> Vec<PathBuf> {
        if !has_own_folders {
            return vec![self.work.clone()];
        }
        let own = |rank| self.work.join(format!("{OWN}{rank}"));
        (0..ranks).map(own).collect()
    }
}

/// What is run.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// The program. An absolute path.
    pub program: &'a Path,
    /// What it was built with.
    pub sanitizers: &'a Sanitizers,
    /// What stands behind it on its command line.
    pub arguments: &'a [&'a str],
    /// Who records it. `None`: it runs as the course starts it.
    pub recorder: Option<Recorder<'a>>,
    /// Whether each rank has a folder of its own, with its own input only.
    pub has_own_folders: bool,
    /// How long it may take.
    pub pace: Pace,
    /// The clients' inputs, in rank order.
    pub inputs: &'a [String],
    /// What is known of them.
    pub known: &'a Known,
}

/// How long things take here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    /// The most time of a run, from the start of mpirun to its end.
    pub limit: Duration,
    /// How long nothing may change before a run is suspected to stand still.
    pub patience: Duration,
}

/// The profiling library, and what it does.
#[derive(Debug, Clone, Copy)]
pub struct Recorder<'a> {
    /// Its file, which is loaded before the MPI library.
    pub library: &'a Path,
    /// What it does to the program: the variable PROFILING.
    pub deed: &'a str,
    /// What fresh memory is filled with.
    pub pattern: Option<u8>,
}

/// A rank's own folder, before its number.
const OWN: &str = "rank";

impl Sandbox {
    /// Prepares for runs.
    ///
    /// # Errors
    /// When this system lacks a tool or a right that runs need.
    pub fn new(mpirun: Mpirun, memory: u64, is_isolated: bool) -> Result<Sandbox> {
        // What a program leaves behind becomes a child of this process, and is found.
        set_child_subreaper(Some(rustix::process::getpid())).context("cannot adopt processes")?;
        let scripts = tempfile::tempdir().context("cannot make a temporary folder")?;
        for (name, text) in [
            (RANK, include_str!("rank.sh")),
            (ISOLATE, include_str!("isolate.sh")),
        ] {
            let path = scripts.path().join(name);
            let written = fs::write(&path, text).and_then(|()| {
                // Whoever runs it reads it.
                fs::set_permissions(&path, Permissions::from_mode(0o644))
            });
            written.context("cannot write a script")?;
        }
        let interrupt = Interrupt::on_signals()?;
        Sandbox::try_out()?;
        let isolate = || Isolation::new(&scripts.path().join(ISOLATE));
        let isolation = is_isolated.then(isolate).transpose()?;
        Ok(Sandbox {
            mpirun,
            memory,
            isolation,
            scripts,
            interrupt,
        })
    }

    /// Runs a program.
    ///
    /// # Errors
    /// When it cannot be started, its folder cannot be written or read, or a signal comes.
    pub fn run(&self, job: &Job<'_>) -> Result<Run> {
        self.interrupt.check()?;
        let folder = RunFolder::new().context("cannot make a temporary folder")?;
        let ranks = job.inputs.len() + 1;
        let places = Places::new(&folder.0);
        fs::create_dir(&places.scratch)?;
        let record = Record::prepare(&places.record, ranks, job.known);
        let record = record.context("cannot prepare the record")?;
        let folders = places.of_ranks(job.has_own_folders, ranks);
        for folder in &folders {
            fs::create_dir_all(folder)?;
        }
        for (client, input) in Rank::clients(job.inputs.len()).zip(job.inputs) {
            let folder = &folders[client.0 as usize % folders.len()];
            fs::write(swarm::inputs::path(folder, client), input)?;
        }
        let (printed, writer) = io::pipe().context("cannot make a pipe")?;
        let mut command = self.command(job, &places)?;
        command.stdout(writer.try_clone()?).stderr(writer);
        let started = Instant::now();
        let child = (command.spawn())
            .with_context(|| format!("cannot run {}", command.get_program().shown()))?;
        drop(command); // and with it the writing ends of the pipe
        let printed = Printed::new(printed);
        let waiting = Waiting {
            record: &record,
            ends: &places.record,
            ranks,
            pace: job.pace,
            is_recorded: job.recorder.is_some(),
            interrupt: &self.interrupt,
        };
        let waited = waiting.wait(child)?;
        // What Ctrl-C sends goes to the run as well: how that ended then says nothing.
        self.interrupt.check()?;
        let wall = started.elapsed();
        let printed = printed.text();
        let (ending, recording) = match waited.broken_off {
            Some(BrokenOff {
                hung,
                recording,
                ranks,
                at_work,
            }) => {
                let (hung, status) = (Some(hung), waited.status);
                (
                    Ending {
                        hung,
                        status,
                        ranks,
                        at_work,
                    },
                    recording,
                )
            }
            None => {
                let recording = record.read().context("cannot read the record")?;
                let ending = Ending {
                    status: waited.status,
                    ranks: culprits(rank_ends(&places.record, ranks)),
                    ..Ending::default()
                };
                (ending, recording)
            }
        };
        let mut written = BTreeMap::new();
        for folder in &folders {
            written
                .extend(outputs(folder, &job.known.may_write).context("cannot read the outputs")?);
        }
        Ok(Run {
            ending,
            wall,
            cpu: waited.cpu,
            outputs: written,
            printed,
            left: self.isolation.is_none().then_some(waited.left),
            recording,
            findings: if job.sanitizers.is_empty() {
                BTreeMap::new()
            } else {
                findings(&places.scratch)?
            },
        })
    }
}
