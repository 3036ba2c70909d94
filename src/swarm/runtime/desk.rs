//! Where a rank of a crew works: a thread that does not talk to other ranks.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use anyhow::{Context, Result};

/// What a rank of a crew brings along.
pub struct Work<T> {
    /// What has to be the same for all ranks, each with a mark that others would not have.
    pub marks: Vec<(String, u64)>,
    /// Does the piece of a number.
    pub one: Box<dyn Fn(usize) -> T + Send>,
}

/// A thread that does one piece of work after another. It is not waited for: it ends with the process.
pub(super) struct Desk<T> {
    todo: Sender<usize>,
    done: Receiver<(usize, T)>,
}

impl<T: Send + 'static> Desk<T> {
    pub(super) fn start(one: Box<dyn Fn(usize) -> T + Send>) -> Result<Desk<T>> {
        let (todo, numbers) = mpsc::channel();
        let (sender, done) = mpsc::channel();
        let work = move || {
            for number in numbers {
                if sender.send((number, one(number))).is_err() {
                    break; // nobody wants it any more
                }
            }
        };
        let thread = thread::Builder::new().name("work".into()).spawn(work);
        thread.context("cannot start the work thread")?;
        Ok(Desk { todo, done })
    }

    /// Puts a number behind those that are there.
    pub(super) fn give(&self, number: usize) {
        // A thread that has panicked ends the job.
        _ = self.todo.send(number);
    }

    /// A piece that is done.
    pub(super) fn take(&self) -> Option<(usize, T)> {
        self.done.try_recv().ok()
    }
}
