//! One run of a program: what it left, and how it ended.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::seen::calls::Recording;
use crate::seen::finding::Finding;
use swarm::protocol::Rank;

/// What a run left.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// How it ended.
    pub ending: Ending,
    /// The time from the start of mpirun to its end.
    pub wall: Duration,
    /// The processor time of all ranks and of mpirun.
    pub cpu: Duration,
    /// The files that it wrote, by name.
    pub outputs: BTreeMap<String, Vec<u8>>,
    /// What the program and mpirun printed, or the beginning of it.
    pub printed: String,
    /// The commands of the processes that were still there after its end. They were ended. `None`: that was not seen.
    pub left: Option<Vec<String>>,
    /// What the ranks called.
    pub recording: Recording,
    /// What sanitizers found, if the program was built with one: the first thing in each rank.
    pub findings: BTreeMap<Rank, Finding>,
}

impl Run {
    /// Whether it ended by itself, and no rank complained.
    pub fn has_ended_well(&self) -> bool {
        self.no_rank_complains() && self.ending.status == Some(0)
    }

    /// Whether it ended by itself, and mpirun says that a rank has failed, of which nothing else is known.
    pub fn only_mpirun_complains(&self) -> bool {
        self.no_rank_complains() && self.ending.status.is_some_and(|status| status != 0)
    }

    /// Whether it ended by itself, each rank with status 0 and none by `MPI_Abort`.
    fn no_rank_complains(&self) -> bool {
        let Ending { hung, ranks, .. } = &self.ending;
        hung.is_none()
            && ranks.values().all(|end| *end == RankEnd::Status(0))
            && !self.recording.ranks.iter().any(|rank| rank.is_aborted)
    }
}

/// How a run ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ending {
    /// Why it was ended from outside, if it was.
    pub hung: Option<Hung>,
    /// The exit status of mpirun; `None` after a signal.
    pub status: Option<i32>,
    /// How each rank ended, where that is known. A rank that mpirun or the time limit killed is not there.
    pub ranks: BTreeMap<Rank, RankEnd>,
    /// The ranks that still read or wrote, files or anything else, when its time was over.
    pub at_work: BTreeSet<Rank>,
}

/// Why a run was ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hung {
    /// It took longer than it may.
    TimeLimit(Duration),
    /// Every thread of every rank has waited for another one for this time.
    Standstill(Duration),
}

/// How a rank ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RankEnd {
    /// With this exit status.
    Status(i32),
    /// By this signal.
    Signal(i32),
}

/// The signals by which a process is killed from outside: `SIGKILL` and `SIGTERM`.
const FROM_OUTSIDE: [i32; 2] = [9, 15];

impl RankEnd {
    /// Whether it looks like the end of a rank that was killed from outside.
    pub fn is_killed(self) -> bool {
        match self {
            RankEnd::Signal(signal) => FROM_OUTSIDE.contains(&signal),
            RankEnd::Status(status) => FROM_OUTSIDE.contains(&(status - 128)),
        }
    }
}

/// The lines of a file. The last one may have no line break.
pub(crate) fn split(bytes: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    if lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    lines
}

/// A line without what C calls white space.
pub(crate) fn squeezed(line: &[u8]) -> Vec<u8> {
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'\x0b';
    line.iter()
        .copied()
        .filter(|byte| !is_space(byte))
        .collect()
}
