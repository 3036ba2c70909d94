//! One file on its way: which of its segments are lacking, which are asked for, and who refused
//! what.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::Library;
use super::members::Members;
use super::sources::{Poll, Sources, Whom};
use crate::policy::order::Order;
use crate::policy::selection::Choice;
use crate::protocol::{
    self, Answer, Availability, FileId, Hashes, Joined, Rank, SegmentAnswer, SegmentIndex,
    SegmentRequest, ToUpload,
};
use crate::settings::Settings;
use crate::statistics::{FileDownload, Recorded};

/// When every member has refused everything that is lacking, the tracker is asked for new members;
/// when that has come so many times in a row, without a segment in between, the file is given up.
/// The tracker lists only clients that have or fetch the file, and its first owner stays, unless a
/// scenario says otherwise; so in a sound swarm it does not come even once.
const FRUITLESS_ROUNDS: usize = 3;

/// So many segments that only busy members may hold are passed over in search of one that can be
/// asked for now.
const MOST_WAITING: usize = 1000;

/// The download of one file.
///
/// Every segment is in one place: held (in the library), in flight, still to come in the order,
/// refused, waiting or exhausted.
#[derive(Debug)]
pub(super) struct Fetch {
    pub(super) file: FileId,
    /// What is told of it in the report.
    pub(super) record: Recorded<FileDownload>,
    settings: Settings,
    hashes: Hashes,
    members: Members,
    /// Never asked for.
    order: Box<dyn Order>,
    /// To be asked of a member that has not refused it yet.
    refused: VecDeque<Lacking>,
    /// To be asked of a member that is busy.
    waiting: Vec<Lacking>,
    /// Refused by every member; to be asked again of the members that the tracker lists next.
    exhausted: Vec<Lacking>,
    in_flight: BTreeMap<SegmentIndex, InFlight>,
    /// Segments gained since the tracker was last told.
    untold: Vec<SegmentIndex>,
    lacking: usize,
    /// Whether the tracker was asked for the members. Until it answers, nobody is asked for more.
    awaits_members: bool,
    /// Whether slots were waited for since the tracker last told what members hold.
    is_behind: bool,
    /// Segments that the tracker has granted, if it grants.
    granted: usize,
    /// Segments that were asked for at all.
    begun: usize,
    /// How many times everybody has refused everything since a segment was last gained.
    fruitless_rounds: usize,
    /// Whether the client leaves, and asks for nothing more.
    leaves: bool,
}

/// A segment that is not held.
#[derive(Debug)]
struct Lacking {
    segment: SegmentIndex,
    /// The members that refused it since the tracker last listed them: these are not asked twice.
    refused_by: Vec<Rank>,
}

/// A segment that is being asked for.
#[derive(Debug)]
struct InFlight {
    refused_by: Vec<Rank>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// AVAILABILITY_REQUESTs are out.
    Polling(Poll),
    /// SEGMENT_REQUEST is out, to this member.
    Asked(Rank),
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
        me: Rank,
        joined: Joined,
        record: FileDownload,
        settings: Settings,
        sources: &mut Sources,
    ) -> Result<Fetch> {
        let Joined {
            file,
            hashes,
            members,
            held,
        } = joined;
        let mut order = sources.order(&settings, hashes.len());
        let members = Members::new(me, members, held, settings.knows_segments(), &mut *order)?;
        Ok(Fetch {
            file,
            record: Recorded(record),
            settings,
            members,
            order,
            refused: VecDeque::new(),
            waiting: Vec::new(),
            exhausted: Vec::new(),
            in_flight: BTreeMap::new(),
            untold: Vec::new(),
            lacking: hashes.len(),
            hashes,
            awaits_members: false,
            is_behind: false,
            granted: 0,
            begun: 0,
            fruitless_rounds: 0,
            leaves: false,
        })
    }

    /// The tracker's new list of members. What was refused may be asked of anybody again.
    ///
    /// # Errors
    /// When it was not asked for.
    pub(super) fn refresh(&mut self, swarm: protocol::Members) -> Result<()> {
        ensure!(mem::take(&mut self.awaits_members), "nobody asked for it");
        self.is_behind = false;
        self.members
            .refresh(swarm, self.hashes.len(), &mut *self.order);
        self.refused.extend(mem::take(&mut self.exhausted));
        self.ask_anybody_again();
        Ok(())
    }

    /// When a member that is busy has a slot free, if that is waited for. [`Fetch::wake`] is to be
    /// called then.
    pub(super) fn due(&self) -> Option<Duration> {
        self.members.due().filter(|_| self.may_ask())
    }

    /// Time has passed.
    pub(super) fn wake(&mut self, now: Duration) {
        self.members.wake(now);
        self.is_behind = self.settings.knows_segments();
        self.ask_anybody_again();
    }

    /// What was refused may be asked of anybody again, what waits goes first.
    fn ask_anybody_again(&mut self) {
        for lacking in self.waiting.drain(..).rev() {
            self.refused.push_front(lacking);
        }
        for lacking in &mut self.refused {
            lacking.refused_by.clear();
        }
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
        } = answer;
        let mut asked = (self.in_flight.remove(&segment))
            .filter(|asked| {
                file == self.file && matches!(asked.stage, Stage::Asked(member) if member == from)
            })
            .context("nobody asked for it")?;
        let came = match answer {
            Answer::Ack(hash) => {
                let right = library.store(file, segment, *hash);
                if right {
                    self.members.has_sent(from);
                } else {
                    self.members.was_wrong(from);
                }
                right
            }
            Answer::Nack => {
                self.members.has_refused(from);
                false
            }
            Answer::Busy(time) => {
                self.members.is_busy_until(from, now.saturating_add(*time));
                self.refused.push_front(Lacking {
                    segment,
                    refused_by: asked.refused_by,
                });
                return Ok(false);
            }
        };
        if came {
            self.lacking -= 1;
            self.untold.push(segment);
            self.fruitless_rounds = 0;
            self.record.gained(now, from, self.lacking);
        } else {
            asked.refused_by.push(from);
            self.refused.push_back(Lacking {
                segment,
                refused_by: asked.refused_by,
            });
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
        let in_flight = (self.in_flight.get_mut(&segment))
            .filter(|_| file == self.file)
            .context("nobody asked for it")?;
        let Stage::Polling(poll) = &mut in_flight.stage else {
            bail!("nobody asked for it");
        };
        poll.answer(from, load)?;
        if load.is_none() {
            in_flight.refused_by.push(from);
            self.members.has_refused(from);
        }
        if !poll.is_over() {
            return Ok(());
        }
        let member = if self.awaits_members || self.leaves {
            None // it asks for no more; or the members that come may be other ones
        } else {
            sources.least_busy(poll)
        };
        if let Some(member) = member {
            in_flight.stage = Stage::Asked(member);
            ask(member, self.request(segment));
        } else if let Some(InFlight { refused_by, .. }) = self.in_flight.remove(&segment) {
            self.refused.push_back(Lacking {
                segment,
                refused_by,
            });
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
        let idle = self.in_flight.is_empty() && self.lacking > 0;
        if self.is_behind && idle && self.may_ask() {
            self.awaits_members = true;
            return Next::AskTracker;
        }
        while self.may_ask() {
            let Some((lacking, choice)) = self.choose(sources) else {
                break;
            };
            self.turn_to(lacking, choice, sources, ask);
        }
        let untold = self.untold.len().cmp(&self.settings.update_interval.get());
        if self.awaits_members {
            Next::Answers
        } else if untold.is_gt() || untold.is_eq() && self.lacking > 0 {
            self.awaits_members = true;
            Next::Update
        } else if !self.in_flight.is_empty() {
            Next::Answers
        } else if self.lacking == 0 {
            Next::Complete
        } else if self.leaves && !self.awaits_grant() {
            Next::Leave
        } else if self.awaits_grant() || self.awaits_slot() {
            Next::Answers
        } else {
            self.fruitless_rounds += 1;
            if self.fruitless_rounds < FRUITLESS_ROUNDS {
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

    /// The next segment to ask for and whom to turn to: first what was refused elsewhere, then the
    /// next one in order, if it may be begun.
    fn choose(&mut self, sources: &mut Sources) -> Option<(Lacking, Choice)> {
        while self.members.is_anybody_free() && self.waiting.len() < MOST_WAITING {
            let lacking = self.refused.pop_front().or_else(|| self.begin())?;
            match sources.choose(&self.members, lacking.segment, &lacking.refused_by) {
                Whom::Choice(choice) => return Some((lacking, choice)),
                Whom::Busy => self.waiting.push(lacking),
                Whom::Nobody => self.exhausted.push(lacking),
            }
        }
        None
    }

    /// Whether a busy member is to be asked when it has a slot free.
    fn awaits_slot(&self) -> bool {
        !self.waiting.is_empty() || !self.members.is_anybody_free()
    }

    /// The next segment in order, if it was granted or needs no grant.
    fn begin(&mut self) -> Option<Lacking> {
        if self.settings.tracker_grants && self.begun == self.granted {
            return None;
        }
        let segment = self.order.next()?;
        self.begun += 1;
        Some(Lacking {
            segment,
            refused_by: Vec::new(),
        })
    }

    /// Whether the tracker owes a grant: it keeps a window's worth of granted segments that have
    /// not come.
    fn awaits_grant(&self) -> bool {
        let came = self.hashes.len() - self.lacking;
        let due = (came + self.settings.window.get()).min(self.hashes.len());
        self.settings.tracker_grants && self.granted < due
    }

    fn turn_to(&mut self, lacking: Lacking, choice: Choice, sources: &Sources, ask: Ask<'_>) {
        let Lacking {
            segment,
            refused_by,
        } = lacking;
        let stage = match choice {
            Choice::Member(member) => {
                ask(member, self.request(segment));
                Stage::Asked(member)
            }
            Choice::LeastBusyOf(members) => {
                let file = self.file;
                for &member in &members {
                    ask(member, ToUpload::AvailabilityRequest { file, segment });
                }
                Stage::Polling(sources.poll(members))
            }
        };
        self.in_flight
            .insert(segment, InFlight { refused_by, stage });
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
