//! What a client knows of one member of a swarm.

use std::num::NonZeroUsize;

use super::queue::MOST_NEWS;
use crate::protocol::{SegmentIndex, SegmentSet};
use crate::statistics::Recorded;

/// What a client knows of one member.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// Whether it is a seed, by the tracker's last list. A seed holds every segment.
    pub(super) is_seed: bool,
    /// Segments that it is known to hold, as a peer. A segment that the client held before it was told
    /// is not noted.
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
    /// The number of segments that it has sent, without wrong ones.
    pub(super) sent: Recorded<u64>,
}

/// A peer of which nothing is known.
pub(super) static STRANGER: Member = Member::new(false);

/// A seed of which nothing else is known.
pub(super) static SEED: Member = Member::new(true);

/// What decides whether a member is ready to be asked, but for what it holds, and whether the client has
/// dealings with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Footing {
    /// Whether it is free, proven, doubted, and how long it is spared.
    pub(super) readiness: (bool, bool, bool, u32),
    /// Whether the client waits in its queue, or may have to: it has asked.
    pub(super) may_wait: bool,
    /// Whether it [is engaged](Member::is_engaged).
    pub(super) is_engaged: bool,
}

impl Member {
    /// A member with which the client has not dealt.
    pub(super) const fn new(is_seed: bool) -> Member {
        Member {
            is_seed,
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
            sent: Recorded(0),
        }
    }

    /// Whether it can be asked for something now. `at_a_time` limits the requests to one member
    /// that are in flight. Who waits for its call does not ask it, unless the client is idle and has
    /// declined its last call: what was on its way then has not come.
    pub(super) fn is_free(&self, at_a_time: Option<NonZeroUsize>, is_idle: bool) -> bool {
        let has_room = |at_a_time: NonZeroUsize| self.in_flight < at_a_time.get();
        (!self.waits || is_idle && self.has_declined) && at_a_time.is_none_or(has_room)
    }

    /// Where it stands. `at_a_time` says that members have queues. Where they have none, one that a scenario
    /// makes slow still has one, and all that counts is whether the client waits there.
    pub(super) fn footing(&self, at_a_time: Option<NonZeroUsize>) -> Footing {
        let have_queues = at_a_time.is_some();
        let is_free = self.is_free(at_a_time, false);
        Footing {
            readiness: (is_free, self.is_proven, self.is_doubted, self.spared),
            may_wait: have_queues && (self.waits || self.in_flight > 0),
            is_engaged: self.waits || have_queues && self.is_engaged(),
        }
    }

    /// Whether it is known to hold a segment.
    pub(super) fn holds(&self, segment: SegmentIndex) -> bool {
        let holds = |held: &SegmentSet| held.contains(segment);
        self.is_seed || self.held.as_ref().is_some_and(holds)
    }

    /// Whether it is known to hold a segment, and has not refused what it was known to hold.
    pub(super) fn is_sure(&self, segment: SegmentIndex) -> bool {
        !self.is_doubted && self.holds(segment)
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
        let is_of_use = |held: &SegmentSet| held.without_from(gained, 0).next().is_some();
        self.is_seed || self.held.as_ref().is_some_and(is_of_use)
    }

    /// Records that it holds `segment`, which the client lacks, of a file of `segments` segments.
    /// Returns whether that was unknown.
    pub(super) fn learn(&mut self, segment: SegmentIndex, segments: usize) -> bool {
        let held = (self.held).get_or_insert_with(|| SegmentSet::none(segments));
        held.insert(segment)
    }

    /// It holds a segment that it was asked for. If that was not sure, a trial of it went well.
    pub(super) fn prove(&mut self, segment: SegmentIndex) {
        if !self.is_proven && !self.is_sure(segment) {
            self.is_proven = true;
            self.is_doubted = false;
            self.refusals = 0;
            self.spared = 0;
        }
    }

    /// It has refused a segment.
    pub(super) fn refuse(&mut self, segment: SegmentIndex) {
        self.is_doubted |= self.holds(segment);
        self.is_proven = false;
        self.refusals = self.refusals.saturating_add(1);
        self.spared = self.refusals;
    }

    /// What it is told of `gained`, all that the client has gained in order: what it was not told yet.
    /// Where serving takes no time, only those at which the client waits are told.
    pub(super) fn news(&mut self, gained: &[SegmentIndex], takes_time: bool) -> Vec<SegmentIndex> {
        if !takes_time && !self.waits {
            return Vec::new();
        }
        let news = &gained[self.told..];
        let news = news[..news.len().min(MOST_NEWS)].to_vec();
        self.told += news.len();
        news
    }
}
