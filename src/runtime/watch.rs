//! Notices when nothing moves any more, on rank 0.
//!
//! It is a thread of its own because the tracker's may be the one that does not move: a large
//! message to a client that has stopped is never sent off.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::signal_name;

use super::Job;
use crate::exit::Exit;
use crate::protocol::Rank;

/// How often it looks.
const TICK: Duration = Duration::from_millis(100);

/// In `patience` a client that goes on makes itself heard so many times.
pub(super) const HEARD: u32 = 4;

/// What the watch can see of the tracker.
pub(super) trait Watched: Sync {
    /// How many messages it has taken.
    fn taken(&self) -> u64;
    /// Whom it waits for.
    fn unfinished(&self) -> Vec<Rank>;
}

/// Watches the tracker until `over` is closed. Ends the job when it takes no message for as long as
/// `patience`, or when a signal asks for the end: whoever has not finished by then is named.
pub(super) fn run(
    tracker: &impl Watched,
    patience: Option<Duration>,
    over: &Receiver<()>,
    job: Job,
) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot wait for signals")?;
    let mut since = Instant::now();
    let mut taken = tracker.taken();
    while over.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        if let Some(name) = signals.pending().find_map(signal_name) {
            job.end(
                Exit::Stalled,
                &format!("{name} came; {}", waiting_for(tracker)),
            );
        }
        if taken != tracker.taken() {
            taken = tracker.taken();
            since = Instant::now();
        } else if let Some(patience) = patience.filter(|&patience| since.elapsed() >= patience) {
            let time = humantime::format_duration(patience);
            let why = format!(
                "no client was heard of for {time}; {}",
                waiting_for(tracker)
            );
            job.end(
                Exit::Stalled,
                &(why + " (--stall-timeout sets how long is too long)"),
            );
        }
    }
    Ok(())
}

fn waiting_for(tracker: &impl Watched) -> String {
    let unfinished = tracker.unfinished();
    let ranks: Vec<String> = unfinished.iter().map(ToString::to_string).collect();
    match ranks.as_slice() {
        [] => "every client has finished".into(),
        [rank] => format!("client {rank} has not finished"),
        ranks => format!("clients {} have not finished", ranks.join(", ")),
    }
}
