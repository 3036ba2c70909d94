//! The segment that the fewest members hold.

use std::collections::BTreeSet;
use std::mem;

use fastrand::Rng;

use super::{Order, OrderPolicy, SegmentOrder, shuffled};
use crate::protocol::SegmentIndex;

pub(super) const POLICY: SegmentOrder = SegmentOrder {
    name: "rarest-first",
    about: "the one that the fewest members hold (with --tracker-index segments)",
    value: OrderPolicy {
        needs_holders: true,
        make: |segments, rng| Box::new(RarestFirst::new(segments, rng)),
    },
};

/// BitTorrent's own policy. Among equally rare segments it takes a random one, so clients with the same
/// knowledge do not all ask for the same.
#[derive(Debug)]
struct RarestFirst {
    /// By position: how many members hold the segment, and its place among the equally rare ones.
    segments: Vec<(usize, usize)>,
    /// The segments to come: holders, place, position.
    queue: BTreeSet<(usize, usize, usize)>,
    /// By position: how many members more hold the segment than `queue` knows. In a large swarm many gain
    /// the same segment between two choices.
    more: Vec<usize>,
    /// The positions of which `queue` does not know all holders.
    spread: Vec<usize>,
}

impl RarestFirst {
    fn new(segments: usize, rng: &mut Rng) -> RarestFirst {
        let segments: Vec<_> = shuffled(segments, rng)
            .into_iter()
            .map(|place| (0, place))
            .collect();
        let queue = (0..)
            .zip(&segments)
            .map(|(position, &(holders, place))| (holders, place, position))
            .collect();
        RarestFirst {
            more: vec![0; segments.len()],
            segments,
            queue,
            spread: Vec::new(),
        }
    }

    /// Puts each segment that has spread into its place.
    fn sort(&mut self) {
        for position in self.spread.drain(..) {
            let (holders, place) = &mut self.segments[position];
            let more = mem::take(&mut self.more[position]);
            if self.queue.remove(&(*holders, *place, position)) {
                *holders += more;
                self.queue.insert((*holders, *place, position));
            }
        }
    }
}

impl Order for RarestFirst {
    fn next(&mut self) -> Option<SegmentIndex> {
        self.sort();
        self.queue
            .pop_first()
            .map(|(_, _, position)| SegmentIndex(position))
    }

    fn spread(&mut self, segment: SegmentIndex) {
        if let Some(more) = self.more.get_mut(segment.0)
            && !self.queue.is_empty()
        {
            if *more == 0 {
                self.spread.push(segment.0);
            }
            *more += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_segment_that_the_fewest_hold_comes_first() {
        let mut order = RarestFirst::new(4, &mut Rng::with_seed(1));
        for (position, holders) in [(0, 3), (1, 1), (2, 2)] {
            (0..holders).for_each(|_| order.spread(SegmentIndex(position)));
        }
        assert_eq!(order.next(), Some(SegmentIndex(3)));
        assert_eq!(order.next(), Some(SegmentIndex(1)));
        order.spread(SegmentIndex(2));
        order.spread(SegmentIndex(2));
        assert_eq!(
            order.next(),
            Some(SegmentIndex(0)),
            "the other one has spread further"
        );
    }

    #[test]
    fn equally_rare_segments_come_in_an_order_of_the_clients_own() {
        let order = |seed| {
            let mut order = RarestFirst::new(20, &mut Rng::with_seed(seed));
            Vec::from_iter(std::iter::from_fn(|| order.next()))
        };
        assert_ne!(order(1), order(2));
    }

    #[test]
    fn a_position_beyond_the_end_changes_nothing() {
        let mut order = RarestFirst::new(1, &mut Rng::with_seed(1));
        order.spread(SegmentIndex(1));
        assert_eq!(order.next(), Some(SegmentIndex(0)));
        assert_eq!(order.next(), None);
    }
}
