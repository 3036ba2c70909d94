//! The job of a run. If it ends before its end, rank 0 still writes the report.

use std::path::Path;

use super::job::Job;
use crate::launch;
use crate::options::Options;
use crate::output;
use crate::protocol::Rank;
use crate::report::{Plan, Report};

/// The job as far as it is known before MPI is there to ask.
pub(super) fn early_job(options: &Options) -> Job {
    let me = Rank(launch::rank().unwrap_or(Rank::TRACKER.0));
    let clients = launch::ranks().map_or(0, |ranks| ranks.saturating_sub(1));
    let clients = usize::try_from(clients).expect("a number of ranks fits");
    job(me, options.plan(clients), options.report.as_deref())
}

/// A job that leaves a report on rank 0, if it is ended before its end.
pub(super) fn job(me: Rank, plan: Plan, report: Option<&Path>) -> Job {
    let path = report.filter(|_| me == Rank::TRACKER).map(Path::to_owned);
    Job::new(me, move |exit, why| {
        if let Some(path) = &path {
            let report = Report::of_failure(&plan, exit, vec![why.into()]);
            if let Err(why) = output::save_report(path, &report) {
                eprintln!("bittorrent: {why}");
            }
        }
    })
}
