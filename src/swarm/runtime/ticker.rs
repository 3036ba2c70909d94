//! Tells a thread that does other things when to look how long it has waited.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;

use anyhow::{Context, Result};

use super::patience::TICK;

/// A thread that says every [`TICK`] that it is time, until this is dropped.
pub(super) struct Ticker {
    is_time: Arc<AtomicBool>,
    _over: Sender<()>,
}

impl Ticker {
    pub(super) fn start() -> Result<Ticker> {
        let (sender, over) = mpsc::channel::<()>();
        let is_time = Arc::new(AtomicBool::new(false));
        let says = Arc::clone(&is_time);
        let tick = move || {
            while over.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                says.store(true, Ordering::Relaxed);
            }
        };
        let thread = thread::Builder::new().name("watch".into()).spawn(tick);
        thread.context("cannot start the watch thread")?;
        Ok(Ticker {
            is_time,
            _over: sender,
        })
    }

    /// Whether it is time. Who was away for long hears of it once.
    pub(super) fn is_time(&self) -> bool {
        self.is_time.swap(false, Ordering::Relaxed)
    }
}
