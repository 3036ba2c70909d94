//! A rank's way through a run: the start, its part in the swarm, the end.

use std::time::Duration;

use anyhow::Result;
use mpi::environment::Threading;
use mpi::topology::{Communicator, SimpleCommunicator};

use super::address::Mailboxes;
use super::agree::{Agreement, agree};
use super::assembly::Assembly;
use super::client;
use super::clock::Clock;
use super::gather;
use super::job::Job;
use super::mailbox::{self, Own, Receiver};
use super::post::Post;
use super::start;
use super::tracing::{Recorders, Tracing};
use super::tracker;
use crate::exit::Exit;
use crate::inputs;
use crate::options::Options;
use crate::output;
use crate::progress::Style;
use crate::protocol::{Rank, ToTracker};
use crate::report::{Measured, Plan, Report};
use crate::say::{self, NotSaid};
use crate::tracker::Tracker;

/// Runs this process's part of the swarm: the tracker on rank 0, a client on every other.
///
/// It returns on all ranks once the swarm is done, with this rank's exit status: rank 0 answers for
/// all. A problem inside that the protocol cannot carry ends the whole job at once, on all ranks.
pub fn run(options: &Options) -> Exit {
    if let Some(Style::Live(_)) = options.progress {
        say::over_progress(); // rank 0's, on the terminal of all
    }
    let early = start::early_job(options);
    let start = Assembly::to("start", options.stall_timeout, &early);
    let Some((universe, threading)) = mpi::initialize_with_threading(Threading::Multiple) else {
        unreachable!("this is the only place that initialises MPI")
    };
    let world = universe.world();
    let agreement = agree(&world, threading, options);
    let Some(Agreement {
        plan,
        elsewhere,
        is_shown,
        parts,
        left,
    }) = agreement.unwrap_or_else(|error| early.abort(&error))
    else {
        return Exit::Refused;
    };
    let me = Rank(u32::try_from(world.rank()).expect("a rank is not negative"));
    let job = start::job(me, plan.clone(), &left).on(elsewhere);
    let mailboxes = mailbox::open(&world);
    let (tracing, recorders) = if let Some(parts) = parts {
        let started = Tracing::start(&world, parts, left.trace, &plan, &job);
        match started.unwrap_or_else(|error| job.abort(&error)) {
            Some((tracing, recorders)) => (Some(tracing), recorders),
            None => return Exit::Refused,
        }
    } else {
        (None, Recorders::default())
    };
    drop(start);

    let ended = participate(&world, options, &plan, &job, mailboxes, recorders, is_shown);
    let ended = ended.unwrap_or_else(|error| job.abort(&error));
    // Files before words: who does not read the words is to have the files.
    let mut unwritten = Vec::new();
    if let (Some(ended), Some(output)) = (&ended, &left.report) {
        let saved = output::save_report(output, &ended.report);
        unwritten.extend(saved.err().map(|why| why.to_string()));
    }
    let traced = tracing.map(|tracing| tracing.finish(&world, options.stall_timeout));
    unwritten.extend(traced.and_then(Result::err));
    let told = ended.map(|ended| ended.tell(options.quiet));
    let (exit, unsaid) = told.unwrap_or((Exit::Complete, None));
    unwritten.extend(unsaid.map(|why| why.to_string()));
    for why in &unwritten {
        say::problem(format_args!("bittorrent: {why}"));
    }
    let exit = match unwritten.is_empty() {
        true => exit,
        false => Exit::NotWritten,
    };
    if exit != Exit::Refused {
        left.new_folders.keep();
    }
    // All is done and reported: a problem from here on changes only the exit status.
    let _end = Assembly::to("end", options.stall_timeout, &Job::new(me, |_, _| {}));
    drop(universe);
    exit
}

/// A rank's part. Where progress is shown, a client says what it wants before it begins, outside the
/// protocol, in which the tracker hears of one file after another.
fn participate(
    world: &SimpleCommunicator,
    options: &Options,
    plan: &Plan,
    job: &Job,
    (mailboxes, mut own): (Mailboxes, Own),
    recorders: Recorders,
    is_shown: bool,
) -> Result<Option<Ended>> {
    if job.me == Rank::TRACKER {
        let most_untaken = Tracker::most_untaken(plan.clients, &plan.settings);
        let post = Post::new(&mailboxes, most_untaken, recorders.first);
        return track(world, options, plan, job, post, own.tracker).map(Some);
    }
    let registered = client::register(options, plan, job, &mailboxes, &mut own, recorders.first)?;
    if let Some(registered) = registered {
        if is_shown {
            gather::send(world, &registered.download.to_download())?;
        }
        let for_upload = recorders.upload;
        let statistics = client::run(registered, options, plan, job, &mailboxes, own, for_upload)?;
        gather::send(world, &statistics)?;
    }
    Ok(None)
}

/// A run that has come to its end, as rank 0 knows it.
struct Ended {
    exit: Exit,
    report: Report,
    /// From the start of the tracker on.
    time: Duration,
}

impl Ended {
    /// Tells the user how it went. Returns the exit status, and why something could not be printed.
    fn tell(&self, is_quiet: bool) -> (Exit, Option<NotSaid>) {
        for problem in self.report.complaints() {
            say::problem(problem);
        }
        let measured = self.report.measured.as_ref().filter(|_| !is_quiet);
        let said = measured.map(|measured| {
            let time = format!("{:.3} s", self.time.as_secs_f64());
            say::text(self.report.summary(measured, &time))
        });
        (self.exit, said.and_then(Result::err))
    }
}

/// Rank 0's part: the tracker, and what there is to tell at the end.
fn track(
    world: &SimpleCommunicator,
    options: &Options,
    plan: &Plan,
    job: &Job,
    post: Post,
    mailbox: Receiver<ToTracker>,
) -> Result<Ended> {
    let last = Rank(u32::try_from(plan.clients).expect("clients have ranks"));
    if let Some(warning) = inputs::without_rank(&options.input_dir, last) {
        say::problem(warning);
    }
    let clock = Clock::start();
    let (patience, progress) = (options.stall_timeout, options.progress);
    let account = tracker::run(world, plan, job, post, mailbox, patience, progress)?;
    let time = clock.now();

    let measured = account
        .clients
        .map(|clients| Measured::new(&plan.settings, &clients, &account.sent, &account.makespan));
    let (exit, report) = Report::of_ending(plan, &account.ending, measured);
    Ok(Ended { exit, report, time })
}
