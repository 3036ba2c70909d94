//! What users can set about a swarm. Every rank has the same settings.

use std::num::NonZeroUsize;
use std::time::Duration;

use fastrand::Rng;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::policy::order::{self, SegmentOrder};
use crate::policy::selection::{self, PeerSelection};
use crate::policy::{Named, TrackerIndex};
use crate::protocol::Rank;

/// How a swarm works. A report has the fields in this order.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// What the tracker knows of a swarm.
    #[serde(deserialize_with = "tracker_index")]
    pub tracker_index: &'static Named<TrackerIndex>,
    /// Which member a client asks for a segment.
    #[serde(deserialize_with = "peer_selection")]
    pub peer_selection: &'static PeerSelection,
    /// Which segment a client asks for first.
    #[serde(deserialize_with = "segment_order")]
    pub segment_order: &'static SegmentOrder,
    /// Whether a client asks for a segment only after the tracker has granted one, and confirms
    /// each that came.
    pub tracker_grants: bool,
    /// After this number of segments of a file, a client sends UPDATE, and gets the swarm anew
    /// (R6).
    pub update_interval: NonZeroUsize,
    /// The most segments that a client has in flight.
    pub window: NonZeroUsize,
    /// The most members that the tracker names in one answer, drawn anew each time. `None`: all of
    /// them.
    #[serde(default)]
    pub members: Option<NonZeroUsize>,
    /// How long a segment occupies the upload link of the client that serves it.
    #[serde(with = "crate::seconds")]
    pub upload_time: Duration,
    /// The most segments that are on a client's upload link or wait for it. A client that asks for
    /// more waits in a queue, and is called. `None`: no limit, which is 0 in a report.
    #[serde(serialize_with = "or_zero", deserialize_with = "unless_zero")]
    pub upload_slots: Option<NonZeroUsize>,
    /// The seed of all random choices.
    pub seed: u64,
}

fn tracker_index<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<&'static Named<TrackerIndex>, D::Error> {
    Named::read(deserializer, "tracker-index", TrackerIndex::ALL)
}

fn peer_selection<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<&'static PeerSelection, D::Error> {
    Named::read(deserializer, "peer-selection", selection::ALL)
}

fn segment_order<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<&'static SegmentOrder, D::Error> {
    Named::read(deserializer, "segment-order", order::ALL)
}

fn or_zero<S: Serializer>(number: &Option<NonZeroUsize>, serializer: S) -> Result<S::Ok, S::Error> {
    number.map_or(0, NonZeroUsize::get).serialize(serializer)
}

fn unless_zero<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<NonZeroUsize>, D::Error> {
    usize::deserialize(deserializer).map(NonZeroUsize::new)
}

impl Default for Settings {
    /// The edition of 2024, with enough requests in flight to hide the time that a message takes.
    fn default() -> Self {
        let ten = NonZeroUsize::new(10).expect("10 is not 0");
        Settings {
            update_interval: ten,
            window: ten,
            members: None,
            tracker_index: &TrackerIndex::ALL[0],
            peer_selection: &selection::ALL[0],
            segment_order: &order::ALL[0],
            tracker_grants: false,
            upload_time: Duration::ZERO,
            upload_slots: NonZeroUsize::new(2),
            seed: 0,
        }
    }
}

impl Settings {
    /// Whether the tracker tells what the order of segments needs to know.
    pub fn are_consistent(&self) -> bool {
        self.knows_segments() || !self.segment_order.value.needs_holders
    }

    /// Whether the tracker knows which segments each member holds.
    pub fn knows_segments(&self) -> bool {
        self.tracker_index.value == TrackerIndex::Segments
    }

    /// A rank's own random numbers.
    pub fn rng(&self, rank: Rank) -> Rng {
        let base = Rng::with_seed(self.seed).u64(..);
        Rng::with_seed(base.wrapping_add(rank.0.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_has_random_numbers_of_its_own_which_follow_from_the_seed() {
        let number = |seed, client| {
            let settings = Settings {
                seed,
                ..Settings::default()
            };
            settings.rng(Rank(client)).u64(..)
        };
        assert_eq!(number(1, 1), number(1, 1));
        let numbers = [number(1, 1), number(1, 2), number(2, 1), number(2, 2)];
        assert!((1..4).all(|more| (0..more).all(|i| numbers[i] != numbers[more])));
    }

    #[test]
    fn rarest_first_needs_to_know_who_holds_what() {
        let settings = |order, index| Settings {
            segment_order: Named::find(order::ALL, order).unwrap(),
            tracker_index: Named::find(TrackerIndex::ALL, index).unwrap(),
            ..Settings::default()
        };
        assert!(settings("rarest-first", "segments").are_consistent());
        assert!(!settings("rarest-first", "swarm").are_consistent());
        assert!(settings("random", "swarm").are_consistent());
    }
}
