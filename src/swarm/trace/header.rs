//! The headers of a trace and of its parts.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::event::Thread;
use crate::limits::LONGEST_TIME;
use crate::report::Plan;

/// The version of the format. It grows when a field changes its meaning or goes.
pub const SCHEMA: u32 = 2;

/// The first line of a trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The version of the program.
    pub version: String,
    /// What the run was to be.
    #[serde(rename = "settings")]
    pub plan: Plan,
    /// How many clients there are.
    pub clients: usize,
    /// Whether every event is there.
    pub complete: bool,
    /// The clocks of the ranks, as far as they are known, in rank order.
    pub clocks: Vec<ClockReport>,
}

impl Header {
    /// The header of a run of this program.
    pub fn new(plan: Plan, complete: bool, clocks: Vec<ClockReport>) -> Header {
        Header {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").into(),
            clients: plan.clients,
            plan,
            complete,
            clocks,
        }
    }
}

/// A rank's clock, in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClockReport {
    /// The rank.
    pub rank: u32,
    /// The host that the rank was on.
    pub host: String,
    /// What was added to its times to have those of rank 0's clock.
    pub offset: f64,
    /// The most that `offset` may be wrong, either way: half of the quickest exchange with rank 0.
    pub uncertainty: f64,
}

impl ClockReport {
    /// Whether a clock can have been so. What goes by it has no use for more than a year.
    ///
    /// # Errors
    /// Says what cannot be.
    pub(super) fn check(&self) -> Result<()> {
        let most = LONGEST_TIME.as_secs_f64();
        for (name, seconds, least) in [
            ("offset", self.offset, -most),
            ("uncertainty", self.uncertainty, 0.0),
        ] {
            ensure!(
                (least..=most).contains(&seconds),
                "expected an {name} of the clock of rank {} from {least} to {most} seconds, found {seconds:?}",
                self.rank
            );
        }
        Ok(())
    }
}

/// The first line of a part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartHeader {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The version of the program.
    pub version: String,
    /// A number that the parts of a run share, and those of no other run have.
    pub run: u64,
    /// The rank of the thread.
    pub rank: u32,
    /// The thread.
    pub thread: Thread,
    /// What the run was to be.
    #[serde(rename = "settings")]
    pub plan: Plan,
    /// The rank's clock.
    pub clock: ClockReport,
}
