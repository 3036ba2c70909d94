//! Runs of the assignment, made up call by call. Clients 1 and 2 own `file1`, the others download it.

mod answers;
mod job;
mod rules;
mod verification;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::checks::{Check, Evidence, Shown, Subject, judge};
use crate::seen::calls::{
    Call, Datatype, Kind, Lie, Peer, RankRecord, Recording, Segment, Tag, Taken, Thread,
    ThreadRecord,
};
use crate::seen::known::{Known, KnownFile, KnownSegment};
use crate::seen::run::{Condition, Ending, Hung, Run};
use crate::seen::scene::Scene;
use crate::seen::unseen::Unseen;
use swarm::protocol::{FileName, Rank};

const TO_TRACKER: i32 = 1;
const ASK: i32 = 2;
const ANSWER: i32 = 3;

const DOWNLOAD: Thread = 0;
const UPLOAD: Thread = 1;

/// A run in the making.
#[derive(Clone)]
struct Made {
    known: Known,
    run: Run,
    /// The time, in milliseconds.
    now: u64,
}

impl Made {
    /// A run of so many clients that has not begun, with one file of so many segments.
    fn new(clients: u32, length: u32) -> Made {
        let ranks = |from: u32, to: u32| (from..=to).map(Rank).collect::<BTreeSet<Rank>>();
        let file = KnownFile {
            name: FileName::new("file1").expect("it is a name"),
            owners: ranks(1, 2),
            leechers: ranks(3, clients),
            first: 0,
            length,
        };
        let segments = (0..length).map(|number| KnownSegment {
            file: 0,
            hash: format!("{number:032x}"),
            is_unique: true,
        });
        let known = Known {
            files: vec![file],
            segments: segments.collect(),
            may_write: BTreeSet::new(),
        };
        let record = RankRecord {
            threads: vec![ThreadRecord::default(); 2],
            ..RankRecord::default()
        };
        let run = Run {
            ending: Ending {
                status: Some(0),
                ..Ending::default()
            },
            recording: Recording {
                ranks: vec![record; clients as usize + 1],
            },
            ..Run::default()
        };
        Made { known, run, now: 0 }
    }

    /// The time now, and a millisecond passes.
    fn tick(&mut self) -> Duration {
        self.now += 1;
        Duration::from_millis(self.now)
    }

    fn call(&mut self, rank: u32, thread: Thread, kind: Kind, peer: u32, tag: i32) -> &mut Call {
        let started = self.tick();
        let call = Call {
            thread,
            kind,
            peer: Peer::One(Rank(peer)),
            tag: Tag::One(tag),
            comm: 0,
            bytes: 33,
            datatype: Datatype::Bytes,
            started,
            returned: Some(started),
            completed: Some(started),
            error: None,
            taken: None,
            segments: Vec::new(),
        };
        let calls = &mut self.run.recording.ranks[rank as usize].calls;
        calls.push(call);
        calls.last_mut().expect("one was pushed")
    }

    fn send(&mut self, from: (u32, Thread), to: u32, tag: i32, segments: &[Segment]) {
        let call = self.call(from.0, from.1, Kind::Send, to, tag);
        call.segments = segments.to_vec();
    }

    fn take(&mut self, to: (u32, Thread), from: u32, tag: i32) {
        let call = self.call(to.0, to.1, Kind::Recv, from, tag);
        call.taken = Some(Taken {
            from: Rank(from),
            tag,
            bytes: 33,
        });
    }

    /// A client asks another, which takes the question.
    fn ask(&mut self, client: u32, member: u32, segments: &[Segment]) {
        self.send((client, DOWNLOAD), member, ASK, segments);
        self.take((member, UPLOAD), client, ASK);
    }

    /// A client answers another, which takes the answer.
    fn answer(&mut self, member: u32, client: u32, segments: &[Segment]) {
        self.send((member, UPLOAD), client, ANSWER, segments);
        self.take((client, DOWNLOAD), member, ANSWER);
    }

    /// A client tells the tracker something, which takes it.
    fn tell(&mut self, client: u32, segments: &[Segment]) {
        self.send((client, DOWNLOAD), 0, TO_TRACKER, segments);
        self.take((0, 0), client, TO_TRACKER);
    }

    /// The owners tell the tracker what they own.
    fn register(&mut self) {
        let all: Vec<Segment> = (0..self.known.files[0].length).collect();
        for client in self.clients() {
            let owns = self.known.files[0].owners.contains(&Rank(client));
            self.tell(client, if owns { &all } else { &[] });
        }
    }

    /// The clients write what they download, and all stop.
    fn finish(&mut self) {
        let hashes: Vec<&str> = (self.known.segments.iter())
            .map(|segment| segment.hash.as_str())
            .collect();
        let output = hashes.join("\n").into_bytes();
        for client in &self.known.files[0].leechers {
            let name = format!("client{client}_file1");
            self.run.outputs.insert(name, output.clone());
        }
        for rank in 0..self.run.recording.ranks.len() {
            self.stop(rank as u32);
        }
    }

    fn stop(&mut self, rank: u32) {
        let now = self.tick();
        self.run.recording.ranks[rank as usize]
            .finalize
            .get_or_insert(now);
    }

    fn clients(&self) -> std::ops::RangeInclusive<u32> {
        1..=self.run.recording.ranks.len() as u32 - 1
    }

    /// What it shows of the assignment's rules.
    fn all_shown(&self) -> BTreeMap<Check, Result<Shown, Unseen>> {
        let shown = judge(&Scene::new(&self.known, &self.run, Condition::AsItIs)).into_iter();
        shown
            .filter(|(check, _)| check.subject() == Subject::Assignment)
            .collect()
    }

    fn shown(&self, check: Check) -> Result<Shown, Unseen> {
        self.all_shown().remove(&check).expect("it is judged")
    }

    /// The evidence of what has to be wrong.
    fn wrong(&self, check: Check) -> Evidence {
        let shown = self.shown(check);
        let Ok(Shown::Wrong(evidence)) = shown else {
            panic!("{check}: {shown:?}");
        };
        evidence
    }

    fn is_untold(&self, check: Check) -> bool {
        self.shown(check).is_err()
    }

    fn hangs(&mut self) {
        self.run.ending = Ending {
            hung: Some(Hung::TimeLimit(Duration::from_secs(1))),
            ..Ending::default()
        };
    }
}

/// What questions and answers have in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    HashBothWays,
    HashInTheQuestion,
    HashInTheAnswer,
    NoHash,
}

impl Format {
    fn question(self, segment: Segment) -> Vec<Segment> {
        let has_hash = matches!(self, Format::HashBothWays | Format::HashInTheQuestion);
        has_hash.then_some(segment).into_iter().collect()
    }

    fn answer(self, segment: Segment) -> Vec<Segment> {
        let has_hash = matches!(self, Format::HashBothWays | Format::HashInTheAnswer);
        has_hash.then_some(segment).into_iter().collect()
    }
}

const RECOGNISED: [Format; 3] = [
    Format::HashBothWays,
    Format::HashInTheQuestion,
    Format::HashInTheAnswer,
];

impl Made {
    /// A client fetches a segment.
    fn fetch(&mut self, format: Format, client: u32, member: u32, segment: Segment) {
        self.ask(client, member, &format.question(segment));
        self.answer(member, client, &format.answer(segment));
    }

    /// A whole run: clients fetch in turn, segment by segment, and tell the tracker after every ten.
    fn whole(
        format: Format,
        clients: u32,
        length: u32,
        source: impl Fn(u32, Segment) -> u32,
    ) -> Made {
        let mut made = Made::new(clients, length);
        made.register();
        for segment in 0..length {
            for client in 3..=clients {
                made.fetch(format, client, source(client, segment), segment);
                if segment % 10 == 9 {
                    made.tell(client, &[]);
                }
            }
        }
        made.finish();
        made
    }

    /// A right one of five clients.
    fn right(format: Format) -> Made {
        Made::whole(format, 5, 40, varied)
    }
}

/// Owners in turn, and now and then a client that has just got the segment.
fn varied(client: u32, segment: Segment) -> u32 {
    if client > 3 && segment.is_multiple_of(3) {
        client - 1
    } else {
        1 + segment % 2
    }
}
