//! What rank 0 tells the user at the end, in words and as JSON.

mod classes;
mod measured;
pub mod metrics;
mod role;
mod table;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::client::{Conduct, Part};
use crate::exit::Exit;
use crate::policy::{Named, TrackerIndex, order, selection};
use crate::protocol::{Missing, Rank, Reason};
use crate::scenario::Cast;
use crate::settings::Settings;
use crate::tracker::{Ending, Tally};

pub use classes::ClassMeasured;
pub use measured::{
    Balance, ClientMeasured, Distribution, DownloadMeasured, Measured, TrackerLoad,
};
pub use role::{Leaves, RoleReport};

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
    /// What that means.
    pub outcome: String,
    /// Why nothing was started, or why the run was ended.
    pub problems: Vec<String>,
    /// The files that clients wanted and did not get.
    pub missing: Vec<MissingFile>,
    /// What the run was to be.
    pub settings: SettingsReport,
    /// What was measured; nothing, if the run did not come to its end.
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

/// The settings of a run, by the names of their options. Times are in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "--help has them")]
pub struct SettingsReport {
    pub clients: usize,
    pub tracker_index: String,
    pub peer_selection: String,
    pub segment_order: String,
    pub tracker_grants: bool,
    pub update_interval: usize,
    pub window: usize,
    /// Nothing is all of them.
    #[serde(default)]
    pub members: Option<NonZeroUsize>,
    pub upload_time: f64,
    pub upload_slots: usize,
    pub seed: u64,
    pub corrupt: Vec<u32>,
    /// Who has a part of its own, as `--scenario` deals them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenario: Vec<RoleReport>,
}

impl SettingsReport {
    /// What they stand for, and who is corrupt.
    ///
    /// # Errors
    /// When this version does not know them.
    pub fn parse(&self) -> Result<(Settings, BTreeSet<Rank>)> {
        let positive = |option: &str, number| {
            NonZeroUsize::new(number).with_context(|| format!("--{option} cannot be 0"))
        };
        let settings = Settings {
            update_interval: positive("update-interval", self.update_interval)?,
            window: positive("window", self.window)?,
            members: self.members,
            tracker_index: known("tracker-index", TrackerIndex::ALL, &self.tracker_index)?,
            peer_selection: known("peer-selection", selection::ALL, &self.peer_selection)?,
            segment_order: known("segment-order", order::ALL, &self.segment_order)?,
            tracker_grants: self.tracker_grants,
            upload_time: Duration::try_from_secs_f64(self.upload_time).context("--upload-time")?,
            upload_slots: NonZeroUsize::new(self.upload_slots),
            seed: self.seed,
        };
        Ok((settings, self.corrupt.iter().copied().map(Rank).collect()))
    }

    /// The parts that were dealt.
    ///
    /// # Errors
    /// When this version does not know them.
    pub fn cast(&self) -> Result<Cast> {
        let role = |report: &RoleReport| report.parse(self.clients);
        self.scenario.iter().map(role).collect()
    }
}

fn known<T>(option: &str, all: &'static [Named<T>], name: &str) -> Result<&'static Named<T>> {
    Named::find(all, name).with_context(|| format!("--{option} has no '{name}'"))
}

/// What is known of a run before it starts.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How the swarm works.
    pub settings: Settings,
    /// How many clients there are.
    pub clients: usize,
    /// Those that answer with wrong hashes, besides those of the scenario.
    pub corrupt: Vec<Rank>,
    /// Who has a part of its own.
    pub cast: Cast,
}

impl Plan {
    /// What stands in the way of it, in words for the user.
    pub fn objection(&self) -> Option<String> {
        let mut corrupt = self.corrupt.iter();
        let rank = corrupt.find(|rank| rank.0 as usize > self.clients)?;
        let last = self.clients;
        Some(format!("--corrupt {rank}: the last client has rank {last}"))
    }

    /// The part of a client.
    pub fn part(&self, client: Rank) -> Part {
        let mut part = self.cast.part(client);
        if self.corrupt.contains(&client) {
            part.conduct = Conduct::Corrupt;
        }
        part
    }
}

impl Report {
    /// How a run went that came to its end, with its report. What was measured is there unless
    /// nothing was started.
    pub fn of_ending(plan: &Plan, ending: &Ending, measured: Option<Measured>) -> (Exit, Report) {
        let (exit, problems, missing) = match ending {
            Ending::Refused(problems) => (Exit::Refused, &problems[..], &[][..]),
            Ending::Complete(tally) => (verdict(tally), &[][..], &tally.missing[..]),
        };
        let missing = missing
            .iter()
            .map(|(client, file)| MissingFile::new(*client, file));
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
            settings: plan.into(),
            measured: None,
        }
    }

    /// The problems, a line each: for standard error. What a scenario asks for is none.
    pub fn complaints(&self) -> impl Iterator<Item = String> {
        let missing = self
            .missing
            .iter()
            .filter(|missing| !missing.is_asked_for());
        let missing = missing.map(|missing| {
            let MissingFile {
                client,
                file,
                reason,
            } = missing;
            format!("client {client} did not get '{file}': {reason}")
        });
        self.problems.iter().cloned().chain(missing)
    }

    /// The table of what was measured, and the closing line, which says in what time: for standard
    /// output.
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
            "{}{left}{} downloaded by {}, {} in {time}\n",
            table::table(measured),
            count(measured.files, "file"),
            count(self.settings.clients as u64, "client"),
            count(measured.segments, "segment"),
        )
    }
}

impl From<&Plan> for SettingsReport {
    fn from(plan: &Plan) -> SettingsReport {
        let settings = &plan.settings;
        SettingsReport {
            clients: plan.clients,
            tracker_index: settings.tracker_index.to_string(),
            peer_selection: settings.peer_selection.to_string(),
            segment_order: settings.segment_order.to_string(),
            tracker_grants: settings.tracker_grants,
            update_interval: settings.update_interval.get(),
            window: settings.window.get(),
            members: settings.members,
            upload_time: settings.upload_time.as_secs_f64(),
            upload_slots: settings.upload_slots.map_or(0, NonZeroUsize::get),
            seed: settings.seed,
            corrupt: plan.corrupt.iter().map(|rank| rank.0).collect(),
            scenario: plan.cast.iter().map(RoleReport::from).collect(),
        }
    }
}

impl MissingFile {
    fn new(client: Rank, file: &Missing) -> MissingFile {
        MissingFile {
            client: client.0,
            file: file.name.to_string(),
            reason: file.reason.to_string(),
        }
    }

    /// Whether the scenario wants it so.
    fn is_asked_for(&self) -> bool {
        self.reason == Reason::ItLeft.to_string()
    }
}

/// What is missing because it could not be written is the user's to mend first. What a client lacks
/// because it left is as the scenario wants it.
fn verdict(tally: &Tally) -> Exit {
    let not_written = |reason: &Reason| matches!(reason, Reason::NotWritten(_));
    if tally
        .missing
        .iter()
        .any(|(_, file)| not_written(&file.reason))
    {
        Exit::NotWritten
    } else if (tally.missing.iter()).any(|(_, file)| file.reason != Reason::ItLeft) {
        Exit::Missing
    } else {
        Exit::Complete
    }
}

/// Who has not finished, in words for the user: of many, the first.
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

fn count(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_of_a_report_are_those_of_its_run_also_where_all_members_are_told() {
        for members in [None, NonZeroUsize::new(50)] {
            let settings = Settings {
                members,
                ..Settings::default()
            };
            let plan = Plan {
                settings,
                clients: 3,
                corrupt: vec![Rank(2)],
                cast: Cast::default(),
            };
            let text = serde_json::to_string(&SettingsReport::from(&plan)).unwrap();
            let read: SettingsReport = serde_json::from_str(&text).unwrap();
            let (parsed, corrupt) = read.parse().unwrap();
            assert_eq!(format!("{parsed:?}"), format!("{settings:?}"));
            assert_eq!(corrupt, BTreeSet::from([Rank(2)]));
        }
    }
}
