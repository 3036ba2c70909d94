//! What is going to happen, ordered by time. Things with the same time come in the order in which
//! they were put in.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

/// A queue of things to come.
///
/// If all messages have the same latency, each one comes behind all before it. So a thing that comes
/// behind everything else waits in a row, which costs next to nothing. Only the rest needs a heap.
#[derive(Debug)]
pub(super) struct Queue<T> {
    row: VecDeque<(Key, T)>,
    /// When the things in `waiting` come, and their places there.
    heap: BinaryHeap<Reverse<(Key, usize)>>,
    waiting: Vec<Option<T>>,
    /// The empty places in `waiting`.
    free: Vec<usize>,
    /// How many things were put in so far.
    number: u64,
}

/// When a thing comes, and its number in the order in which things were put in.
type Key = (Duration, u64);

impl<T> Queue<T> {
    pub(super) fn new() -> Queue<T> {
        Queue {
            row: VecDeque::new(),
            heap: BinaryHeap::new(),
            waiting: Vec::new(),
            free: Vec::new(),
            number: 0,
        }
    }

    /// Puts in a thing that probably comes behind all others.
    pub(super) fn push_behind(&mut self, time: Duration, thing: T) {
        if self.row.back().is_some_and(|((last, _), _)| time < *last) {
            self.push(time, thing);
        } else {
            let key = self.key(time);
            self.row.push_back((key, thing));
        }
    }

    /// Puts in a thing that comes at any time.
    pub(super) fn push(&mut self, time: Duration, thing: T) {
        let key = self.key(time);
        let place = self.free.pop().unwrap_or(self.waiting.len());
        if place == self.waiting.len() {
            self.waiting.push(Some(thing));
        } else {
            self.waiting[place] = Some(thing);
        }
        self.heap.push(Reverse((key, place)));
    }

    /// When the next thing comes, if there is one.
    pub(super) fn time(&self) -> Option<Duration> {
        let in_row = self.row.front().map(|((time, _), _)| *time);
        let in_heap = self.heap.peek().map(|Reverse(((time, _), _))| *time);
        in_row.into_iter().chain(in_heap).min()
    }

    /// Takes out the thing that comes first, with its time.
    pub(super) fn pop(&mut self) -> Option<(Duration, T)> {
        let in_row = self.row.front().map(|(key, _)| *key);
        let in_heap = self.heap.peek().map(|Reverse((key, _))| *key);
        if in_heap.is_some_and(|heap| in_row.is_none_or(|row| heap < row)) {
            let Reverse(((time, _), place)) = self.heap.pop()?;
            self.free.push(place);
            let thing = self.waiting[place].take();
            Some((time, thing.expect("a place in the heap is taken")))
        } else {
            let ((time, _), thing) = self.row.pop_front()?;
            Some((time, thing))
        }
    }

    fn key(&mut self, time: Duration) -> Key {
        self.number += 1;
        (time, self.number)
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    #[test]
    fn things_come_by_their_times_and_then_by_the_order_in_which_they_were_put_in() {
        let mut rng = Rng::with_seed(1);
        let mut queue = Queue::new();
        let mut expected: Vec<(Duration, usize)> = Vec::new();
        let mut taken = Vec::new();
        let mut now = Duration::ZERO;
        for number in 0..1000 {
            let time = now + Duration::from_millis(rng.u64(..20));
            expected.push((time, number));
            if rng.bool() {
                queue.push(time, number);
            } else {
                queue.push_behind(time, number);
            }
            if number >= 50 {
                let next = queue.pop().expect("something was put in");
                now = next.0;
                taken.push(next);
            }
        }
        taken.extend(std::iter::from_fn(|| queue.pop()));
        // Nothing was put in before a time that had passed.
        expected.sort();
        assert_eq!(taken, expected);
        assert!(queue.waiting.len() <= 51, "places are used again");
    }
}
