//! The download of one file: what is lacking, what is in flight, and which member is asked for
//! what.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use anyhow::{Result, bail, ensure};

use super::Library;
use super::flight::InFlight;
use super::lacking::Lacking;
use super::members::KnownMembers;
use super::sources::Sources;
use crate::limits::LONGEST_TIME;
use crate::policy::selection::Choice;
use crate::protocol::{
    self, Answer, Availability, Call, Decline, FileId, Hashes, Joined, Rank, SegmentAnswer,
    SegmentIndex, SegmentRequest, ToUpload,
};
use crate::settings::Settings;
use crate::statistics::{FileDownload, Recorded};

/// How many fruitless rounds in a row make the client give the file up.
///
/// A round is fruitless when every member has refused everything that is lacking. Then the client
/// asks the tracker for new members. A segment that comes ends the row, and the client does not
/// give up while the swarm has members that it was not told of. In a sound swarm no round is
/// fruitless: the tracker lists only clients that have or fetch the file, and the file's first
/// owner stays, unless a scenario says otherwise.
const FRUITLESS_ROUNDS: usize = 3;

/// The most segments that a search for one that can be asked for now passes over, because only busy
/// members are likely to hold them. It bounds the time of the search.
const MOST_WAITING: usize = 1000;

/// The age of a list of members, in upload times, at which a client that only waits for members asks the
/// tracker for a new one. The first list may be older than the swarm: it lasts for one upload time.
const STALE: u32 = 5;

/// The number of queues in which a client waits. Among 20 to 50 neighbours a swarm that fetches the rarest
/// first is within 1.09 of the bound, however large it is; but each queue costs calls that come to nothing.
const QUEUES: usize = 13;

/// The number of further queues in which it may wait after each list in a row that brought no segment.
const MORE_QUEUES: usize = 4;

/// After this many lists in a row that brought no segment, each twice as old as the one before when the
/// next was asked for, the client counts on no call any more. A member may be wrong about what it lacks.
const PATIENCE: u32 = 8;

/// The download of one file.
///
/// Every segment is either held (in the library), or in flight, or lacking.
#[derive(Debug)]
pub(super) struct Fetch {
    pub(super) file: FileId,
    /// What the report will say of it.
    pub(super) record: Recorded<FileDownload>,
    settings: Settings,
    hashes: Hashes,
    members: KnownMembers,
    lacking: Lacking,
    in_flight: InFlight,
    /// The number of segments that are not held.
    to_come: usize,
    /// The segments that the tracker was not told of.
    untold: Vec<SegmentIndex>,
    /// Whether the client waits for a list of members. Until it comes, no member is asked for a
    /// segment.
    awaits_members: bool,
    /// When the last list of members becomes too old. `None`: never.
    stale: Option<Duration>,
    /// The number of lists in a row that brought no segment, where lists become too old.
    in_vain: u32,
    /// The age at which the last list becomes too old.
    lasts: Duration,
    /// The time of the last message or wake-up.
    now: Duration,
    /// The number of segments that the tracker has granted, where it grants.
    granted: usize,
    /// The number of fruitless rounds since a segment last came: see [`FRUITLESS_ROUNDS`].
    fruitless_rounds: usize,
    /// The segments that came, in order.
    gained: Vec<SegmentIndex>,
    /// The members that called when nothing could be asked for. The client comes back to them.
    missed: VecDeque<Rank>,
    /// Whether the client leaves. Then it asks for nothing more.
    leaves: bool,
}

/// What the download of a file needs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A message or a time to wait for: an answer of a member or of the tracker, a grant, or a
    /// slot.
    Answers,
    /// To tell the tracker of an interval's segments, and to get the members anew (R6).
    Update,
    /// To ask the tracker for the members: the known ones have all refused, or the list is too old.
    /// Nothing is in flight.
    AskTracker,
    /// Nothing: every segment is held.
    Complete,
    /// To be given up: nobody sends it.
    GiveUp,
    /// To be given up: the client leaves, and waits for no answer any more.
    Leave,
}

/// Posts a message to a member's upload half.
pub(super) type Ask<'a> = &'a mut dyn FnMut(Rank, ToUpload);

impl Fetch {
    /// Begins with a file of which nothing is held.
    ///
    /// # Errors
    /// When the tracker's answer contradicts itself.
    pub(super) fn new(
        now: Duration,
        me: Rank,
        joined: Joined,
        record: FileDownload,
        settings: Settings,
        sources: &mut Sources,
    ) -> Result<Fetch> {
        let (file, hashes) = (joined.file, joined.hashes.clone());
        let mut order = sources.order(&settings, hashes.len());
        let polls = settings.peer_selection.value.polls;
        let members = KnownMembers::new(me, joined, &settings, polls, &mut *order)?;
        let mut fetch = Fetch {
            file,
            record: Recorded(record),
            settings,
            members,
            lacking: Lacking::new(hashes.len(), order),
            in_flight: InFlight::default(),
            to_come: hashes.len(),
            untold: Vec::new(),
            hashes,
            awaits_members: false,
            stale: None,
            in_vain: 0,
            lasts: Duration::ZERO,
            now,
            granted: 0,
            fruitless_rounds: 0,
            gained: Vec::new(),
            missed: VecDeque::new(),
            leaves: false,
        };
        fetch.note_list();
        Ok(fetch)
    }

    /// Takes the tracker's new list of members. Refusals before it do not count any more.
    ///
    /// # Errors
    /// When no list was asked for.
    pub(super) fn refresh(&mut self, now: Duration, swarm: protocol::Members) -> Result<()> {
        ensure!(mem::take(&mut self.awaits_members), "nobody asked for it");
        self.now = now;
        self.note_list();
        self.members.refresh(swarm, self.lacking.order());
        if self.in_vain > PATIENCE {
            self.members.count_on_no_call();
        }
        self.lacking.relist();
        Ok(())
    }

    /// Notes that there is a new list of members.
    fn note_list(&mut self) {
        // Where serving takes no time, only a member that a scenario makes slow keeps a slot.
        if self.settings.upload_time.is_zero() {
            return;
        }
        // Who waits for a member that takes a year is not to ask the tracker every second.
        self.lasts = match self.in_vain {
            0 if self.gained.is_empty() && self.members.have_queues() => self.settings.upload_time,
            0 => self.settings.upload_time * STALE,
            1.. => (self.lasts * 2).min(LONGEST_TIME),
        };
        self.in_vain = self.in_vain.saturating_add(1);
        self.stale = Some(self.now + self.lasts);
    }

    /// Whether the last list of members is too old.
    fn is_stale(&self) -> bool {
        self.stale.is_some_and(|stale| stale <= self.now)
    }

    /// When there is something to do without a message, if ever. Call [`Fetch::wake`] then.
    pub(super) fn due(&self) -> Option<Duration> {
        let waits = self.in_flight.is_empty() && (!self.is_idle() || self.members.have_queues());
        let stale = self.stale.filter(|&stale| waits && stale > self.now);
        stale.filter(|_| self.may_ask() && self.to_come > 0)
    }

    /// Time has passed.
    pub(super) fn wake(&mut self, now: Duration) {
        self.now = now;
        self.lacking.end_waiting();
    }

    /// The client leaves: nothing more is asked for.
    pub(super) fn leave(&mut self) {
        self.leaves = true;
    }

    /// Whether the client leaves.
    pub(super) fn is_left(&self) -> bool {
        self.leaves
    }

    /// The tracker grants one more segment.
    ///
    /// # Errors
    /// When the file has no more segments to grant, or the grant is for another file.
    pub(super) fn grant(&mut self, file: FileId) -> Result<()> {
        if file != self.file || self.granted == self.hashes.len() {
            bail!("nobody asked for it");
        }
        self.granted += 1;
        Ok(())
    }

    /// Takes an answer to a SEGMENT_REQUEST, and returns whether the segment came. A wrong hash
    /// counts as a refusal (R4).
    ///
    /// # Errors
    /// When there was no such request.
    pub(super) fn answered(
        &mut self,
        now: Duration,
        from: Rank,
        answer: &SegmentAnswer,
        library: &Library,
    ) -> Result<bool> {
        let &SegmentAnswer {
            file,
            segment,
            ref answer,
            gained: ref news,
        } = answer;
        ensure!(file == self.file, "nobody asked for it");
        self.in_flight.answered(segment, from)?;
        self.now = now;
        let came = match answer {
            Answer::Ack(hash) if library.store(file, segment, *hash) => {
                self.members.has_held(from, segment);
                self.members.gains(segment);
                self.to_come -= 1;
                self.untold.push(segment);
                self.gained.push(segment);
                self.fruitless_rounds = 0;
                self.in_vain = 0;
                self.record.gained(now, from, self.to_come);
                true
            }
            Answer::Ack(_) => {
                self.members.sent_wrong_hash(from);
                self.lacking.refused(segment, from);
                self.lacking.put_last(segment);
                false
            }
            Answer::Nack => {
                self.members.has_refused(from, segment);
                self.lacking.refused(segment, from);
                self.lacking.put_last(segment);
                false
            }
            Answer::Busy => {
                self.members.waits_at(from);
                self.lacking.put_first(segment);
                false
            }
        };
        self.hear(from, news);
        Ok(came)
    }

    /// Takes what a member says that it has gained.
    fn hear(&mut self, from: Rank, news: &[SegmentIndex]) {
        for &segment in news {
            if self.lacking.has(segment) {
                self.lacking.forget_refusal(segment, from);
            }
            self.members.hears_of(from, segment, self.lacking.order());
        }
    }

    /// Takes the call of a member in whose queue the client waits: asks for what it suggests, or else
    /// for the next segment that it holds, or declines.
    pub(super) fn called(&mut self, now: Duration, from: Rank, call: &Call, ask: Ask<'_>) {
        self.now = now;
        self.hear(from, &call.gained);
        self.members.calls(from, call.segment.is_some());
        let Some(suggested) = call.segment else {
            return;
        };
        let (may_ask, may_begin) = (self.may_ask(), self.may_begin());
        let is_trusted = !self.members.is_distrusted(from);
        let segment = if !(may_ask && is_trusted) {
            None
        } else if !self.lacking.refused_by(suggested).contains(&from)
            && self.lacking.take(suggested, may_begin)
        {
            Some(suggested)
        } else {
            self.lacking.end_waiting(); // this member can be asked now
            let members = &self.members;
            (self.lacking).next_of(from, may_begin, |segment| members.holds(from, segment))
        };
        match segment {
            Some(segment) => {
                self.ask_for(segment, from, true, ask);
                self.lacking.begin(segment);
            }
            None => {
                if is_trusted && !(may_ask && may_begin) {
                    self.missed.push_back(from);
                }
                self.members.declines(from);
                let decline = Decline {
                    file: self.file,
                    waits: true,
                    gained: self.members.news(from, &self.gained),
                };
                ask(from, ToUpload::Decline(decline));
            }
        }
    }

    /// The client waits for nobody any more. Returns the members that are to be told.
    pub(super) fn leave_queues(&mut self) -> Vec<Rank> {
        self.members.leave_queues()
    }

    /// Takes an answer to an AVAILABILITY_REQUEST. After the last one, asks the least busy member
    /// that holds the segment for it.
    ///
    /// # Errors
    /// When there was no such request.
    pub(super) fn offered(
        &mut self,
        now: Duration,
        from: Rank,
        offer: &Availability,
        sources: &mut Sources,
        ask: Ask<'_>,
    ) -> Result<()> {
        let &Availability {
            file,
            segment,
            load,
        } = offer;
        ensure!(file == self.file, "nobody asked for it");
        let poll = self.in_flight.offered(segment, from, load)?;
        self.now = now;
        if load.is_none() {
            self.lacking.refused(segment, from);
            self.members.has_refused(from, segment);
        } else {
            self.members.has_held(from, segment);
        }
        let Some(poll) = poll else {
            return Ok(());
        };
        let member = if self.awaits_members || self.leaves {
            None // no more is asked for, or the new list may have other members
        } else {
            sources.least_busy(&poll)
        };
        match member {
            Some(member) => self.ask_for(segment, member, false, ask),
            None => self.lacking.put_last(segment),
        }
        Ok(())
    }

    /// Takes the segments to tell the tracker of: those gained since it was last told, but not more
    /// than an interval's.
    pub(super) fn gained(&mut self) -> Vec<SegmentIndex> {
        let told = self.untold.len().min(self.settings.update_interval.get());
        self.untold.drain(..told).collect()
    }

    /// Asks for as many segments as may be in flight, and returns what the download needs next.
    ///
    /// Requests may be in flight when an UPDATE is sent. New requests wait for its answer, and go
    /// to the members in it (R6).
    pub(super) fn next(&mut self, sources: &mut Sources, ask: Ask<'_>) -> Next {
        if self.is_idle() && self.may_ask() {
            self.lacking.end_waiting();
        }
        while self.may_ask() {
            let Some((segment, choice)) = (self.come_back()).or_else(|| self.choose(sources))
            else {
                break;
            };
            self.turn_to(segment, choice, sources, ask);
        }
        let untold = self.untold.len().cmp(&self.settings.update_interval.get());
        if self.awaits_members {
            Next::Answers
        } else if untold.is_gt() || untold.is_eq() && self.to_come > 0 {
            self.awaits_members = true;
            Next::Update
        } else if !self.in_flight.is_empty() {
            Next::Answers
        } else if self.to_come == 0 {
            Next::Complete
        } else if self.awaits_grant() {
            Next::Answers
        } else if self.leaves {
            Next::Leave
        } else if (!self.is_idle() || self.members.have_queues()) && !self.is_stale() {
            Next::Answers
        } else {
            self.fruitless_rounds += usize::from(self.is_idle());
            if self.is_idle()
                && self.fruitless_rounds >= self.most_fruitless_rounds()
                && self.members.are_all_known()
            {
                return Next::GiveUp;
            }
            self.awaits_members = true;
            Next::AskTracker
        }
    }

    /// Where members have queues they refuse nothing, and may gain what is lacking: it takes time to tell.
    fn most_fruitless_rounds(&self) -> usize {
        if self.members.have_queues() {
            PATIENCE as usize
        } else {
            FRUITLESS_ROUNDS
        }
    }

    /// Whether one more segment may be in flight.
    fn may_ask(&self) -> bool {
        !(self.awaits_members || self.leaves)
            && self.untold.len() < self.settings.update_interval.get()
            && self.in_flight.len() < self.settings.window.get()
    }

    /// Chooses a member whose call came at the wrong time, for the next segment that it holds.
    fn come_back(&mut self) -> Option<(SegmentIndex, Choice)> {
        while let Some(member) = self.missed.pop_front() {
            self.lacking.end_waiting();
            let (members, may_begin) = (&self.members, self.may_begin());
            let holds = |segment| members.holds(member, segment);
            if let Some(segment) = self.lacking.next_of(member, may_begin, holds) {
                return Some((segment, Choice::Member(member)));
            }
        }
        None
    }

    /// Chooses the next segment to ask for, and whom to ask: first a segment that was refused
    /// elsewhere, then a new one, if it may be begun.
    fn choose(&mut self, sources: &mut Sources) -> Option<(SegmentIndex, Choice)> {
        let is_idle = self.is_idle();
        if !is_idle && !self.may_wait() {
            return None;
        }
        let askable = self.members.askable(is_idle);
        while !askable.is_empty() && (is_idle || self.lacking.waiting() < MOST_WAITING) {
            let segment = self.lacking.next(self.may_begin())?;
            let refused_by = self.lacking.refused_by(segment);
            let members = &self.members;
            match sources.choose(members, &askable, segment, refused_by, is_idle) {
                Some(choice) => return Some((segment, choice)),
                None => self.lacking.let_wait(segment),
            }
        }
        None
    }

    /// Whether the client may ask a member that does not call it: it may have to wait in one more queue.
    fn may_wait(&self) -> bool {
        let waiting = self.members.waiting();
        let in_vain = usize::try_from(self.in_vain.saturating_sub(1)).unwrap_or(usize::MAX);
        let queues = QUEUES.saturating_add(MORE_QUEUES.saturating_mul(in_vain));
        !self.members.have_queues() || waiting < queues
    }

    /// Whether nothing will come by itself: nothing is in flight, and no member will call that holds
    /// what is lacking. Where serving takes time and the tracker names some members only, there may be
    /// none among these. Then the client is not idle: it waits for a call, or for the next list.
    fn is_idle(&self) -> bool {
        let is_left_to_chance =
            !self.settings.upload_time.is_zero() && !self.members.are_all_known();
        self.in_flight.is_empty() && !self.members.will_call() && !is_left_to_chance
    }

    /// Whether a new segment may be asked for.
    fn may_begin(&self) -> bool {
        !self.settings.tracker_grants || self.lacking.begun() < self.granted
    }

    /// Whether a grant is on its way: the tracker keeps a window of granted segments that have not
    /// come.
    fn awaits_grant(&self) -> bool {
        let came = self.hashes.len() - self.to_come;
        let due = (came + self.settings.window.get()).min(self.hashes.len());
        self.settings.tracker_grants && self.granted < due
    }

    /// Asks the member, or polls the members, that the policy has chosen for a segment.
    fn turn_to(&mut self, segment: SegmentIndex, choice: Choice, sources: &Sources, ask: Ask<'_>) {
        match choice {
            Choice::Member(member) => self.ask_for(segment, member, false, ask),
            Choice::LeastBusyOf(members) => {
                let file = self.file;
                for &member in &members {
                    self.members.asks(member, segment);
                    ask(member, ToUpload::AvailabilityRequest { file, segment });
                }
                self.in_flight.poll(segment, sources.poll(members));
            }
        }
        self.lacking.begin(segment);
    }

    fn ask_for(&mut self, segment: SegmentIndex, member: Rank, is_called: bool, ask: Ask<'_>) {
        self.members.asks(member, segment);
        self.members.comes_to(member);
        self.in_flight.ask(segment, member);
        let hash = self.hashes.get(segment);
        let request = SegmentRequest {
            file: self.file,
            segment,
            hash: hash.expect("only positions of the file are asked for"),
            is_called,
            gained: self.members.news(member, &self.gained),
        };
        ask(member, ToUpload::SegmentRequest(request));
    }
}
