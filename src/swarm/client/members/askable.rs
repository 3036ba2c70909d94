//! The members that may be asked for something at one moment, and which of them are asked first.

use std::borrow::Cow;

use super::{KnownMembers, STRANGER, union};
use crate::protocol::{Rank, SegmentIndex};

/// The number of wrong hashes after which a member is not asked for the file again.
const MOST_WRONG: u8 = 3;

/// The members that may be asked for something now.
///
/// A swarm may be large, and nearly all of its members may be asked. So it is not made anew for each
/// choice: it is the list of all, and the few of them that may not be asked.
#[derive(Debug)]
pub(in crate::client) struct Askable<'a> {
    /// Those that a policy chooses from, in rank order. Where members have queues, those that hold
    /// something are among them, and others need not be.
    pub(in crate::client) to_choose_from: Cow<'a, [Rank]>,
    /// All known members, in rank order.
    all: &'a [Rank],
    /// The places in `all` of those that may not be asked, in order.
    barred: Vec<usize>,
}

/// A class of members. Members of one standing are asked before those of the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) struct Standing {
    /// The number of wrong hashes that such a member has sent.
    pub(super) wrong: u8,
    /// Whether to ask such a member is a trial that is not due.
    pub(super) is_last: bool,
}

impl KnownMembers {
    /// The members that may be asked for something now. An idle client tries every member, even before
    /// a trial is due.
    pub(in crate::client) fn askable(&self, is_idle: bool) -> Askable<'_> {
        if self.have_queues() {
            return self.askable_in_queues(is_idle);
        }
        if !is_idle && (self.is_told || !self.can_be_tried(&STRANGER)) {
            let is_ready = |rank: &Rank| self.is_ready(*rank, self.get(*rank));
            let is_anybody = self.ready.iter().any(is_ready);
            return Askable::only(if is_anybody { &self.ready } else { &[] });
        }
        Askable::only(&self.ranks)
    }

    /// Where members have queues, any member may be asked with which nothing is under way.
    fn askable_in_queues(&self, is_idle: bool) -> Askable<'_> {
        let may = |&rank: &Rank| {
            let member = self.get(rank);
            let is_tried = is_idle || self.can_be_tried(member);
            rank != self.me && is_tried && member.is_free(self.at_a_time, is_idle)
                || self.is_ready(rank, member)
        };
        let (may, barred): (Vec<Rank>, Vec<Rank>) = self.engaged.iter().partition(|rank| may(rank));
        let to_choose_from = if is_idle && !may.is_empty() {
            union(&self.ready, &may).to_vec().into()
        } else {
            (&self.ready).into()
        };
        let barred = barred.into_iter().chain([self.me]);
        Askable::all_but(&self.ranks, barred, to_choose_from)
    }

    /// The standings of the members that may be asked, the best first. Only an idle client asks
    /// members that have sent wrong hashes, or whose trial is not due.
    pub(in crate::client) fn standings(
        &self,
        is_idle: bool,
    ) -> impl Iterator<Item = Standing> + use<> {
        let most_wrong = if is_idle && self.is_anybody_wrong {
            MOST_WRONG
        } else {
            1
        };
        let kinds = if is_idle || self.have_queues() { 2 } else { 1 };
        (0..most_wrong * kinds).map(move |number| Standing {
            wrong: number / kinds,
            is_last: number % kinds == 1,
        })
    }

    /// Whether a member can be asked for a segment now, with this standing.
    pub(in crate::client) fn is_candidate(
        &self,
        rank: Rank,
        segment: SegmentIndex,
        standing: Standing,
        is_idle: bool,
    ) -> bool {
        let member = self.get(rank);
        let is_sure = member.is_sure(segment);
        let is_tried = self.can_be_tried(member);
        let is_last = !is_sure && (self.have_queues() || !is_tried);
        let holds = || member.holds(segment);
        rank != self.me
            && member.wrong == standing.wrong
            && is_last == standing.is_last
            && member.is_free(self.at_a_time, is_idle)
            && (is_sure || !self.is_told || self.have_queues() || holds())
            && (is_sure || is_tried || is_idle && (!member.waits || holds()))
    }

    /// Whether members of this standing are asked in order to wait in their queues.
    pub(in crate::client) fn are_to_be_joined(&self, standing: Standing) -> bool {
        self.have_queues() && standing.is_last
    }
}

impl<'a> Askable<'a> {
    /// A policy chooses from all of these.
    pub(super) fn only(askable: &'a [Rank]) -> Askable<'a> {
        Askable {
            to_choose_from: askable.into(),
            all: askable,
            barred: Vec::new(),
        }
    }

    /// All but those that are barred may be asked. A policy chooses from some of them.
    pub(super) fn all_but(
        all: &'a [Rank],
        barred: impl Iterator<Item = Rank>,
        to_choose_from: Cow<'a, [Rank]>,
    ) -> Askable<'a> {
        let barred = barred.filter_map(|rank| all.binary_search(&rank).ok());
        let mut barred: Vec<usize> = barred.collect();
        barred.sort_unstable();
        barred.dedup();
        Askable {
            to_choose_from,
            all,
            barred,
        }
    }

    /// Whether nobody may be asked.
    pub(in crate::client) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many may be asked.
    pub(in crate::client) fn len(&self) -> usize {
        self.all.len() - self.barred.len()
    }

    /// All that may be asked, in rank order, from one of them on, and then those before it.
    pub(in crate::client) fn from(&self, first: usize) -> impl Iterator<Item = Rank> {
        (first..self.len())
            .chain(0..first)
            .map(|number| self.all[self.place(number)])
    }

    /// The place in `all` of the one before which `number` others may be asked.
    fn place(&self, number: usize) -> usize {
        let mut place = number;
        for &barred in &self.barred {
            if barred > place {
                break;
            }
            place += 1;
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranks(ranks: &[u32]) -> Vec<Rank> {
        ranks.iter().copied().map(Rank).collect()
    }

    #[test]
    fn all_but_the_barred_are_there_in_order_from_any_of_them_on() {
        let all = ranks(&[1, 3, 4, 7, 8, 9]);
        let barred = ranks(&[9, 3, 4, 3, 2]).into_iter();
        let askable = Askable::all_but(&all, barred, Cow::Borrowed(&[]));
        let from = |first| -> Vec<u32> { askable.from(first).map(|rank| rank.0).collect() };
        assert_eq!(askable.len(), 3);
        assert_eq!(
            [from(0), from(1), from(2)],
            [[1, 7, 8], [7, 8, 1], [8, 1, 7]]
        );
        let all = ranks(&[1]);
        let nobody = Askable::all_but(&all, [Rank(1)].into_iter(), Cow::Borrowed(&[]));
        assert!(nobody.is_empty() && nobody.from(0).next().is_none());
        assert_eq!(Askable::only(&all).from(0).next(), Some(Rank(1)));
    }
}
