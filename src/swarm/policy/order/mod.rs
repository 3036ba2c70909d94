//! Which segment of a file is fetched next.

mod random;
mod rarest_first;
mod sequential;

use std::fmt::Debug;

use fastrand::Rng;

use super::Named;
use crate::protocol::SegmentIndex;

/// Every policy, the default first.
pub const ALL: &[SegmentOrder] = &[sequential::POLICY, random::POLICY, rarest_first::POLICY];

/// A policy by its name.
pub type SegmentOrder = Named<OrderPolicy>;

/// What there is to know of a policy.
#[derive(Debug)]
pub struct OrderPolicy {
    /// Whether it goes by what the members hold, which only the index of segments tells.
    pub needs_holders: bool,
    /// Makes the order of a file with this number of segments.
    pub make: fn(usize, &mut Rng) -> Box<dyn Order>,
}

/// The order of one file's segments: each of them comes once.
pub trait Order: Debug + Send {
    /// The next one, if there is one left.
    fn next(&mut self) -> Option<SegmentIndex>;

    /// Learns that one more member holds this segment.
    fn spread(&mut self, _segment: SegmentIndex) {}
}

/// The positions of all segments of a file, shuffled.
fn shuffled(segments: usize, rng: &mut Rng) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..segments).collect();
    rng.shuffle(&mut positions);
    positions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_segment_comes_once_whatever_spreads_meanwhile() {
        for policy in ALL {
            for segments in [0, 1, 17] {
                let mut rng = Rng::with_seed(3);
                let mut order = (policy.value.make)(segments, &mut rng);
                let mut came = Vec::new();
                while let Some(segment) = order.next() {
                    came.push(segment.0);
                    for _ in 0..3 {
                        order.spread(SegmentIndex(rng.usize(..segments)));
                    }
                }
                assert_eq!(order.next(), None, "{policy}");
                came.sort_unstable();
                assert_eq!(came, Vec::from_iter(0..segments), "{policy}");
            }
        }
    }
}
