//! The part that one client plays in a swarm: when it comes, how fast it serves and whether honestly,
//! and when it leaves.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What sets one client apart. The default is everybody's part, unless a
/// [`Scenario`](crate::scenario::Scenario) says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Part {
    /// When it begins to download, since its INIT_ACK. What it owns it serves from the start.
    pub arrival: Duration,
    /// How long a segment occupies its upload link, if not as long as everybody's.
    pub upload_time: Option<Duration>,
    /// How it answers requests.
    pub conduct: Conduct,
    /// Whether it leaves.
    pub leaving: Leaving,
}

/// How a client answers requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Conduct {
    /// By what it holds (R9).
    #[default]
    Honest,
    /// Every request with a wrong hash: an experiment on the others.
    Corrupt,
    /// Every request with a refusal.
    #[serde(rename = "free rider")]
    FreeRider,
}

/// When a client leaves. From then on it refuses whatever it is asked for, and asks for nothing more:
/// what it still wanted it goes without. What is on its upload link by then still goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Leaving {
    /// It stays to the end.
    #[default]
    Never,
    /// So long after it has nothing left to download.
    WhenDone(Duration),
    /// At a time since its INIT_ACK, whatever it lacks.
    At(Duration),
    /// When it has sent every segment that it owned at least once. Who owned none stays.
    AfterOneCopy,
}

impl Part {
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
