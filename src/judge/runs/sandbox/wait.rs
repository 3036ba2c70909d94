//! Waits for the end of a run, and ends one that hangs.

use std::collections::BTreeSet;
use std::process::Child;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;
use std::{io, path::Path};

use anyhow::{Context, anyhow};
use rustix::process::{Pid, Signal, kill_process};
use wait4::{ResUse, Wait4};

use super::processes::{
    LINGERING, bytes_moved, commands, descendants, end_all, is_without_ranks, reap_strays, sweep,
};
use super::remains::{RankEnds, rank_ends};
use super::watch::{Clock, TICK, Watch};
use super::{NoTime, Pace};
use crate::seen::calls::Recording;
use crate::seen::recording::Record;
use crate::seen::run::{Hung, RankEnd};
use swarm::protocol::Rank;
use swarm::signals::Interrupt;

/// How long mpirun may take to end when all ranks have.
const MPIRUN_LINGERING: Duration = Duration::from_secs(10);

/// A run that takes this many times its limit has not been given the time that it should have.
const NO_TIME: u32 = 20;

/// A run that is waited for.
pub(super) struct Waiting<'a> {
    pub(super) record: &'a Record,
    /// Where ranks write how they ended.
    pub(super) ends: &'a Path,
    pub(super) ranks: usize,
    pub(super) pace: Pace,
    pub(super) is_recorded: bool,
    pub(super) interrupt: &'a Interrupt,
}

/// How it ended.
pub(super) struct Waited {
    /// The exit status of mpirun; `None` after a signal.
    pub(super) status: Option<i32>,
    pub(super) cpu: Duration,
    /// The commands of the processes that were still there.
    pub(super) left: Vec<String>,
    /// What it was when it was ended from outside, if it was.
    pub(super) broken_off: Option<BrokenOff>,
}

/// A run that did not end by itself, as it was then.
pub(super) struct BrokenOff {
    pub(super) hung: Hung,
    pub(super) recording: Recording,
    /// How ranks had ended by themselves.
    pub(super) ranks: RankEnds,
    /// The ranks that had read or written in the last half of its time.
    pub(super) at_work: BTreeSet<Rank>,
}

/// Why a run is ended from outside.
enum Why {
    Hung(BrokenOff),
    /// All ranks have ended, the worst with this status, and mpirun does not. These commands are still there.
    IsOver(i32, Vec<String>),
    Refused(anyhow::Error),
}

impl From<anyhow::Error> for Why {
    fn from(error: anyhow::Error) -> Why {
        Why::Refused(error)
    }
}

impl Waiting<'_> {
    /// Waits for the end of mpirun. Whatever comes, no process of the run is left afterwards.
    ///
    /// # Errors
    /// [`Interrupted`](swarm::signals::Interrupted), [`NoTime`], or when it cannot be waited for.
    pub(super) fn wait(&self, child: Child) -> anyhow::Result<Waited> {
        let mpirun = Pid::from_child(&child);
        let (sender, ended) = mpsc::channel();
        thread::spawn(move || {
            let mut child = child;
            let _ = sender.send(child.wait4()); // the receiver lives longer
        });
        let why = match self.watch(mpirun, &ended) {
            Ok(resources) => {
                let (status, left) = (resources.status.code(), sweep(false)?);
                return Ok(Waited::new(&resources, status, left, None));
            }
            Err(why) => why,
        };
        let _ = kill_process(mpirun, Signal::TERM); // it may have ended just now
        let resources = match ended.recv_timeout(LINGERING) {
            Ok(resources) => resources.context("cannot wait for mpirun")?,
            Err(_) => {
                end_all(&descendants(), Signal::KILL);
                ended.recv().context("nobody waits for mpirun")??
            }
        };
        sweep(true)?;
        let status = resources.status.code();
        match why {
            Why::Refused(error) => Err(error),
            Why::IsOver(worst, left) => Ok(Waited::new(&resources, Some(worst), left, None)),
            Why::Hung(broken_off) => Ok(Waited::new(
                &resources,
                status,
                Vec::new(),
                Some(broken_off),
            )),
        }
    }

    /// Looks at a run until it ends, or says why it has to be ended.
    fn watch(&self, mpirun: Pid, ended: &Receiver<io::Result<ResUse>>) -> Result<ResUse, Why> {
        let mut clock = Clock::new();
        let mut watch = Watch::new(self.record, self.pace.patience);
        let mut over_since = None;
        let mut moved = None;
        let limit = self.pace.limit;
        loop {
            match ended.recv_timeout(TICK) {
                Ok(resources) => return Ok(resources.context("cannot wait for mpirun")?),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(anyhow!("nobody waits for mpirun").into());
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            reap_strays(mpirun);
            if let Err(interrupted) = self.interrupt.check() {
                return Err(Why::Refused(interrupted.into()));
            }
            if clock.lived > limit * NO_TIME {
                return Err(Why::Refused(NoTime.into()));
            }
            if !clock.tick() {
                watch.begin_again(clock.given);
            }
            let ends = rank_ends(self.ends, self.ranks);
            // Those that mpirun has ended leave no word of how. It may hang over that, as Open MPI's does.
            let have_ended =
                ends.len() == self.ranks || (!ends.is_empty() && is_without_ranks(mpirun));
            if have_ended {
                let since = *over_since.get_or_insert(clock.given);
                if clock.given - since > MPIRUN_LINGERING {
                    let worst = ends.values().map(|end| end.as_in_a_shell()).max();
                    return Err(Why::IsOver(
                        worst.unwrap_or_default(),
                        commands(Some(mpirun)),
                    ));
                }
                continue;
            }
            over_since = None;
            if moved.is_none() && clock.given > limit / 2 {
                moved = Some(bytes_moved());
            }
            if clock.given > limit {
                return Err(Why::Hung(BrokenOff {
                    hung: Hung::TimeLimit(limit),
                    recording: self.record.read().context("cannot read the record")?,
                    ranks: ends,
                    at_work: watch.at_work(&moved.unwrap_or_default()),
                }));
            }
            if self.is_recorded
                && ends.is_empty()
                && let Some((still, recording)) = watch.standstill(clock.given)
            {
                return Err(Why::Hung(BrokenOff {
                    hung: Hung::Standstill(still),
                    recording,
                    ranks: ends,
                    at_work: BTreeSet::new(),
                }));
            }
        }
    }
}

impl Waited {
    fn new(
        resources: &ResUse,
        status: Option<i32>,
        left: Vec<String>,
        broken_off: Option<BrokenOff>,
    ) -> Waited {
        let cpu = resources.rusage.utime + resources.rusage.stime;
        Waited {
            status,
            cpu,
            left,
            broken_off,
        }
    }
}

impl RankEnd {
    /// As a shell has it.
    fn as_in_a_shell(self) -> i32 {
        match self {
            RankEnd::Status(status) => status,
            RankEnd::Signal(signal) => 128 + signal,
        }
    }
}
