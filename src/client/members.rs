//! The members of a file's swarm, as one client knows them.

use std::collections::BTreeMap;

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

    /// The first that `choose` finds among the members that have sent no wrong hash, one, and so
    /// on, as long as they may be asked at all.
    pub(super) fn most_trusted<T>(
        &self,
        choose: impl FnMut(&dyn Fn(Rank) -> bool) -> Option<T>,
    ) -> Option<T> {
        let mut choose = choose;
        if self.wrong.is_empty() {
            return choose(&|_| true);
        }
        let wrong = |member: Rank| self.wrong.get(&member).copied().unwrap_or(0);
        (0..MOST_WRONG).find_map(|count| choose(&|member| wrong(member) == count))
    }
}
