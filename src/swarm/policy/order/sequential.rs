//! From the first segment to the last.

use std::ops::Range;

use super::{Order, OrderPolicy, SegmentOrder};
use crate::protocol::SegmentIndex;

pub(super) const POLICY: SegmentOrder = SegmentOrder {
    name: "sequential",
    about: "from the first to the last",
    value: OrderPolicy {
        needs_holders: false,
        make: |segments, _| Box::new(Sequential(0..segments)),
    },
};

#[derive(Debug)]
struct Sequential(Range<usize>);

impl Order for Sequential {
    fn next(&mut self) -> Option<SegmentIndex> {
        self.0.next().map(SegmentIndex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_come_in_order() {
        let mut order = Sequential(0..3);
        let came = [order.next(), order.next(), order.next()];
        assert_eq!(came, [0, 1, 2].map(|position| Some(SegmentIndex(position))));
    }
}
