//! Whether the ranks that an mpirun has started on this host have all ended. The operating system tells it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The longest name of a process, in bytes. The system cuts what is longer.
const LONGEST_NAME: usize = 15;

/// The state of a process that has ended, and whose end nobody has asked for yet.
const ENDED: char = 'Z';

/// The ranks of a swarm, as children of mpirun.
///
/// It is certain that all have ended only if each was seen. Where ranks are on other hosts, or mpirun starts them
/// through another process, that is never so.
pub(super) struct Started {
    /// What the system knows of mpirun.
    mpirun: PathBuf,
    /// What a rank's process is called.
    name: String,
    /// How many ranks there are.
    ranks: usize,
    /// Those that were seen.
    seen: BTreeSet<u32>,
    /// One that had not ended when it was last looked at.
    running: Option<u32>,
}

impl Started {
    /// By the mpirun that is this process, `ranks` times `program`.
    pub(super) fn by(mpirun: u32, program: &Path, ranks: usize) -> Started {
        Started::at(&Path::new("/proc").join(mpirun.to_string()), program, ranks)
    }

    fn at(mpirun: &Path, program: &Path, ranks: usize) -> Started {
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        let mut length = name.len().min(LONGEST_NAME);
        while !name.is_char_boundary(length) {
            length -= 1;
        }
        Started {
            mpirun: mpirun.to_owned(),
            name: name[..length].to_owned(),
            ranks,
            seen: BTreeSet::new(),
            running: None,
        }
    }

    /// Looks once more. Whether all ranks have ended, and mpirun could.
    pub(super) fn have_ended(&mut self) -> bool {
        if self.seen.len() < self.ranks {
            let new = self.children().into_iter();
            let new = new.filter(|&child| self.look_at(child).is_some());
            self.seen.extend(new.collect::<Vec<_>>());
        }
        let mut known = self.running.iter().chain(&self.seen);
        let running = known.find(|&&rank| self.look_at(rank).is_some_and(|state| state != ENDED));
        self.running = running.copied();
        let is_stopped = state(&self.mpirun).is_some_and(|(_, state)| "Tt".contains(state));
        self.seen.len() >= self.ranks && self.running.is_none() && !is_stopped
    }

    /// Whether none was seen. They may still have been there, on other hosts or for a moment.
    pub(super) fn saw_none(&self) -> bool {
        self.seen.is_empty()
    }

    /// The processes that mpirun has started, and not yet waited for.
    fn children(&self) -> BTreeSet<u32> {
        let threads = fs::read_dir(self.mpirun.join("task")).into_iter().flatten();
        let lists = threads
            .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok());
        let lists: String = lists.collect();
        lists.split_whitespace().flat_map(str::parse).collect()
    }

    /// The state of a rank's process. `None`: it is gone, or no rank.
    fn look_at(&self, child: u32) -> Option<char> {
        let (name, state) = state(&self.mpirun.with_file_name(child.to_string()))?;
        (name == self.name).then_some(state)
    }
}

/// The name and the state of a process: `PID (NAME) STATE ...`, and the name may be anything.
fn state(process: &Path) -> Option<(String, char)> {
    let stat = fs::read(process.join("stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let (start, rest) = stat.rsplit_once(')')?;
    let (_, name) = start.split_once('(')?;
    Some((name.to_owned(), rest.trim_start().chars().next()?))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// What the system would tell of an mpirun, 7, and its children.
    struct Told(TempDir);

    impl Told {
        fn children(&self, processes: &[(u32, &str, char)]) {
            self.process(7, "mpirun", 'S');
            let task = self.0.path().join("7/task/7");
            fs::create_dir_all(&task).unwrap();
            let list = processes.iter().map(|(child, ..)| format!("{child} "));
            fs::write(task.join("children"), list.collect::<String>()).unwrap();
            for &(child, name, state) in processes {
                self.process(child, name, state);
            }
        }

        fn process(&self, process: u32, name: &str, state: char) {
            let folder = self.0.path().join(process.to_string());
            fs::create_dir_all(&folder).unwrap();
            let stat = format!("{process} ({name}) {state} 1 2 3");
            fs::write(folder.join("stat"), stat).unwrap();
        }

        fn gone(&self, process: u32) {
            fs::remove_dir_all(self.0.path().join(process.to_string())).unwrap();
        }
    }

    fn two_ranks() -> (Told, Started) {
        let told = Told(tempfile::tempdir().unwrap());
        let mpirun = told.0.path().join("7");
        (told, Started::at(&mpirun, Path::new("/a/bittorrent"), 2))
    }

    #[test]
    fn ranks_have_ended_when_all_were_seen_and_none_runs() {
        let (told, mut started) = two_ranks();
        assert!(!started.have_ended(), "mpirun is not there yet");
        told.children(&[(8, "mpirun", 'S')]);
        assert!(!started.have_ended(), "it is not a rank yet");
        told.children(&[(8, "bittorrent", 'R')]);
        assert!(!started.have_ended());
        told.gone(8);
        told.children(&[(9, "bittorrent", 'T')]);
        assert!(!started.have_ended());
        told.children(&[(9, "bittorrent", 'Z')]);
        assert!(started.have_ended());
        told.children(&[]);
        told.gone(9);
        assert!(started.have_ended());
        told.process(7, "mpirun", 'T');
        assert!(!started.have_ended(), "who is stopped cannot end");
    }

    #[test]
    fn ranks_that_were_not_all_seen_may_be_elsewhere() {
        let (told, mut started) = two_ranks();
        told.children(&[(8, "ssh", 'S'), (9, "ssh", 'S'), (10, "bittorrent", 'S')]);
        assert!(!started.have_ended());
        told.children(&[]);
        for gone in [8, 9, 10] {
            told.gone(gone);
        }
        assert!(!started.have_ended());
    }

    #[test]
    fn a_long_name_is_the_one_that_the_system_cuts() {
        let started = Started::at(Path::new("/7"), Path::new("/a/bittorrent-of-mine"), 2);
        assert_eq!(started.name, "bittorrent-of-m");
    }
}
