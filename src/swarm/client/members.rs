//! The members of a file's swarm as one client knows them: what each holds, and when it is worth
//! asking.
//!
//! `dealings` says what becomes of a question, an answer and a call, and `askable` who may be asked now.

mod askable;
mod dealings;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::{Result, ensure};

pub(super) use askable::Askable;

use super::member::{Footing, Member, SEED, STRANGER};
use super::trial::Trial;
use crate::policy::order::Order;
use crate::protocol::{self, Joined, Rank, SegmentIndex, SegmentSet};
use crate::settings::Settings;

/// The members that can be asked for segments of one file: all but the client itself.
///
/// The tracker says which members are seeds: a seed holds every segment. What a peer holds is known
/// from the tracker, with the index of segments, or from the peer itself, where members have queues.
/// Otherwise a peer may hold more than is known: to ask it for a segment that it is not known to hold
/// is a [`Trial`].
///
/// A swarm may be large, while a client deals with few of its members. So a member of which nothing
/// is known takes no memory but its rank. All that is known of one is in one place, so one look-up is
/// enough for what a request or its answer changes.
#[derive(Debug)]
pub(super) struct KnownMembers {
    me: Rank,
    /// All members that the tracker has named, in rank order. The client itself may be among them.
    ranks: Arc<[Rank]>,
    /// The number of other members of the swarm, by the tracker's last answer.
    others: usize,
    /// The seeds among `ranks`, in rank order.
    seeds: Arc<[Rank]>,
    /// What is known of the members that the client has dealt with, or was told more of.
    seen: BTreeMap<Rank, Member>,
    /// The members that can be asked for something without a trial, in rank order. Some may have nothing
    /// of use any more: who gains a segment does not look at all that hold it.
    ready: Vec<Rank>,
    /// The members at which the client waits, and where all have queues also those with which it has
    /// something under way, or which it spares. In rank order.
    engaged: Vec<Rank>,
    /// The number of members in whose queues the client waits, or may have to wait: it has asked them.
    waiting: usize,
    /// The file's number of segments.
    segments: usize,
    /// The segments that the client itself holds.
    gained: SegmentSet,
    /// Whether the tracker tells which segments each member holds. Then there are no trials.
    is_told: bool,
    /// Whether members are asked how busy they are before one is asked for a segment.
    is_polled: bool,
    /// Whether serving takes time.
    takes_time: bool,
    /// The most requests to one member that are in flight, where members have queues. Then any member can
    /// be asked once: the client waits there, and the member tells what it holds. `None`: any number, and
    /// there are no queues.
    at_a_time: Option<NonZeroUsize>,
    trial: Trial,
    /// Whether a member has sent a wrong hash.
    is_anybody_wrong: bool,
}

impl KnownMembers {
    /// Takes the first list, with what the members hold if the tracker tells. `order` is told of
    /// each segment that a member holds.
    ///
    /// # Errors
    /// When the list says what more or fewer members hold than it names.
    pub(super) fn new(
        me: Rank,
        joined: Joined,
        settings: &Settings,
        is_polled: bool,
        order: &mut dyn Order,
    ) -> Result<KnownMembers> {
        let Joined {
            hashes,
            size,
            members: ranks,
            seeds,
            held,
            ..
        } = joined;
        let is_told = settings.knows_segments();
        let expected = if is_told { ranks.len() } else { 0 };
        ensure!(
            held.len() == expected,
            "expected to be told what {expected} members hold, found {}",
            held.len()
        );
        let takes_time = !settings.upload_time.is_zero();
        let mut members = KnownMembers {
            me,
            ranks,
            others: size.saturating_sub(1),
            seeds,
            seen: BTreeMap::new(),
            ready: Vec::new(),
            engaged: Vec::new(),
            waiting: 0,
            segments: hashes.len(),
            gained: SegmentSet::none(hashes.len()),
            is_told,
            is_polled,
            takes_time,
            at_a_time: settings.upload_slots.filter(|_| takes_time),
            trial: Trial::Due,
            is_anybody_wrong: false,
        };
        for (&rank, held) in members.ranks.clone().iter().zip(held) {
            if members.get(rank).is_seed {
                held.iter().for_each(|segment| order.spread(segment));
            } else {
                members.learn(rank, held.iter(), order);
            }
        }
        members.list();
        Ok(members)
    }

    /// Takes a later list. A list of all members replaces the one before, and a list of some adds
    /// to it. What is known of a member stays.
    pub(super) fn refresh(&mut self, swarm: protocol::Members, order: &mut dyn Order) {
        self.others = swarm.size.saturating_sub(1);
        let is_whole = self.others_in(&swarm.members) >= self.others;
        let known = |known: &[Rank], told: Arc<[Rank]>| {
            if is_whole { told } else { union(known, &told) }
        };
        self.ranks = known(&self.ranks, swarm.members);
        self.seeds = known(&self.seeds, swarm.seeds);
        for (rank, member) in &mut self.seen {
            member.is_seed = has(&self.seeds, *rank);
        }
        for news in swarm.gained {
            self.learn(news.member, news.segments, order);
        }
        for member in self.seen.values_mut() {
            member.spared = member.spared.saturating_sub(1);
        }
        self.trial.relist();
        self.list();
    }

    /// No call came for a very long time: the client may ask those at which it waits.
    pub(super) fn count_on_no_call(&mut self) {
        for member in self.seen.values_mut() {
            member.has_declined = true;
        }
        self.list();
    }

    /// Makes `ready` and `engaged` anew.
    fn list(&mut self) {
        let is_engaged = |member: &Member| member.footing(self.at_a_time).is_engaged;
        let engaged = self.seen.iter().filter(|(_, member)| is_engaged(member));
        self.engaged = engaged.map(|(rank, _)| *rank).collect();
        let is_ready = |(rank, member): &(&Rank, &Member)| self.is_ready(**rank, member);
        let seen = self.seen.iter().filter(is_ready).map(|(rank, _)| *rank);
        let is_stranger = |rank: &&Rank| !self.seen.contains_key(rank) && **rank != self.me;
        let seeds = self.seeds.iter().filter(is_stranger).copied();
        self.ready = seen.chain(seeds).collect();
        self.ready.sort_unstable();
    }

    /// Whether the tracker has named all members of the swarm.
    pub(super) fn are_all_known(&self) -> bool {
        self.others_in(&self.ranks) >= self.others
    }

    fn others_in(&self, ranks: &[Rank]) -> usize {
        ranks.len() - usize::from(has(ranks, self.me))
    }

    fn get(&self, member: Rank) -> &Member {
        match self.seen.get(&member) {
            Some(known) => known,
            None if has(&self.seeds, member) => &SEED,
            None => &STRANGER,
        }
    }

    /// Changes what is known of a member, and keeps right what is kept of all.
    fn change<T>(&mut self, rank: Rank, change: impl FnOnce(&mut Member) -> T) -> T {
        let member = self.seen.entry(rank);
        let member = member.or_insert_with(|| Member::new(has(&self.seeds, rank)));
        let before = member.footing(self.at_a_time);
        let value = change(member);
        let after = member.footing(self.at_a_time);
        if after != before {
            self.keep(rank, before, after);
        }
        value
    }

    /// Keeps right what is kept of all members, now that one stands elsewhere.
    fn keep(&mut self, rank: Rank, before: Footing, after: Footing) {
        self.waiting = self.waiting + usize::from(after.may_wait) - usize::from(before.may_wait);
        if after.is_engaged != before.is_engaged {
            put(&mut self.engaged, rank, after.is_engaged);
        }
        if after.readiness != before.readiness {
            self.place(rank);
        }
    }

    /// Puts a member into `ready`, or takes it out.
    fn place(&mut self, rank: Rank) {
        let is_ready = self.is_ready(rank, self.get(rank));
        put(&mut self.ready, rank, is_ready);
    }

    /// Whether members have queues.
    pub(super) fn have_queues(&self) -> bool {
        self.at_a_time.is_some()
    }

    fn is_ready(&self, rank: Rank, member: &Member) -> bool {
        let may_hold = member.is_of_use(&self.gained);
        let is_proven = member.is_proven && self.can_be_tried(member);
        rank != self.me
            && member.is_free(self.at_a_time, false)
            && (is_proven || may_hold && !member.is_doubted)
    }

    /// Notes that a member holds these segments, but for those that the client itself holds.
    fn learn(
        &mut self,
        rank: Rank,
        held: impl IntoIterator<Item = SegmentIndex>,
        order: &mut dyn Order,
    ) {
        let gained = &self.gained;
        let lacking = held.into_iter().filter(|&held| !gained.contains(held));
        let lacking: Vec<SegmentIndex> = lacking.collect();
        if lacking.is_empty() {
            return;
        }
        let segments = self.segments;
        self.change(rank, |member| {
            for segment in lacking {
                if member.learn(segment, segments) {
                    order.spread(segment);
                }
            }
        });
        self.place(rank); // it may be of use now
    }

    /// Those of these segments that a member is known to hold.
    pub(super) fn held_of(&self, member: Rank, segments: &SegmentSet) -> SegmentSet {
        let member = self.get(member);
        if member.is_seed {
            return segments.clone();
        }
        member
            .held
            .as_ref()
            .map_or(SegmentSet::none(0), |held| held.and(segments))
    }

    /// Whether a member is not to be asked because it has sent wrong hashes.
    pub(super) fn is_distrusted(&self, rank: Rank) -> bool {
        self.get(rank).wrong > 0
    }

    /// The number of segments that each member has sent, of those that have sent any.
    pub(super) fn sources(&self) -> BTreeMap<Rank, u64> {
        let sent = self.seen.iter().map(|(rank, member)| (*rank, *member.sent));
        sent.filter(|(_, sent)| *sent > 0).collect()
    }

    /// The number of members in whose queues the client waits, or may have to wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether a member will call the client, because it holds what the client lacks.
    pub(super) fn will_call(&self) -> bool {
        let will_call = |rank: &Rank| {
            let member = self.get(*rank);
            member.counts_as_calling() && member.is_of_use(&self.gained)
        };
        self.engaged.iter().any(will_call)
    }

    /// Whether a member can be asked now for a segment that it is not known to hold.
    fn can_be_tried(&self, member: &Member) -> bool {
        if self.have_queues() {
            return member.spared == 0 && !member.waits;
        }
        let is_due = member.is_proven || self.trial == Trial::Due;
        if self.is_polled {
            return is_due || !self.takes_time;
        }
        is_due && member.spared == 0
    }
}

/// Puts a rank into a list in rank order, or takes it out.
fn put(list: &mut Vec<Rank>, rank: Rank, is_in: bool) {
    match (list.binary_search(&rank), is_in) {
        (Ok(place), false) => _ = list.remove(place),
        (Err(place), true) => list.insert(place, rank),
        (Ok(_), true) | (Err(_), false) => {}
    }
}

/// Whether a list in rank order has a rank.
fn has(list: &[Rank], rank: Rank) -> bool {
    list.binary_search(&rank).is_ok()
}

/// The ranks of both lists, in order.
fn union(one: &[Rank], other: &[Rank]) -> Arc<[Rank]> {
    let mut all = [one, other].concat();
    all.sort();
    all.dedup();
    all.into()
}

#[cfg(test)]
mod tests;
