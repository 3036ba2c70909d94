//! The members of a file's swarm as one client knows them: what each holds, and when it is worth
//! asking.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::{Result, ensure};

use super::member::{Member, STRANGER};
use super::queue::MOST_NEWS;
use super::trial::Trial;
use crate::policy::order::Order;
use crate::protocol::{self, Joined, Rank, SegmentIndex, SegmentSet};
use crate::settings::Settings;

/// The number of wrong hashes after which a member is not asked for the file again.
const MOST_WRONG: u8 = 3;

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
    /// The members that can be asked for something without a trial, in rank order.
    ready: Vec<Rank>,
    /// The number of members in whose queues the client waits, or may have to wait: it has asked them.
    waiting: usize,
    /// The number of these that are known to hold what the client lacks, and will call.
    promising: usize,
    /// The file's number of segments.
    segments: usize,
    /// The segments that the client itself holds.
    gained: SegmentSet,
    /// The peers that hold each segment that the client lacks.
    holders: BTreeMap<SegmentIndex, Vec<Rank>>,
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
}

/// A class of members. Members of one standing are asked before those of the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// The number of wrong hashes that such a member has sent.
    wrong: u8,
    /// Whether to ask such a member is a trial that is not due.
    is_last: bool,
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
            waiting: 0,
            promising: 0,
            segments: hashes.len(),
            gained: SegmentSet::none(hashes.len()),
            holders: BTreeMap::new(),
            is_told,
            is_polled,
            have_queues: takes_time && settings.upload_slots.is_some(),
            takes_time,
            at_a_time: settings.upload_slots.filter(|_| takes_time),
            trial: Trial::Due,
        };
        for (&rank, held) in members.ranks.clone().iter().zip(held) {
            for segment in held.iter() {
                if members.is_seed(rank) {
                    order.spread(segment);
                } else {
                    members.learn(rank, segment, order);
                }
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
            for segment in news.segments {
                self.learn(news.member, segment, order);
            }
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

    /// Makes `ready` anew.
    fn list(&mut self) {
        let known = self.seen.keys().chain(&*self.seeds).copied();
        self.ready = known
            .filter(|&rank| self.is_ready(rank, self.get(rank)))
            .collect();
        self.ready.sort();
        self.ready.dedup();
        let promising = self.seen.iter();
        self.promising = promising
            .filter(|(rank, member)| self.is_promising(**rank, member))
            .count();
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

    /// Changes what is known of a member, and keeps `ready` right.
    fn change<T>(&mut self, rank: Rank, change: impl FnOnce(&mut Member) -> T) -> T {
        let was_promising = self.is_promising(rank, self.get(rank));
        let member = self.seen.entry(rank).or_insert_with(|| STRANGER.clone());
        let waited = member.waits || member.in_flight > 0;
        let value = change(member);
        let waits = member.waits || member.in_flight > 0;
        self.waiting = self.waiting + usize::from(waits) - usize::from(waited);
        let member = self.get(rank);
        let is_promising = self.is_promising(rank, member);
        let is_ready = self.is_ready(rank, member);
        self.promising = self.promising + usize::from(is_promising) - usize::from(was_promising);
        match (self.ready.binary_search(&rank), is_ready) {
            (Ok(place), false) => _ = self.ready.remove(place),
            (Err(place), true) => self.ready.insert(place, rank),
            (Ok(_), true) | (Err(_), false) => {}
        }
        value
    }

    /// Whether members have queues.
    pub(super) fn have_queues(&self) -> bool {
        self.have_queues
    }

    /// Whether a member will call the client, for it holds what the client lacks.
    fn is_promising(&self, rank: Rank, member: &Member) -> bool {
        member.waits
            && !member.has_declined
            && !member.is_doubted
            && member.wrong == 0
            && (member.of_use > 0 || self.is_seed(rank))
    }

    fn is_ready(&self, rank: Rank, member: &Member) -> bool {
        let may_hold = member.of_use > 0 || self.is_seed(rank);
        let is_proven = member.is_proven && self.can_be_tried(member);
        rank != self.me
            && member.is_free(self.at_a_time, false)
            && (is_proven || may_hold && !member.is_doubted)
    }

    /// Notes that a member holds a segment, unless the client itself holds it.
    fn learn(&mut self, rank: Rank, segment: SegmentIndex, order: &mut dyn Order) {
        let segments = self.segments;
        if !self.gained.contains(segment)
            && self.change(rank, |member| member.learn(segment, segments))
        {
            self.holders.entry(segment).or_default().push(rank);
            order.spread(segment);
        }
    }

    /// The client itself holds a segment now.
    pub(super) fn gains(&mut self, segment: SegmentIndex) {
        self.gained.insert(segment);
        for rank in self.holders.remove(&segment).unwrap_or_default() {
            self.change(rank, |member| member.of_use -= 1);
        }
    }

    fn is_seed(&self, member: Rank) -> bool {
        self.seeds.binary_search(&member).is_ok()
    }

    /// Whether a member is known to hold a segment.
    pub(super) fn holds(&self, member: Rank, segment: SegmentIndex) -> bool {
        let held = &self.get(member).held;
        held.as_ref().is_some_and(|held| held.contains(segment)) || self.is_seed(member)
    }

    /// Whether a member is known to hold a segment, and has not refused what it was known to hold.
    fn is_sure(&self, member: Rank, segment: SegmentIndex) -> bool {
        !self.get(member).is_doubted && self.holds(member, segment)
    }

    /// A member is asked for a segment, or whether it holds it.
    pub(super) fn asks(&mut self, rank: Rank, segment: SegmentIndex) {
        let is_trial = !self.is_sure(rank, segment) && !self.get(rank).is_proven;
        if is_trial && !self.have_queues {
            self.trial.begin(rank);
        }
        self.change(rank, |member| member.in_flight += 1);
    }

    /// The client comes to a member for a segment. If it waits there, it will be called again.
    pub(super) fn comes_to(&mut self, rank: Rank) {
        self.change(rank, |member| member.has_declined = false);
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

    /// A member says that it holds a segment.
    pub(super) fn hears_of(&mut self, rank: Rank, segment: SegmentIndex, order: &mut dyn Order) {
        if self.ranks.binary_search(&rank).is_ok() {
            self.learn(rank, segment, order);
        }
    }

    /// The number of members in whose queues the client waits, or may have to wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether a member will call the client, because it holds what the client lacks.
    pub(super) fn will_call(&self) -> bool {
        self.promising > 0
    }

    /// The members that may be asked for something now, in rank order. An idle client tries every
    /// member, even before a trial is due.
    pub(super) fn askable(&self, is_idle: bool) -> Cow<'_, [Rank]> {
        let is_tried = |member: &Member| is_idle || self.can_be_tried(member);
        let knows_all = self.is_told && !self.have_queues;
        let are_strangers_tried = is_idle || !knows_all && self.can_be_tried(&STRANGER);
        if !are_strangers_tried {
            return (&self.ready).into();
        }
        if self.at_a_time.is_none() {
            return (&*self.ranks).into(); // every member has room
        }
        let mut seen = self.seen.iter().peekable();
        let is_askable = |&rank: &Rank| {
            while seen.next_if(|(before, _)| **before < rank).is_some() {}
            let member = seen
                .next_if(|(same, _)| **same == rank)
                .map_or(&STRANGER, |(_, seen)| seen);
            let is_tried =
                rank != self.me && is_tried(member) && member.is_free(self.at_a_time, is_idle);
            is_tried || self.is_ready(rank, member)
        };
        self.ranks.iter().copied().filter(is_askable).collect()
    }

    /// The standings of the members that may be asked, the best first. Only an idle client asks
    /// members that have sent wrong hashes, or whose trial is not due.
    pub(super) fn standings(&self, is_idle: bool) -> impl Iterator<Item = Standing> + use<> {
        let anybody_wrong = is_idle && self.seen.values().any(|member| member.wrong > 0);
        let most_wrong = if anybody_wrong { MOST_WRONG } else { 1 };
        let last: &[bool] = if is_idle || self.have_queues {
            &[false, true]
        } else {
            &[false]
        };
        (0..most_wrong)
            .flat_map(|wrong| last.iter().map(move |&is_last| Standing { wrong, is_last }))
    }

    /// Whether a member can be asked for a segment now, with this standing.
    pub(super) fn is_candidate(
        &self,
        rank: Rank,
        segment: SegmentIndex,
        standing: Standing,
        is_idle: bool,
    ) -> bool {
        let member = self.get(rank);
        let holds = self.holds(rank, segment);
        let is_sure = holds && !member.is_doubted;
        let is_tried = self.can_be_tried(member);
        let is_last = !is_sure && (self.have_queues || !is_tried);
        rank != self.me
            && member.is_free(self.at_a_time, is_idle)
            && (holds || !self.is_told || self.have_queues)
            && (is_sure || is_tried || is_idle && (holds || !member.waits))
            && standing
                == (Standing {
                    wrong: member.wrong,
                    is_last,
                })
    }

    /// Whether members of this standing are asked in order to wait in their queues.
    pub(super) fn are_to_be_joined(&self, standing: Standing) -> bool {
        self.have_queues && standing.is_last
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

/// The ranks of both lists, in order.
fn union(one: &[Rank], other: &[Rank]) -> Arc<[Rank]> {
    let mut all = [one, other].concat();
    all.sort();
    all.dedup();
    all.into()
}

#[cfg(test)]
mod tests;
