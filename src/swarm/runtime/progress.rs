//! A thread that asks the tracker now and then how far the downloads are, and shows it.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::Scope;

use anyhow::Result;

use super::job::Job;
use crate::progress::{ProgressLine, Style};
use crate::tracker::Amount;

/// Shows how much of `expected` is downloaded, as long as `downloaded` knows, and until what is returned
/// is dropped.
pub(super) fn show<'scope>(
    downloaded: impl Fn() -> Option<Amount> + Send + 'scope,
    expected: Amount,
    style: Style,
    job: &Job,
    threads: &'scope Scope<'scope, '_>,
) -> Result<Sender<()>> {
    let (sender, over) = mpsc::channel();
    job.spawn(threads, "progress", move || {
        let line = ProgressLine::new(expected, style);
        let mut pause = Style::FIRST;
        while over.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            if let Some(done) = downloaded() {
                line.update(done, "");
            }
            pause = style.interval();
        }
        Ok(())
    })?;
    Ok(sender)
}
