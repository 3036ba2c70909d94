//! The tracker's rank: a loop around the machine, under watch.

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use mpi::topology::SimpleCommunicator;

use super::clock::Clock;
use super::gather;
use super::job::Job;
use super::mailbox::Receiver;
use super::post::Post;
use super::progress;
use super::watch::{Watch, Watched};
use crate::event::Deed;
use crate::progress::Style;
use crate::protocol::{FileName, Message, Tag, ToTracker};
use crate::report::Plan;
use crate::statistics::{ClientStatistics, Makespan, Traffic};
use crate::tracker::{Ending, Tracker};

/// How a run went, as rank 0 sees it.
pub(super) struct Account {
    pub(super) ending: Ending,
    /// What the tracker sent.
    pub(super) sent: Traffic,
    pub(super) makespan: Makespan,
    /// What the clients counted; nothing, if the swarm did not start.
    pub(super) clients: Option<Vec<ClientStatistics>>,
}

/// Serves the clients until all are done, and gathers what they counted. Shows the progress in the style
/// `progress`, if there is one. Ends the job if no client is heard of for `patience`.
pub(super) fn run(
    world: &SimpleCommunicator,
    plan: &Plan,
    job: &Job,
    post: Post,
    mailbox: Receiver<ToTracker>,
    patience: Option<Duration>,
    progress: Option<Style>,
) -> Result<Account> {
    let tracker = Watched::new(Tracker::new(plan.clients, plan.settings));
    thread::scope(|threads| {
        let _watch = Watch::over(&tracker, patience, job, threads)?;
        let mut shown = None;
        let mut account = serve(&tracker, post, mailbox, || {
            if let Some(style) = progress {
                let wanted: Vec<Vec<FileName>> = gather::receive(world)?;
                let wanted = wanted.iter().flatten();
                let expected = (wanted.filter_map(|name| tracker.machine().size(name))).sum();
                let downloaded = || tracker.machine().progress();
                shown = Some(progress::show(downloaded, expected, style, job, threads)?);
            }
            Ok(())
        })?;
        drop(shown);
        if let Ending::Complete(_) = account.ending {
            account.clients = Some(gather::receive(world)?);
        }
        Ok(account)
    })
}

/// The loop. Calls `on_start` when the last INIT has come and the clients have been told to start.
fn serve(
    tracker: &Watched,
    mut post: Post,
    mut mailbox: Receiver<ToTracker>,
    mut on_start: impl FnMut() -> Result<()>,
) -> Result<Account> {
    let clock = Clock::start();
    let mut makespan = Makespan::default();
    let mut replies = Vec::new();
    post.recorder.did(&Deed::Begun);
    loop {
        let (from, message) = mailbox.receive(&mut post)?;
        tracker.has_taken();
        let tag = message.tag();
        makespan.heard(clock.now(), tag);
        let step = tracker.machine().step(from, message, &mut replies);
        step.with_context(|| format!("{tag} from rank {from}"))?;
        for reply in replies.drain(..) {
            post.send(reply)?;
        }
        if tag == Tag::Init && tracker.machine().progress().is_some() {
            on_start()?;
        }
        if let Some(ending) = tracker.machine().ending() {
            let ending = ending.clone();
            let (sent, mut recorder) = post.close()?;
            recorder.did(&Deed::Ended);
            return Ok(Account {
                ending,
                sent,
                makespan,
                clients: None,
            });
        }
    }
}
