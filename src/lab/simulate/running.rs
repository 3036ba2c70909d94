//! A simulated run on its way: step by step, with its trace, its progress and the signals that end it.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Error;

use super::seconds;
use crate::twin::{Advance, Outputs, Simulation, TooLong};
use swarm::exit::Exit;
use swarm::output::{NewFolders, Output};
use swarm::progress::{ProgressLine, Style};
use swarm::report::{self, Moment};
use swarm::signals::Interrupt;
use swarm::terminal;
use swarm::trace::Spool;
use swarm::tracker::Amount;

/// The steps between two looks at the clock, at the signals and at the trace.
const STEPS: usize = 4096;

/// A run that goes on.
pub(super) struct SimulatedRun {
    pub(super) simulation: Simulation<Option<PathBuf>>,
    pub(super) report: Option<Output>,
    pub(super) trace: Option<(Output, Spool)>,
    pub(super) progress: ProgressView,
    pub(super) interrupt: Interrupt,
    pub(super) new_folders: NewFolders,
    /// The moments that are to come, in order, and how far the swarm was at those before.
    pub(super) moments: VecDeque<Duration>,
    pub(super) taken: Vec<Moment>,
}

/// How it ends.
pub(super) enum End {
    Over,
    BrokenOff(Exit, Error),
}

impl SimulatedRun {
    /// Goes on until it is over or broken off.
    pub(super) fn go_on(mut self) -> (SimulatedRun, End) {
        let end = loop {
            let moment = self.moments.front().copied();
            let advanced = self
                .simulation
                .advance(STEPS, moment.unwrap_or(Duration::MAX));
            if let Some((_, spool)) = &mut self.trace {
                self.simulation
                    .machines
                    .events()
                    .for_each(|event| spool.push(&event));
            }
            match advanced {
                Ok(Advance::Until) => self.take_moment(),
                Ok(Advance::Further | Advance::Over) => {}
                Err(error) if error.is::<TooLong>() => break End::BrokenOff(Exit::Refused, error),
                Err(error) => break End::BrokenOff(Exit::Broken, error),
            }
            // Before the end counts: a file for which nobody waited any more is not there.
            if let Some(why) = self.signalled() {
                break End::BrokenOff(Exit::Stalled, Error::msg(why));
            }
            if matches!(advanced, Ok(Advance::Over)) {
                break End::Over;
            }
            self.progress.show(&self.simulation);
        };
        self.progress.line = None;
        while !self.moments.is_empty() && matches!(end, End::Over) {
            self.take_moment(); // nothing changes any more
        }
        (self, end)
    }

    /// Notes how far the swarm is at the next of the chosen moments.
    fn take_moment(&mut self) {
        let time = self.moments.pop_front();
        let moment = time.map(|time| self.simulation.machines.moment(time));
        self.taken.extend(moment);
    }

    /// The signal that has come, and the clients that have not finished by then.
    fn signalled(&self) -> Option<String> {
        let name = self.interrupt.name()?;
        let unfinished = self.simulation.machines.tracker().unfinished();
        Some(format!("{name} came; {}", report::unfinished(&unfinished)))
    }
}

/// Shows now and then how far a run is.
pub(super) struct ProgressView {
    style: Style,
    expected: Amount,
    /// When it is shown next, if it is shown.
    next: Option<Instant>,
    line: Option<ProgressLine>,
}

impl ProgressView {
    /// It is shown if standard error is a terminal, and the user has not asked for quiet.
    pub(super) fn new(expected: Amount, quiet: bool) -> ProgressView {
        let columns = terminal::width(&io::stderr());
        let is_shown = columns.is_some() && !quiet;
        ProgressView {
            style: Style::Live(columns.unwrap_or(terminal::USUAL)),
            expected,
            next: is_shown.then(|| Instant::now() + Style::FIRST),
            line: None,
        }
    }

    fn show<O: Outputs>(&mut self, simulation: &Simulation<O>) {
        let now = Instant::now();
        let Some(next) = self.next.as_mut().filter(|next| **next <= now) else {
            return;
        };
        *next = now + self.style.interval();
        if let Some(done) = simulation.machines.tracker().progress() {
            let (expected, style) = (self.expected, self.style);
            let line = self
                .line
                .get_or_insert_with(|| ProgressLine::new(expected, style));
            line.update(done, &format!(", at {}", seconds(simulation.now())));
        }
    }
}
