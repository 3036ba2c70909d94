//! One file on its way: which of its segments are lacking, which are asked for, and who refused
//! what.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::ops::Range;

use anyhow::{Context, Result};

use super::selection::RoundRobin;
use super::{Library, Settings};
use crate::protocol::{
    Answer, FileId, FileName, Hashes, Rank, SegmentAnswer, SegmentIndex, SegmentRequest,
};

/// When every member has refused everything that is lacking, the tracker is asked for new members;
/// when that has come so many times in a row, without a segment in between, the file is given up.
/// The tracker lists only clients that have or fetch the file, and its first owner never leaves, so
/// in a sound swarm it does not come even once.
const FRUITLESS_ROUNDS: usize = 3;

/// A member that has sent so many wrong hashes is not asked for this file again.
const MOST_WRONG: u8 = 3;

/// The download of one file.
///
/// Every segment is in one place: held (in the library), in flight, untried, refused or exhausted.
#[derive(Debug)]
pub(super) struct Fetch {
    pub(super) name: FileName,
    pub(super) file: FileId,
    hashes: Hashes,
    /// Whom segments can be asked of, in rank order.
    members: Vec<Rank>,
    /// Never asked for.
    untried: Range<usize>,
    /// To be asked of a member that has not refused it yet.
    refused: VecDeque<Lacking>,
    /// Refused by every member; to be asked again of the members that the tracker lists next.
    exhausted: Vec<Lacking>,
    in_flight: BTreeMap<SegmentIndex, Asked>,
    /// How many wrong hashes a member has sent: the more, the later it is asked.
    wrong: BTreeMap<Rank, u8>,
    /// Segments gained since the tracker was last told.
    untold: usize,
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

/// A request without an answer yet.
#[derive(Debug)]
struct Asked {
    member: Rank,
    refused_by: Vec<Rank>,
}

/// What a file waits for, or needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Wait for the answers to the requests in flight.
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

impl Fetch {
    /// A file of which nothing is held.
    pub(super) fn new(name: FileName, file: FileId, hashes: Hashes, members: Vec<Rank>) -> Fetch {
        Fetch {
            name,
            file,
            members,
            untried: 0..hashes.len(),
            hashes,
            refused: VecDeque::new(),
            exhausted: Vec::new(),
            in_flight: BTreeMap::new(),
            wrong: BTreeMap::new(),
            untold: 0,
            fruitless_rounds: 0,
        }
    }

    /// The tracker's new list of members. What was refused may be asked of anybody again.
    pub(super) fn refresh(&mut self, members: Vec<Rank>) {
        self.members = members;
        self.refused.extend(mem::take(&mut self.exhausted));
        for lacking in &mut self.refused {
            lacking.refused_by.clear();
        }
    }

    /// Takes an answer. A wrong hash is as good as a refusal (R4).
    ///
    /// # Errors
    /// When nothing of the kind was asked for.
    pub(super) fn answered(
        &mut self,
        from: Rank,
        answer: SegmentAnswer,
        library: &Library,
    ) -> Result<()> {
        let SegmentAnswer {
            file,
            segment,
            answer,
        } = answer;
        let asked = (self.in_flight.remove(&segment))
            .filter(|asked| file == self.file && asked.member == from)
            .context("nobody asked for it")?;
        let came = match answer {
            Answer::Ack(hash) => {
                let right = library.store(file, segment, hash);
                if !right {
                    let wrong = self.wrong.entry(from).or_default();
                    *wrong = wrong.saturating_add(1); // a wide window may be full of them
                }
                right
            }
            Answer::Nack => false,
        };
        if came {
            self.untold += 1;
            self.fruitless_rounds = 0;
        } else {
            let Asked {
                member,
                mut refused_by,
            } = asked;
            refused_by.push(member);
            self.refused.push_back(Lacking {
                segment,
                refused_by,
            });
        }
        Ok(())
    }

    /// Asks for as many segments as may be in flight, and says what is to come next.
    ///
    /// What is in flight and what was gained never exceed the interval together, so none is in
    /// flight at an UPDATE.
    pub(super) fn next(
        &mut self,
        settings: Settings,
        sources: &mut RoundRobin,
        mut ask: impl FnMut(Rank, SegmentRequest),
    ) -> Next {
        let interval = settings.update_interval.get();
        while self.in_flight.len() < settings.window.get()
            && self.untold + self.in_flight.len() < interval
        {
            let Some((segment, asked)) = self.choose(sources) else {
                break;
            };
            let hash = self
                .hashes
                .get(segment)
                .expect("only positions of the file are chosen");
            ask(
                asked.member,
                SegmentRequest {
                    file: self.file,
                    segment,
                    hash,
                },
            );
            self.in_flight.insert(segment, asked);
        }
        if !self.in_flight.is_empty() {
            Next::Answers
        } else if self.untried.is_empty() && self.refused.is_empty() && self.exhausted.is_empty() {
            Next::Complete
        } else if self.untold == interval {
            self.untold = 0;
            Next::Update
        } else {
            self.fruitless_rounds += 1;
            if self.fruitless_rounds < FRUITLESS_ROUNDS {
                Next::AskTracker
            } else {
                Next::GiveUp
            }
        }
    }

    /// The next segment to ask for and a member to ask: first what was refused elsewhere, then the
    /// next untried one.
    fn choose(&mut self, sources: &mut RoundRobin) -> Option<(SegmentIndex, Asked)> {
        loop {
            let Lacking {
                segment,
                refused_by,
            } = self.refused.pop_front().or_else(|| {
                let segment = self.untried.next().map(SegmentIndex)?;
                Some(Lacking {
                    segment,
                    refused_by: Vec::new(),
                })
            })?;
            match self.source(sources, &refused_by) {
                Some(member) => return Some((segment, Asked { member, refused_by })),
                None => self.exhausted.push(Lacking {
                    segment,
                    refused_by,
                }),
            }
        }
    }

    /// Whose turn it is among the members that have sent the fewest wrong hashes.
    fn source(&self, sources: &mut RoundRobin, refused_by: &[Rank]) -> Option<Rank> {
        (0..MOST_WRONG).find_map(|wrong| {
            sources.choose(&self.members, |member| {
                self.wrong.get(&member).copied().unwrap_or(0) == wrong
                    && !refused_by.contains(&member)
            })
        })
    }
}
