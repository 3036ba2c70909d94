//! One file on its way: which of its segments are lacking, which are asked for, and who refused
//! what.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::Library;
use super::members::Members;
use super::sources::{Poll, Sources};
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
/// The tracker lists only clients that have or fetch the file, and its first owner never leaves, so
/// in a sound swarm it does not come even once.
const FRUITLESS_ROUNDS: usize = 3;

/// The download of one file.
///
/// Every segment is in one place: held (in the library), in flight, still to come in the order,
/// refused or exhausted.
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
    /// Refused by every member; to be asked again of the members that the tracker lists next.
    exhausted: Vec<Lacking>,
    in_flight: BTreeMap<SegmentIndex, InFlight>,
    /// Segments gained since the tracker was last told.
    untold: Vec<SegmentIndex>,
    lacking: usize,
    /// Segments that the tracker has granted, if it grants.
    granted: usize,
    /// Segments that were asked for at all.
    begun: usize,
    /// How many times everybody has refused everything since a segment was last gained.
    fruitless_rounds: usize,
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
    /// Wait for the answers to the requests in flight, or for a grant.
    Answers,
    /// Tell the tracker of an interval's segments, and hear who has the file now (R6). Nothing is
    /// in flight.
    Update,
    /// Ask the tracker for other members: these have all refused. Nothing is in flight.
    AskTracker,
    /// Every segment is held.
    Complete,
    /// It cannot be had.
    GiveUp,
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
            exhausted: Vec::new(),
            in_flight: BTreeMap::new(),
            untold: Vec::new(),
            lacking: hashes.len(),
            hashes,
            granted: 0,
            begun: 0,
            fruitless_rounds: 0,
        })
    }

    /// The tracker's new list of members. What was refused may be asked of anybody again.
    pub(super) fn refresh(&mut self, swarm: protocol::Members) {
        self.members
            .refresh(swarm, self.hashes.len(), &mut *self.order);
        self.refused.extend(mem::take(&mut self.exhausted));
        for lacking in &mut self.refused {
            lacking.refused_by.clear();
        }
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
                if !right {
                    self.members.was_wrong(from);
                }
                right
            }
            Answer::Nack => false,
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
        }
        if !poll.is_over() {
            return Ok(());
        }
        if let Some(member) = sources.least_busy(poll) {
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

    /// The positions gained since this was last asked for.
    pub(super) fn gained(&mut self) -> Vec<SegmentIndex> {
        mem::take(&mut self.untold)
    }

    /// Asks for as many segments as may be in flight, and says what is to come next.
    ///
    /// What is in flight and what was gained never exceed the interval together, so none is in
    /// flight at an UPDATE.
    pub(super) fn next(&mut self, sources: &mut Sources, ask: Ask<'_>) -> Next {
        let interval = self.settings.update_interval.get();
        while self.in_flight.len() < self.settings.window.get()
            && self.untold.len() + self.in_flight.len() < interval
        {
            let Some((lacking, choice)) = self.choose(sources) else {
                break;
            };
            self.turn_to(lacking, choice, sources, ask);
        }
        if !self.in_flight.is_empty() {
            Next::Answers
        } else if self.lacking == 0 {
            Next::Complete
        } else if self.untold.len() == interval {
            Next::Update
        } else if self.awaits_grant() {
            Next::Answers
        } else {
            self.fruitless_rounds += 1;
            if self.fruitless_rounds < FRUITLESS_ROUNDS {
                Next::AskTracker
            } else {
                Next::GiveUp
            }
        }
    }

    /// The next segment to ask for and whom to turn to: first what was refused elsewhere, then the
    /// next one in order, if it may be begun.
    fn choose(&mut self, sources: &mut Sources) -> Option<(Lacking, Choice)> {
        loop {
            let lacking = self.refused.pop_front().or_else(|| self.begin())?;
            match sources.choose(&self.members, lacking.segment, &lacking.refused_by) {
                Some(choice) => return Some((lacking, choice)),
                None => self.exhausted.push(lacking),
            }
        }
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
