//! What a run did not show.

use crate::seen::calls::Recording;
use crate::seen::words::who;

/// Something that was not seen, and so keeps a check from its conclusion: why that cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen(pub String);

/// What a check returns when it cannot tell, for this reason.
pub(crate) fn unseen<T>(why: impl Into<String>) -> Result<T, Unseen> {
    Err(Unseen(why.into()))
}

impl Recording {
    /// Whether every call was recorded.
    pub(crate) fn has_every_call(&self) -> Result<(), Unseen> {
        let Some((rank, record)) = self.by_rank().find(|(_, record)| record.is_cut) else {
            return Ok(());
        };
        let who = who(rank);
        unseen(match &record.damage {
            Some(damage) => format!("the record of {who} is damaged: {damage}"),
            None => format!("{who} did more than there was room to record"),
        })
    }

    /// Whether every message was seen that was sent or received: every call was recorded, and what came of it is
    /// known.
    pub(crate) fn has_every_message(&self) -> Result<(), Unseen> {
        self.has_every_call()?;
        let mut ranks = self.by_rank();
        let found = ranks.find_map(|(rank, record)| Some((rank, record.not_followed.first()?)));
        found.map_or(Ok(()), |(rank, name)| {
            unseen(format!("{} uses {name}, which is not followed", who(rank)))
        })
    }
}
