//! A client's upload link: segments go through it one after another.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::protocol::Envelope;

/// Each segment occupies the link for `upload_time`. At most `slots` segments are on the link or
/// wait for it.
#[derive(Debug)]
pub(super) struct Link {
    /// How long a segment occupies the link.
    upload_time: Duration,
    /// The most segments that are on the link or wait for it. `None`: any number.
    slots: Option<NonZeroUsize>,
    /// The segments that are on the link or wait for it, each with the time at which it is through.
    queue: VecDeque<(Duration, Envelope)>,
}

impl Link {
    /// An empty link.
    pub(super) fn new(upload_time: Duration, slots: Option<NonZeroUsize>) -> Link {
        Link {
            upload_time,
            slots,
            queue: VecDeque::new(),
        }
    }

    /// The number of slots that are free.
    pub(super) fn room(&self) -> usize {
        let slots = self.slots.map_or(usize::MAX, NonZeroUsize::get);
        slots.saturating_sub(self.queue.len())
    }

    /// Puts a segment on the link, after the others.
    pub(super) fn push(&mut self, now: Duration, reply: Envelope) {
        let free = self.queue.back().map_or(now, |(through, _)| *through);
        let through = free.max(now).saturating_add(self.upload_time);
        self.queue.push_back((through, reply));
    }

    /// When the next segment is through the link, if one is on it.
    pub(super) fn due(&self) -> Option<Duration> {
        self.queue.front().map(|(through, _)| *through)
    }

    /// Takes the next segment off the link, if it is through.
    pub(super) fn pop(&mut self, now: Duration) -> Option<Envelope> {
        self.due().filter(|&through| through <= now)?;
        self.queue.pop_front().map(|(_, reply)| reply)
    }

    /// The number of segments that are on the link or wait for it.
    pub(super) fn load(&self) -> usize {
        self.queue.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Rank, ToUpload};

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u32) -> Duration {
        SECOND * seconds
    }

    /// A link with this number of slots (0: no limit), on which a segment takes a second.
    fn link(slots: usize) -> Link {
        Link::new(SECOND, NonZeroUsize::new(slots))
    }

    fn push(link: &mut Link, now: Duration) {
        link.push(now, Envelope::new(Rank(9), ToUpload::Stop));
    }

    #[test]
    fn one_segment_after_another_goes_through() {
        let mut link = link(0);
        push(&mut link, at(0));
        push(&mut link, at(0));
        assert_eq!((link.load(), link.due()), (2, Some(at(1))));
        assert!(link.pop(at(1)).is_some() && link.pop(at(1)).is_none());
        assert_eq!(link.due(), Some(at(2)));
        assert!(link.pop(at(5)).is_some());
        push(&mut link, at(5));
        assert_eq!(link.due(), Some(at(6)), "it had been empty");
    }

    #[test]
    fn a_segment_takes_a_slot_until_it_is_through() {
        let mut link = link(2);
        assert_eq!(link.room(), 2);
        push(&mut link, at(0));
        push(&mut link, at(0));
        assert_eq!(link.room(), 0);
        assert!(link.pop(at(1)).is_some());
        assert_eq!(link.room(), 1);
    }

    #[test]
    fn without_a_limit_there_is_always_room() {
        let mut link = self::link(0);
        for _ in 0..9 {
            push(&mut link, at(0));
            assert!(link.room() > 0);
        }
    }
}
