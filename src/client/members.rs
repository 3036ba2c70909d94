//! The members of a file's swarm, as one client knows them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::policy::order::Order;
use crate::protocol::{self, Rank, SegmentIndex, SegmentSet};

/// A member that has sent so many wrong hashes is not asked for the file again.
const MOST_WRONG: u8 = 3;

/// Whom segments of one file can be asked of: all members but the client itself.
#[derive(Debug)]
pub(super) struct Members {
    me: Rank,
    /// In rank order.
    ranks: Vec<Rank>,
    /// What they hold at least, if the tracker tells.
    held: Option<BTreeMap<Rank, SegmentSet>>,
    /// How many wrong hashes a member has sent: the more, the later it is asked.
    wrong: BTreeMap<Rank, u8>,
    /// Until when a member has no upload slot free.
    busy: BTreeMap<Rank, Duration>,
    /// Who has refused a segment since it last sent one.
    refusals: BTreeMap<Rank, Refusals>,
}

/// How a member that refuses is spared: after its first refusal until the next list of members,
/// after the second in a row for two lists, and so on. Until then it is asked last.
#[derive(Debug, Default)]
struct Refusals {
    in_a_row: u32,
    /// For so many lists it is spared.
    lists: u32,
}

/// Who is asked before others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// How many wrong hashes such a member has sent.
    wrong: u8,
    /// Whether it is spared, because it has refused.
    spared: bool,
}

impl Members {
    /// The first list, with what they hold if the tracker tells; `order` hears of each segment.
    ///
    /// # Errors
    /// When it tells of more or fewer members than there are.
    pub(super) fn new(
        me: Rank,
        ranks: Vec<Rank>,
        held: Vec<SegmentSet>,
        told: bool,
        order: &mut dyn Order,
    ) -> Result<Members> {
        let expected = if told { ranks.len() } else { 0 };
        ensure!(
            held.len() == expected,
            "expected to be told what {expected} members hold, found {}",
            held.len()
        );
        held.iter()
            .flat_map(SegmentSet::iter)
            .for_each(|segment| order.spread(segment));
        let held = told.then(|| ranks.iter().copied().zip(held).collect());
        let mut members = Members {
            me,
            ranks: Vec::new(),
            held,
            wrong: BTreeMap::new(),
            busy: BTreeMap::new(),
            refusals: BTreeMap::new(),
        };
        members.list(ranks);
        Ok(members)
    }

    /// A later list. They still hold what they held of the file, which has so many `segments`.
    pub(super) fn refresh(
        &mut self,
        swarm: protocol::Members,
        segments: usize,
        order: &mut dyn Order,
    ) {
        self.list(swarm.members);
        let Some(held) = &mut self.held else {
            return;
        };
        for news in swarm.gained {
            let held = held
                .entry(news.member)
                .or_insert_with(|| SegmentSet::none(segments));
            for segment in news.segments {
                if held.insert(segment) {
                    order.spread(segment);
                }
            }
        }
    }

    fn list(&mut self, mut ranks: Vec<Rank>) {
        ranks.retain(|&rank| rank != self.me);
        self.ranks = ranks;
        for refusals in self.refusals.values_mut() {
            refusals.lists = refusals.lists.saturating_sub(1);
        }
    }

    /// All of them, in rank order.
    pub(super) fn ranks(&self) -> &[Rank] {
        &self.ranks
    }

    /// Whether a member holds a segment, for all that is known.
    pub(super) fn may_hold(&self, member: Rank, segment: SegmentIndex) -> bool {
        self.held
            .as_ref()
            .is_none_or(|held| held.get(&member).is_some_and(|held| held.contains(segment)))
    }

    /// A member has sent a wrong hash.
    pub(super) fn was_wrong(&mut self, member: Rank) {
        let wrong = self.wrong.entry(member).or_default();
        *wrong = wrong.saturating_add(1); // a wide window may be full of them
    }

    /// A member has sent a segment.
    pub(super) fn has_sent(&mut self, member: Rank) {
        self.refusals.remove(&member);
    }

    /// A member has refused one.
    pub(super) fn has_refused(&mut self, member: Rank) {
        let refusals = self.refusals.entry(member).or_default();
        refusals.in_a_row += 1;
        refusals.lists = refusals.in_a_row;
    }

    /// A member has no slot free until then.
    pub(super) fn is_busy_until(&mut self, member: Rank, time: Duration) {
        self.busy.insert(member, time);
    }

    /// Whether a member has no slot free, for all that is known.
    pub(super) fn is_busy(&self, member: Rank) -> bool {
        self.busy.contains_key(&member)
    }

    /// When the first of the busy members has a slot free.
    pub(super) fn due(&self) -> Option<Duration> {
        self.busy.values().min().copied()
    }

    /// Time has passed: who was busy may not be so any more, and who refused may have gained.
    pub(super) fn wake(&mut self, now: Duration) {
        self.busy.retain(|_, until| *until > now);
        for refusals in self.refusals.values_mut() {
            refusals.lists = 0;
        }
    }

    /// Whether there is anybody who can be asked for something now.
    pub(super) fn is_anybody_free(&self) -> bool {
        let free = |rank: &Rank| !self.is_busy(*rank) && !self.is_spared(*rank);
        self.busy.is_empty() || self.ranks.iter().any(free)
    }

    /// The standings that members of this swarm can have, the best first.
    pub(super) fn standings(&self) -> impl Iterator<Item = Standing> + use<> {
        let most_wrong = if self.wrong.is_empty() { 1 } else { MOST_WRONG };
        let anybody = self.refusals.values().any(|refusals| refusals.lists > 0);
        let spared = if anybody { 2 } else { 1 };
        (0..most_wrong).flat_map(move |wrong| {
            let spared = [false, true].into_iter().take(spared);
            spared.map(move |spared| Standing { wrong, spared })
        })
    }

    fn is_spared(&self, member: Rank) -> bool {
        self.refusals
            .get(&member)
            .is_some_and(|refusals| refusals.lists > 0)
    }

    /// Whether a member has it.
    pub(super) fn has_standing(&self, member: Rank, standing: Standing) -> bool {
        let wrong = self.wrong.get(&member).copied().unwrap_or(0);
        wrong == standing.wrong && self.is_spared(member) == standing.spared
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;
    use crate::policy::order;

    #[test]
    fn who_refuses_in_a_row_is_spared_for_longer_and_longer_until_it_sends() {
        let mut order = (order::ALL[0].value.make)(0, &mut Rng::with_seed(0));
        let ranks = || vec![Rank(1), Rank(3)];
        let mut members = Members::new(Rank(1), ranks(), vec![], false, &mut *order).unwrap();
        assert_eq!(members.ranks(), [Rank(3)]);
        let mut list = |members: &mut Members| {
            let swarm = protocol::Members {
                members: ranks(),
                gained: vec![],
            };
            members.refresh(swarm, 0, &mut *order);
        };
        for refusals in 1..=3 {
            members.has_refused(Rank(3));
            for _ in 0..refusals {
                assert!(members.is_spared(Rank(3)));
                list(&mut members);
            }
            assert!(!members.is_spared(Rank(3)));
        }
        members.has_refused(Rank(3));
        members.has_sent(Rank(3));
        assert!(!members.is_spared(Rank(3)));
        members.has_refused(Rank(3));
        list(&mut members);
        assert!(!members.is_spared(Rank(3)), "the count starts anew");
    }

    #[test]
    fn time_makes_everybody_worth_asking_whose_slot_is_free() {
        let mut order = (order::ALL[0].value.make)(0, &mut Rng::with_seed(0));
        let ranks = vec![Rank(2), Rank(3), Rank(4)];
        let mut members = Members::new(Rank(1), ranks, vec![], false, &mut *order).unwrap();
        let at = Duration::from_millis;
        members.is_busy_until(Rank(2), at(5));
        members.is_busy_until(Rank(3), at(9));
        assert!(members.is_anybody_free());
        members.has_refused(Rank(4));
        assert!(!members.is_anybody_free());
        assert_eq!(members.due(), Some(at(5)));
        members.wake(at(5));
        assert!(!members.is_busy(Rank(2)) && members.is_busy(Rank(3)));
        assert!(!members.is_spared(Rank(4)));
    }
}
