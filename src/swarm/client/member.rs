//! What one member of a swarm has shown to a client.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::protocol::{SegmentIndex, SegmentSet};

/// For so many upload times a member that refuses is not tried again; twice as long after the second
/// refusal in a row, and so on, but not more often than [`MOST_DOUBLED`].
const REST: u32 = 4;
const MOST_DOUBLED: u32 = 5;

/// What one member has shown.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// What it holds at least, besides everything if it is a seed, and what the client had before.
    pub(super) held: Option<SegmentSet>,
    /// How many of those the client itself does not hold.
    pub(super) of_use: usize,
    /// Whether it was tried, and has held what it was asked for ever since.
    pub(super) is_proven: bool,
    /// Whether it has refused what it was known to hold. Until it holds what it is asked for, to ask it
    /// is a trial.
    pub(super) is_doubted: bool,
    /// How many wrong hashes it has sent: the more, the later it is asked.
    pub(super) wrong: u8,
    /// How many trials of it have failed in a row.
    pub(super) refusals: u32,
    /// For so many lists of members it is not tried, where serving takes no time.
    pub(super) spared: u32,
    /// Until when it is not tried, where serving takes time.
    pub(super) rests: Option<Duration>,
    /// When a slot is kept, because it had none free.
    pub(super) appointment: Option<Duration>,
    /// A segment that it was last said to hold.
    pub(super) hint: Option<SegmentIndex>,
    /// How many requests to it are in flight.
    pub(super) in_flight: usize,
}

/// A member that has shown nothing.
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
    /// Whether it can be asked for something now, where so many requests to a member are in flight at
    /// most.
    pub(super) fn is_free(&self, at_a_time: Option<NonZeroUsize>) -> bool {
        let has_room = |at_a_time: NonZeroUsize| self.in_flight < at_a_time.get();
        self.appointment.is_none() && at_a_time.is_none_or(has_room)
    }

    /// It holds one more segment of a file of so many, which is of use. Says whether that is news.
    pub(super) fn learn(&mut self, segment: SegmentIndex, segments: usize) -> bool {
        let held = (self.held).get_or_insert_with(|| SegmentSet::none(segments));
        let is_new = held.insert(segment);
        self.of_use += usize::from(is_new);
        is_new
    }

    /// A trial of it has come out well.
    pub(super) fn prove(&mut self) {
        self.is_proven = true;
        self.is_doubted = false;
        self.refusals = 0;
        self.spared = 0;
        self.rests = None;
    }

    /// It has refused something, which it was known to hold or not.
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
