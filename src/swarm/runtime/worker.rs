//! A rank of a crew that does not lead.

use std::time::Duration;

use anyhow::Result;
use mpi::topology::SimpleCommunicator;
use serde::Serialize;

use super::backoff::Backoff;
use super::clock::Clock;
use super::desk::{Desk, Work};
use super::host;
use super::line::{Line, ToLead, ToWorker};
use super::watch::Heartbeat;

/// Does what rank 0 deals, until that says that it is over.
pub(super) fn work<T: Serialize + Send + 'static, P>(
    world: SimpleCommunicator,
    patience: Option<Duration>,
    prepare: impl FnOnce() -> Result<(Work<T>, P)>,
) {
    let mut line = Line::new(world);
    let prepared = prepare().and_then(|(work, _)| Ok((work.marks, Desk::start(work.one)?)));
    let (marks, desk) = match prepared {
        Ok((marks, desk)) => (Ok(marks), Some(desk)),
        Err(why) => (Err(format!("{why:#}")), None),
    };
    line.send(0, &ToLead::<T>::Here(host::this(), marks));

    let clock = Clock::start();
    let mut heartbeat = patience.map(Heartbeat::new);
    let mut backoff = Backoff::default();
    loop {
        match (line.look(), &desk) {
            (Some((_, ToWorker::Over)), _) => break,
            (Some((_, ToWorker::Do(number))), Some(desk)) => desk.give(number),
            (Some((_, ToWorker::Do(_))), None) => unreachable!("rank 0 knows that it cannot work"),
            (None, _) => {
                if let Some((number, value)) = desk.as_ref().and_then(Desk::take) {
                    line.send(0, &ToLead::Done(number, value));
                } else {
                    let is_due = |it: &mut Heartbeat| it.is_due(clock.now());
                    if heartbeat.as_mut().is_some_and(is_due) && line.is_clear() {
                        line.send(0, &ToLead::<T>::Alive);
                    }
                    backoff.pause(Duration::MAX);
                    continue;
                }
            }
        }
        backoff = Backoff::default();
    }
    line.send(0, &ToLead::<T>::Bye);
    line.clear();
}
