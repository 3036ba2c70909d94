//! Runs of the assignment, made up call by call. Clients 1 and 2 own `file1`, the others download it.

mod answers;
mod damage;
mod job;
mod not_followed;
mod rules;
mod verification;

use crate::checks::{Check, Evidence, Shown, Subject, judge};
use crate::seen::calls::{Kind, Segment, Thread};
use crate::seen::condition::Condition;
use crate::seen::known::{KnownFile, KnownSegment};
use crate::seen::made_up::{At, MadeUp};
use crate::seen::unseen::Unseen;
use swarm::protocol::{FileName, Rank};

const TO_TRACKER: i32 = 1;
const ASK: i32 = 2;
const ANSWER: i32 = 3;

const DOWNLOAD: Thread = 0;
const UPLOAD: Thread = 1;

impl MadeUp {
    /// A run of these clients that has not begun, with one file of `length` segments.
    fn swarm(clients: u32, length: u32) -> MadeUp {
        let ranks = |from: u32, to: u32| (from..=to).map(Rank).collect();
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
        let mut made_up = MadeUp::new(clients as usize + 1);
        (made_up.known.files, made_up.known.segments) = (vec![file], segments.collect());
        for record in &mut made_up.run.recording.ranks {
            record.finalize = None;
        }
        made_up
    }

    fn send_hashes(&mut self, from: At, to: u32, tag: i32, segments: &[Segment]) {
        self.send(from, to, tag).at_once().segments = segments.to_vec();
    }

    /// A client asks another, which takes the question.
    fn ask(&mut self, client: u32, member: u32, segments: &[Segment]) {
        self.send_hashes((client, DOWNLOAD), member, ASK, segments);
        self.take((member, UPLOAD), client, ASK).at_once();
    }

    /// A client answers another, which takes the answer.
    fn answer(&mut self, member: u32, client: u32, segments: &[Segment]) {
        self.send_hashes((member, UPLOAD), client, ANSWER, segments);
        self.take((client, DOWNLOAD), member, ANSWER).at_once();
    }

    /// A client tells the tracker something, which takes it.
    fn tell(&mut self, client: u32, segments: &[Segment]) {
        self.send_hashes((client, DOWNLOAD), 0, TO_TRACKER, segments);
        self.take((0, 0), client, TO_TRACKER).at_once();
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
        let file = &self.known.files[0];
        let hashes: Vec<&str> = self.known.hashes(file).collect();
        let output = hashes.join("\n").into_bytes();
        for &client in &file.leechers {
            self.run.outputs.insert(file.output(client), output.clone());
        }
        for rank in 0..self.run.recording.ranks.len() {
            self.stop(rank as u32);
        }
    }

    fn stop(&mut self, rank: u32) {
        let now = self.tick();
        self.rank(rank).finalize.get_or_insert(now);
    }

    fn clients(&self) -> std::ops::Range<u32> {
        1..self.run.recording.ranks.len() as u32
    }

    /// What it shows of the assignment's rules.
    fn all_shown(&self) -> Vec<(Check, Result<Shown, Unseen>)> {
        let mut shown = judge(&self.scene());
        shown.retain(|(check, _)| check.subject() == Subject::Assignment);
        shown
    }

    pub(super) fn shown(&self, check: Check) -> Result<Shown, Unseen> {
        check.judge(&self.scene())
    }

    /// The evidence of what has to be wrong.
    #[track_caller]
    pub(super) fn wrong(&self, check: Check) -> Evidence {
        evidence(self.shown(check))
    }

    /// Whether a check cannot be told for a reason that has this word in it.
    pub(super) fn is_untold(&self, check: Check, word: &str) -> bool {
        matches!(self.shown(check), Err(Unseen(why)) if why.contains(word))
    }
}

#[track_caller]
pub(super) fn evidence(shown: Result<Shown, Unseen>) -> Evidence {
    let Ok(Shown::Wrong(evidence)) = shown else {
        panic!("that is wrong, not {shown:?}");
    };
    evidence
}

#[test]
fn each_check_is_judged_once() {
    let mut made_up = MadeUp::new(3);
    let judged = |made_up: &MadeUp| -> Vec<Check> {
        let shown = judge(&made_up.scene());
        shown.into_iter().map(|(check, _)| check).collect()
    };
    let mut all = Check::ALL.to_vec();
    all.retain(|check| ![Check::Verification, Check::OwnInput].contains(check));
    assert_eq!(judged(&made_up), all);
    made_up.condition = Condition::Lying;
    assert_eq!(judged(&made_up), [Check::Verification]);
    made_up.condition = Condition::OwnInput;
    assert_eq!(judged(&made_up), [Check::OwnInput]);
    made_up.condition = Condition::AsItIs;
    all.retain(|check| check.subject() == Subject::Outcome);
    assert_eq!(judged(&made_up), all);
}

#[test]
fn a_run_that_ends_well_is_right_in_its_outcome_and_its_use_of_mpi() {
    for (check, shown) in judge(&MadeUp::new(3).scene()) {
        let is_right = shown == Ok(Shown::Right);
        assert!(
            is_right || check.subject() == Subject::Assignment,
            "{check}"
        );
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

impl MadeUp {
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
    ) -> MadeUp {
        let mut made = MadeUp::swarm(clients, length);
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
    fn right(format: Format) -> MadeUp {
        MadeUp::whole(format, 5, 40, varied)
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
