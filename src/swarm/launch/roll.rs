//! Which ranks are on this host, and whether they are stopped. The operating system tells it, when MPI
//! cannot be asked.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::process::parent_id;
use std::path::Path;

use super::environment;

/// The ranks, as they are seen from one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roll {
    /// The ranks on this host. A launcher starts all of a host's ranks, so they have one parent.
    here: BTreeMap<u32, ProcessState>,
    /// How many there are, if the launcher has said so.
    ranks: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ProcessState {
    Running,
    Stopped,
}

impl Roll {
    /// Looks around. Where there is no `/proc`, a rank sees itself alone.
    pub fn call(me: u32) -> Roll {
        let processes = fs::read_dir("/proc").into_iter().flatten();
        let mut here: BTreeMap<u32, ProcessState> = processes
            .filter_map(|process| sibling(&process.ok()?.path()))
            .collect();
        here.entry(me).or_insert(ProcessState::Running);
        let ranks = environment::ranks();
        Roll { here, ranks }
    }

    /// The first rank on this host that can speak.
    pub fn speaker(&self) -> Option<u32> {
        let mut here = self.here.iter();
        here.find_map(|(rank, state)| (*state == ProcessState::Running).then_some(*rank))
    }

    /// The stopped ranks of this host, in words. `None`: no rank is stopped.
    pub fn stopped(&self) -> Option<String> {
        said(&self.in_state(ProcessState::Stopped), "stopped")
    }

    fn in_state(&self, state: ProcessState) -> Vec<u32> {
        let here = self.here.iter().filter(|(_, other)| **other == state);
        here.map(|(rank, _)| *rank).collect()
    }
}

fn said(ranks: &[u32], state: &str) -> Option<String> {
    let names: Vec<String> = ranks.iter().map(ToString::to_string).collect();
    match names.as_slice() {
        [] => None,
        [name] => Some(format!("rank {name} is {state}")),
        names => Some(format!("ranks {} are {state}", names.join(", "))),
    }
}

/// The rank and the state of a process, if it is a rank that the same launcher has started.
fn sibling(process: &Path) -> Option<(u32, ProcessState)> {
    let (state, parent) = state_and_parent(&fs::read_to_string(process.join("stat")).ok()?)?;
    if parent != parent_id() {
        return None;
    }
    let variables = fs::read(process.join("environ")).ok()?;
    Some((environment::rank_among(&variables)?, state))
}

/// What a process's line in `/proc` says: `PID (NAME) STATE PARENT ...`, and the name may be anything.
fn state_and_parent(stat: &str) -> Option<(ProcessState, u32)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut words = rest.split_whitespace();
    let state = match words.next()? {
        "T" | "t" => ProcessState::Stopped,
        _ => ProcessState::Running,
    };
    Some((state, words.next()?.parse().ok()?))
}

/// In words; the stopped ranks first.
impl fmt::Display for Roll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ranks = 0..self.ranks.unwrap_or(0);
        let unseen: Vec<u32> = ranks.filter(|rank| !self.here.contains_key(rank)).collect();
        let parts = [
            self.stopped(),
            said(&self.in_state(ProcessState::Running), "waiting"),
            said(&unseen, "not seen on this host"),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        f.write_str(&parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_may_have_any_name() {
        let line = |name: &str, state| format!("42 ({name}) {state} 7 42 42 0 -1 4194304 95");
        for name in ["bittorrent", "a b", ") T 1 (", "((", ""] {
            assert_eq!(
                state_and_parent(&line(name, "S")),
                Some((ProcessState::Running, 7))
            );
            assert_eq!(
                state_and_parent(&line(name, "T")),
                Some((ProcessState::Stopped, 7))
            );
        }
        assert_eq!(state_and_parent("42 (bittorrent"), None);
    }

    #[test]
    fn a_roll_names_those_that_stand_still_first_and_then_all_others() {
        let roll = |here: &[(u32, ProcessState)], ranks| Roll {
            here: here.iter().copied().collect(),
            ranks,
        };
        let (running, stopped) = (ProcessState::Running, ProcessState::Stopped);
        let three = [(0, stopped), (2, running), (3, running)];
        for (here, ranks, speaker, text) in [
            (&three[..1], Some(1), None, "rank 0 is stopped"),
            (&three[1..], None, Some(2), "ranks 2, 3 are waiting"),
            (
                &three[..2],
                Some(3),
                Some(2),
                "rank 0 is stopped; rank 2 is waiting; rank 1 is not seen on this host",
            ),
            (
                &three[..],
                Some(6),
                Some(2),
                "rank 0 is stopped; ranks 2, 3 are waiting; ranks 1, 4, 5 are not seen on this host",
            ),
        ] {
            let roll = roll(here, ranks);
            assert_eq!((roll.speaker(), roll.to_string().as_str()), (speaker, text));
        }
    }
}
