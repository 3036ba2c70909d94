//! The processes that a run has started, whatever their parents are now.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

/// How long processes may take to vanish after mpirun has ended, and after they were told to end.
pub(super) const LINGERING: Duration = Duration::from_secs(2);

/// Ends the processes that a run has left. Returns their commands, but none if the run `was_ended`: then they
/// had no time to end by themselves.
pub(super) fn sweep(was_ended: bool) -> Vec<String> {
    let ended = Instant::now();
    let mut left = descendants();
    while !left.is_empty() && !was_ended && ended.elapsed() < LINGERING {
        reap(&left);
        thread::sleep(Duration::from_millis(20));
        left = descendants();
    }
    let commands: BTreeSet<String> = left.iter().filter_map(|pid| command_of(*pid)).collect();
    while !left.is_empty() && ended.elapsed() < 4 * LINGERING {
        end_all(&left, Signal::KILL);
        reap(&left);
        thread::sleep(Duration::from_millis(5));
        left = descendants();
    }
    if was_ended {
        Vec::new()
    } else {
        commands.into_iter().collect()
    }
}

/// Ends all processes that descend from this one, and adopts those that their parents leave behind.
pub fn end_descendants() {
    sweep(true);
}

pub(super) fn end_all(pids: &[Pid], signal: Signal) {
    for pid in pids {
        let _ = kill_process(*pid, signal); // it may have ended by itself
    }
}

/// Waits for those that have ended, so that they vanish.
fn reap(pids: &[Pid]) {
    for pid in pids {
        let _ = waitpid(Some(*pid), WaitOptions::NOHANG); // it may be no child of ours
    }
}

/// The processes that descend from this one and have not vanished.
pub(super) fn descendants() -> Vec<Pid> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        if let Some(parent) = parent_of(&entry.path()) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut next = vec![rustix::process::getpid().as_raw_nonzero().get()];
    while let Some(pid) = next.pop() {
        for child in children.remove(&pid).into_iter().flatten() {
            found.extend(Pid::from_raw(child));
            next.push(child);
        }
    }
    found
}

/// The parent: the fourth field of `stat`. The second one is a name in parentheses, with anything inside.
fn parent_of(process: &Path) -> Option<i32> {
    let text = fs::read_to_string(process.join("stat")).ok()?;
    let (_, behind) = text.rsplit_once(')')?;
    behind.split_whitespace().nth(1)?.parse().ok()
}

fn command_of(pid: Pid) -> Option<String> {
    let process = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
    let words = fs::read(process.join("cmdline")).ok()?;
    let words: Vec<_> = (words.split(|byte| *byte == 0))
        .filter(|word| !word.is_empty())
        .map(String::from_utf8_lossy)
        .collect();
    // A process that has ended and waits for its parent has no words.
    (!words.is_empty()).then(|| words.join(" "))
}

/// The processor time of each process of a run, by its number as it knows it itself: in a name space that is another.
pub(super) fn processor_times() -> BTreeMap<u32, Duration> {
    let ticks = rustix::param::clock_ticks_per_second().max(1);
    let time = |pid: &Pid| {
        let process = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
        let stat = fs::read_to_string(process.join("stat")).ok()?;
        let (_, behind) = stat.rsplit_once(')')?;
        // The 14th and 15th fields; the 3rd is the first one here.
        let fields = behind.split_whitespace().skip(11).take(2);
        let used: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
        let status = fs::read_to_string(process.join("status")).ok()?;
        let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        let own = numbers.and_then(|numbers| numbers.split_whitespace().last()?.parse().ok());
        let number = own.or_else(|| u32::try_from(pid.as_raw_nonzero().get()).ok())?;
        Some((
            number,
            Duration::from_millis(used.saturating_mul(1000) / ticks),
        ))
    };
    descendants().iter().filter_map(time).collect()
}
