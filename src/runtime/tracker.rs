//! The tracker's rank: a loop around the machine, under watch.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use super::mailbox::Receiver;
use super::watch::{Watch, Watched};
use super::{Job, Post};
use crate::protocol::{Message, Rank, ToTracker};
use crate::tracker::{Ending, Tracker};

/// Serves this many clients until all are done. Ends the job if they are not heard of for as long
/// as `patience`.
pub(super) fn run(
    clients: usize,
    patience: Option<Duration>,
    job: Job,
    post: Post,
    mailbox: Receiver<ToTracker>,
) -> Result<Ending> {
    let tracker = Shared {
        machine: Mutex::new(Tracker::new(clients)),
        taken: AtomicU64::new(0),
    };
    thread::scope(|threads| {
        let _watch = Watch::over(&tracker, patience, job, threads)?;
        serve(&tracker, post, mailbox)
    })
}

/// What the loop and the watch share. The lock is never held across a message.
struct Shared {
    machine: Mutex<Tracker>,
    taken: AtomicU64,
}

impl Shared {
    fn machine(&self) -> MutexGuard<'_, Tracker> {
        self.machine
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

impl Watched for Shared {
    fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    fn unfinished(&self) -> Vec<Rank> {
        self.machine().unfinished()
    }
}

fn serve(tracker: &Shared, mut post: Post, mut mailbox: Receiver<ToTracker>) -> Result<Ending> {
    let mut replies = Vec::new();
    loop {
        let (from, message) = mailbox.receive()?;
        tracker.taken.fetch_add(1, Ordering::Relaxed);
        let tag = message.tag();
        let step = tracker.machine().step(from, message, &mut replies);
        step.with_context(|| format!("{tag} from rank {from}"))?;
        post.send_all(&mut replies)?;
        if let Some(ending) = tracker.machine().ending() {
            return Ok(ending.clone());
        }
    }
}
