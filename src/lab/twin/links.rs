//! How long messages are on their way.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::RangeInclusive;
use std::time::Duration;

use fastrand::Rng;

use swarm::event::Thread;
use swarm::protocol::{Letter, Rank};

/// The messages from one rank to one thread of a rank. They stay in their order.
pub type Flow = (Rank, Rank, Thread);

/// The links between all ranks, which have the same latencies. No message of a flow overtakes another.
#[derive(Debug)]
pub struct Links {
    latency: RangeInclusive<Duration>,
    rng: Rng,
    /// When the last message of a flow arrives. It is empty if all latencies are the same.
    last: HashMap<Flow, Duration, BuildHasherDefault<Mixer>>,
    /// How many flows `last` may have. Then the flows whose messages have all arrived are forgotten.
    most: usize,
}

/// This many flows are always remembered.
const FEW: usize = 1024;

impl Links {
    /// Links on which `rng` draws the latency of each message from a range, uniformly.
    pub fn new(latency: RangeInclusive<Duration>, rng: Rng) -> Links {
        Links {
            latency,
            rng,
            last: HashMap::default(),
            most: FEW,
        }
    }

    /// When a message that is posted now arrives.
    pub(super) fn arrival(
        &mut self,
        now: Duration,
        from: Rank,
        to: Rank,
        letter: &Letter,
    ) -> Duration {
        let (&least, &most) = (self.latency.start(), self.latency.end());
        if least == most {
            return now.saturating_add(least);
        }
        if self.last.len() >= self.most {
            self.last.retain(|_, last| *last > now);
            self.most = 2 * self.last.len() + FEW;
        }
        let [least, most] = [least, most].map(nanoseconds);
        let drawn = now.saturating_add(Duration::from_nanos(self.rng.u64(least..=most)));
        let flow = (from, to, Thread::reader(letter));
        let last = self.last.entry(flow).or_default();
        *last = drawn.max(*last);
        *last
    }
}

/// Hashes flows in a few multiplications. Nobody chooses ranks so that they collide, so the hash need not
/// withstand that.
#[derive(Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number as u64);
    }

    fn write_u64(&mut self, number: u64) {
        // The golden ratio: an odd number whose bits look random.
        let product = u128::from(self.0 ^ number) * 0x9E37_79B9_7F4A_7C15;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use swarm::protocol::ToUpload;

    #[test]
    fn messages_take_any_time_of_the_range_but_none_of_a_flow_overtakes_another() {
        let [least, most] = [1, 10_000].map(Duration::from_micros);
        let mut links = Links::new(least..=most, Rng::with_seed(1));
        let stop = Letter::from(ToUpload::Stop);
        let mut arrivals = [(); 2].map(|()| Vec::new());
        for step in 0..2000 {
            let now = Duration::from_micros(step);
            for (to, arrivals) in (1..).zip(&mut arrivals) {
                arrivals.push(links.arrival(now, Rank(7), Rank(to), &stop));
            }
            // Flows that are forgotten on the way.
            for other in 0..3 {
                let other = Rank(10 + other + 3 * step as u32);
                let latency = links.arrival(now, other, Rank(1), &stop) - now;
                assert!((least..=most).contains(&latency));
            }
        }
        let [one, two] = &arrivals;
        assert!(one.is_sorted() && two.is_sorted() && one != two);
        assert!(links.last.len() < 8000, "{}", links.last.len());
    }

    #[test]
    fn a_constant_latency_needs_to_remember_nothing() {
        let latency = Duration::from_micros(50);
        let mut links = Links::new(latency..=latency, Rng::with_seed(1));
        let now = Duration::from_secs(1);
        let arrival = links.arrival(now, Rank(1), Rank(2), &ToUpload::Stop.into());
        assert_eq!(arrival, now + latency);
        assert!(links.last.is_empty());
    }
}
