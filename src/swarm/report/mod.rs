//! What rank 0 tells the user at the end, as text and as JSON.

mod classes;
mod measured;
pub mod metrics;
mod plan;
mod table;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::exit::Exit;
use crate::protocol::{Rank, Reason};
use crate::tracker::{Ending, Tally};

pub use classes::ClassMeasured;
pub use measured::{
    Balance, ClientMeasured, Distribution, DownloadMeasured, Measured, Moment, TrackerLoad,
};
pub use plan::Plan;

/// The version of [`Report`]'s shape. It grows when a field changes its meaning or goes.
pub const SCHEMA: u32 = 2;

/// A run, as `--report` writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The version of the program.
    pub version: String,
    /// The exit status, as long as mpirun keeps it.
    pub exit_status: u8,
    /// The meaning of the exit status.
    pub outcome: String,
    /// Why nothing was started, or why the run was ended.
    pub problems: Vec<String>,
    /// The files that clients wanted and did not get.
    pub missing: Vec<MissingFile>,
    /// What the run was to be.
    #[serde(rename = "settings")]
    pub plan: Plan,
    /// Whether the clients followed the best schedule. Of the settings they have the times and the seed then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub oracle: bool,
    /// What was measured. `None`: the run did not come to its end.
    pub measured: Option<Measured>,
}

/// A file that a client wanted and did not get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingFile {
    /// The client's rank.
    pub client: u32,
    /// The file's name.
    pub file: String,
    /// Why it did not come.
    pub reason: String,
}

impl Report {
    /// The exit and the report of a run that came to its end. `measured` is `None` if nothing was
    /// started.
    pub fn of_ending(plan: &Plan, ending: &Ending, measured: Option<Measured>) -> (Exit, Report) {
        let (exit, problems, missing) = match ending {
            Ending::Refused(problems) => (Exit::Refused, &problems[..], &[][..]),
            Ending::Complete(tally) => (verdict(tally), &[][..], &tally.missing[..]),
        };
        let missing = missing.iter().map(|(client, file)| MissingFile {
            client: client.0,
            file: file.name.to_string(),
            reason: file.reason.to_string(),
        });
        let report = Report {
            missing: missing.collect(),
            measured: measured.map(|measured| measured.by_class(&plan.cast)),
            ..Report::of_failure(plan, exit, problems.to_vec())
        };
        (exit, report)
    }

    /// The report of a run that was not started, or was ended before its end.
    pub fn of_failure(plan: &Plan, exit: Exit, problems: Vec<String>) -> Report {
        Report {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").into(),
            exit_status: exit.status(),
            outcome: exit.to_string(),
            problems,
            missing: Vec::new(),
            plan: plan.clone(),
            oracle: false,
            measured: None,
        }
    }

    /// The problems, a line each, for standard error. A file that is missing because the scenario wants it
    /// so is no problem.
    pub fn complaints(&self) -> impl Iterator<Item = String> {
        let missing = (self.missing.iter()).filter(|missing| !missing.is_asked_for());
        let missing = missing.map(|missing| {
            let (client, file) = (missing.client, &missing.file);
            format!("client {client} did not get '{file}': {}", missing.reason)
        });
        let mut told = BTreeSet::new();
        // A folder that all clients share is everybody's problem, and said once.
        let problems = self.problems.iter().filter(move |it| told.insert(*it));
        problems.cloned().chain(missing)
    }

    /// The table of what was measured, and the closing line with the time, for standard output.
    pub fn summary(&self, measured: &Measured, time: &str) -> String {
        let left = self.missing.iter().filter(|missing| missing.is_asked_for());
        let left = match left.count() {
            0 => String::new(),
            files => format!(
                " gone without: {}, by clients that left\n",
                count(files as u64, "file")
            ),
        };
        format!(
            "{}{left}{} of {} by {} in {time}\n",
            table::table(measured),
            count(measured.files, "download"),
            count(measured.segments, "segment"),
            count(self.plan.clients as u64, "client"),
        )
    }
}

impl MissingFile {
    /// Whether the scenario wants it so.
    fn is_asked_for(&self) -> bool {
        self.reason == Reason::ItLeft.to_string()
    }
}

/// A file that could not be written comes first: the user can mend it. What a client lacks because it left
/// is as the scenario wants it.
fn verdict(tally: &Tally) -> Exit {
    let mut reasons = tally.missing.iter().map(|(_, file)| &file.reason);
    let is_not_written = |reason| matches!(reason, &Reason::NotWritten(_));
    if reasons.clone().any(is_not_written) {
        Exit::NotWritten
    } else if reasons.any(|reason| *reason != Reason::ItLeft) {
        Exit::Missing
    } else {
        Exit::Complete
    }
}

/// The clients that have not finished, in words for the user. Of many only the first are named.
pub fn unfinished(clients: &[Rank]) -> String {
    const MOST: usize = 20;
    let mut ranks: Vec<String> = clients.iter().take(MOST).map(Rank::to_string).collect();
    if let Some(others) = clients.len().checked_sub(MOST).filter(|&others| others > 0) {
        ranks.push(format!("and {others} more"));
    }
    match ranks.as_slice() {
        [] => "every client has finished its downloads, but not every rank has ended".into(),
        [rank] => format!("client {rank} has not finished"),
        ranks => format!("clients {} have not finished", ranks.join(", ")),
    }
}

/// A number of things: `1 run`, `2 runs`. The plural of `noun` ends in `s`.
pub fn count(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}
