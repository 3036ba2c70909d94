//! The members of a file's swarm as one client knows them: what each holds, and when it is worth
//! asking.

mod askable;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::{Result, ensure};

pub(super) use askable::Askable;

use super::member::{Member, STRANGER};
use super::queue::MOST_NEWS;
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
/// is known takes no memory but its rank.
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
    /// The members with which the client has something under way, or which it spares, in rank order.
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
    /// Whether members have queues. Then any member can be asked once: the client waits there, and the
    /// member tells what it holds.
    have_queues: bool,
    /// Whether serving takes time.
    takes_time: bool,
    /// The most requests to one member that are in flight. `None`: any number.
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
            have_queues: takes_time && settings.upload_slots.is_some(),
            takes_time,
            at_a_time: settings.upload_slots.filter(|_| takes_time),
            trial: Trial::Due,
            is_anybody_wrong: false,
        };
        for (&rank, held) in members.ranks.clone().iter().zip(held) {
            if members.is_seed(rank) {
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
        let engaged = (self.seen.iter()).filter(|(_, member)| member.is_engaged());
        self.engaged = engaged.map(|(rank, _)| *rank).collect();
        let is_ready =
            |(rank, member): &(&Rank, &Member)| self.is_ready(**rank, member, self.is_seed(**rank));
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
        ranks.len() - usize::from(ranks.binary_search(&self.me).is_ok())
    }

    fn get(&self, member: Rank) -> &Member {
        self.seen.get(&member).unwrap_or(&STRANGER)
    }

    /// Changes what is known of a member, and keeps right what is kept of all.
    fn change<T>(&mut self, rank: Rank, change: impl FnOnce(&mut Member) -> T) -> T {
        let member = self.seen.entry(rank).or_insert_with(|| STRANGER.clone());
        let waited = member.waits || member.in_flight > 0;
        let was_engaged = member.is_engaged();
        let footing = member.footing(self.at_a_time);
        let value = change(member);
        let waits = member.waits || member.in_flight > 0;
        let is_engaged = member.is_engaged();
        let is_as_before = member.footing(self.at_a_time) == footing;
        self.waiting = self.waiting + usize::from(waits) - usize::from(waited);
        if is_engaged != was_engaged {
            put(&mut self.engaged, rank, is_engaged);
        }
        if !is_as_before {
            self.place(rank);
        }
        value
    }

    /// Puts a member into `ready`, or takes it out.
    fn place(&mut self, rank: Rank) {
        let is_ready = self.is_ready(rank, self.get(rank), self.is_seed(rank));
        put(&mut self.ready, rank, is_ready);
    }

    /// Whether members have queues.
    pub(super) fn have_queues(&self) -> bool {
        self.have_queues
    }

    fn is_ready(&self, rank: Rank, member: &Member, is_seed: bool) -> bool {
        let may_hold = is_seed || member.is_of_use(&self.gained);
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

    /// The client itself holds a segment now.
    pub(super) fn gains(&mut self, segment: SegmentIndex) {
        self.gained.insert(segment);
    }

    fn is_seed(&self, member: Rank) -> bool {
        self.seeds.binary_search(&member).is_ok()
    }

    /// Whether a member is known to hold a segment.
    pub(super) fn holds(&self, member: Rank, segment: SegmentIndex) -> bool {
        self.get(member).holds(segment) || self.is_seed(member)
    }

    /// Those of these segments that a member is known to hold.
    pub(super) fn held_of(&self, member: Rank, segments: &SegmentSet) -> SegmentSet {
        if self.is_seed(member) {
            return segments.clone();
        }
        let held = self.get(member).held.as_ref();
        held.map_or(SegmentSet::none(0), |held| held.and(segments))
    }

    /// Whether a member is known to hold a segment, and has not refused what it was known to hold.
    fn is_sure(&self, member: Rank, segment: SegmentIndex) -> bool {
        let known = self.get(member);
        !known.is_doubted && (known.holds(segment) || self.is_seed(member))
    }

    /// A member is asked for a segment, or whether it holds it.
    pub(super) fn asks(&mut self, rank: Rank, segment: SegmentIndex) {
        if !self.have_queues && !self.get(rank).is_proven && !self.is_sure(rank, segment) {
            self.trial.begin(rank);
        }
        self.change(rank, |member| member.in_flight += 1);
    }

    /// The client comes to a member for a segment. If it waits there, it will be called again.
    pub(super) fn comes_to(&mut self, rank: Rank) {
        if self.get(rank).has_declined {
            self.change(rank, |member| member.has_declined = false);
        }
    }

    /// A member holds what it was asked for.
    pub(super) fn has_held(&mut self, rank: Rank, segment: SegmentIndex) {
        let was_sure = self.is_sure(rank, segment);
        self.trial.succeed(rank);
        self.answers(rank, |member| {
            if !was_sure {
                member.prove();
            }
        });
    }

    /// A member has sent a wrong hash.
    pub(super) fn sent_wrong_hash(&mut self, rank: Rank) {
        self.trial.succeed(rank);
        self.is_anybody_wrong = true;
        self.answers(rank, |member| {
            member.wrong = member.wrong.saturating_add(1); // a wide window may be full of them
            member.has_declined = true; // it may not call again
        });
    }

    /// A member does not hold what it was asked for.
    pub(super) fn has_refused(&mut self, rank: Rank, segment: SegmentIndex) {
        let held = self.holds(rank, segment);
        self.trial.fail(rank);
        self.answers(rank, |member| {
            member.refuse(held);
            member.has_declined = true; // it may not call again
        });
    }

    /// A member has put the client into its queue.
    pub(super) fn waits_at(&mut self, rank: Rank) {
        self.trial.succeed(rank);
        self.answers(rank, |member| member.waits = true);
    }

    /// A member calls, or says that the client waits no longer.
    pub(super) fn calls(&mut self, rank: Rank, waits: bool) {
        self.change(rank, |member| {
            member.waits = waits;
            member.has_declined = false;
        });
    }

    /// The client declines a member's call, and goes on waiting. The member does not call again before it
    /// has gained something, but the client may ask.
    pub(super) fn declines(&mut self, rank: Rank) {
        self.change(rank, |member| member.has_declined = true);
    }

    /// Whether a member is not to be asked because it has sent wrong hashes.
    pub(super) fn is_distrusted(&self, rank: Rank) -> bool {
        self.get(rank).wrong > 0
    }

    /// The client waits nowhere from now on. Returns the members at which it waited.
    pub(super) fn leave_queues(&mut self) -> Vec<Rank> {
        let waits = self.seen.iter().filter(|(_, member)| member.waits);
        let ranks: Vec<Rank> = waits.map(|(rank, _)| *rank).collect();
        for &rank in &ranks {
            self.change(rank, |member| member.waits = false);
        }
        ranks
    }

    /// What a member is told of `gained`, all that the client has gained in order: what it was not told
    /// yet. Nothing where serving takes no time.
    pub(super) fn news(&mut self, rank: Rank, gained: &[SegmentIndex]) -> Vec<SegmentIndex> {
        let member = self.get(rank);
        if !self.takes_time && !member.waits || member.told == gained.len() {
            return Vec::new();
        }
        let member = self.seen.entry(rank).or_insert_with(|| STRANGER.clone());
        let news = &gained[member.told..];
        let news = news[..news.len().min(MOST_NEWS)].to_vec();
        member.told += news.len();
        news
    }

    /// A member has answered, which is one request less in flight.
    fn answers<T>(&mut self, rank: Rank, change: impl FnOnce(&mut Member) -> T) -> T {
        self.change(rank, |member| {
            member.in_flight = member.in_flight.saturating_sub(1);
            change(member)
        })
    }

    /// A member says that it holds these segments.
    pub(super) fn hears_of(&mut self, rank: Rank, held: &[SegmentIndex], order: &mut dyn Order) {
        if !held.is_empty() && self.ranks.binary_search(&rank).is_ok() {
            self.learn(rank, held.iter().copied(), order);
        }
    }

    /// The number of members in whose queues the client waits, or may have to wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether a member will call the client, because it holds what the client lacks.
    pub(super) fn will_call(&self) -> bool {
        let will_call = |rank: &Rank| {
            let member = self.get(*rank);
            member.counts_as_calling() && (self.is_seed(*rank) || member.is_of_use(&self.gained))
        };
        self.engaged.iter().any(will_call)
    }

    /// Whether a member can be asked now for a segment that it is not known to hold.
    fn can_be_tried(&self, member: &Member) -> bool {
        if self.have_queues {
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

/// The ranks of both lists, in order.
fn union(one: &[Rank], other: &[Rank]) -> Arc<[Rank]> {
    let mut all = [one, other].concat();
    all.sort();
    all.dedup();
    all.into()
}

#[cfg(test)]
mod tests;
