//! What becomes of an answer to a request, and of what others say that they have gained.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{Ask, Fetch};
use crate::client::Library;
use crate::client::sources::Sources;
use crate::protocol::{Answer, Availability, Rank, SegmentAnswer, SegmentIndex};

impl Fetch {
    /// Takes an answer to a SEGMENT_REQUEST, and returns whether the segment came. A wrong hash
    /// counts as a refusal (R4).
    ///
    /// # Errors
    /// When there was no such request.
    pub(in crate::client) fn answered(
        &mut self,
        now: Duration,
        from: Rank,
        answer: &SegmentAnswer,
        library: &Library,
    ) -> Result<bool> {
        let &SegmentAnswer {
            file,
            segment,
            ref answer,
            gained: ref news,
        } = answer;
        ensure!(file == self.file, "nobody asked for it");
        self.in_flight.answered(segment, from)?;
        self.now = now;
        let came = match answer {
            Answer::Ack(hash) if library.store(file, segment, *hash) => {
                self.members.has_sent(from, segment);
                self.to_come -= 1;
                self.untold.push(segment);
                self.gained.push(segment);
                self.fruitless_rounds = 0;
                self.freshness.gained();
                self.record.came(now, self.to_come);
                true
            }
            Answer::Ack(_) => {
                self.members.sent_wrong_hash(from);
                self.lacking.refused(segment, from);
                self.lacking.put_last(segment);
                false
            }
            Answer::Nack => {
                self.members.has_refused(from, segment);
                self.lacking.refused(segment, from);
                self.lacking.put_last(segment);
                false
            }
            Answer::Busy => {
                self.members.waits_at(from);
                self.lacking.put_first(segment);
                false
            }
        };
        self.hear(from, news);
        Ok(came)
    }

    /// Takes an answer to an AVAILABILITY_REQUEST. After the last one, asks the least busy member
    /// that holds the segment for it.
    ///
    /// # Errors
    /// When there was no such request.
    pub(in crate::client) fn offered(
        &mut self,
        now: Duration,
        from: Rank,
        offer: &Availability,
        sources: &mut Sources,
        ask: Ask<'_>,
    ) -> Result<()> {
        let &Availability {
            file,
            segment,
            load,
        } = offer;
        ensure!(file == self.file, "nobody asked for it");
        let poll = self.in_flight.offered(segment, from, load)?;
        self.now = now;
        if load.is_none() {
            self.lacking.refused(segment, from);
            self.members.has_refused(from, segment);
        } else {
            self.members.has_held(from, segment);
        }
        let Some(poll) = poll else {
            return Ok(());
        };
        let member = if self.awaits_members || self.leaves {
            None // no more is asked for, or the new list may have other members
        } else {
            sources.least_busy(&poll)
        };
        match member {
            Some(member) => self.ask_for(segment, member, false, ask),
            None => self.lacking.put_last(segment),
        }
        Ok(())
    }

    /// Takes what a member says that it has gained.
    pub(super) fn hear(&mut self, from: Rank, news: &[SegmentIndex]) {
        for &segment in news {
            if self.lacking.has(segment) {
                self.lacking.forget_refusal(segment, from);
            }
        }
        self.members.hears_of(from, news, self.lacking.order());
    }
}
