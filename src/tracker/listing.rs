//! Whom the tracker tells a client of.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::swarms::Role;
use crate::protocol::Rank;

/// What the tracker's answers about one file have in common: they share their lists, and those are
/// made anew only when they have changed. In a large swarm they are nearly all that is sent.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Its seeds and peers, if nobody has joined since they were listed.
    members: Option<Arc<[Rank]>>,
    /// Its seeds, if nobody has become one since.
    seeds: Option<Arc<[Rank]>>,
}

/// Whom one answer tells of, in rank order.
#[derive(Debug)]
pub(super) struct List {
    pub(super) members: Arc<[Rank]>,
    /// Those of them that are seeds.
    pub(super) seeds: Arc<[Rank]>,
}

impl Listing {
    /// Somebody has become a peer.
    pub(super) fn joined(&mut self) {
        self.members = None;
    }

    /// A peer has become a seed.
    pub(super) fn completed(&mut self) {
        self.seeds = None;
    }

    /// The swarm as it is now.
    pub(super) fn list(&mut self, roles: &BTreeMap<Rank, Role>) -> List {
        let all = || roles.keys().copied().collect();
        let seeds = || {
            let seeds = roles.iter().filter(|(_, role)| matches!(role, Role::Seed));
            seeds.map(|(&seed, _)| seed).collect()
        };
        List {
            members: Arc::clone(self.members.get_or_insert_with(all)),
            seeds: Arc::clone(self.seeds.get_or_insert_with(seeds)),
        }
    }
}
