//! The tracker's rank: a loop around the machine.

use anyhow::{Context, Result};

use super::Post;
use super::mailbox::Receiver;
use crate::protocol::{Message, ToTracker};
use crate::tracker::{Ending, Tracker};

/// Serves this many clients until all are done.
pub(super) fn run(
    clients: usize,
    mut post: Post,
    mut mailbox: Receiver<ToTracker>,
) -> Result<Ending> {
    let mut tracker = Tracker::new(clients);
    let mut replies = Vec::new();
    loop {
        let (from, message) = mailbox.receive()?;
        let tag = message.tag();
        let step = tracker.step(from, message, &mut replies);
        step.with_context(|| format!("{tag} from rank {from}"))?;
        post.send_all(&mut replies)?;
        if let Some(ending) = tracker.ending() {
            return Ok(ending.clone());
        }
    }
}
