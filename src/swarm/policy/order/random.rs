//! In any order, all orders alike.

use super::{Order, OrderPolicy, SegmentOrder, shuffled};
use crate::protocol::SegmentIndex;

pub(super) const POLICY: SegmentOrder = SegmentOrder {
    name: "random",
    about: "in any order, all orders alike",
    value: OrderPolicy {
        needs_holders: false,
        make: |segments, rng| Box::new(Random(shuffled(segments, rng))),
    },
};

#[derive(Debug)]
struct Random(Vec<usize>);

impl Order for Random {
    fn next(&mut self) -> Option<SegmentIndex> {
        self.0.pop().map(SegmentIndex)
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    #[test]
    fn two_clients_have_two_orders_and_a_seed_has_one() {
        let order = |seed| {
            let mut order = (POLICY.value.make)(20, &mut Rng::with_seed(seed));
            Vec::from_iter(std::iter::from_fn(|| order.next()))
        };
        assert_ne!(order(1), order(2));
        assert_eq!(order(1), order(1));
    }
}
