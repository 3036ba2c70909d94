//! Which member a client asks for a segment: its policies at work, and how busy members say they
//! are.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use fastrand::Rng;

use super::members::{Askable, KnownMembers};
use crate::policy::order::Order;
use crate::policy::selection::{Candidates, Choice, Selection};
use crate::protocol::{Rank, SegmentIndex};
use crate::settings::Settings;

/// A client's policies, for all its files.
#[derive(Debug)]
pub(super) struct Sources {
    me: Rank,
    selection: Box<dyn Selection>,
    rng: Rng,
    /// How many times each member was asked because it was the least busy.
    asked: BTreeMap<Rank, u64>,
}

impl Sources {
    pub(super) fn new(me: Rank, settings: &Settings) -> Sources {
        let mut rng = settings.rng(me);
        Sources {
            me,
            selection: (settings.peer_selection.value.make)(me, rng.fork()),
            rng,
            asked: BTreeMap::new(),
        }
    }

    /// The order in which to fetch a file of `segments` segments.
    pub(super) fn order(&mut self, settings: &Settings, segments: usize) -> Box<dyn Order> {
        (settings.segment_order.value.make)(segments, &mut self.rng)
    }

    /// Chooses whom to ask for a segment, of the members in `askable` that may hold it and have not
    /// refused it. Only an idle client asks the members that are to be asked last.
    pub(super) fn choose(
        &mut self,
        members: &KnownMembers,
        askable: &Askable<'_>,
        segment: SegmentIndex,
        refused_by: &[Rank],
        is_idle: bool,
    ) -> Option<Choice> {
        members.standings(is_idle).find_map(|standing| {
            let may = |member: Rank| {
                !refused_by.contains(&member)
                    && members.is_candidate(member, segment, standing, is_idle)
            };
            if members.are_to_be_joined(standing) {
                return self.any(askable, may).map(Choice::Member);
            }
            self.selection
                .choose(&Candidates::new(&askable.to_choose_from, &may))
        })
    }

    /// One of these members, all alike. Whatever the policy, a client waits at random members: neighbours
    /// that are drawn make a swarm in which nobody is far from anybody (BitTorrent's tracker draws them
    /// for the same reason).
    fn any(&mut self, askable: &Askable<'_>, may: impl Fn(Rank) -> bool) -> Option<Rank> {
        let first = self.rng.usize(..askable.len().max(1));
        askable
            .from(first.min(askable.len()))
            .find(|&member| may(member))
    }

    /// The poll of these members, whose AVAILABILITY_REQUESTs are about to be sent.
    pub(super) fn poll(&self, members: Vec<Rank>) -> Poll {
        let asked = members
            .into_iter()
            .map(|member| (member, self.asked(member)));
        Poll {
            waiting: asked.collect(),
            offers: Vec::new(),
        }
    }

    /// Picks the least busy of the members that offer the segment, if any does, and counts that it
    /// is asked.
    ///
    /// The requests that the client has sent to a member since the poll began add to the load that
    /// the member said. Of equally busy members it picks the one that it has asked the least, and
    /// of these the next one after its own rank.
    pub(super) fn least_busy(&mut self, poll: &Poll) -> Option<Rank> {
        let offer = poll.offers.iter().min_by_key(|offer| {
            let asked = self.asked(offer.member);
            let load = u64::from(offer.load) + asked - offer.asked_before;
            (load, asked, offer.member <= self.me, offer.member)
        })?;
        *self.asked.entry(offer.member).or_default() += 1;
        Some(offer.member)
    }

    fn asked(&self, member: Rank) -> u64 {
        self.asked.get(&member).copied().unwrap_or(0)
    }
}

/// One segment's AVAILABILITY_REQUESTs: which of several members hold it, and how busy is each?
#[derive(Debug)]
pub(super) struct Poll {
    /// The members that have not answered, each with its count in [`Sources::asked`] when the poll
    /// began.
    waiting: BTreeMap<Rank, u64>,
    offers: Vec<Offer>,
}

/// The answer of a member that holds the segment.
#[derive(Debug)]
struct Offer {
    member: Rank,
    /// How many segments are on its upload link.
    load: u32,
    asked_before: u64,
}

impl Poll {
    /// Takes the answer of a member: its `load`, if it holds the segment.
    ///
    /// # Errors
    /// When the member was not asked.
    pub(super) fn answer(&mut self, member: Rank, load: Option<u32>) -> Result<()> {
        let asked_before = self
            .waiting
            .remove(&member)
            .context("nobody asked for it")?;
        self.offers.extend(load.map(|load| Offer {
            member,
            load,
            asked_before,
        }));
        Ok(())
    }

    /// Whether all members have answered.
    pub(super) fn is_over(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The members that client 2 picks in `times` polls, when they say these loads.
    fn picks(sources: &mut Sources, loads: &[(u32, u32)], times: usize) -> Vec<u32> {
        let members: Vec<Rank> = loads.iter().map(|&(member, _)| Rank(member)).collect();
        let mut polls: Vec<Poll> = (0..times).map(|_| sources.poll(members.clone())).collect();
        let mut pick = |poll: &mut Poll| {
            for &(member, load) in loads {
                assert!(!poll.is_over());
                poll.answer(Rank(member), Some(load)).unwrap();
            }
            assert!(poll.is_over());
            sources.least_busy(poll).unwrap().0
        };
        polls.iter_mut().map(&mut pick).collect()
    }

    fn sources() -> Sources {
        Sources::new(Rank(2), &Settings::default())
    }

    #[test]
    fn the_least_busy_is_asked_until_that_has_made_it_as_busy_as_the_others() {
        let loads = [(1, 5), (3, 2), (4, 4)];
        assert_eq!(picks(&mut sources(), &loads, 6), [3, 3, 4, 3, 1, 4]);
    }

    #[test]
    fn equally_busy_members_take_turns_from_the_one_behind_the_client_on() {
        let mut sources = sources();
        let idle = [(1, 0), (3, 0), (4, 0)];
        assert_eq!(picks(&mut sources, &idle, 3), [3, 4, 1]);
        assert_eq!(picks(&mut sources, &idle[..2], 1), [3]);
        assert_eq!(picks(&mut sources, &idle, 1), [4], "asked least so far");
    }

    #[test]
    fn nobody_is_picked_when_nobody_holds_it_and_only_who_was_asked_answers() {
        let mut sources = sources();
        let mut poll = sources.poll(vec![Rank(1)]);
        assert!(poll.answer(Rank(3), Some(0)).is_err());
        poll.answer(Rank(1), None).unwrap();
        assert!(poll.is_over() && sources.least_busy(&poll).is_none());
        assert!(poll.answer(Rank(1), Some(0)).is_err(), "it has answered");
    }
}
