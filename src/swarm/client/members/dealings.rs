//! What a client learns of a member from its dealings with it: questions, answers and calls.

use super::{KnownMembers, has};
use crate::client::member::Member;
use crate::policy::order::Order;
use crate::protocol::{Rank, SegmentIndex};

impl KnownMembers {
    /// A member is asked whether it holds a segment.
    pub(in crate::client) fn asks(&mut self, rank: Rank, segment: SegmentIndex) {
        self.turns_to(rank, segment, |_| ());
    }

    /// The client comes to a member for a segment, with all that it has `gained` so far. Returns what of
    /// that is news to the member. If the client waits there, it will be called again.
    pub(in crate::client) fn comes_to(
        &mut self,
        rank: Rank,
        segment: SegmentIndex,
        gained: &[SegmentIndex],
    ) -> Vec<SegmentIndex> {
        let takes_time = self.takes_time;
        self.turns_to(rank, segment, |member| {
            member.has_declined = false;
            member.news(gained, takes_time)
        })
    }

    /// There is one more request in flight to a member.
    fn turns_to<T>(
        &mut self,
        rank: Rank,
        segment: SegmentIndex,
        turn: impl FnOnce(&mut Member) -> T,
    ) -> T {
        let (is_known, value) = self.change(rank, |member| {
            let is_known = member.is_proven || member.is_sure(segment);
            member.in_flight += 1;
            (is_known, turn(member))
        });
        if !is_known && !self.have_queues() {
            self.trial.begin(rank);
        }
        value
    }

    /// A member holds what it was asked for.
    pub(in crate::client) fn has_held(&mut self, rank: Rank, segment: SegmentIndex) {
        self.trial.succeed(rank);
        self.answers(rank, |member| member.prove(segment));
    }

    /// A member has sent a segment. The client holds it now.
    pub(in crate::client) fn has_sent(&mut self, rank: Rank, segment: SegmentIndex) {
        self.trial.succeed(rank);
        self.answers(rank, |member| {
            member.prove(segment);
            *member.sent += 1;
        });
        self.gains(segment);
    }

    /// The client itself holds a segment now.
    pub(super) fn gains(&mut self, segment: SegmentIndex) {
        self.gained.insert(segment);
    }

    /// A member has sent a wrong hash.
    pub(in crate::client) fn sent_wrong_hash(&mut self, rank: Rank) {
        self.trial.succeed(rank);
        self.is_anybody_wrong = true;
        self.answers(rank, |member| {
            member.wrong = member.wrong.saturating_add(1); // a wide window may be full of them
            member.has_declined = true; // it may not call again
        });
    }

    /// A member does not hold what it was asked for.
    pub(in crate::client) fn has_refused(&mut self, rank: Rank, segment: SegmentIndex) {
        self.trial.fail(rank);
        self.answers(rank, |member| {
            member.refuse(segment);
            member.has_declined = true; // it may not call again
        });
    }

    /// A member has put the client into its queue.
    pub(in crate::client) fn waits_at(&mut self, rank: Rank) {
        self.trial.succeed(rank);
        self.answers(rank, |member| member.waits = true);
    }

    /// A member has answered, which is one request less in flight.
    fn answers(&mut self, rank: Rank, change: impl FnOnce(&mut Member)) {
        self.change(rank, |member| {
            member.in_flight = member.in_flight.saturating_sub(1);
            change(member);
        });
    }

    /// A member calls, or says that the client waits no longer.
    pub(in crate::client) fn calls(&mut self, rank: Rank, waits: bool) {
        self.change(rank, |member| {
            member.waits = waits;
            member.has_declined = false;
        });
    }

    /// The client declines a member's call, and goes on waiting. The member does not call again before it
    /// has gained something, but the client may ask. Returns what of all that the client has `gained` is
    /// news to the member.
    pub(in crate::client) fn declines(
        &mut self,
        rank: Rank,
        gained: &[SegmentIndex],
    ) -> Vec<SegmentIndex> {
        let takes_time = self.takes_time;
        self.change(rank, |member| {
            member.has_declined = true;
            member.news(gained, takes_time)
        })
    }

    /// The client waits nowhere from now on. Returns the members at which it waited.
    pub(in crate::client) fn leave_queues(&mut self) -> Vec<Rank> {
        let mut ranks = self.engaged.clone();
        ranks.retain(|&rank| self.get(rank).waits);
        for &rank in &ranks {
            self.change(rank, |member| member.waits = false);
        }
        ranks
    }

    /// A member says that it holds these segments.
    pub(in crate::client) fn hears_of(
        &mut self,
        rank: Rank,
        held: &[SegmentIndex],
        order: &mut dyn Order,
    ) {
        if !held.is_empty() && has(&self.ranks, rank) {
            self.learn(rank, held.iter().copied(), order);
        }
    }
}
