//! What a client knows of one member of a swarm.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::protocol::{SegmentIndex, SegmentSet};

/// How long a member is not tried again after it has refused, in upload times. The time doubles
/// with each further refusal in a row.
const REST: u32 = 4;

/// How many times [`REST`] doubles at most.
const MOST_DOUBLED: u32 = 5;

/// What a client knows of one member.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// Segments that it is known to hold. A seed holds the others as well. A segment that the
    /// client held before it was told is not noted.
    pub(super) held: Option<SegmentSet>,
    /// The number of segments in `held` that the client itself does not hold.
    pub(super) of_use: usize,
    /// Whether a trial of it went well, and it has refused nothing since.
    pub(super) is_proven: bool,
    /// Whether it has refused a segment that it was known to hold. Then every request to it is a
    /// trial, until one goes well.
    pub(super) is_doubted: bool,
    /// The number of wrong hashes that it has sent: the more, the later it is asked.
    pub(super) wrong: u8,
    /// The number of refusals since a trial of it last went well.
    pub(super) refusals: u32,
    /// The number of lists of members that have to come before it is tried again. Used where
    /// serving takes no time.
    pub(super) spared: u32,
    /// The time before which it is not tried again. Used where serving takes time.
    pub(super) rests: Option<Duration>,
    /// The time from which it keeps a slot, if it had none free.
    pub(super) appointment: Option<Duration>,
    /// The segment of the last hint at it, if that was not followed yet.
    pub(super) hint: Option<SegmentIndex>,
    /// The number of requests to it that are in flight.
    pub(super) in_flight: usize,
}

/// A member of which nothing is known.
pub(super) static STRANGER: Member = Member {
    held: None,
    of_use: 0,
    is_proven: false,
    is_doubted: false,
    wrong: 0,
    refusals: 0,
    spared: 0,
    rests: None,
    appointment: None,
    hint: None,
    in_flight: 0,
};

impl Member {
    /// Whether it can be asked for something now. `at_a_time` limits the requests to one member
    /// that are in flight.
    pub(super) fn is_free(&self, at_a_time: Option<NonZeroUsize>) -> bool {
        let has_room = |at_a_time: NonZeroUsize| self.in_flight < at_a_time.get();
        self.appointment.is_none() && at_a_time.is_none_or(has_room)
    }

    /// Records that it holds `segment`, which the client lacks, of a file of `segments` segments.
    /// Returns whether that was unknown.
    pub(super) fn learn(&mut self, segment: SegmentIndex, segments: usize) -> bool {
        let held = (self.held).get_or_insert_with(|| SegmentSet::none(segments));
        let is_new = held.insert(segment);
        self.of_use += usize::from(is_new);
        is_new
    }

    /// A trial of it went well: it holds what it was asked for.
    pub(super) fn prove(&mut self) {
        self.is_proven = true;
        self.is_doubted = false;
        self.refusals = 0;
        self.spared = 0;
        self.rests = None;
    }

    /// It has refused a segment. `was_known`: it was known to hold that segment.
    pub(super) fn refuse(&mut self, was_known: bool, now: Duration, upload_time: Duration) {
        self.is_proven = false;
        self.is_doubted |= was_known;
        let pause = REST << self.refusals.min(MOST_DOUBLED);
        self.refusals = self.refusals.saturating_add(1);
        if upload_time.is_zero() {
            self.spared = self.refusals;
        } else {
            self.rests = Some(now.saturating_add(upload_time.saturating_mul(pause)));
        }
    }
}
