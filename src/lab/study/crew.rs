//! Who carries out the runs of a study: the threads of this process, or whoever else is there.

use std::io;
use std::sync::Mutex;

use rayon::ThreadPoolBuilder;
use rayon::iter::{ParallelBridge, ParallelIterator};
use serde::{Deserialize, Serialize};
use swarm::exit::Exit;
use swarm::signals::Interrupted;

use super::metrics::Figures;
use super::runs::Runs;

/// What a run has come to.
pub type RunEnd = Result<Figures, NoFigures>;

/// Why a run has no figures.
#[derive(Debug, Serialize, Deserialize)]
pub enum NoFigures {
    /// A signal has come.
    Interrupted,
    /// It was broken off, or not begun.
    Broken(Exit, String),
}

/// Why a study ends before its end.
#[derive(Debug)]
pub enum Stop {
    /// A signal has come.
    Signal,
    /// A run was broken off, or not begun.
    Broken(Exit, String),
    /// Somebody who carries out runs is not heard of any more, in words.
    Lost(String),
    /// A result could not be written.
    NotWritten(io::Error),
}

impl From<Interrupted> for Stop {
    fn from(_: Interrupted) -> Stop {
        Stop::Signal
    }
}

impl From<NoFigures> for Stop {
    fn from(why: NoFigures) -> Stop {
        match why {
            NoFigures::Interrupted => Stop::Signal,
            NoFigures::Broken(exit, why) => Stop::Broken(exit, why),
        }
    }
}

/// Runs that follow each other.
#[derive(Debug)]
pub struct Batch<'a> {
    /// The number of the first among all [`Runs`].
    pub first: usize,
    /// How many segments each of them downloads.
    pub sizes: &'a [u64],
    /// The most of them that a machine has underway at a time. 0 is as many as there are cores.
    pub at_once: usize,
}

/// Carries out runs.
pub trait Crew {
    /// Carries out all runs of a batch. They begin in order, so that few results wait for an earlier one.
    /// `take` gets the number of each that has ended.
    ///
    /// # Errors
    /// The first of `take`, after which no more runs begin; or when a signal has come.
    fn carry_out(
        &mut self,
        batch: &Batch<'_>,
        take: impl FnMut(usize, RunEnd) -> Result<(), Stop> + Send,
    ) -> Result<(), Stop>;
}

/// The threads of this process, one for each core.
#[derive(Debug)]
pub struct Threads<'a>(pub &'a Runs);

impl Crew for Threads<'_> {
    fn carry_out(
        &mut self,
        batch: &Batch<'_>,
        take: impl FnMut(usize, RunEnd) -> Result<(), Stop> + Send,
    ) -> Result<(), Stop> {
        let threads = ThreadPoolBuilder::new().num_threads(batch.at_once).build();
        let threads = threads.map_err(|error| Stop::NotWritten(io::Error::other(error)))?;
        let take = Mutex::new(take);
        let one = |number| {
            let end = self.0.carry_out(number);
            (take.lock().expect("a panic ends the process"))(number, end)
        };
        threads.install(|| {
            (batch.first..batch.first + batch.sizes.len())
                .par_bridge()
                .try_for_each(one)
        })
    }
}
