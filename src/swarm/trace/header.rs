//! What a trace says in front of the events.

use serde::{Deserialize, Serialize};

use crate::event::Thread;
use crate::report::Plan;

/// The version of the format. It grows when a field changes its meaning or goes.
pub const SCHEMA: u32 = 1;

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
    /// The ranks' clocks, as far as they are known, in rank order.
    pub clocks: Vec<ClockReport>,
}

/// A rank's clock, in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClockReport {
    /// Whose it is.
    pub rank: u32,
    /// The host that the rank was on.
    pub host: String,
    /// What was added to its times, to have those of rank 0's clock.
    pub offset: f64,
    /// By how much that may be wrong, either way: half of the quickest exchange with rank 0.
    pub uncertainty: f64,
}

/// The first line of a part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartHeader {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The version of the program.
    pub version: String,
    /// A number that the parts of a run share, and no other run's have.
    pub run: u64,
    /// Whose thread it is.
    pub rank: u32,
    /// Which one.
    pub thread: Thread,
    /// What the run was to be.
    #[serde(rename = "settings")]
    pub plan: Plan,
    /// The rank's clock.
    pub clock: ClockReport,
}
