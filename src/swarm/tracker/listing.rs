//! Whom the tracker tells a client of: everybody, or some.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

use fastrand::Rng;

use crate::protocol::Rank;

/// Whom the tracker's answers about one file tell of.
#[derive(Debug)]
pub(super) enum Listing {
    /// All members. The answers share their lists, which are made anew only when they change: in a
    /// large swarm they are nearly all that is sent.
    All(List),
    /// Some of the others, drawn anew for each answer.
    Some {
        /// So many at most.
        most: usize,
        rng: Rng,
        /// All members, in no order.
        members: Vec<Rank>,
        seeds: BTreeSet<Rank>,
    },
}

/// Whom one answer tells of, in rank order.
#[derive(Debug, Clone)]
pub(super) struct List {
    pub(super) members: Arc<[Rank]>,
    /// Those of them that are seeds.
    pub(super) seeds: Arc<[Rank]>,
}

impl Listing {
    /// Of a file with its first seeds.
    pub(super) fn new(owners: &BTreeSet<Rank>, most: Option<NonZeroUsize>, rng: Rng) -> Listing {
        match most {
            None => Listing::All(List {
                members: owners.iter().copied().collect(),
                seeds: owners.iter().copied().collect(),
            }),
            Some(most) => Listing::Some {
                most: most.get(),
                rng,
                members: owners.iter().copied().collect(),
                seeds: owners.clone(),
            },
        }
    }

    /// Somebody has become a peer.
    pub(super) fn joined(&mut self, peer: Rank) {
        match self {
            Listing::All(list) => list.members = with(&list.members, peer),
            Listing::Some { members, .. } => members.push(peer),
        }
    }

    /// A peer has become a seed.
    pub(super) fn completed(&mut self, peer: Rank) {
        match self {
            Listing::All(list) => list.seeds = with(&list.seeds, peer),
            Listing::Some { seeds, .. } => {
                seeds.insert(peer);
            }
        }
    }

    /// The answer to a client, with the swarm as it is now.
    pub(super) fn list(&mut self, asker: Rank) -> List {
        match self {
            Listing::All(list) => list.clone(),
            Listing::Some {
                most,
                rng,
                members,
                seeds,
            } => {
                let drawn = draw(members, *most, asker, rng);
                let is_seed = |member: &&Rank| seeds.contains(member);
                List {
                    seeds: drawn.iter().filter(is_seed).copied().collect(),
                    members: drawn.into(),
                }
            }
        }
    }
}

/// A list in rank order with one more.
fn with(list: &[Rank], rank: Rank) -> Arc<[Rank]> {
    let (before, behind) = list.split_at(list.partition_point(|&other| other < rank));
    [before, &[rank], behind].concat().into()
}

/// So many of the members, if there are so many, but not the asker. All are equally likely: those
/// that are drawn change places with the first ones, in whatever order that leaves the others.
fn draw(members: &mut [Rank], most: usize, asker: Rank, rng: &mut Rng) -> Vec<Rank> {
    // One more, in the place of the asker, if that is drawn.
    let count = members.len().min(most.saturating_add(1));
    for place in 0..count {
        members.swap(place, rng.usize(place..members.len()));
    }
    let others = members[..count].iter().copied();
    let mut drawn: Vec<Rank> = others.filter(|&rank| rank != asker).take(most).collect();
    drawn.sort_unstable();
    drawn
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const MOST: usize = 3;

    fn swarm() -> Vec<Rank> {
        Rank::clients(9).collect()
    }

    #[test]
    fn members_are_drawn_once_each_and_in_order_and_never_the_asker() {
        let (mut members, mut rng) = (swarm(), Rng::with_seed(1));
        for asker in (1..=10).cycle().take(1000).map(Rank) {
            let drawn = draw(&mut members, MOST, asker, &mut rng);
            assert_eq!(drawn.len(), MOST);
            assert!(drawn.is_sorted_by(|one, next| one < next) && !drawn.contains(&asker));
        }
        members.sort_unstable();
        assert_eq!(members, swarm(), "nobody gets lost");
    }

    #[test]
    fn every_other_member_is_drawn_equally_often() {
        let (mut members, mut rng) = (swarm(), Rng::with_seed(1));
        let mut times = BTreeMap::new();
        for _ in 0..8000 {
            for rank in draw(&mut members, MOST, Rank(4), &mut rng) {
                *times.entry(rank).or_insert(0) += 1;
            }
        }
        let others: Vec<Rank> = swarm().into_iter().filter(|rank| rank.0 != 4).collect();
        assert!(times.keys().eq(&others));
        // 3000 is expected, and the standard deviation is 43.
        assert!(
            times.values().all(|times| (2700..3300).contains(times)),
            "{times:?}"
        );
    }

    #[test]
    fn a_small_swarm_is_listed_whole() {
        let drawn = |most, asker| draw(&mut swarm(), most, Rank(asker), &mut Rng::with_seed(1));
        assert_eq!(drawn(9, 10), swarm());
        assert_eq!(drawn(usize::MAX, 10), swarm());
        assert_eq!(drawn(8, 1), swarm()[1..]);
    }
}
