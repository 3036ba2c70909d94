//! The part that a client plays in a swarm: when it arrives, how it serves, and when it leaves.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What sets one client apart. The default is everybody's part, unless a
/// [`Scenario`](crate::scenario::Scenario) says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Part {
    /// When it begins to download, since its INIT_ACK. What it owns it serves from the start.
    #[serde(with = "crate::seconds")]
    pub arrival: Duration,
    /// How long a segment occupies its upload link. `None`: as long as everybody's.
    #[serde(default, with = "crate::seconds::optional")]
    pub upload_time: Option<Duration>,
    /// How it answers requests.
    pub conduct: Conduct,
    /// When it leaves.
    #[serde(rename = "leaves")]
    pub leaving: Leaving,
}

/// How a client answers requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Conduct {
    /// By what it holds (R9).
    #[default]
    Honest,
    /// Every request with a wrong hash, to see what the others do.
    Corrupt,
    /// Every request with a refusal.
    #[serde(rename = "free rider")]
    FreeRider,
}

/// When a client leaves. From then on it refuses every request, and asks for nothing more: it goes without
/// what it lacks. What is on its upload link by then still goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaving {
    /// It stays to the end.
    #[default]
    Never,
    /// It stays for this time after it has nothing left to download.
    WhenDone(#[serde(with = "crate::seconds")] Duration),
    /// At this time since its INIT_ACK, whatever it lacks.
    At(#[serde(with = "crate::seconds")] Duration),
    /// When it has sent every segment that it owned at least once. A client that owned none stays.
    AfterOneCopy,
}

impl Part {
    /// The same part, played later `by` this time. Both are of a scenario, so they are at most
    /// [`LONGEST_TIME`](crate::limits::LONGEST_TIME).
    pub fn later(self, by: Duration) -> Part {
        let leaving = match self.leaving {
            Leaving::At(time) => Leaving::At(time + by),
            Leaving::Never | Leaving::WhenDone(_) | Leaving::AfterOneCopy => self.leaving,
        };
        Part {
            arrival: self.arrival + by,
            leaving,
            ..self
        }
    }

    /// Whether it may leave before it has all that it wants.
    pub fn may_leave_midway(&self) -> bool {
        match self.leaving {
            Leaving::Never | Leaving::WhenDone(_) => false,
            Leaving::At(_) | Leaving::AfterOneCopy => true,
        }
    }

    /// Whether it serves what it holds, from the start to the end.
    pub fn is_steady(&self) -> bool {
        self.conduct == Conduct::Honest && self.leaving == Leaving::Never
    }
}
