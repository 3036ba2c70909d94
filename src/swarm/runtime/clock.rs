//! The one clock of a rank, which the machines see as the time since its start.

use std::time::{Duration, Instant};

use mpi::topology::SimpleCommunicator;
use serde::{Deserialize, Serialize};

use super::gather;
use crate::protocol::Rank;

/// How often rank 0 asks each rank for its time. The quickest exchange counts, and the first ones are
/// slow.
const EXCHANGES: usize = 10;

/// Started when the rank starts its part of the swarm.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Clock {
        Clock(Instant::now())
    }

    pub(super) fn now(self) -> Duration {
        self.0.elapsed()
    }

    /// The moment at which it shows `time`; `None`, if that is too far away for an [`Instant`].
    pub(super) fn moment(self, time: Duration) -> Option<Instant> {
        self.0.checked_add(time)
    }
}

/// A rank's clock against rank 0's.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Comparison {
    /// The nanoseconds to add to this clock's time for that of rank 0's clock.
    pub(super) offset: i64,
    /// The most nanoseconds by which the offset may be wrong, either way.
    pub(super) uncertainty: u64,
}

impl Comparison {
    /// From an exchange. By rank 0's clock, it asked at `asked` and heard at `heard` that the other
    /// clock showed `shown` nanoseconds.
    fn of(asked: Duration, shown: u64, heard: Duration) -> Comparison {
        let round_trip = nanoseconds(heard.saturating_sub(asked));
        let middle = nanoseconds(asked) + round_trip / 2;
        Comparison {
            offset: middle.cast_signed().wrapping_sub(shown.cast_signed()),
            uncertainty: round_trip.div_ceil(2),
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).expect("a run is shorter than centuries")
}

impl Clock {
    /// Compares all ranks' clocks with rank 0's, one rank after the other, while those whose turn has
    /// not come sleep. Every rank must call this, and gets the comparison of its own clock.
    pub(super) fn compare(
        self,
        world: &SimpleCommunicator,
        me: Rank,
        clients: usize,
    ) -> Comparison {
        if me != Rank::TRACKER {
            // Until rank 0 has compared, it asks what this clock shows.
            return loop {
                match gather::take(world, Rank::TRACKER) {
                    Some(comparison) => break comparison,
                    None => gather::give(world, Rank::TRACKER, &nanoseconds(self.now())),
                }
            };
        }
        for client in Rank::clients(clients) {
            let exchanges = (0..EXCHANGES).map(|_| {
                let asked = self.now();
                gather::give(world, client, &None::<Comparison>);
                let shown = gather::take(world, client);
                Comparison::of(asked, shown, self.now())
            });
            let quickest = exchanges.min_by_key(|exchange| exchange.uncertainty);
            let quickest = quickest.expect("there is more than one exchange");
            gather::give(world, client, &Some(quickest));
        }
        Comparison::default()
    }

    /// When rank 0's clock started, on this one.
    pub(super) fn start_of_first(self, Comparison { offset, .. }: Comparison) -> Instant {
        let by = Duration::from_nanos(offset.unsigned_abs());
        let start = if offset < 0 {
            self.0.checked_add(by)
        } else {
            self.0.checked_sub(by)
        };
        start.unwrap_or(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_compared_with_the_middle_of_an_exchange() {
        let [asked, heard] = [1000, 1301].map(Duration::from_nanos);
        for (shown, offset) in [(150, 1000), (1150, 0), (5150, -4000)] {
            let comparison = Comparison::of(asked, shown, heard);
            assert_eq!((comparison.offset, comparison.uncertainty), (offset, 151));
            let clock = Clock::start();
            let start = clock.start_of_first(comparison);
            let shown = |moment: Instant| moment.duration_since(start);
            let moment = clock.0 + Duration::from_secs(1);
            let expected = 1_000_000_000 + offset;
            assert_eq!(shown(moment).as_nanos(), u128::try_from(expected).unwrap());
        }
    }
}
