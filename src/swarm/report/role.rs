//! A client's part in a report.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::client::{Conduct, Leaving, Part};
use crate::protocol::Rank;
use crate::scenario::Role;

/// What a scenario has dealt to a client. Times are in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoleReport {
    /// The client's rank.
    pub client: u32,
    /// Its class.
    pub class: String,
    /// When it begins to download, since its INIT_ACK.
    pub arrival: f64,
    /// How long a segment occupies its upload link; `null` if as long as everybody's.
    pub upload_time: Option<f64>,
    /// How it answers requests.
    pub conduct: Conduct,
    /// When it leaves.
    pub leaves: Leaves,
}

/// When a client leaves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaves {
    /// It stays.
    Never,
    /// So long after it is done.
    WhenDone(f64),
    /// At a time since its INIT_ACK.
    At(f64),
    /// When it has sent a copy of what it owns.
    AfterOneCopy,
}

impl From<(Rank, &Role)> for RoleReport {
    fn from((client, Role { class, part }): (Rank, &Role)) -> RoleReport {
        RoleReport {
            client: client.0,
            class: class.clone(),
            arrival: part.arrival.as_secs_f64(),
            upload_time: part.upload_time.map(|time| time.as_secs_f64()),
            conduct: part.conduct,
            leaves: match part.leaving {
                Leaving::Never => Leaves::Never,
                Leaving::WhenDone(stay) => Leaves::WhenDone(stay.as_secs_f64()),
                Leaving::At(time) => Leaves::At(time.as_secs_f64()),
                Leaving::AfterOneCopy => Leaves::AfterOneCopy,
            },
        }
    }
}

impl RoleReport {
    /// What it stands for, in a swarm of so many clients.
    ///
    /// # Errors
    /// When there is no such client, or no such time.
    pub(super) fn parse(&self, clients: usize) -> Result<(Rank, Role)> {
        let client = self.client;
        ensure!(
            (1..=clients).contains(&(client as usize)),
            "scenario: client {client}, of {clients}"
        );
        let time = |seconds| Duration::try_from_secs_f64(seconds).context("scenario: a time");
        let part = Part {
            arrival: time(self.arrival)?,
            upload_time: self.upload_time.map(time).transpose()?,
            conduct: self.conduct,
            leaving: match self.leaves {
                Leaves::Never => Leaving::Never,
                Leaves::WhenDone(stay) => Leaving::WhenDone(time(stay)?),
                Leaves::At(at) => Leaving::At(time(at)?),
                Leaves::AfterOneCopy => Leaving::AfterOneCopy,
            },
        };
        let class = self.class.clone();
        Ok((Rank(client), Role { class, part }))
    }
}
