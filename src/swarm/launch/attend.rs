//! Stays with an mpirun as long as it runs: passes signals on to it, leaves out what it only repeats, knows
//! whether it was interrupted, and ends it if it does not end behind its ranks.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpid, kill_process};
use signal_hook::consts::{SIGCHLD, SIGCONT, SIGTSTP};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;

use super::Mpi;
use super::repeated::Filter;
use super::started::Started;
use crate::exit::Exit;
use crate::say;
use crate::shown::Shown;
use crate::signals::{self, Interrupt, name};

/// What a shell adds to the number of the signal that a command has died of.
const DIED: i32 = 128;

/// The status of an mpirun that could not start a rank.
const FAILED: i32 = 1;

/// The time between two looks at mpirun and its ranks.
const TICK: Duration = Duration::from_millis(100);

/// So many looks long an mpirun may take to end when all ranks have ended, and when a signal asks it to: 10 s in which
/// this process was not stopped.
const PATIENCE: u32 = 100;

/// The time between two looks whether an mpirun that is silent has ended.
const SILENCE: Duration = Duration::from_millis(50);

/// The signals that come to this process.
type Delivery = SignalDelivery<UnixStream, SignalOnly>;

/// How an mpirun has ended.
struct Ended {
    status: ExitStatus,
    /// The first signal that was to end it.
    interruption: Option<i32>,
    /// It was ended, for all ranks had.
    was_left: bool,
}

/// Runs an mpirun of so many ranks of a program to its end. Returns the exit status: mpirun's, or that of whatever was
/// interrupted.
///
/// It has a process group of its own, so that each signal reaches it once: mpirun takes a second Ctrl-C for a
/// wish to leave everything as it is. So what it prints comes through this process: a terminal may stop who writes to
/// it from the background (`stty tostop`).
///
/// # Errors
/// When it cannot be run, or what it prints not be printed.
pub(super) fn attend(
    mut command: Command,
    mpi: &'static Mpi,
    (ranks, program): (usize, &Path),
) -> Result<ExitCode> {
    let mut signals = take_signals().context("cannot take signals")?;
    Interrupt::on_signals()?.check()?;
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0);
    end_with_us(&mut command);
    let mpirun = command.get_program().to_owned();
    let cannot = || format!("cannot run {}", mpirun.shown());
    let mut child = command.spawn().with_context(cannot)?;
    let expected = "it was asked for";
    let (printed, said) = (child.stdout.take(), child.stderr.take());
    let (printed, said) = (printed.expect(expected), said.expect(expected));
    let mut started = Started::by(child.id(), program, ranks);
    let has_ended = AtomicBool::new(false);
    let mut filter = Filter::new(mpi);
    let (ended, unprinted) = thread::scope(|scope| {
        let printing = scope.spawn(|| {
            let mut unprinted = None;
            pass_on(printed, &has_ended, |bytes| {
                let passed = say::of_others(bytes);
                unprinted = unprinted.take().or(passed.err());
            });
            unprinted
        });
        scope.spawn(|| {
            pass_on(said, &has_ended, |bytes| {
                say::problem_of_others(&filter.take(bytes));
            });
        });
        let ended = wait(&mut child, &mut signals, &mut started);
        has_ended.store(true, Ordering::Relaxed);
        (ended, printing.join().expect("it does not panic"))
    });
    let (told, ended) = (filter.status(), ended?);
    say::problem_of_others(&filter.close());
    // Such an mpirun tells of each rank that has failed, with which status. So this one is its own; but a rank on another
    // host is never seen.
    let is_its_own = mpi.rule.is_some() && told.is_none() && started.saw_none();
    if is_its_own && ended.interruption.is_none() && ended.status.code() == Some(FAILED) {
        let mpirun = mpirun.shown();
        say::problem(format_args!(
            "bittorrent: {mpirun} has failed, and no rank was seen"
        ));
        return Ok(Exit::Refused.into());
    }
    if ended.was_left {
        let mpirun = mpirun.shown();
        say::problem(format_args!(
            "bittorrent: all ranks have ended, and {mpirun} has not: it was killed"
        ));
    } else if let (Some(signal), None) = (ended.status.signal(), ended.interruption) {
        let (mpirun, signal) = (mpirun.shown(), name(signal));
        say::problem(format_args!("bittorrent: {mpirun} has died: {signal}"));
    }
    match unprinted {
        Some(why) if ended.interruption.is_none() && ended.status.success() => Err(why.into()),
        Some(_) | None => Ok(exit_code(&ended, told)),
    }
}

/// From now on the signals come to this value, and to nobody else.
fn take_signals() -> io::Result<Delivery> {
    let ours = signals::ending().chain([SIGTSTP, SIGCONT, SIGCHLD]);
    let (read, write) = UnixStream::pair()?;
    Delivery::with_pipe(read, write, SignalOnly, ours)
}

/// The status of a run that has come to its own end is its own, though a signal came last. `told` is the status of a
/// rank, as mpirun has said it.
fn exit_code(ended: &Ended, told: Option<u8>) -> ExitCode {
    let status = ended.status;
    if ended.interruption.is_some() && !status.success() {
        return Exit::Stalled.into();
    }
    if ended.was_left {
        return ExitCode::from(told.unwrap_or(Exit::Broken.status()));
    }
    let died = || status.signal().map(|signal| DIED + signal);
    let code = status
        .code()
        .or_else(died)
        .and_then(|code| u8::try_from(code).ok());
    ExitCode::from(code.unwrap_or(Exit::Broken.status()))
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

/// Passes signals on until mpirun has ended. Of those that are to end it, only the first: they are one wish, and at the
/// second an mpirun leaves its ranks and its folder. If it takes too long, the next one is passed on.
fn wait(child: &mut Child, signals: &mut Delivery, started: &mut Started) -> Result<Ended> {
    let mpirun = Pid::from_child(child);
    // What has ended is not waited for yet, so that its number is nobody else's.
    let send = |signal| _ = kill_process(mpirun, signal);
    let pass = |signal| _ = Signal::from_named_raw(signal).map(send);
    let timeout = Timespec::try_from(TICK).expect("it is short");
    let (mut interruption, mut was_left) = (None, false);
    let (mut since_wish, mut since_end) = (0, 0);
    loop {
        let mut polled = [PollFd::new(signals.get_read(), PollFlags::IN)];
        if poll(&mut polled, Some(&timeout)) == Ok(0) {
            since_wish += 1;
            since_end = if started.have_ended() {
                since_end + 1
            } else {
                0
            };
            if since_end == PATIENCE {
                was_left = true;
                send(Signal::KILL);
            }
        }
        for signal in signals.pending() {
            match signal {
                SIGCHLD => {
                    if let Some(status) = child.try_wait().context("cannot wait for mpirun")? {
                        return Ok(Ended {
                            status,
                            interruption,
                            was_left,
                        });
                    }
                }
                SIGTSTP => {
                    pass(signal);
                    _ = kill_process(getpid(), Signal::STOP);
                }
                SIGCONT => pass(signal),
                _ => {
                    if interruption.is_none() || since_wish >= PATIENCE {
                        let again = if interruption.is_some() { " again" } else { "" };
                        say::problem(format_args!("bittorrent: {} came{again}", name(signal)));
                        pass(signal);
                        since_wish = 0;
                    }
                    interruption = interruption.or(Some(signal));
                }
            }
        }
    }
}

/// Passes on what mpirun prints, until all is read. Who has inherited that from mpirun, and goes on, is not waited
/// for.
fn pass_on(mut from: impl Read + AsFd, has_ended: &AtomicBool, mut to: impl FnMut(&[u8])) {
    let timeout = Timespec::try_from(SILENCE).expect("it is short");
    let mut bytes = [0; 1 << 12];
    loop {
        let was_over = has_ended.load(Ordering::Relaxed);
        let mut polled = [PollFd::new(&from, PollFlags::IN)];
        match poll(&mut polled, Some(&timeout)) {
            Ok(0) if was_over => break,
            Ok(0) | Err(Errno::INTR) => continue,
            Ok(_) | Err(_) => {}
        }
        match from.read(&mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => break,
            Ok(length) => to(&bytes[..length]),
        }
    }
}
