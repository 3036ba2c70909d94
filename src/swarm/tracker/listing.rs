//! Which members of a swarm the tracker names in an answer: all, or some.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

use fastrand::Rng;

use crate::protocol::Rank;

/// The members of one swarm, to be named in the tracker's answers.
#[derive(Debug)]
pub(super) enum Listing {
    /// An answer names all members. The answers share the lists, which are made anew only when they
    /// change: in a large swarm the lists are nearly all that is sent.
    All(MemberList),
    /// An answer names some members, drawn anew each time, and never the asker.
    Some {
        /// The most members in one answer.
        most: usize,
        rng: Rng,
        /// All members, in any order.
        members: Vec<Rank>,
        seeds: BTreeSet<Rank>,
    },
}

/// The members that one answer names, in rank order.
#[derive(Debug, Clone)]
pub(super) struct MemberList {
    pub(super) members: Arc<[Rank]>,
    /// The seeds among `members`.
    pub(super) seeds: Arc<[Rank]>,
}

impl Listing {
    /// The swarm of a file that `owners` have from the start. `most`: see [`Settings::members`].
    ///
    /// [`Settings::members`]: crate::settings::Settings::members
    pub(super) fn new(owners: &BTreeSet<Rank>, most: Option<NonZeroUsize>, rng: Rng) -> Listing {
        match most {
            None => Listing::All(MemberList {
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

    /// A client has become a peer.
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
            Listing::Some { seeds, .. } => _ = seeds.insert(peer),
        }
    }

    /// The members to name to `asker` now.
    pub(super) fn list(&mut self, asker: Rank) -> MemberList {
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
                MemberList {
                    seeds: drawn.iter().filter(is_seed).copied().collect(),
                    members: drawn.into(),
                }
            }
        }
    }
}

/// A list in rank order, with one more rank.
fn with(list: &[Rank], rank: Rank) -> Arc<[Rank]> {
    let (before, behind) = list.split_at(list.partition_point(|&other| other < rank));
    [before, &[rank], behind].concat().into()
}

/// Draws `most` members, or all if there are fewer, but not the asker. All are equally likely. The
/// drawn members change places with the first ones, so the order of `members` changes.
fn draw(members: &mut [Rank], most: usize, asker: Rank, rng: &mut Rng) -> Vec<Rank> {
    // One more, to replace the asker if it is drawn.
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
