//! Stays with an mpirun as long as it runs: passes signals on to it, leaves out what it only repeats, and knows
//! whether it was interrupted.

use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStderr, Command, ExitCode, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpid, kill_process};
use signal_hook::consts::{SIGCHLD, SIGCONT, SIGTSTP};
use signal_hook::iterator::Signals;
use signal_hook::low_level::signal_name;

use super::Mpi;
use super::repeated::Filter;
use crate::exit::Exit;
use crate::say;
use crate::signals;

/// What a shell adds to the number of the signal that a command has died of.
const DIED: i32 = 128;

/// Runs an mpirun to its end. Returns the exit status: mpirun's, or that of whatever was interrupted.
///
/// It has a process group of its own, so that each signal reaches it once: mpirun takes a second Ctrl-C for a
/// wish to leave everything as it is.
///
/// # Errors
/// When it cannot be run.
pub(super) fn attend(mut command: Command, mpi: &'static Mpi) -> Result<ExitCode> {
    let ours = signals::ending().chain([SIGTSTP, SIGCONT, SIGCHLD]);
    let mut signals = Signals::new(ours).context("cannot take signals")?;
    command.stderr(Stdio::piped()).process_group(0);
    end_with_us(&mut command);
    let mpirun = command.get_program().to_owned();
    let cannot = || format!("cannot run {}", mpirun.display());
    let mut child = command.spawn().with_context(cannot)?;
    let said = child.stderr.take().expect("it was asked for");
    let has_ended = AtomicBool::new(false);
    let (status, interruption) = thread::scope(|scope| {
        scope.spawn(|| pass_on(said, &has_ended, Filter::new(mpi)));
        let ended = wait(&mut child, &mut signals);
        has_ended.store(true, Ordering::Relaxed);
        ended
    })?;
    if let Some(signal) = status.signal().filter(|_| interruption.is_none()) {
        let (mpirun, signal) = (mpirun.display(), name(signal));
        say::problem(format_args!("bittorrent: {mpirun} has died: {signal}"));
    }
    Ok(exit_code(status, interruption))
}

/// The status of a run that has come to its own end is its own, though a signal came last.
fn exit_code(status: ExitStatus, interruption: Option<i32>) -> ExitCode {
    if interruption.is_some() && !status.success() {
        return Exit::Stalled.into();
    }
    let died = || status.signal().map(|signal| DIED + signal);
    let code = status
        .code()
        .or_else(died)
        .and_then(|code| u8::try_from(code).ok());
    ExitCode::from(code.unwrap_or(Exit::Broken.status()))
}

fn name(signal: i32) -> String {
    signal_name(signal).map_or_else(|| format!("signal {signal}"), str::to_owned)
}

/// Has the system end mpirun if this process is killed: nobody else would.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the standard library has no safe way to it")]
fn end_with_us(command: &mut Command) {
    let ask = || {
        Ok(rustix::process::set_parent_process_death_signal(Some(
            Signal::TERM,
        ))?)
    };
    // SAFETY: between fork and exec it makes one system call, and allocates nothing.
    unsafe { command.pre_exec(ask) };
}

#[cfg(not(target_os = "linux"))]
fn end_with_us(_: &mut Command) {}

/// Passes signals on until mpirun has ended. Returns how, and the first signal that was to end it.
fn wait(child: &mut Child, signals: &mut Signals) -> Result<(ExitStatus, Option<i32>)> {
    let mpirun = Pid::from_child(child);
    // What has ended is not waited for yet, so that its number is nobody else's.
    let send = |signal: i32| {
        if let Some(signal) = Signal::from_named_raw(signal) {
            _ = kill_process(mpirun, signal);
        }
    };
    let mut interruption = None;
    for signal in signals.forever() {
        match signal {
            SIGCHLD => {
                if let Some(status) = child.try_wait().context("cannot wait for mpirun")? {
                    return Ok((status, interruption));
                }
            }
            SIGTSTP => {
                send(signal);
                _ = kill_process(getpid(), Signal::STOP);
            }
            SIGCONT => send(signal),
            _ => {
                if interruption.replace(signal).is_none() {
                    say::problem(format_args!("bittorrent: {} came", name(signal)));
                }
                send(signal);
            }
        }
    }
    unreachable!("nobody closes the signals")
}

/// Passes on what mpirun says on standard error, until all is read. Who has inherited that from mpirun, and goes
/// on, is not waited for.
fn pass_on(mut said: ChildStderr, has_ended: &AtomicBool, mut filter: Filter) {
    let timeout = Timespec::try_from(Duration::from_millis(50)).expect("it is short");
    let mut bytes = [0; 1 << 12];
    loop {
        let was_over = has_ended.load(Ordering::Relaxed);
        let mut polled = [PollFd::new(&said, PollFlags::IN)];
        match poll(&mut polled, Some(&timeout)) {
            Ok(0) if was_over => break,
            Ok(0) | Err(Errno::INTR) => continue,
            Ok(_) | Err(_) => {}
        }
        match said.read(&mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => break,
            Ok(length) => say::of_others(&filter.take(&bytes[..length])),
        }
    }
    say::of_others(&filter.close());
}
