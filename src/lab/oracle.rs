//! The oracle: the best that any swarm could do. Somebody who knows everything tells every client what to
//! send to whom, and when.
//!
//! The [`Oracle`] has the swarm carry out a [`Schedule`]. There are no other messages than segments, and each is
//! late by its latency: so a run takes a little longer than the rounds.

mod schedule;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use fastrand::Rng;

pub use self::schedule::{Schedule, Transfer};
use swarm::protocol::{
    Answer, FileId, FileName, Letter, Rank, SegmentAnswer, SegmentHash, SegmentIndex, Tag,
    ToDownload,
};
use swarm::report::Moment;
use swarm::statistics::{ClientStatistics, FileDownload, Makespan};

/// A crowd that follows the best schedule.
#[derive(Debug, Clone)]
pub struct Oracle {
    /// The name of the file, for the report.
    pub file: FileName,
    /// How many clients want the file of the first one; at least one.
    pub leechers: usize,
    /// The length of the file; at least one.
    pub segments: usize,
    /// How long a segment occupies a client's upload link.
    pub upload_time: Duration,
    /// How long a segment is on its way behind the link: any time of the range.
    pub latency: RangeInclusive<Duration>,
}

/// What comes of following the schedule.
#[derive(Debug)]
pub struct Outcome {
    /// What the clients count, in rank order.
    pub statistics: Vec<ClientStatistics>,
    /// From the start to the last segment.
    pub makespan: Makespan,
    /// How far the swarm was at the chosen moments.
    pub moments: Vec<Moment>,
}

/// When a segment came, and from whom.
type Arrival = (Duration, Rank);

impl Oracle {
    /// How many bytes a run takes, at least.
    pub fn memory(&self) -> u64 {
        let arrivals = (self.leechers as u64).saturating_mul(self.segments as u64);
        arrivals.saturating_mul(size_of::<Arrival>() as u64)
    }

    /// A run. A client begins a transfer as soon as its link
    /// is free and it holds the segment. Returns nothing when `is_to_end`, which is asked before each round.
    pub fn carry_out(
        &self,
        rng: &mut Rng,
        moments: &BTreeSet<Duration>,
        is_to_end: impl Fn() -> bool,
    ) -> Option<Outcome> {
        let clients = self.leechers + 1;
        let at_start = (Duration::ZERO, Rank::TRACKER);
        let mut arrivals = vec![vec![at_start; self.segments]; clients];
        let mut is_free = vec![Duration::ZERO; clients];
        let mut statistics = vec![ClientStatistics::default(); clients];
        let mut busy = vec![0; moments.len()];
        for round in Schedule::new(self.leechers, self.segments) {
            if is_to_end() {
                return None;
            }
            for Transfer { from, to, segment } in round {
                let [sender, taker] = [from, to].map(|client| client.0 as usize - 1);
                let (held_since, _) = arrivals[sender][segment.0];
                let begun = is_free[sender].max(held_since);
                let done = begun.saturating_add(self.upload_time);
                let on_link = (busy.iter_mut())
                    .zip(moments)
                    .filter(|&(_, &at)| begun <= at && at < done);
                on_link.for_each(|(links, _)| *links += 1);
                is_free[sender] = done;
                arrivals[taker][segment.0] = (done.saturating_add(self.latency(rng)), from);
                statistics[sender].service.served += 1;
                statistics[sender].sent.count(Tag::Segment, size(segment));
            }
        }
        let moments = moments.iter().zip(busy);
        let moments = moments
            .map(|(&time, links_busy)| moment(time, links_busy, &arrivals))
            .collect();
        let mut makespan = Makespan::default();
        makespan.heard(Duration::ZERO, Tag::SwarmRequest);
        statistics[0].owned.push(self.file.clone());
        let mut last = Duration::ZERO;
        for (client, arrivals) in statistics.iter_mut().zip(arrivals).skip(1) {
            let download = download(&self.file, arrivals);
            last = last.max(download.latest);
            client.downloads.push(download);
        }
        makespan.heard(last, Tag::FileComplete);
        Some(Outcome {
            statistics,
            makespan,
            moments,
        })
    }

    fn latency(&self, rng: &mut Rng) -> Duration {
        let bounds = [self.latency.start(), self.latency.end()];
        let [least, most] = bounds.map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        Duration::from_nanos(rng.u64(least..=most))
    }
}

/// How far the swarm is at a time.
fn moment(time: Duration, links_busy: usize, arrivals: &[Vec<Arrival>]) -> Moment {
    let segments = 0..arrivals[0].len();
    let copies = |segment: usize| {
        arrivals
            .iter()
            .filter(|arrivals| arrivals[segment].0 <= time)
            .count()
    };
    let is_done = |arrivals: &&Vec<Arrival>| arrivals.iter().all(|(came, _)| *came <= time);
    Moment {
        time: time.as_secs_f64(),
        rarest: segments
            .map(copies)
            .min()
            .and_then(|copies| u32::try_from(copies).ok()),
        links_busy,
        clients_done: arrivals.iter().filter(is_done).count(),
    }
}

/// What a client counts that gets all segments of a file.
fn download(file: &FileName, mut arrivals: Vec<Arrival>) -> FileDownload {
    let segments = arrivals.len();
    let mut download = FileDownload::begin(file.clone(), segments, Duration::ZERO, Duration::ZERO);
    arrivals.sort_unstable();
    for (lacking, (time, from)) in (0..segments).rev().zip(arrivals) {
        download.gained(time, from, lacking);
    }
    download
}

/// The length of the message that brings a segment.
fn size(segment: SegmentIndex) -> usize {
    let hash = SegmentHash::new(&[b'0'; SegmentHash::LENGTH]).expect("digits");
    let answer = SegmentAnswer {
        file: FileId(0),
        segment,
        answer: Answer::Ack(hash),
        gained: Vec::new(),
    };
    Letter::from(ToDownload::Segment(answer)).size()
}

#[cfg(test)]
mod tests {
    use super::*;
    use swarm::protocol::samples::name;
    use swarm::report::metrics;

    fn oracle(leechers: usize, segments: usize) -> Oracle {
        Oracle {
            file: name("f"),
            leechers,
            segments,
            upload_time: Duration::from_millis(5),
            latency: Duration::ZERO..=Duration::ZERO,
        }
    }

    fn run(oracle: &Oracle, moments: &[u64]) -> Outcome {
        let moments = moments.iter().copied().map(Duration::from_millis);
        let outcome = oracle.carry_out(&mut Rng::with_seed(1), &moments.collect(), || false);
        outcome.expect("nobody ends it")
    }

    #[test]
    fn without_latency_a_run_takes_as_long_as_the_bound_says() {
        for (leechers, segments) in [(1, 1), (5, 10), (31, 100), (100, 7)] {
            let oracle = oracle(leechers, segments);
            let Outcome {
                statistics: clients,
                makespan,
                ..
            } = run(&oracle, &[]);
            let bound = metrics::lower_bound(segments, leechers, oracle.upload_time);
            assert_eq!(
                makespan.length(),
                bound,
                "{leechers} leechers, {segments} segments"
            );
            let served: u64 = clients.iter().map(|client| client.service.served).sum();
            assert_eq!(served, (leechers * segments) as u64);
            assert!(
                clients[1..]
                    .iter()
                    .all(|client| client.downloads[0].complete)
            );
        }
    }

    #[test]
    fn a_latency_makes_it_later_by_at_most_that_in_each_round() {
        let mut oracle = oracle(31, 100);
        let latency = Duration::from_micros(75);
        oracle.latency = Duration::from_micros(25)..=latency;
        let makespan = run(&oracle, &[]).makespan;
        let rounds = 104;
        let bound = oracle.upload_time * rounds;
        let time = makespan.length().unwrap();
        assert!(bound < time && time <= bound + latency * rounds, "{time:?}");
    }

    #[test]
    fn it_ends_when_it_is_told_to() {
        let mut rng = Rng::with_seed(1);
        let outcome = oracle(5, 5).carry_out(&mut rng, &BTreeSet::new(), || true);
        assert!(outcome.is_none());
    }

    #[test]
    fn it_says_how_far_the_swarm_is() {
        // Three leechers and two segments of 5 ms: three rounds.
        let moments = run(&oracle(3, 2), &[0, 4, 5, 12, 15, 99]).moments;
        let told = moments
            .iter()
            .map(|at| (at.rarest, at.links_busy, at.clients_done));
        let expected = [
            (Some(1), 1, 1),
            (Some(1), 1, 1),
            (Some(1), 2, 1),
            (Some(2), 3, 1),
            (Some(4), 0, 4),
            (Some(4), 0, 4),
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }
}
