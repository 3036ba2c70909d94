//! A run of the [`Oracle`]'s schedule, with the report of any other run.

use std::time::Duration;

use anyhow::Result;

use super::{Ended, Simulate};
use crate::memory;
use crate::oracle::Oracle;
use swarm::exit::Exit;
use swarm::output;
use swarm::protocol::Rank;
use swarm::report::{Measured, Plan, Report};
use swarm::scenario::Cast;
use swarm::signals::Interrupt;
use swarm::statistics::Traffic;

impl Simulate {
    /// Follows the schedule instead of the settings. Prints and returns as [`Simulate::run`] does.
    pub(super) fn follow(&self, oracle: &Oracle) -> Result<Exit> {
        memory::check(oracle.memory())?;
        let (output, _, new_folders) = self.prepare()?;
        let interrupt = Interrupt::on_signals()?;
        let report = self.of_oracle(oracle, &interrupt);
        let (exit, report) = match (report, interrupt.name()) {
            (Some(report), _) => (Exit::Complete, report),
            (None, name) => {
                let why = format!("{} came", name.unwrap_or("a signal"));
                let report =
                    Report::of_failure(&self.oracles_plan(oracle), Exit::Stalled, vec![why]);
                (Exit::Stalled, report)
            }
        };
        let makespan = report
            .measured
            .as_ref()
            .and_then(|measured| measured.makespan);
        let time = Duration::from_secs_f64(makespan.unwrap_or_default());
        let written = output.map(|output| output::save_report(&output, &report));
        new_folders.keep();
        let is_over = exit == Exit::Complete;
        self.tell(Ended { exit, report, time }, is_over, written.into_iter())
    }

    /// What a run of the schedule is to be: of the settings it has the times and the seed.
    fn oracles_plan(&self, oracle: &Oracle) -> Plan {
        Plan {
            settings: self.settings,
            clients: oracle.leechers + 1,
            corrupt: Vec::new(),
            cast: Cast::default(),
        }
    }

    /// The report of a run of the schedule. Returns nothing when a signal has come.
    pub(super) fn of_oracle(&self, oracle: &Oracle, interrupt: &Interrupt) -> Option<Report> {
        let mut rng = self.settings.rng(Rank::TRACKER);
        let outcome = oracle.carry_out(&mut rng, &self.moments, || interrupt.has_come())?;
        let (statistics, makespan) = (&outcome.statistics, &outcome.makespan);
        let tracker = Traffic::default();
        let measured = Measured {
            moments: outcome.moments,
            ..Measured::new(&self.settings, statistics, &tracker, makespan)
        };
        Some(Report {
            measured: Some(measured),
            oracle: true,
            ..Report::of_failure(&self.oracles_plan(oracle), Exit::Complete, Vec::new())
        })
    }
}
