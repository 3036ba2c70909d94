//! Whom a client turns to for a segment: the policies at work, and what members say of their load.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use fastrand::Rng;

use super::members::Members;
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
    /// How often each member was found the least busy, and asked.
    asked: BTreeMap<Rank, u64>,
}

impl Sources {
    pub(super) fn new(me: Rank, settings: &Settings) -> Sources {
        let mut rng = settings.rng(me);
        Sources {
            me,
            selection: (settings.peer_selection.value)(me, rng.fork()),
            rng,
            asked: BTreeMap::new(),
        }
    }

    /// Whether members are asked how busy they are.
    pub(super) fn polls(&self) -> bool {
        self.selection.polls()
    }

    /// The order in which to fetch a file of so many segments.
    pub(super) fn order(&mut self, settings: &Settings, segments: usize) -> Box<dyn Order> {
        (settings.segment_order.value.make)(segments, &mut self.rng)
    }

    /// Whom to turn to for a segment, of those in `askable` that may hold it and have not refused it.
    /// Who is to be asked last is asked only by a client that is idle.
    pub(super) fn choose(
        &mut self,
        members: &Members,
        askable: &[Rank],
        segment: SegmentIndex,
        refused_by: &[Rank],
        is_idle: bool,
    ) -> Option<Choice> {
        members.standings(is_idle).find_map(|standing| {
            let may = |member: Rank| {
                !refused_by.contains(&member) && members.is_candidate(member, segment, standing)
            };
            self.selection.choose(&Candidates::new(askable, &may))
        })
    }

    /// A question to these members, which is about to be sent.
    pub(super) fn poll(&self, members: Vec<Rank>) -> Poll {
        let asked = members
            .into_iter()
            .map(|member| (member, self.asked(member)));
        Poll {
            waiting: asked.collect(),
            offers: Vec::new(),
        }
    }

    /// Picks the least busy of the members that offer a segment, if any does, to be asked.
    ///
    /// What the client has asked of a member since the question adds to the load that it said.
    /// Among equally busy ones it is whom the client has asked least, and then who is next behind
    /// it.
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

/// A question to several members: who holds a segment, and how busy is each?
#[derive(Debug)]
pub(super) struct Poll {
    /// Who has not answered, and how often each had been found the least busy when it was asked.
    waiting: BTreeMap<Rank, u64>,
    offers: Vec<Offer>,
}

/// A member holds the segment.
#[derive(Debug)]
struct Offer {
    member: Rank,
    /// How busy it is.
    load: u32,
    asked_before: u64,
}

impl Poll {
    /// Takes an answer: how busy a member is, if it holds the segment.
    ///
    /// # Errors
    /// When it was not asked.
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

    /// Whether all have answered.
    pub(super) fn is_over(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whom a client of rank 2 picks, of members that say these loads, so many times.
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
