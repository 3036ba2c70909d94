//! What touches MPI, threads and files: it moves messages between the machines, and decides
//! nothing.

mod address;
mod assembly;
mod backoff;
mod client;
mod clock;
mod gather;
mod host;
mod job;
mod mailbox;
mod post;
mod progress;
mod recorder;
mod tracing;
mod tracker;
mod transfer;
mod watch;

use std::path::Path;

use anyhow::{Result, anyhow, ensure};
use mpi::environment::Threading;
use mpi::topology::{Communicator, SimpleCommunicator};

pub use job::Job;

/// What carries the messages, without the machines: the benchmark measures what the message layer
/// can do in the layout of a swarm.
#[doc(hidden)]
pub mod carriage {
    pub use super::address::Mailboxes;
    pub use super::mailbox::{Own, Receiver, open};
    pub use super::post::Post;
    pub use super::recorder::Recorder;
}

use crate::exit::Exit;
use crate::inputs;
use crate::launch;
use crate::options::Options;
use crate::output;
use crate::protocol::{Rank, ToTracker};
use crate::report::{Measured, Plan, Report};
use crate::scenario::{self, Cast};
use crate::settings::Settings;
use crate::tracker::Tracker;
use address::Mailboxes;
use assembly::Assembly;
use clock::Clock;
use host::Host;
use mailbox::{Own, Receiver};
use post::Post;
use tracing::{Recorders, Tracing};

impl Options {
    /// What a run with so many clients, and the seed that counts, is going to be. The parts are not
    /// dealt yet.
    fn plan(&self, clients: usize, seed: u64) -> Plan {
        Plan {
            settings: Settings {
                seed,
                ..self.settings
            },
            clients,
            corrupt: self.corrupt.clone(),
            cast: Cast::default(),
        }
    }

    /// What the scenario says, if there is one.
    fn scenario(&self) -> Result<String> {
        let text = self.scenario.as_deref().map(scenario::text);
        Ok(text.transpose()?.unwrap_or_default())
    }

    /// Deals the parts of what the scenario says.
    fn deal(&self, text: &str, clients: usize, seed: u64) -> Result<Cast> {
        let path = self
            .scenario
            .as_deref()
            .unwrap_or(Path::new("the scenario"));
        let plan = self.plan(clients, seed);
        let cast = scenario::deal(path, text, clients, &plan.settings)?;
        let upload_time = cast.longest_upload_time();
        // Every segment that is served is heard of, but nothing is while one is on its way.
        ensure!(
            self.stall_timeout
                .is_none_or(|patience| patience >= upload_time.saturating_mul(2)),
            "--stall-timeout has to be at least twice every upload_time of {}",
            path.display()
        );
        Ok(cast)
    }

    /// What stands in the way of a run with so many clients, in words for the user.
    fn objection(
        &self,
        clients: usize,
        threading: Threading,
        scenario: &Result<String>,
    ) -> Option<String> {
        if threading < Threading::Multiple {
            return Some(format!(
                "two threads of a client use MPI at once, which takes MPI_THREAD_MULTIPLE; \
                 this MPI library provides only {threading:?}"
            ));
        }
        if clients == 0 {
            return Some(launch::start::lone_rank(&self.input_dir));
        }
        let plan = self.plan(clients, self.settings.seed);
        let files = [("--report", &self.report), ("--trace", &self.trace)];
        let dealt = match scenario {
            Ok(text) => self.deal(text, clients, self.settings.seed).map(drop),
            Err(why) => Err(anyhow!("{why:#}")),
        };
        let unusable = || dealt.err().map(|why| format!("{why:#}"));
        (plan.objection().or_else(unusable)).or_else(|| output::objection(files))
    }
}

/// Runs this process's part of the swarm: the tracker on rank 0, a client on every other.
///
/// It returns on all ranks once the swarm is done, with what is to be this rank's exit status:
/// rank 0 answers for all. What goes wrong inside and cannot be carried by the protocol ends the
/// whole job at once, on all ranks.
pub fn run(options: &Options) -> Exit {
    let early = early_job(options);
    let start = Assembly::to("start", options.stall_timeout, &early);
    let Some((universe, threading)) = mpi::initialize_with_threading(Threading::Multiple) else {
        unreachable!("this is the only place that initialises MPI")
    };
    let world = universe.world();
    let me = Rank(u32::try_from(world.rank()).expect("a rank is not negative"));
    let clients = usize::try_from(world.size() - 1).expect("there is at least one rank");
    let scenario = if me == Rank::TRACKER {
        options.scenario()
    } else {
        Ok(String::new())
    };
    let objection = options.objection(clients, threading, &scenario);
    // All ranks go by what rank 0 says, for what it sees of folders another host may not.
    let host = Host::this();
    let [seed, objected, first, shown, traced] = gather::share(
        &world,
        [
            options.settings.seed,
            objection.is_some().into(),
            host.number(),
            options.progress.is_some().into(),
            options.trace.is_some().into(),
        ],
    );
    if objected != 0 {
        // Where no rank knows of another, each is rank 0.
        if let (true, Some(why)) = (me == Rank::TRACKER && launch::is_first(), objection) {
            eprintln!("bittorrent: {why}");
        }
        return Exit::Refused;
    }
    let mut plan = options.plan(clients, seed);
    let elsewhere = (host.number() != first).then(|| host.clone());
    let dealt = gather::spread(&world, scenario.unwrap_or_default());
    let dealt = dealt.and_then(|text| options.deal(&text, clients, seed));
    plan.cast = dealt.unwrap_or_else(|error| early.abort(&error));
    let job = Job::new(me, on_failure(me, &plan, options)).on(elsewhere);
    let mailboxes = mailbox::open(&world);
    let (tracing, recorders) = if traced != 0 {
        let path = options.trace.as_deref();
        let started = Tracing::start(&world, path, &plan, &job, &host);
        match started.unwrap_or_else(|error| job.abort(&error)) {
            Some((tracing, recorders)) => (Some(tracing), recorders),
            None => return Exit::Refused,
        }
    } else {
        (None, Recorders::default())
    };
    drop(start);

    let exit = participate(
        &world,
        options,
        &plan,
        &job,
        mailboxes,
        recorders,
        shown != 0,
    );
    let mut exit = exit.unwrap_or_else(|error| job.abort(&error));
    if let Some(Err(why)) = tracing.map(|tracing| tracing.finish(&world, options.stall_timeout)) {
        eprintln!("bittorrent: {why}");
        exit = Exit::NotWritten;
    }
    // All is done and reported: what may go wrong now changes no more than the exit status.
    let _end = Assembly::to("end", options.stall_timeout, &Job::new(me, |_, _| {}));
    drop(universe);
    exit
}

/// The job as far as it is known before MPI is there to ask.
fn early_job(options: &Options) -> Job {
    let me = Rank(launch::rank().unwrap_or(Rank::TRACKER.0));
    let clients = launch::ranks().map_or(0, |ranks| ranks.saturating_sub(1));
    let clients = usize::try_from(clients).expect("a number of ranks fits");
    let plan = options.plan(clients, options.settings.seed);
    Job::new(me, on_failure(me, &plan, options))
}

/// What is still to be done when rank 0 ends the run before its end: the report.
fn on_failure(me: Rank, plan: &Plan, options: &Options) -> impl Fn(Exit, &str) + use<> {
    let path = options.report.clone().filter(|_| me == Rank::TRACKER);
    let plan = plan.clone();
    move |exit, why| {
        if let Some(path) = &path {
            let report = Report::of_failure(&plan, exit, vec![why.into()]);
            if let Err(why) = output::save_report(path, &report) {
                eprintln!("bittorrent: {why}");
            }
        }
    }
}

/// A rank's part. Where progress is shown, clients say what they want before they begin, outside the
/// protocol, in which the tracker hears of one file after another.
fn participate(
    world: &SimpleCommunicator,
    options: &Options,
    plan: &Plan,
    job: &Job,
    (mailboxes, mut own): (Mailboxes, Own),
    recorders: Recorders,
    is_shown: bool,
) -> Result<Exit> {
    if job.me == Rank::TRACKER {
        let most_untaken = Tracker::most_untaken(plan.clients, &plan.settings);
        let post = Post::new(&mailboxes, most_untaken, recorders.first);
        return track(world, options, plan, job, post, own.tracker);
    }
    let registered = client::register(options, plan, job, &mailboxes, &mut own, recorders.first)?;
    if let Some(registered) = registered {
        if is_shown {
            gather::send(world, &registered.to_download())?;
        }
        let for_upload = recorders.upload;
        let statistics = client::run(registered, options, plan, job, &mailboxes, own, for_upload)?;
        gather::send(world, &statistics)?;
    }
    Ok(Exit::Complete)
}

/// Rank 0's part: the tracker, and what the user is told at the end.
fn track(
    world: &SimpleCommunicator,
    options: &Options,
    plan: &Plan,
    job: &Job,
    post: Post,
    mailbox: Receiver<ToTracker>,
) -> Result<Exit> {
    let last = Rank(u32::try_from(plan.clients).expect("clients have ranks"));
    if let Some(warning) = inputs::without_rank(&options.input_dir, last) {
        eprintln!("{warning}");
    }
    let clock = Clock::start();
    let account = tracker::run(world, options, plan, job, post, mailbox)?;
    let time = clock.now();

    let measured = account
        .clients
        .map(|clients| Measured::new(&plan.settings, &clients, &account.sent, &account.makespan));
    let (exit, report) = Report::of_ending(plan, &account.ending, measured);
    for problem in report.complaints() {
        eprintln!("{problem}");
    }
    if let (Some(measured), false) = (&report.measured, options.quiet) {
        let time = format!("{:.3} s", time.as_secs_f64());
        print!("{}", report.summary(measured, &time));
    }
    match options
        .report
        .as_ref()
        .map(|path| output::save_report(path, &report))
    {
        Some(Err(why)) => {
            eprintln!("bittorrent: {why}");
            Ok(Exit::NotWritten)
        }
        Some(Ok(())) | None => Ok(exit),
    }
}
