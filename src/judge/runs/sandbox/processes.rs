//! The processes that a run has started, whatever their parents are now.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::process::{
    Pid, Signal, WaitOptions, getpgid, getpgrp, kill_process, kill_process_group, waitpid,
};

use super::RANK;

/// How long processes may take to vanish after mpirun has ended, and after they were told to end.
pub(super) const LINGERING: Duration = Duration::from_secs(2);

/// How often one looks for children in a row. A process that forks and ends all the time (a comet) is another one by
/// the time that all processes are listed; but each is a child of this process soon.
const LOOKS: usize = 200;

/// The most bytes of a command that are read.
const MOST_OF_COMMAND: usize = 4 << 10;

/// Ends the processes that a run has left. Returns their commands, but none if the run `was_ended`: then they
/// had no time to end by themselves.
///
/// # Errors
/// When some go on.
pub(super) fn sweep(was_ended: bool) -> Result<Vec<String>> {
    let ended = Instant::now();
    let mut left = all();
    while !left.is_empty() && !was_ended && ended.elapsed() < LINGERING {
        reap(&left);
        thread::sleep(Duration::from_millis(20));
        left = all();
    }
    let commands = if was_ended || left.is_empty() {
        Vec::new()
    } else {
        commands(None)
    };
    while !left.is_empty() {
        ensure!(
            ended.elapsed() < 4 * LINGERING,
            "what the program has started goes on, and cannot be ended: {}",
            commands.first().map_or("no name is known", String::as_str)
        );
        end_all(&left, Signal::KILL);
        reap(&left);
        for _ in 0..LOOKS {
            let children = children();
            end_all(&children, Signal::KILL);
            reap(&children);
            if children.is_empty() {
                break;
            }
        }
        left = all();
    }
    Ok(commands)
}

/// Waits for what has ended and whose parents have, too. Only `mpirun` is waited for by somebody else.
pub(super) fn reap_strays(mpirun: Pid) {
    let mut children = children();
    children.retain(|pid| *pid != mpirun);
    reap(&children);
}

/// The commands of all processes that descend from this one, but for `mpirun` and what it waits for itself.
pub(super) fn commands(mpirun: Option<Pid>) -> Vec<String> {
    // The youngest come last, and a comet is the youngest.
    let looks = (0..LOOKS).flat_map(|_| children().into_iter().rev());
    let all = descendants_but(mpirun).into_iter().chain(looks);
    let all = all.filter(|pid| Some(*pid) != mpirun);
    let commands: BTreeSet<String> = all.filter_map(command_of).collect();
    commands.into_iter().collect()
}

/// Whether this mpirun is still there and none of its ranks is. Where the system does not tell, it is not so.
pub(super) fn is_without_ranks(mpirun: Pid) -> bool {
    let all = descendants();
    all.contains(&mpirun) && !all.into_iter().any(is_rank)
}

/// Whether a process is the shell in which a rank runs.
fn is_rank(pid: Pid) -> bool {
    let words = words_of(pid).unwrap_or_default();
    matches!(&*words, [shell, script, ..] if shell == "sh" && Path::new(script).ends_with(RANK))
}

/// What descends from this process. If nothing seems to, one looks again: a comet leaves what has ended, and nobody else
/// waits for that.
fn all() -> Vec<Pid> {
    for _ in 0..3 {
        let mut found = descendants();
        found.extend(children());
        if !found.is_empty() {
            return found;
        }
        thread::sleep(Duration::from_millis(3));
    }
    Vec::new()
}

/// Ends all processes that descend from this one, and adopts those that their parents leave behind.
pub fn end_descendants() {
    let _ = sweep(true); // what cannot be ended goes on
}

/// Sends a signal to processes and to their groups, which get it at once, with all that are being forked.
pub(super) fn end_all(pids: &[Pid], signal: Signal) {
    let ours = getpgrp();
    for pid in pids {
        if let Ok(group) = getpgid(Some(*pid))
            && group != ours
        {
            let _ = kill_process_group(group, signal); // it may have ended by itself
        }
        let _ = kill_process(*pid, signal);
    }
}

/// The children of this process. All that descends from it becomes one when its parents have ended.
fn children() -> Vec<Pid> {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten();
    let of_thread = |path: PathBuf| fs::read_to_string(path.join("children")).unwrap_or_default();
    let lists = threads.flatten().map(|thread| of_thread(thread.path()));
    let number = |word: &str| word.parse().ok().and_then(Pid::from_raw);
    lists
        .flat_map(|list| {
            list.split_whitespace()
                .filter_map(number)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Waits for those that have ended, so that they vanish.
fn reap(pids: &[Pid]) {
    for pid in pids {
        let _ = waitpid(Some(*pid), WaitOptions::NOHANG); // it may be no child of ours
    }
}

/// The processes that descend from this one and have not vanished.
pub(super) fn descendants() -> Vec<Pid> {
    descendants_but(None)
}

/// The same, without this one and what descends from it.
fn descendants_but(without: Option<Pid>) -> Vec<Pid> {
    let without = without.map(|pid| pid.as_raw_nonzero().get());
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
            if Some(child) == without {
                continue;
            }
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
    words_of(pid).map(|words| words.join(" "))
}

/// The words of a process's command. One that has ended and waits for its parent has none.
fn words_of(pid: Pid) -> Option<Vec<String>> {
    let process = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
    // At once: it may end between two reads, and what comes then is only the beginning.
    let mut words = [0; MOST_OF_COMMAND];
    let mut file = File::open(process.join("cmdline")).ok()?;
    let length = file.read(&mut words).ok()?;
    let words: Vec<String> = (words[..length].split(|byte| *byte == 0))
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    (!words.is_empty()).then_some(words)
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
        Some((
            own_number(&process)?,
            Duration::from_millis(used.saturating_mul(1000) / ticks),
        ))
    };
    descendants().iter().filter_map(time).collect()
}

/// How many bytes each process of a run has read and written, in files, pipes and elsewhere, by its number as it knows
/// it itself. One of which the system does not tell is not there.
pub(super) fn bytes_moved() -> BTreeMap<u32, u64> {
    let bytes = |pid: &Pid| {
        let process = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
        let moved = moved(&fs::read_to_string(process.join("io")).ok()?);
        Some((own_number(&process)?, moved))
    };
    descendants().iter().filter_map(bytes).collect()
}

/// The sum of what a process has read and written, as the system says it. See proc_pid_io(5).
fn moved(io: &str) -> u64 {
    let of = |line: &str| {
        let bytes = line
            .strip_prefix("rchar:")
            .or(line.strip_prefix("wchar:"))?;
        bytes.trim().parse::<u64>().ok()
    };
    io.lines().filter_map(of).sum()
}

/// The threads of each process of a run, all by their numbers as they know them themselves. For one that waits without
/// end until another one of its process wakes it: how often it has gone to sleep.
pub(super) type Tasks = BTreeMap<u32, BTreeMap<u32, Option<u64>>>;

/// The threads of each process of a run.
pub(super) fn tasks() -> Tasks {
    let tasks_of = |pid: &Pid| {
        let process = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
        let tasks = fs::read_dir(process.join("task")).ok()?.flatten();
        let may_be_woken = may_be_woken(&fs::read_to_string(process.join("status")).ok()?);
        let locked = |place: &Path| locked(place).filter(|_| !may_be_woken);
        let task = |place: PathBuf| Some((own_number(&place)?, locked(&place)));
        let tasks = tasks.filter_map(|entry| task(entry.path()));
        Some((own_number(&process)?, tasks.collect()))
    };
    descendants().iter().filter_map(tasks_of).collect()
}

/// Whether a process has a handler for a signal by which it may wake a thread of its own, such as that of an alarm or of a
/// child that has ended. Those for faults do not count, which MPI libraries have. This is what the system says of the
/// process.
fn may_be_woken(status: &str) -> bool {
    const FAULTS: [Signal; 9] = [
        Signal::HUP,
        Signal::ILL,
        Signal::TRAP,
        Signal::ABORT,
        Signal::BUS,
        Signal::FPE,
        Signal::SEGV,
        Signal::PIPE,
        Signal::SYS,
    ];
    /// Signals 32 and 33, by which the C library talks to its own threads.
    const OF_C: u64 = 3 << 31;
    let bit = |signal: Signal| 1u64 << (signal.as_raw() - 1);
    let harmless = FAULTS.map(bit).into_iter().fold(OF_C, |all, one| all | one);
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|caught| u64::from_str_radix(caught.trim(), 16).ok());
    caught.is_none_or(|caught| caught & !harmless != 0)
}

/// The number of the system call by which threads wait for each other.
const FUTEX: Option<&str> = if cfg!(target_arch = "x86_64") {
    Some("202")
} else if cfg!(target_arch = "aarch64") {
    Some("98")
} else {
    None
};

/// How often a thread has gone to sleep, if it waits without end until another one of its process wakes it. `None`: it
/// does not, or that is not known.
fn locked(task: &Path) -> Option<u64> {
    let call = fs::read_to_string(task.join("syscall")).ok()?;
    if !waits_without_end(&call) {
        return None;
    }
    let status = fs::read_to_string(task.join("status")).ok()?;
    let mut lines = status.lines();
    let switches = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
    switches.trim().parse().ok()
}

/// Whether a thread is in this system call: the number of the call, and what it was called with. See futex(2).
fn waits_without_end(call: &str) -> bool {
    /// Only threads of the same process can wake it.
    const PRIVATE: u64 = 128;
    /// Which clock is meant where there is an end.
    const CLOCK: u64 = 256;
    const WAIT: u64 = 0;
    const WAIT_BITSET: u64 = 9;
    let words: Vec<&str> = call.split_whitespace().collect();
    let &[number, _, operation, _, timeout, ..] = &*words else {
        return false;
    };
    let operation = u64::from_str_radix(operation.trim_start_matches("0x"), 16);
    let operation = operation.unwrap_or_default() & !CLOCK;
    Some(number) == FUTEX
        && timeout == "0x0"
        && [PRIVATE | WAIT, PRIVATE | WAIT_BITSET].contains(&operation)
}

/// The number of a process or a thread as it knows it itself.
fn own_number(place: &Path) -> Option<u32> {
    let status = fs::read_to_string(place.join("status")).ok()?;
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    let own = numbers.and_then(|numbers| numbers.split_whitespace().last()?.parse().ok());
    // Where there are no name spaces, it is the one that everybody knows it by.
    own.or_else(|| place.file_name()?.to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};

    use super::*;

    #[test]
    fn who_waits_for_a_lock_or_a_condition_is_told_from_who_waits_for_a_time() {
        let Some(futex) = FUTEX else {
            return;
        };
        let is_locked = |rest: &str| waits_without_end(&format!("{futex} {rest}"));
        assert!(is_locked("0x7ffe 0x80 0x2 0x0 0x0 0x0 0x7ffd 0x7f\n"));
        assert!(is_locked(
            "0x7ffe 0x189 0x0 0x0 0x0 0xffffffff 0x7ffd 0x7f\n"
        ));
        // Until a time; for another process, too; and nothing of the kind.
        assert!(!is_locked(
            "0x7ffe 0x189 0x0 0x7ffa 0x0 0xffffffff 0x7ffd 0x7f\n"
        ));
        assert!(!is_locked(
            "0x7ffe 0x109 0x0 0x0 0x0 0xffffffff 0x7ffd 0x7f\n"
        ));
        assert!(!is_locked(
            "0x7ffe 0x81 0x0 0x0 0x0 0xffffffff 0x7ffd 0x7f\n"
        ));
        for other in [
            "running\n",
            "230 0x80 0x80 0x80 0x0 0x0 0x0 0x0 0x0\n",
            "-1 0x7f 0x7f\n",
            "",
        ] {
            assert!(!waits_without_end(other), "{other}");
        }
    }

    #[test]
    fn what_a_process_reads_and_writes_is_counted() {
        let io = "rchar: 7\nwchar: 30\nsyscr: 1\nread_bytes: 4096\nwrite_bytes: 4096\ncancelled_write_bytes: 0\n";
        assert_eq!(moved(io), 37);
        assert_eq!(moved(""), 0);
    }

    #[test]
    fn who_has_a_handler_for_a_time_that_is_over_may_be_woken() {
        // As Open MPI has it; then with SIGALRM, with SIGCHLD, and with one of real time.
        assert!(!may_be_woken("Name:\ta\nSigCgt:\t00000001000004e0\n"));
        assert!(may_be_woken("Name:\ta\nSigCgt:\t00000001000024e0\n"));
        assert!(may_be_woken("Name:\ta\nSigCgt:\t00000001000104e0\n"));
        assert!(may_be_woken("Name:\ta\nSigCgt:\t00000003000004e0\n"));
        assert!(may_be_woken("Name:\ta\n"));
    }

    #[test]
    fn a_thread_that_waits_without_end_is_found_where_the_system_tells() {
        static STATE: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());
        let waiting = thread::spawn(|| {
            let is_over = STATE.0.lock().expect("nobody panics");
            drop(STATE.1.wait_while(is_over, |is_over| !*is_over));
        });
        let found = || {
            let tasks = fs::read_dir("/proc/self/task")
                .expect("Linux has that")
                .flatten();
            tasks.filter_map(|task| locked(&task.path())).count() > 0
        };
        // Other tests wait as well; it is enough that one is found.
        if fs::read_to_string("/proc/self/syscall").is_ok() && FUTEX.is_some() {
            while !found() {
                thread::yield_now();
            }
        }
        *STATE.0.lock().expect("nobody panics") = true;
        STATE.1.notify_all();
        waiting.join().expect("it ends");
    }
}
