//! The download of one file: what is lacking, what is in flight, and which member is asked for
//! what.
//!
//! `answers` says what becomes of an answer, and `calls` how a call is answered.

mod answers;
mod calls;
mod freshness;

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use anyhow::{Result, bail, ensure};

use freshness::{Freshness, PATIENCE};

use super::flight::InFlight;
use super::lacking::Lacking;
use super::members::KnownMembers;
use super::sources::Sources;
use crate::policy::selection::Choice;
use crate::protocol::{self, FileId, Hashes, Joined, Rank, SegmentIndex, SegmentRequest, ToUpload};
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
    /// How old the last list of members is.
    freshness: Freshness,
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
            freshness: Freshness::new(settings.upload_time),
            now,
            granted: 0,
            fruitless_rounds: 0,
            gained: Vec::new(),
            missed: VecDeque::new(),
            leaves: false,
        };
        fetch.renew_list();
        Ok(fetch)
    }

    /// Takes the tracker's new list of members. Refusals before it do not count any more.
    ///
    /// # Errors
    /// When no list was asked for.
    pub(super) fn refresh(&mut self, now: Duration, swarm: protocol::Members) -> Result<()> {
        ensure!(mem::take(&mut self.awaits_members), "nobody asked for it");
        self.now = now;
        self.renew_list();
        self.members.refresh(swarm, self.lacking.order());
        if self.freshness.is_out_of_patience() {
            self.members.count_on_no_call();
        }
        self.lacking.relist();
        Ok(())
    }

    /// There is a new list of members.
    fn renew_list(&mut self) {
        let is_first = self.gained.is_empty() && self.members.have_queues();
        self.freshness.renew(self.now, is_first);
    }

    /// When there is something to do without a message, if ever. Call [`Fetch::wake`] then.
    pub(super) fn due(&self) -> Option<Duration> {
        let waits = self.in_flight.is_empty() && (!self.is_idle() || self.members.have_queues());
        let stale = (self.freshness.stale()).filter(|&stale| waits && stale > self.now);
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

    /// What the report will say of it, now that it is over.
    pub(super) fn into_record(self) -> FileDownload {
        let sources = self.members.sources();
        FileDownload {
            sources,
            ..self.record.0
        }
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
        } else if (!self.is_idle() || self.members.have_queues())
            && !self.freshness.is_stale(self.now)
        {
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

    /// Chooses the next segment to ask for, and whom to ask: first a segment that was refused
    /// elsewhere, then a new one, if it may be begun.
    fn choose(&mut self, sources: &mut Sources) -> Option<(SegmentIndex, Choice)> {
        let is_idle = self.is_idle();
        if self.lacking.is_empty() || !is_idle && !self.may_wait() {
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

    /// Whether nothing will come by itself: nothing is in flight, and no member will call that holds
    /// what is lacking. Where serving takes time and the tracker names some members only, there may be
    /// none among these. Then the client is not idle: it waits for a call, or for the next list.
    fn is_idle(&self) -> bool {
        let is_left_to_chance =
            || !self.settings.upload_time.is_zero() && !self.members.are_all_known();
        self.in_flight.is_empty() && !self.members.will_call() && !is_left_to_chance()
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
        self.in_flight.ask(segment, member);
        let hash = self.hashes.get(segment);
        let request = SegmentRequest {
            file: self.file,
            segment,
            hash: hash.expect("only positions of the file are asked for"),
            is_called,
            gained: self.members.comes_to(member, segment, &self.gained),
        };
        ask(member, ToUpload::SegmentRequest(request));
    }
}
