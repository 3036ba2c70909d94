//! The oracle: the best that any swarm could do. Somebody who knows everything tells every client what to
//! send to whom, and when.
//!
//! The [`Schedule`] gets one file from one seed to all others in as few rounds as are possible, one upload
//! time each: Mundinger, Weber, Weiss, "Optimal scheduling of peer-to-peer file dissemination", 2008, which
//! proves that it takes M + floor(log2 N) rounds for M segments and N leechers. How it is made is from Ganesan
//! and Seshadri, "On cooperative content distribution and the price of barter", 2005. The clients are the
//! corners of a cube of as many dimensions as there are, and in each round all of them exchange segments along
//! one dimension. Where the number of clients is no power of two, some corners are two clients, which take
//! turns: while one sends to the neighbour, it gets from the other what it lacks.
//!
//! The [`Oracle`] has the swarm carry it out. There are no other messages than segments, and each is late by
//! its latency: so a run takes a little longer than the rounds.

use std::collections::BTreeSet;
use std::iter;
use std::mem;
use std::ops::RangeInclusive;
use std::time::Duration;

use fastrand::Rng;

use swarm::protocol::{
    Answer, FileId, FileName, Letter, Rank, SegmentAnswer, SegmentHash, SegmentIndex, SegmentSet,
    Tag, ToDownload,
};
use swarm::report::Moment;
use swarm::statistics::{ClientStatistics, FileDownload, Makespan};

/// A segment that one client sends to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// The sender.
    pub from: Rank,
    /// The receiver, which lacks the segment.
    pub to: Rank,
    /// What is sent. The sender holds it before the round.
    pub segment: SegmentIndex,
}

/// The rounds of the best schedule, each with its transfers. In a round no client sends more than one
/// segment.
#[derive(Debug)]
pub struct Schedule {
    corners: Vec<Corner>,
    dimensions: u32,
    segments: usize,
    round: usize,
}

/// A corner of the cube: a client, or two.
#[derive(Debug)]
struct Corner {
    clients: [Option<Rank>; 2],
    /// What its clients hold together.
    held: SegmentSet,
    /// The segment of `held` that each of two clients lacks. It is never more than one.
    lacked: [Option<SegmentIndex>; 2],
}

/// Which client of a corner sends to the neighbour in a round. The other one takes what the neighbour sends.
type Sender = usize;

impl Schedule {
    /// For a file of `segments` that client 1 owns, and that clients 2 to `leechers` + 1 want.
    pub fn new(leechers: usize, segments: usize) -> Schedule {
        let dimensions = (leechers + 1).ilog2();
        let corners = 1 << dimensions;
        let mut ranks = Rank::clients(leechers + 1);
        let first: Vec<Option<Rank>> = (0..corners).map(|_| ranks.next()).collect();
        let alone = [None]; // the seed
        let second = alone
            .into_iter()
            .chain(ranks.map(Some))
            .chain(iter::repeat(None));
        let corners = first.into_iter().zip(second);
        let corners = corners.map(|(first, second)| Corner {
            clients: [first, second],
            held: SegmentSet::none(segments),
            lacked: [None; 2],
        });
        let mut corners: Vec<Corner> = corners.collect();
        corners[0].held = SegmentSet::all(segments);
        Schedule {
            corners,
            dimensions,
            segments,
            round: 0,
        }
    }

    /// What a corner sends to its neighbour: the seed the next segment, and then the last one again and
    /// again, another one the last that it has. Nothing, if the neighbour has it.
    fn outgoing(&self, corner: usize, neighbour: usize) -> Option<SegmentIndex> {
        let (from, to) = (&self.corners[corner].held, &self.corners[neighbour].held);
        if corner == 0 {
            let next = SegmentIndex(self.round.min(self.segments - 1));
            return Some(next).filter(|&segment| !to.contains(segment));
        }
        from.last_without(to)
    }

    fn is_over(&self) -> bool {
        self.corners
            .iter()
            .all(|corner| corner.lacked == [None; 2] && corner.held.count() == self.segments)
    }
}

impl Iterator for Schedule {
    type Item = Vec<Transfer>;

    fn next(&mut self) -> Option<Vec<Transfer>> {
        if self.is_over() {
            return None;
        }
        let dimension = self.round as u32 % self.dimensions;
        let neighbour = |corner: usize| corner ^ (1 << dimension);
        let outgoing =
            (0..self.corners.len()).map(|corner| self.outgoing(corner, neighbour(corner)));
        let outgoing: Vec<Option<SegmentIndex>> = outgoing.collect();
        let mut transfers = Vec::new();
        let corners = self.corners.iter_mut().zip(&outgoing);
        let senders: Vec<Sender> = corners
            .map(|(corner, &segment)| corner.exchange(segment, &mut transfers))
            .collect();
        for (corner, &segment) in outgoing.iter().enumerate() {
            let Some(segment) = segment else { continue };
            let from = self.corners[corner].clients[senders[corner]];
            let taker = neighbour(corner);
            let to = self.corners[taker].takes(segment, senders[taker]);
            let from = from.expect("a corner of one client has the first");
            transfers.push(Transfer { from, to, segment });
        }
        self.round += 1;
        Some(transfers)
    }
}

impl Corner {
    /// Decides who sends `outgoing` to the neighbour, and has two clients give each other what they lack, as
    /// far as they do not send elsewhere.
    fn exchange(
        &mut self,
        outgoing: Option<SegmentIndex>,
        transfers: &mut Vec<Transfer>,
    ) -> Sender {
        let [Some(first), Some(second)] = self.clients else {
            return 0;
        };
        let sender = match outgoing {
            Some(_) if self.lacked[0] == outgoing => 1,
            Some(_) if self.lacked[1] == outgoing => 0,
            _ => usize::from(self.lacked[0].is_none()),
        };
        let pair = [first, second];
        for to in [0, 1] {
            let is_free = outgoing.is_none() || to == sender;
            if is_free && let Some(segment) = mem::take(&mut self.lacked[to]) {
                transfers.push(Transfer {
                    from: pair[1 - to],
                    to: pair[to],
                    segment,
                });
            }
        }
        sender
    }

    /// Takes a segment, and returns which client does.
    fn takes(&mut self, segment: SegmentIndex, sender: Sender) -> Rank {
        self.held.insert(segment);
        match self.clients {
            [Some(first), Some(second)] => {
                self.lacked[sender] = Some(segment);
                [second, first][sender]
            }
            [first, _] => first.expect("a corner of one client has the first"),
        }
    }
}

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

    /// Plays a schedule, and checks that it is one. Returns the number of rounds.
    fn play(leechers: usize, segments: usize) -> usize {
        let clients = leechers + 1;
        let mut held = vec![SegmentSet::none(segments); clients + 1];
        held[1] = SegmentSet::all(segments);
        let mut rounds = 0;
        for round in Schedule::new(leechers, segments) {
            let context = format!("{leechers} leechers, {segments} segments, {round:?}");
            let senders: BTreeSet<Rank> = round.iter().map(|transfer| transfer.from).collect();
            assert_eq!(
                senders.len(),
                round.len(),
                "a client sends twice: {context}"
            );
            for transfer in &round {
                assert!(
                    held[transfer.from.0 as usize].contains(transfer.segment),
                    "{context}"
                );
            }
            for transfer in &round {
                assert!(
                    held[transfer.to.0 as usize].insert(transfer.segment),
                    "{context}"
                );
            }
            rounds += 1;
        }
        for held in &held[1..] {
            assert_eq!(held.count(), segments);
        }
        rounds
    }

    #[test]
    fn it_takes_as_many_rounds_as_are_needed() {
        for leechers in (1usize..=70).chain([127, 128, 200, 255, 256]) {
            for segments in [1, 2, 3, 4, 5, 7, 8, 20, 63, 64, 65] {
                let least = segments + leechers.ilog2() as usize;
                assert_eq!(
                    play(leechers, segments),
                    least,
                    "{leechers} leechers, {segments} segments"
                );
            }
        }
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
