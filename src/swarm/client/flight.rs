//! What is in flight: the segments that somebody was asked for, or about.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use super::sources::Poll;
use crate::protocol::{Rank, SegmentIndex};

/// Segments of one file, each with the last question about it.
#[derive(Debug, Default)]
pub(super) struct InFlight(BTreeMap<SegmentIndex, Stage>);

#[derive(Debug)]
enum Stage {
    /// AVAILABILITY_REQUESTs are out.
    Polling(Poll),
    /// SEGMENT_REQUEST is out, to this member.
    Asked(Rank),
}

/// What is known when a member has said how busy it is.
pub(super) enum Offers {
    /// Others have not said it yet.
    Some,
    /// All that were asked have, and the segment is in flight no more.
    AllOf(Poll),
}

impl InFlight {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A member is asked for a segment.
    pub(super) fn ask(&mut self, segment: SegmentIndex, member: Rank) {
        self.0.insert(segment, Stage::Asked(member));
    }

    /// Members are asked how busy they are.
    pub(super) fn poll(&mut self, segment: SegmentIndex, poll: Poll) {
        self.0.insert(segment, Stage::Polling(poll));
    }

    /// A member has answered a SEGMENT_REQUEST.
    ///
    /// # Errors
    /// When it was not asked.
    pub(super) fn answered(&mut self, segment: SegmentIndex, from: Rank) -> Result<()> {
        match self.0.remove(&segment) {
            Some(Stage::Asked(member)) if member == from => Ok(()),
            Some(_) | None => bail!("nobody asked for it"),
        }
    }

    /// A member has answered an AVAILABILITY_REQUEST: how busy it is, if it holds the segment.
    ///
    /// # Errors
    /// When it was not asked.
    pub(super) fn offered(
        &mut self,
        segment: SegmentIndex,
        from: Rank,
        load: Option<u32>,
    ) -> Result<Offers> {
        let Some(Stage::Polling(mut poll)) = self.0.remove(&segment) else {
            bail!("nobody asked for it");
        };
        poll.answer(from, load)?;
        if poll.is_over() {
            return Ok(Offers::AllOf(poll));
        }
        self.poll(segment, poll);
        Ok(Offers::Some)
    }
}
