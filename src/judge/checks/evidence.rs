//! What a check says of a run, and what it says that with: the scene, its calls, and the words for them. A check
//! imports it all.

use serde::{Deserialize, Serialize};

pub(super) use crate::seen::calls::*;
pub(super) use crate::seen::messages::Message;
pub(super) use crate::seen::pattern::{Pattern, distinct};
pub(super) use crate::seen::scene::Scene;
pub(super) use crate::seen::unseen::{Unseen, unseen};
pub(super) use crate::seen::words::*;
pub(super) use swarm::protocol::Rank;

/// What one run shows of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// It holds.
    Right,
    /// It does not.
    Wrong(Evidence),
    /// It was not seen, though there was occasion. If it is seen in none of several such runs, it does
    /// not hold.
    Lacking(Evidence),
}

/// What a check returns that is wrong.
pub(super) fn wrong(evidence: Evidence) -> Result<Shown, Unseen> {
    Ok(Shown::Wrong(evidence))
}

/// What a check returns that holds if this was seen. Otherwise it cannot tell, for this reason.
pub(super) fn right_if(is_seen: bool, why_not: impl Into<String>) -> Result<Shown, Unseen> {
    if is_seen {
        Ok(Shown::Right)
    } else {
        unseen(why_not)
    }
}

/// Why something is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What happened, in one sentence without its full stop: `client 2 wrote no client2_file1`.
    pub said: String,
    /// More lines: a table, the first lines that differ.
    pub details: Vec<String>,
    /// What to look at in the program, in one sentence without its full stop.
    pub hint: String,
}

impl Evidence {
    /// Says what happened and what to look at.
    pub fn new(said: impl Into<String>, hint: impl Into<String>) -> Evidence {
        Evidence {
            said: said.into(),
            details: Vec::new(),
            hint: hint.into(),
        }
    }

    /// Adds one more detail.
    pub fn with_more(mut self, detail: String) -> Evidence {
        self.details.push(detail);
        self
    }

    /// Adds these details.
    pub fn with_details(mut self, details: Vec<String>) -> Evidence {
        self.details = details;
        self
    }
}
