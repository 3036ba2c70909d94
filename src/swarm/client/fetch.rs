//! One file on its way: what is lacking, what is in flight, and who is asked for what.

use std::mem;
use std::time::Duration;

use anyhow::{Result, bail, ensure};

use super::Library;
use super::flight::{InFlight, Offers};
use super::lacking::Lacking;
use super::members::Members;
use super::sources::Sources;
use crate::policy::selection::Choice;
use crate::protocol::{
    self, Answer, Availability, FileId, Hashes, Joined, Rank, SegmentAnswer, SegmentIndex,
    SegmentRequest, ToUpload,
};
use crate::settings::Settings;
use crate::statistics::{FileDownload, Recorded};

/// When every member has refused everything that is lacking, the tracker is asked for new members;
/// when that has come so many times in a row, without a segment in between, and there are no others,
/// the file is given up.
/// The tracker lists only clients that have or fetch the file, and its first owner stays, unless a
/// scenario says otherwise; so in a sound swarm it does not come even once.
const FRUITLESS_ROUNDS: usize = 3;

/// So many segments that only busy members may hold are passed over in search of one that can be
/// asked for now.
const MOST_WAITING: usize = 1000;

/// Who has nothing to do but to wait for members asks the tracker for a new list when its own is so
/// many upload times old.
const STALE: u32 = 5;

/// The download of one file.
///
/// Every segment is in one place: held (in the library), in flight, or lacking.
#[derive(Debug)]
pub(super) struct Fetch {
    pub(super) file: FileId,
    /// What is told of it in the report.
    pub(super) record: Recorded<FileDownload>,
    settings: Settings,
    hashes: Hashes,
    members: Members,
    lacking: Lacking,
    in_flight: InFlight,
    /// How many are not held.
    to_come: usize,
    /// Segments gained since the tracker was last told.
    untold: Vec<SegmentIndex>,
    /// Whether the tracker was asked for the members. Until it answers, nobody is asked for more.
    awaits_members: bool,
    /// When the last list is too old, if it ever is, and what time it is.
    stale: Option<Duration>,
    now: Duration,
    /// Segments that the tracker has granted, if it grants.
    granted: usize,
    /// How many times everybody has refused everything since a segment was last gained.
    fruitless_rounds: usize,
    /// Whether the client leaves, and asks for nothing more.
    leaves: bool,
}

/// What a file waits for, or needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Wait: for the answers to the requests in flight, for the tracker's, for a grant or a slot.
    Answers,
    /// Tell the tracker of an interval's segments, and hear who has the file now (R6).
    Update,
    /// Ask the tracker for the members: these have all refused, or may hold more than is known.
    /// Nothing is in flight.
    AskTracker,
    /// Every segment is held.
    Complete,
    /// It cannot be had.
    GiveUp,
    /// The client leaves, and nothing is owed to it any more.
    Leave,
}

/// Takes a message for a member's upload half.
pub(super) type Ask<'a> = &'a mut dyn FnMut(Rank, ToUpload);

impl Fetch {
    /// A file of which nothing is held.
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
        let members = Members::new(me, joined, &settings, sources.polls(), &mut *order)?;
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
            now,
            granted: 0,
            fruitless_rounds: 0,
            leaves: false,
        };
        fetch.note_list();
        Ok(fetch)
    }

    /// The tracker's new list of members. What was refused may be asked of anybody again.
    ///
    /// # Errors
    /// When it was not asked for.
    pub(super) fn refresh(&mut self, now: Duration, swarm: protocol::Members) -> Result<()> {
        ensure!(mem::take(&mut self.awaits_members), "nobody asked for it");
        self.now = now;
        self.note_list();
        self.members.refresh(swarm, self.lacking.order());
        self.lacking.relist();
        Ok(())
    }

    /// There is a new list.
    fn note_list(&mut self) {
        let time = self.settings.upload_time.saturating_mul(STALE);
        // Where serving takes no time nobody keeps a slot, but for who is slower than all others.
        self.stale = (!time.is_zero()).then(|| self.now.saturating_add(time));
    }

    /// Whether the last list of members is too old.
    fn is_stale(&self) -> bool {
        self.stale.is_some_and(|stale| stale <= self.now)
    }

    /// When there is something new to do without a message, if there is. [`Fetch::wake`] is to be
    /// called then.
    pub(super) fn due(&self) -> Option<Duration> {
        let waits = self.in_flight.is_empty() && !self.is_idle();
        let stale = self.stale.filter(|&stale| waits && stale > self.now);
        let times = self.members.due().into_iter().chain(stale);
        times.min().filter(|_| self.may_ask() && self.to_come > 0)
    }

    /// Time has passed.
    pub(super) fn wake(&mut self, now: Duration) {
        self.now = now;
        self.members.wake(now);
        self.lacking.end_waiting();
    }

    /// The client leaves: nothing more is asked for.
    pub(super) fn leave(&mut self) {
        self.leaves = true;
    }

    /// Whether it does.
    pub(super) fn is_left(&self) -> bool {
        self.leaves
    }

    /// The tracker grants one more segment.
    ///
    /// # Errors
    /// When it grants more than there are.
    pub(super) fn grant(&mut self, file: FileId) -> Result<()> {
        if file != self.file || self.granted == self.hashes.len() {
            bail!("nobody asked for it");
        }
        self.granted += 1;
        Ok(())
    }

    /// Takes an answer to a SEGMENT_REQUEST, and says whether the segment came. A wrong hash is as
    /// good as a refusal (R4).
    ///
    /// # Errors
    /// When nothing of the kind was asked for.
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
            ref hints,
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
                self.fruitless_rounds = 0;
                self.record.gained(now, from, self.to_come);
                true
            }
            Answer::Ack(_) => {
                self.members.was_wrong(from);
                self.lacking.refused(segment, from);
                self.lacking.put_last(segment);
                false
            }
            Answer::Nack => {
                self.members.has_refused(now, from, segment);
                self.lacking.refused(segment, from);
                self.lacking.put_last(segment);
                false
            }
            Answer::Busy(time) => {
                self.members.is_busy(from, now.saturating_add(*time));
                self.lacking.put_first(segment);
                false
            }
        };
        for &hint in hints.iter().rev() {
            if self.lacking.has(hint.segment) {
                self.lacking.forget_refusal(hint.segment, hint.holder);
                self.members.heed(hint, self.lacking.order());
            }
        }
        Ok(came)
    }

    /// Takes an answer to an AVAILABILITY_REQUEST. With the last one, the least busy member that
    /// holds the segment is asked for it.
    ///
    /// # Errors
    /// When nothing of the kind was asked for.
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
        let offers = self.in_flight.offered(segment, from, load)?;
        self.now = now;
        if load.is_none() {
            self.lacking.refused(segment, from);
            self.members.has_refused(now, from, segment);
        } else {
            self.members.has_held(from, segment);
        }
        let Offers::AllOf(poll) = offers else {
            return Ok(());
        };
        let member = if self.awaits_members || self.leaves {
            None // it asks for no more; or the members that come may be other ones
        } else {
            sources.least_busy(&poll)
        };
        if let Some(member) = member {
            self.in_flight.ask(segment, member);
            self.members.asks(member, segment);
            ask(member, self.request(segment));
        } else {
            self.lacking.put_last(segment);
        }
        Ok(())
    }

    /// The positions to tell the tracker: those gained since it was last told, but not more than an
    /// interval's.
    pub(super) fn gained(&mut self) -> Vec<SegmentIndex> {
        let told = self.untold.len().min(self.settings.update_interval.get());
        self.untold.drain(..told).collect()
    }

    /// Asks for as many segments as may be in flight, and says what is to come next.
    ///
    /// At an UPDATE requests may be in flight, but there are no new ones before its answer: they go
    /// on with the members in it (R6).
    pub(super) fn next(&mut self, sources: &mut Sources, ask: Ask<'_>) -> Next {
        if self.is_idle() && self.may_ask() {
            self.lacking.end_waiting();
        }
        while self.may_ask() {
            let Some((segment, choice)) = (self.accept()).or_else(|| self.choose(sources)) else {
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
        } else if self.leaves && !self.awaits_grant() {
            Next::Leave
        } else if self.awaits_grant() || !self.is_idle() && !self.is_stale() {
            Next::Answers
        } else if !self.is_idle() {
            self.awaits_members = true;
            Next::AskTracker
        } else {
            self.fruitless_rounds += 1;
            if self.fruitless_rounds < FRUITLESS_ROUNDS || !self.members.are_all_known() {
                self.awaits_members = true;
                Next::AskTracker
            } else {
                Next::GiveUp
            }
        }
    }

    /// Whether one more segment may be in flight.
    fn may_ask(&self) -> bool {
        !(self.awaits_members || self.leaves)
            && self.untold.len() < self.settings.update_interval.get()
            && self.in_flight.len() < self.settings.window.get()
    }

    /// A member that keeps a slot or was hinted at is asked for the segment of the hint, if that is
    /// still lacking, or for the next one that it is known to hold.
    fn accept(&mut self) -> Option<(SegmentIndex, Choice)> {
        while let Some((member, hint)) = self.members.next_invitation() {
            let may_begin = self.may_begin();
            let hinted = hint.filter(|&segment| {
                !self.lacking.refused_by(segment).contains(&member)
                    && self.lacking.take(segment, may_begin)
            });
            let members = &self.members;
            let segment = hinted.or_else(|| {
                (self.lacking).next_of(member, may_begin, |segment| members.holds(member, segment))
            });
            if let Some(segment) = segment {
                return Some((segment, Choice::Member(member)));
            }
        }
        None
    }

    /// The next segment to ask for and whom to turn to: first what was refused elsewhere, then the
    /// next one in order, if it may be begun.
    fn choose(&mut self, sources: &mut Sources) -> Option<(SegmentIndex, Choice)> {
        let is_idle = self.is_idle();
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

    /// Whether nothing will come by itself: nothing is in flight, and nobody keeps a slot. In a sound
    /// swarm that is never so for long, for its seeds are always good for one or the other. Where
    /// serving takes time and the tracker tells of some only, there may be none among those: then
    /// trials come in their time, and so do others.
    fn is_idle(&self) -> bool {
        let is_left_to_chance =
            !self.settings.upload_time.is_zero() && !self.members.are_all_known();
        self.in_flight.is_empty() && !self.members.keep_slots() && !is_left_to_chance
    }

    /// Whether one more segment may be begun.
    fn may_begin(&self) -> bool {
        !self.settings.tracker_grants || self.lacking.begun() < self.granted
    }

    /// Whether the tracker owes a grant: it keeps a window's worth of granted segments that have
    /// not come.
    fn awaits_grant(&self) -> bool {
        let came = self.hashes.len() - self.to_come;
        let due = (came + self.settings.window.get()).min(self.hashes.len());
        self.settings.tracker_grants && self.granted < due
    }

    fn turn_to(&mut self, segment: SegmentIndex, choice: Choice, sources: &Sources, ask: Ask<'_>) {
        match choice {
            Choice::Member(member) => {
                self.members.asks(member, segment);
                self.in_flight.ask(segment, member);
                ask(member, self.request(segment));
            }
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

    fn request(&self, segment: SegmentIndex) -> ToUpload {
        let hash = self.hashes.get(segment);
        ToUpload::SegmentRequest(SegmentRequest {
            file: self.file,
            segment,
            hash: hash.expect("only positions of the file are asked for"),
        })
    }
}
