//! A client's upload link: segments go through it one after another, and a client that finds it
//! full is told when to come again.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::protocol::{Envelope, Rank};

/// Each segment occupies the link for `upload_time`. At most `slots` segments are on the link or
/// wait for it. A client that gets no slot gets an appointment: a time from which a slot is kept
/// for it. So no client asks again before its turn, and as many come as there are slots.
#[derive(Debug)]
pub(super) struct Link {
    /// How long a segment occupies the link.
    upload_time: Duration,
    /// The most segments that are on the link or wait for it. `None`: any number.
    slots: Option<NonZeroUsize>,
    /// The segments that are on the link or wait for it, each with the time at which it is through.
    queue: VecDeque<(Duration, Envelope)>,
    /// The time at which each client is to come again. Its slot is kept for one `upload_time`.
    appointments: VecDeque<(Duration, Rank)>,
}

impl Link {
    /// An empty link.
    pub(super) fn new(upload_time: Duration, slots: Option<NonZeroUsize>) -> Link {
        Link {
            upload_time,
            slots,
            queue: VecDeque::new(),
            appointments: VecDeque::new(),
        }
    }

    /// Whether a client may put a segment on the link now. If not, it has an appointment.
    ///
    /// # Errors
    /// The time of the appointment.
    pub(super) fn admit(&mut self, now: Duration, client: Rank) -> Result<(), Duration> {
        let Some(slots) = self.slots else {
            return Ok(());
        };
        let kept = self.upload_time;
        (self.appointments).retain(|&(time, _)| time.saturating_add(kept) >= now);
        let place = self.appointments.iter().position(|&(_, who)| who == client);
        let before = (self.appointments.iter()).take(place.unwrap_or(usize::MAX));
        let due = before.filter(|&&(time, _)| time <= now).count();
        if slots.get().saturating_sub(self.queue.len()) > due {
            place.map(|place| self.appointments.remove(place));
            return Ok(());
        }
        // Full, or kept for clients that are due.
        let room = self.room(slots).unwrap_or(now.saturating_add(kept));
        if let Some(place) = place {
            let time = &mut self.appointments[place].0;
            if *time <= now {
                *time = room;
            }
            return Err(*time);
        }
        let last = self.appointments.iter().map(|&(time, _)| time).max();
        let time = last.map_or(room, |last| room.max(last.saturating_add(kept)));
        self.appointments.push_back((time, client));
        Err(time)
    }

    /// When a slot will be free, if none is free now.
    fn room(&self, slots: NonZeroUsize) -> Option<Duration> {
        let first_to_leave = self.queue.len().checked_sub(slots.get())?;
        self.queue.get(first_to_leave).map(|(through, _)| *through)
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
    use crate::protocol::ToUpload;

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

    /// A link whose only slot is taken until second 1.
    fn full() -> Link {
        let mut link = link(1);
        assert_eq!(link.admit(at(0), Rank(1)), Ok(()));
        push(&mut link, at(0));
        link
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
    fn without_a_limit_everybody_gets_a_slot() {
        let mut link = link(0);
        for client in 1..9 {
            assert_eq!(link.admit(at(0), Rank(client)), Ok(()));
            push(&mut link, at(0));
        }
    }

    #[test]
    fn who_finds_no_slot_gets_a_time_of_its_own_and_is_admitted_then() {
        let mut link = full();
        assert_eq!(link.admit(at(0), Rank(2)), Err(at(1)));
        assert_eq!(link.admit(at(0), Rank(3)), Err(at(2)));
        assert_eq!(link.admit(at(0), Rank(2)), Err(at(1)), "it has one");
        link.pop(at(1));
        assert_eq!(link.admit(at(1), Rank(4)), Err(at(3)), "the slot is kept");
        assert_eq!(link.admit(at(1), Rank(2)), Ok(()));
        push(&mut link, at(1));
        assert_eq!(link.admit(at(1), Rank(2)), Err(at(4)), "once each time");
    }

    #[test]
    fn who_comes_early_may_use_a_slot_that_nobody_is_due_for() {
        let mut link = full();
        assert_eq!(link.admit(at(0), Rank(2)), Err(at(1)));
        assert_eq!(link.admit(at(0), Rank(3)), Err(at(2)));
        link.pop(at(1));
        assert_eq!(link.admit(at(1), Rank(3)), Err(at(2)), "rank 2 is due");
        assert_eq!(link.admit(at(1), Rank(2)), Ok(()));
        assert_eq!(link.admit(at(1), Rank(3)), Ok(()), "nothing was pushed");
    }

    #[test]
    fn a_slot_is_kept_for_as_long_as_a_segment_takes_and_no_longer() {
        let mut link = full();
        assert_eq!(link.admit(at(0), Rank(2)), Err(at(1)));
        link.pop(at(1));
        assert_eq!(link.admit(at(2), Rank(3)), Err(at(3)), "it may still come");
        let late = at(2) + Duration::from_nanos(1);
        assert_eq!(link.admit(late, Rank(4)), Ok(()), "it did not");
        push(&mut link, late);
        let through = late + SECOND;
        assert_eq!(link.admit(late, Rank(2)), Err(at(4)), "behind rank 3");
        assert_eq!(link.admit(at(3), Rank(3)), Err(through), "in its place");
    }
}
