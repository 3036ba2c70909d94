//! The best schedule. It gets one file from one seed to all others in as few rounds as are possible, one upload
//! time each: Mundinger, Weber, Weiss, "Optimal scheduling of peer-to-peer file dissemination", 2008, which
//! proves that it takes M + floor(log2 N) rounds for M segments and N leechers. How it is made is from Ganesan
//! and Seshadri, "On cooperative content distribution and the price of barter", 2005. The clients are the
//! corners of a cube of as many dimensions as there are, and in each round all of them exchange segments along
//! one dimension. Where the number of clients is no power of two, some corners are two clients, which take
//! turns: while one sends to the neighbour, it gets from the other what it lacks.

use std::iter;
use std::mem;

use swarm::protocol::{Rank, SegmentIndex, SegmentSet};

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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

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
}
