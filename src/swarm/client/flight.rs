//! The segments in flight: a member was asked for each of them, or members were asked about it.

use std::collections::VecDeque;
use std::fmt;

use anyhow::{Result, bail};

use super::sources::Poll;
use crate::protocol::{Rank, SegmentIndex};

/// The segments of one file that are in flight, each with what was asked last.
///
/// They are in the order of the questions, which is nearly that of the answers. So a segment is found
/// near the front, however wide the window is.
#[derive(Default)]
pub(super) struct InFlight(VecDeque<(SegmentIndex, Stage)>);

#[derive(Debug)]
enum Stage {
    /// AVAILABILITY_REQUESTs are out.
    Polling(Poll),
    /// A SEGMENT_REQUEST is out, to this member.
    Asked(Rank),
}

impl InFlight {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A member is asked for a segment that is not in flight.
    pub(super) fn ask(&mut self, segment: SegmentIndex, member: Rank) {
        self.0.push_back((segment, Stage::Asked(member)));
    }

    /// Members are asked whether they hold a segment that is not in flight, and how busy they are.
    pub(super) fn poll(&mut self, segment: SegmentIndex, poll: Poll) {
        self.0.push_back((segment, Stage::Polling(poll)));
    }

    /// A member has answered a SEGMENT_REQUEST.
    ///
    /// # Errors
    /// When the member was not asked.
    pub(super) fn answered(&mut self, segment: SegmentIndex, from: Rank) -> Result<()> {
        match self.take(segment) {
            Some(Stage::Asked(member)) if member == from => Ok(()),
            Some(_) | None => bail!("nobody asked for it"),
        }
    }

    /// A member has answered an AVAILABILITY_REQUEST with its `load`, if it holds the segment.
    /// After the last answer returns the poll, and the segment is in flight no more.
    ///
    /// # Errors
    /// When the member was not asked.
    pub(super) fn offered(
        &mut self,
        segment: SegmentIndex,
        from: Rank,
        load: Option<u32>,
    ) -> Result<Option<Poll>> {
        let Some(Stage::Polling(mut poll)) = self.take(segment) else {
            bail!("nobody asked for it");
        };
        poll.answer(from, load)?;
        if poll.is_over() {
            return Ok(Some(poll));
        }
        self.poll(segment, poll);
        Ok(None)
    }

    fn take(&mut self, segment: SegmentIndex) -> Option<Stage> {
        let place = self.0.iter().position(|(of, _)| *of == segment)?;
        self.0.remove(place).map(|(_, stage)| stage)
    }
}

/// In the order of the file: two states that differ only in the order of the questions are one state.
impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut segments = Vec::from_iter(&self.0);
        segments.sort_unstable_by_key(|(segment, _)| *segment);
        f.debug_list().entries(segments).finish()
    }
}
