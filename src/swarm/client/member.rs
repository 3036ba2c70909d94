//! What a client knows of one member of a swarm.

use std::num::NonZeroUsize;

use crate::protocol::{SegmentIndex, SegmentSet};

/// What a client knows of one member.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// Segments that it is known to hold. A seed holds the others as well. A segment that the
    /// client held before it was told is not noted.
    pub(super) held: Option<SegmentSet>,
    /// Whether a trial of it went well, and it has refused nothing since.
    pub(super) is_proven: bool,
    /// Whether it has refused a segment that it was known to hold. Then every request to it is a
    /// trial, until one goes well.
    pub(super) is_doubted: bool,
    /// The number of wrong hashes that it has sent: the more, the later it is asked.
    pub(super) wrong: u8,
    /// The number of refusals since a trial of it last went well.
    pub(super) refusals: u32,
    /// The number of lists of members that have to come before it is tried again.
    pub(super) spared: u32,
    /// Whether the client waits in its queue.
    pub(super) waits: bool,
    /// Whether the client has declined its last call, or was refused since. Then no call is to be
    /// counted on, and the client may ask.
    pub(super) has_declined: bool,
    /// How many of the segments that the client has gained it was told of.
    pub(super) told: usize,
    /// The number of requests to it that are in flight.
    pub(super) in_flight: usize,
}

/// A member of which nothing is known.
pub(super) static STRANGER: Member = Member {
    held: None,
    is_proven: false,
    is_doubted: false,
    wrong: 0,
    refusals: 0,
    spared: 0,
    waits: false,
    has_declined: false,
    told: 0,
    in_flight: 0,
};

impl Member {
    /// Whether it can be asked for something now. `at_a_time` limits the requests to one member
    /// that are in flight. Who waits for its call does not ask it, unless the client is idle and has
    /// declined its last call: what was on its way then has not come.
    pub(super) fn is_free(&self, at_a_time: Option<NonZeroUsize>, is_idle: bool) -> bool {
        let has_room = |at_a_time: NonZeroUsize| self.in_flight < at_a_time.get();
        (!self.waits || is_idle && self.has_declined) && at_a_time.is_none_or(has_room)
    }

    /// All that says whether it is ready to be asked, but for what it holds: whether it is free, proven,
    /// doubted, and how long it is spared.
    pub(super) fn footing(&self, at_a_time: Option<NonZeroUsize>) -> (bool, bool, bool, u32) {
        let is_free = self.is_free(at_a_time, false);
        (is_free, self.is_proven, self.is_doubted, self.spared)
    }

    /// Whether it is known to hold a segment, as a peer.
    pub(super) fn holds(&self, segment: SegmentIndex) -> bool {
        self.held
            .as_ref()
            .is_some_and(|held| held.contains(segment))
    }

    /// Whether a request to it is under way, the client waits in its queue, or it is spared.
    pub(super) fn is_engaged(&self) -> bool {
        self.waits || self.in_flight > 0 || self.spared > 0
    }

    /// Whether the client waits for it to call. It will, if it holds what the client lacks.
    pub(super) fn counts_as_calling(&self) -> bool {
        self.waits && !self.has_declined && !self.is_doubted && self.wrong == 0
    }

    /// Whether it is known to hold a segment that the client has not gained.
    pub(super) fn is_of_use(&self, gained: &SegmentSet) -> bool {
        (self.held.as_ref()).is_some_and(|held| held.without_from(gained, 0).next().is_some())
    }

    /// Records that it holds `segment`, which the client lacks, of a file of `segments` segments.
    /// Returns whether that was unknown.
    pub(super) fn learn(&mut self, segment: SegmentIndex, segments: usize) -> bool {
        let held = (self.held).get_or_insert_with(|| SegmentSet::none(segments));
        held.insert(segment)
    }

    /// A trial of it went well: it holds what it was asked for.
    pub(super) fn prove(&mut self) {
        self.is_proven = true;
        self.is_doubted = false;
        self.refusals = 0;
        self.spared = 0;
    }

    /// It has refused a segment. `was_known`: it was known to hold that segment.
    pub(super) fn refuse(&mut self, was_known: bool) {
        self.is_proven = false;
        self.is_doubted |= was_known;
        self.refusals = self.refusals.saturating_add(1);
        self.spared = self.refusals;
    }
}
