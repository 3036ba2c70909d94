//! The members of a file's swarm, as one client knows them: what each holds, and when it is worth a
//! question.

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

/// A member that has sent so many wrong hashes is not asked for the file again.
const MOST_WRONG: u8 = 3;

/// Whom segments of one file can be asked of: all members but the client itself.
///
/// A seed holds every segment, and the tracker says who is one. What else a peer holds the tracker
/// tells, or refusals hint at. Of any other segment nothing is known, unless the tracker tells all: to
/// ask for it is a [`Trial`].
///
/// A swarm may be large, and a client has to do with few of it: a stranger costs nothing here.
#[derive(Debug)]
pub(super) struct Members {
    me: Rank,
    /// All whom the tracker has told of, in rank order, and perhaps the client itself.
    ranks: Arc<[Rank]>,
    /// How many others there were in the swarm when the tracker last told.
    others: usize,
    /// Those of them that are seeds, in rank order.
    seeds: Arc<[Rank]>,
    /// What was seen of those with whom the client has had to do.
    seen: BTreeMap<Rank, Member>,
    /// Those that can be asked for something, though it is no time for a trial, in rank order.
    ready: Vec<Rank>,
    /// When appointments come, and rests end.
    alarms: BTreeSet<(Duration, Rank)>,
    /// How many keep a slot.
    slots_kept: usize,
    /// The length of the file.
    segments: usize,
    /// What the client itself holds of it.
    gained: SegmentSet,
    /// Who holds what the client does not, besides the seeds.
    holders: BTreeMap<SegmentIndex, Vec<Rank>>,
    /// Whether they are not asked for what they are not known to hold, because the tracker tells.
    is_told: bool,
    /// Whether they are asked who is busy before they are asked for anything.
    is_polled: bool,
    /// How long serving a segment takes.
    upload_time: Duration,
    /// How many requests to one member are in flight at most, if not any number.
    at_a_time: Option<NonZeroUsize>,
    trial: Trial,
    /// Who is to be asked next: it keeps a slot, or somebody has hinted at it.
    invitations: VecDeque<Rank>,
}

/// Who is asked before others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// How many wrong hashes such a member has sent.
    wrong: u8,
    /// Whether to ask it is a trial that is not due.
    is_last: bool,
}

impl Members {
    /// The first list, with what they hold if the tracker tells; `order` hears of each segment.
    ///
    /// # Errors
    /// When it tells of more or fewer members than there are.
    pub(super) fn new(
        me: Rank,
        joined: Joined,
        settings: &Settings,
        is_polled: bool,
        order: &mut dyn Order,
    ) -> Result<Members> {
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
        let mut members = Members {
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

    /// A later list, of all of them or of some, which adds to those before. They still hold what they
    /// held of the file.
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

    fn list(&mut self) {
        let known = self.seen.keys().chain(&*self.seeds).copied();
        self.ready = known
            .filter(|&rank| self.is_ready(rank, self.get(rank)))
            .collect();
        self.ready.sort();
        self.ready.dedup();
    }

    /// Whether the tracker has told of all of them.
    pub(super) fn are_all_known(&self) -> bool {
        self.others_in(&self.ranks) >= self.others
    }

    fn others_in(&self, ranks: &[Rank]) -> usize {
        ranks.len() - usize::from(ranks.binary_search(&self.me).is_ok())
    }

    fn get(&self, member: Rank) -> &Member {
        self.seen.get(&member).unwrap_or(&STRANGER)
    }

    /// A member shows something.
    fn change<T>(&mut self, rank: Rank, change: impl FnOnce(&mut Member) -> T) -> T {
        let member = self.seen.entry(rank).or_insert_with(|| STRANGER.clone());
        let value = change(member);
        let is_ready = self.is_ready(rank, self.get(rank));
        match (self.ready.binary_search(&rank), is_ready) {
            (Ok(place), false) => {
                self.ready.remove(place);
            }
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

    /// A member holds a segment. If the client itself does, that is of no use to it.
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

    /// Whether a member holds a segment, as far as is known.
    pub(super) fn holds(&self, member: Rank, segment: SegmentIndex) -> bool {
        let held = &self.get(member).held;
        held.as_ref().is_some_and(|held| held.contains(segment)) || self.is_seed(member)
    }

    /// Whether it is certain that a member sends a segment, as far as is known.
    fn is_sure(&self, member: Rank, segment: SegmentIndex) -> bool {
        !self.get(member).is_doubted && self.holds(member, segment)
    }

    /// A member is asked for a segment, or whether it has it.
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
    pub(super) fn was_wrong(&mut self, rank: Rank) {
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

    /// A member has no slot free, and keeps one from then on.
    pub(super) fn is_busy(&mut self, rank: Rank, until: Duration) {
        self.trial.succeed(rank);
        let before = self.answers(rank, |member| member.appointment.replace(until));
        self.slots_kept += usize::from(before.is_none());
        self.alarms.insert((until, rank));
    }

    fn answers<T>(&mut self, rank: Rank, change: impl FnOnce(&mut Member) -> T) -> T {
        self.change(rank, |member| {
            member.in_flight = member.in_flight.saturating_sub(1);
            change(member)
        })
    }

    /// Somebody says that a member holds a segment, which is lacking.
    pub(super) fn heed(&mut self, hint: Hint, order: &mut dyn Order) {
        let Hint { holder, segment } = hint;
        if holder != self.me && self.ranks.binary_search(&holder).is_ok() {
            self.change(holder, |member| member.hint = Some(segment));
            self.invitations.push_back(holder);
            self.learn(holder, segment, order);
        }
    }

    /// Who is to be asked next, because it keeps a slot or was hinted at, and for what.
    pub(super) fn next_invitation(&mut self) -> Option<(Rank, Option<SegmentIndex>)> {
        loop {
            let rank = self.invitations.pop_front()?;
            let member = self.get(rank);
            if member.is_free(self.at_a_time) && !member.is_doubted && member.wrong == 0 {
                return Some((rank, self.change(rank, |member| member.hint.take())));
            }
        }
    }

    /// When something changes by itself.
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

    /// Whether any of them keeps a slot.
    pub(super) fn keep_slots(&self) -> bool {
        self.slots_kept > 0
    }

    /// Who may be asked for something now, in rank order. A client that is idle tries everybody, before
    /// it is time.
    pub(super) fn askable(&self, is_idle: bool) -> Cow<'_, [Rank]> {
        let is_tried = |member: &Member| is_idle || self.can_be_tried(member);
        let are_strangers_tried = is_idle || !self.is_told && self.can_be_tried(&STRANGER);
        if !are_strangers_tried {
            return (&self.ready).into();
        }
        if self.at_a_time.is_none() {
            return (&*self.ranks).into(); // whoever it is has room
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

    /// The standings in which members are asked, the best first. Who has sent wrong hashes, or is not
    /// to be tried yet, is asked by a client that is idle.
    pub(super) fn standings(&self, is_idle: bool) -> impl Iterator<Item = Standing> + use<> {
        let anybody_wrong = is_idle && self.seen.values().any(|member| member.wrong > 0);
        let most_wrong = if anybody_wrong { MOST_WRONG } else { 1 };
        let last: &[bool] = if is_idle { &[false, true] } else { &[false] };
        (0..most_wrong)
            .flat_map(|wrong| last.iter().map(move |&is_last| Standing { wrong, is_last }))
    }

    /// Whether a member can be asked for a segment now, and has this standing for it.
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

    /// Whether a member can be asked for what it is not known to hold.
    fn can_be_tried(&self, member: &Member) -> bool {
        let is_due = member.is_proven || self.trial == Trial::Due;
        if self.is_polled {
            return is_due || self.upload_time.is_zero();
        }
        is_due && member.spared == 0 && member.rests.is_none()
    }
}

/// All of both, which are in rank order.
fn union(one: &[Rank], other: &[Rank]) -> Arc<[Rank]> {
    let mut all = [one, other].concat();
    all.sort();
    all.dedup();
    all.into()
}

#[cfg(test)]
mod tests;
