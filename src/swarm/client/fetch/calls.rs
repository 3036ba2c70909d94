//! How calls are answered: a client waits in the queues of members, comes when it is called, and comes
//! back when it was called while it might not ask.

use std::time::Duration;

use super::{Ask, Fetch};
use crate::policy::selection::Choice;
use crate::protocol::{Call, Decline, Rank, SegmentIndex, ToUpload};

/// The most queues in which a client waits. Among 20 to 50 neighbours a swarm that fetches the rarest
/// first is within 1.09 of the bound, however large it is; but each queue costs calls that come to nothing.
const QUEUES: usize = 13;

/// The number of queues in which it waits for each request that it may have in flight. With more, most calls
/// come while its window is full: it declines them, and comes back later.
const QUEUES_A_REQUEST: usize = 3;

/// The number of further queues in which it may wait after each list in a row that brought no segment.
const MORE_QUEUES: usize = 4;

impl Fetch {
    /// Takes the call of a member in whose queue the client waits: asks for what it suggests, or else
    /// for the next segment that it holds, or declines.
    pub(in crate::client) fn called(
        &mut self,
        now: Duration,
        from: Rank,
        call: &Call,
        ask: Ask<'_>,
    ) {
        self.now = now;
        self.hear(from, &call.gained);
        self.members.calls(from, call.segment.is_some());
        let Some(suggested) = call.segment else {
            return;
        };
        let (may_ask, may_begin) = (self.may_ask(), self.may_begin());
        let is_trusted = !self.members.is_distrusted(from);
        let segment = if !(may_ask && is_trusted) {
            None
        } else if !self.lacking.refused_by(suggested).contains(&from)
            && self.lacking.take(suggested, may_begin)
        {
            Some(suggested)
        } else {
            self.next_of(from)
        };
        match segment {
            Some(segment) => {
                self.ask_for(segment, from, true, ask);
                self.lacking.begin(segment);
            }
            None => {
                if is_trusted && !(may_ask && may_begin) {
                    self.missed.push_back(from);
                }
                let decline = Decline {
                    file: self.file,
                    waits: true,
                    gained: self.members.declines(from, &self.gained),
                };
                ask(from, ToUpload::Decline(decline));
            }
        }
    }

    /// Takes the next segment that a member holds which can be asked now.
    fn next_of(&mut self, member: Rank) -> Option<SegmentIndex> {
        self.lacking.end_waiting();
        let may_begin = self.may_begin();
        let held = self.members.held_of(member, self.lacking.all());
        self.lacking.next_of(member, held, may_begin)
    }

    /// Chooses a member whose call came at the wrong time, for the next segment that it holds.
    pub(super) fn come_back(&mut self) -> Option<(SegmentIndex, Choice)> {
        while let Some(member) = self.missed.pop_front() {
            if let Some(segment) = self.next_of(member) {
                return Some((segment, Choice::Member(member)));
            }
        }
        None
    }

    /// Whether the client may ask a member that does not call it: it may have to wait in one more queue.
    pub(super) fn may_wait(&self) -> bool {
        let window = self.settings.window.get();
        let queues = QUEUES.min(QUEUES_A_REQUEST.saturating_mul(window));
        let queues = queues.saturating_add(MORE_QUEUES.saturating_mul(self.freshness.in_vain()));
        !self.members.have_queues() || self.members.waiting() < queues
    }

    /// The client waits for nobody any more. Returns the members that are to be told.
    pub(in crate::client) fn leave_queues(&mut self) -> Vec<Rank> {
        self.members.leave_queues()
    }
}
