//! The members of a file's swarm as one client knows them: what each holds, and when it is worth
//! asking.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::member::{Member, STRANGER};
use super::trial::Trial;
use crate::policy::order::Order;
use crate::protocol::{self, Hint, Joined, Rank, SegmentIndex, SegmentSet};
use crate::settings::Settings;

/// The number of wrong hashes after which a member is not asked for the file again.
const MOST_WRONG: u8 = 3;

/// The members that can be asked for segments of one file: all but the client itself.
///
/// The tracker says which members are seeds: a seed holds every segment. What a peer holds is known
/// from the tracker, with the index of segments, or from hints. Without that index a peer may hold
/// more than is known: to ask it for a segment that it is not known to hold is a [`Trial`].
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
    /// The times at which appointments come and rests end.
    alarms: BTreeSet<(Duration, Rank)>,
    /// The number of members that keep a slot.
    slots_kept: usize,
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
    /// How long a segment occupies an upload link.
    upload_time: Duration,
    /// The most requests to one member that are in flight. `None`: any number.
    at_a_time: Option<NonZeroUsize>,
    trial: Trial,
    /// The members to ask next, because they keep a slot or were hinted at.
    invitations: VecDeque<Rank>,
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
        let upload_time = settings.upload_time;
        let mut members = KnownMembers {
            me,
            ranks,
            others: size.saturating_sub(1),
            seeds,
            seen: BTreeMap::new(),
            ready: Vec::new(),
            alarms: BTreeSet::new(),
            slots_kept: 0,
            segments: hashes.len(),
            gained: SegmentSet::none(hashes.len()),
            holders: BTreeMap::new(),
            is_told,
            is_polled,
            upload_time,
            at_a_time: settings.upload_slots.filter(|_| !upload_time.is_zero()),
            trial: Trial::Due,
            invitations: VecDeque::new(),
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

    /// Makes `ready` anew.
    fn list(&mut self) {
        let known = self.seen.keys().chain(&*self.seeds).copied();
        self.ready = known
            .filter(|&rank| self.is_ready(rank, self.get(rank)))
            .collect();
        self.ready.sort();
        self.ready.dedup();
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
        let member = self.seen.entry(rank).or_insert_with(|| STRANGER.clone());
        let value = change(member);
        let is_ready = self.is_ready(rank, self.get(rank));
        match (self.ready.binary_search(&rank), is_ready) {
            (Ok(place), false) => _ = self.ready.remove(place),
            (Err(place), true) => self.ready.insert(place, rank),
            (Ok(_), true) | (Err(_), false) => {}
        }
        value
    }

    fn is_ready(&self, rank: Rank, member: &Member) -> bool {
        let may_hold = member.of_use > 0 || self.is_seed(rank);
        let is_proven = member.is_proven && self.can_be_tried(member);
        rank != self.me
            && member.is_free(self.at_a_time)
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
        if !self.is_sure(rank, segment) && !self.get(rank).is_proven {
            self.trial.begin(rank);
        }
        self.change(rank, |member| member.in_flight += 1);
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
        });
    }

    /// A member does not hold what it was asked for.
    pub(super) fn has_refused(&mut self, now: Duration, rank: Rank, segment: SegmentIndex) {
        let held = self.holds(rank, segment);
        let upload_time = self.upload_time;
        self.trial.fail(rank, now, upload_time);
        let rests = self.answers(rank, |member| {
            member.refuse(held, now, upload_time);
            member.rests
        });
        self.alarms.extend(rests.map(|until| (until, rank)));
    }

    /// A member has no slot free. It keeps one from `until` on.
    pub(super) fn busy_until(&mut self, rank: Rank, until: Duration) {
        self.trial.succeed(rank);
        let before = self.answers(rank, |member| member.appointment.replace(until));
        self.slots_kept += usize::from(before.is_none());
        self.alarms.insert((until, rank));
    }

    /// A member has answered, which is one request less in flight.
    fn answers<T>(&mut self, rank: Rank, change: impl FnOnce(&mut Member) -> T) -> T {
        self.change(rank, |member| {
            member.in_flight = member.in_flight.saturating_sub(1);
            change(member)
        })
    }

    /// Takes a hint at a segment that is lacking. Hints at unknown members are ignored.
    pub(super) fn heed(&mut self, hint: Hint, order: &mut dyn Order) {
        let Hint { holder, segment } = hint;
        if holder != self.me && self.ranks.binary_search(&holder).is_ok() {
            self.change(holder, |member| member.hint = Some(segment));
            self.invitations.push_back(holder);
            self.learn(holder, segment, order);
        }
    }

    /// Takes the next member that keeps a slot or was hinted at, with the segment of the hint.
    pub(super) fn next_invitation(&mut self) -> Option<(Rank, Option<SegmentIndex>)> {
        loop {
            let rank = self.invitations.pop_front()?;
            let member = self.get(rank);
            if member.is_free(self.at_a_time) && !member.is_doubted && member.wrong == 0 {
                return Some((rank, self.change(rank, |member| member.hint.take())));
            }
        }
    }

    /// When a member can be asked again without a message, if ever. Call [`KnownMembers::wake`] then.
    pub(super) fn due(&self) -> Option<Duration> {
        let alarm = self.alarms.first().map(|&(time, _)| time);
        alarm.into_iter().chain(self.trial.due()).min()
    }

    /// Time has passed.
    pub(super) fn wake(&mut self, now: Duration) {
        self.trial.wake(now);
        while let Some(&(time, rank)) = self.alarms.first()
            && time <= now
        {
            self.alarms.pop_first();
            let keeps_slot = self.change(rank, |member| {
                member.rests.take_if(|time| *time <= now);
                member.appointment.take_if(|time| *time <= now).is_some()
            });
            if keeps_slot {
                self.slots_kept -= 1;
                self.invitations.push_back(rank);
            }
        }
    }

    /// Whether any member keeps a slot.
    pub(super) fn keep_slots(&self) -> bool {
        self.slots_kept > 0
    }

    /// The members that may be asked for something now, in rank order. An idle client tries every
    /// member, even before a trial is due.
    pub(super) fn askable(&self, is_idle: bool) -> Cow<'_, [Rank]> {
        let is_tried = |member: &Member| is_idle || self.can_be_tried(member);
        let are_strangers_tried = is_idle || !self.is_told && self.can_be_tried(&STRANGER);
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
            let is_tried = rank != self.me && is_tried(member) && member.is_free(self.at_a_time);
            is_tried || self.is_ready(rank, member)
        };
        self.ranks.iter().copied().filter(is_askable).collect()
    }

    /// The standings of the members that may be asked, the best first. Only an idle client asks
    /// members that have sent wrong hashes, or whose trial is not due.
    pub(super) fn standings(&self, is_idle: bool) -> impl Iterator<Item = Standing> + use<> {
        let anybody_wrong = is_idle && self.seen.values().any(|member| member.wrong > 0);
        let most_wrong = if anybody_wrong { MOST_WRONG } else { 1 };
        let last: &[bool] = if is_idle { &[false, true] } else { &[false] };
        (0..most_wrong)
            .flat_map(|wrong| last.iter().map(move |&is_last| Standing { wrong, is_last }))
    }

    /// Whether a member can be asked for a segment now, with this standing.
    pub(super) fn is_candidate(
        &self,
        rank: Rank,
        segment: SegmentIndex,
        standing: Standing,
    ) -> bool {
        let member = self.get(rank);
        let holds = self.holds(rank, segment);
        let is_last = (!holds || member.is_doubted) && !self.can_be_tried(member);
        rank != self.me
            && member.is_free(self.at_a_time)
            && (holds || !self.is_told)
            && standing
                == (Standing {
                    wrong: member.wrong,
                    is_last,
                })
    }

    /// Whether a member can be asked now for a segment that it is not known to hold.
    fn can_be_tried(&self, member: &Member) -> bool {
        let is_due = member.is_proven || self.trial == Trial::Due;
        if self.is_polled {
            return is_due || self.upload_time.is_zero();
        }
        is_due && member.spared == 0 && member.rests.is_none()
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
