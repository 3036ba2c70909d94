//! The members of a file's swarm, as one client knows them: what each holds, and when it is worth a
//! question.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroUsize;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::trial::Trial;
use crate::policy::order::Order;
use crate::protocol::{self, Hint, Joined, Rank, SegmentIndex, SegmentSet};
use crate::settings::Settings;

/// A member that has sent so many wrong hashes is not asked for the file again.
const MOST_WRONG: u8 = 3;

/// For so many upload times a member that refuses is not tried again; twice as long after the second
/// refusal in a row, and so on, but not more often than [`MOST_DOUBLED`].
const REST: u32 = 4;
const MOST_DOUBLED: u32 = 5;

/// Whom segments of one file can be asked of: all members but the client itself.
///
/// A seed holds every segment, and the tracker says who is one. What else a peer holds the tracker
/// tells, or refusals hint at. Of any other segment nothing is known, unless the tracker tells all: to
/// ask for it is a [`Trial`].
#[derive(Debug)]
pub(super) struct Members {
    me: Rank,
    /// In rank order.
    ranks: Vec<Rank>,
    /// In the same order.
    members: Vec<Member>,
    /// What they hold at least.
    held: BTreeMap<Rank, SegmentSet>,
    /// The length of the file.
    segments: usize,
    /// Whether they are not asked for what they are not known to hold, because the tracker tells.
    is_told: bool,
    /// Whether they are asked who is busy before they are asked for anything.
    is_polled: bool,
    /// How long serving a segment takes.
    upload_time: Duration,
    /// How many requests to one member are in flight at most.
    at_a_time: usize,
    trial: Trial,
    /// Who is to be asked next: it keeps a slot, or somebody has hinted at it.
    invitations: VecDeque<Rank>,
}

/// What one member has shown.
#[derive(Debug, Clone, Default)]
struct Member {
    is_seed: bool,
    /// Whether it was tried, and has held what it was asked for ever since.
    is_proven: bool,
    /// Whether it has refused what it was known to hold. Until it holds what it is asked for, to ask it
    /// is a trial.
    is_doubted: bool,
    /// How many wrong hashes it has sent: the more, the later it is asked.
    wrong: u8,
    /// How many trials of it have failed in a row.
    refusals: u32,
    /// For so many lists of members it is not tried, where serving takes no time.
    spared: u32,
    /// Until when it is not tried, where serving takes time.
    rests: Option<Duration>,
    /// When a slot is kept, because it had none free.
    appointment: Option<Duration>,
    /// A segment that it was last said to hold.
    hint: Option<SegmentIndex>,
    /// How many requests to it are in flight.
    in_flight: usize,
}

/// Who is asked before others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// How many wrong hashes such a member has sent.
    wrong: u8,
    /// Whether to ask it is a trial that is not due.
    pub(super) is_last: bool,
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
        held.iter()
            .flat_map(SegmentSet::iter)
            .for_each(|segment| order.spread(segment));
        let upload_time = settings.upload_time;
        let slots = settings.upload_slots.filter(|_| !upload_time.is_zero());
        let mut members = Members {
            me,
            held: ranks.iter().copied().zip(held).collect(),
            ranks: Vec::new(),
            members: Vec::new(),
            segments: hashes.len(),
            is_told,
            is_polled,
            upload_time,
            at_a_time: slots.map_or(usize::MAX, NonZeroUsize::get),
            trial: Trial::Due,
            invitations: VecDeque::new(),
        };
        members.list(ranks, &seeds);
        Ok(members)
    }

    /// A later list. They still hold what they held of the file.
    pub(super) fn refresh(&mut self, swarm: protocol::Members, order: &mut dyn Order) {
        self.list(swarm.members, &swarm.seeds);
        for news in swarm.gained {
            for segment in news.segments {
                self.learn(news.member, segment, order);
            }
        }
    }

    fn list(&mut self, mut ranks: Vec<Rank>, seeds: &[Rank]) {
        ranks.retain(|&rank| rank != self.me);
        let known = |&rank: &Rank| self.get(rank).cloned().unwrap_or_default();
        let mut members: Vec<Member> = ranks.iter().map(known).collect();
        for (rank, member) in ranks.iter().zip(&mut members) {
            member.is_seed = seeds.binary_search(rank).is_ok();
            member.spared = member.spared.saturating_sub(1);
        }
        self.trial.relist();
        (self.ranks, self.members) = (ranks, members);
    }

    fn learn(&mut self, member: Rank, segment: SegmentIndex, order: &mut dyn Order) {
        let none = || SegmentSet::none(self.segments);
        if self.held.entry(member).or_insert_with(none).insert(segment) {
            order.spread(segment);
        }
    }

    /// All of them, in rank order.
    pub(super) fn ranks(&self) -> &[Rank] {
        &self.ranks
    }

    fn get(&self, member: Rank) -> Option<&Member> {
        let place = self.ranks.binary_search(&member).ok()?;
        Some(&self.members[place])
    }

    fn get_mut(&mut self, member: Rank) -> Option<&mut Member> {
        let place = self.ranks.binary_search(&member).ok()?;
        Some(&mut self.members[place])
    }

    /// Whether a member holds a segment, as far as is known.
    pub(super) fn holds(&self, member: Rank, segment: SegmentIndex) -> bool {
        let held = self.held.get(&member);
        held.is_some_and(|held| held.contains(segment))
            || self.get(member).is_some_and(|member| member.is_seed)
    }

    /// Whether it is certain that a member sends a segment, as far as is known.
    pub(super) fn is_sure(&self, member: Rank, segment: SegmentIndex) -> bool {
        self.holds(member, segment) && self.get(member).is_some_and(|member| !member.is_doubted)
    }

    /// Whether a member can be asked for a segment at all.
    pub(super) fn may_hold(&self, member: Rank, segment: SegmentIndex) -> bool {
        !self.is_told || self.holds(member, segment)
    }

    /// A member is asked for a segment, or whether it has it.
    pub(super) fn asks(&mut self, rank: Rank, segment: SegmentIndex) {
        let is_sure = self.is_sure(rank, segment);
        if let Some(member) = self.get_mut(rank) {
            member.in_flight += 1;
            if !is_sure && !member.is_proven {
                self.trial.begin(rank);
            }
        }
    }

    /// A member holds what it was asked for.
    pub(super) fn has_held(&mut self, rank: Rank, segment: SegmentIndex) {
        let was_sure = self.is_sure(rank, segment);
        self.trial.succeed(rank);
        if let Some(member) = self.answered(rank)
            && !was_sure
        {
            member.is_proven = true;
            member.is_doubted = false;
            member.refusals = 0;
            member.spared = 0;
            member.rests = None;
        }
    }

    /// A member has sent a wrong hash.
    pub(super) fn was_wrong(&mut self, rank: Rank) {
        self.trial.succeed(rank);
        if let Some(member) = self.answered(rank) {
            member.wrong = member.wrong.saturating_add(1); // a wide window may be full of them
        }
    }

    /// A member does not hold what it was asked for.
    pub(super) fn has_refused(&mut self, now: Duration, rank: Rank, segment: SegmentIndex) {
        let held = self.holds(rank, segment);
        let upload_time = self.upload_time;
        self.trial.fail(rank, now, upload_time);
        if let Some(member) = self.answered(rank) {
            member.is_proven = false;
            member.is_doubted |= held;
            let pause = REST << member.refusals.min(MOST_DOUBLED);
            member.refusals = member.refusals.saturating_add(1);
            if upload_time.is_zero() {
                member.spared = member.refusals;
            } else {
                member.rests = Some(now.saturating_add(upload_time.saturating_mul(pause)));
            }
        }
    }

    /// A member has no slot free, and keeps one from then on.
    pub(super) fn is_busy(&mut self, rank: Rank, until: Duration) {
        self.trial.succeed(rank);
        if let Some(member) = self.answered(rank) {
            member.appointment = Some(until);
        }
    }

    fn answered(&mut self, member: Rank) -> Option<&mut Member> {
        let member = self.get_mut(member)?;
        member.in_flight = member.in_flight.saturating_sub(1);
        Some(member)
    }

    /// Somebody says that a member holds a segment, which is lacking.
    pub(super) fn heed(&mut self, hint: Hint, order: &mut dyn Order) {
        let Hint { holder, segment } = hint;
        if let Some(member) = self.get_mut(holder) {
            member.hint = Some(segment);
            self.invitations.push_back(holder);
            self.learn(holder, segment, order);
        }
    }

    /// Who is to be asked next, because it keeps a slot or was hinted at, and for what.
    pub(super) fn next_invitation(&mut self) -> Option<(Rank, Option<SegmentIndex>)> {
        loop {
            let rank = self.invitations.pop_front()?;
            let at_a_time = self.at_a_time;
            if let Some(member) = self.get_mut(rank)
                && member.is_free(at_a_time)
                && !member.is_doubted
                && member.wrong == 0
            {
                return Some((rank, member.hint.take()));
            }
        }
    }

    /// When something changes by itself.
    pub(super) fn due(&self) -> Option<Duration> {
        let members = self.members.iter();
        let times = members.flat_map(|member| [member.appointment, member.rests]);
        times.chain([self.trial.due()]).flatten().min()
    }

    /// Time has passed.
    pub(super) fn wake(&mut self, now: Duration) {
        self.trial.wake(now);
        for (&rank, member) in self.ranks.iter().zip(&mut self.members) {
            if member.appointment.take_if(|time| *time <= now).is_some() {
                self.invitations.push_back(rank);
            }
            member.rests.take_if(|time| *time <= now);
        }
    }

    /// Whether there is anybody who can be asked for something now. A client that is idle tries peers
    /// before it is time.
    pub(super) fn is_anybody_free(&self, is_idle: bool) -> bool {
        let may_hold =
            |rank: &Rank, member: &Member| member.is_seed || self.held.contains_key(rank);
        let free = |rank: &Rank, member: &Member| {
            let is_tried = is_idle || self.can_be_tried(member);
            member.is_free(self.at_a_time)
                && (is_tried || !member.is_doubted && may_hold(rank, member))
        };
        (self.ranks.iter().zip(&self.members)).any(|(rank, member)| free(rank, member))
    }

    /// Whether any of them keeps a slot.
    pub(super) fn keep_slots(&self) -> bool {
        (self.members.iter()).any(|member| member.appointment.is_some())
    }

    /// The standings that members of this swarm can have, the best first.
    pub(super) fn standings(&self) -> impl Iterator<Item = Standing> + use<> {
        let anybody_wrong = self.members.iter().any(|member| member.wrong > 0);
        let most_wrong = if anybody_wrong { MOST_WRONG } else { 1 };
        (0..most_wrong).flat_map(|wrong| [false, true].map(|is_last| Standing { wrong, is_last }))
    }

    /// Whether a member has it, for a segment.
    pub(super) fn has_standing(
        &self,
        rank: Rank,
        segment: SegmentIndex,
        standing: Standing,
    ) -> bool {
        self.get(rank).is_some_and(|member| {
            let is_last = !self.is_sure(rank, segment) && !self.can_be_tried(member);
            member.wrong == standing.wrong && is_last == standing.is_last
        })
    }

    /// Whether a member can be asked for anything now.
    pub(super) fn is_free(&self, member: Rank) -> bool {
        (self.get(member)).is_some_and(|member| member.is_free(self.at_a_time))
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

impl Member {
    fn is_free(&self, at_a_time: usize) -> bool {
        self.appointment.is_none() && self.in_flight < at_a_time
    }
}

#[cfg(test)]
mod tests;
