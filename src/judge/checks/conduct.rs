//! Whether a program does as the assignment says, as far as its traffic shows it.
//!
//! What rests on segments is judged only where the hashes in the messages between clients show who
//! asked whom for what ([`Dialogue`]). Nothing is called wrong that a program that does right could
//! show as well; and nothing because it is missing, where the run broke off.

mod answers;
mod peers;
mod registration;
mod serving;
mod sources;
mod stopping;
#[cfg(test)]
mod tests;
mod two_threads;
mod updates;
mod verification;

use std::time::Duration;

use crate::checks::check::{Check, Seen};
use crate::seen::calls::{RankRecord, Segment};
use crate::seen::dialogue::Dialogue;
use crate::seen::known::Known;
use crate::seen::run::{Condition, RankEnd, Run};
use swarm::protocol::Rank;

/// What a run shows of the assignment's rules. A run with a lie shows only whether it was noticed.
pub fn judge(known: &Known, run: &Run, condition: Condition) -> Vec<(Check, Seen)> {
    let scene = Scene {
        known,
        run,
        dialogue: Dialogue::new(known, run),
    };
    if condition == Condition::Lying {
        return vec![(Check::Verification, verification::judge(&scene))];
    }
    vec![
        (Check::TwoThreads, two_threads::judge(&scene)),
        (Check::Registration, registration::judge(&scene)),
        (Check::Peers, peers::judge(&scene)),
        (Check::Answers, answers::judge(&scene)),
        (Check::Sources, sources::judge(&scene)),
        (Check::Updates, updates::judge(&scene)),
        (Check::Serving, serving::judge(&scene)),
        (Check::Stopping, stopping::judge(&scene)),
    ]
}

/// What there is to judge by.
struct Scene<'a> {
    known: &'a Known,
    run: &'a Run,
    dialogue: Dialogue<'a>,
}

impl Scene<'_> {
    /// The clients with what they called.
    fn clients(&self) -> impl Iterator<Item = (Rank, &RankRecord)> {
        let ranks = (0..).map(Rank).zip(&self.run.recording.ranks);
        ranks.filter(|&(rank, _)| rank != Rank::TRACKER)
    }

    /// Whether the run did not come to its end: more might have been seen.
    fn broke_off(&self) -> bool {
        let ending = &self.run.ending;
        let is_good = |end: &RankEnd| *end == RankEnd::Status(0);
        let mut ranks = self.run.recording.ranks.iter();
        ending.hung.is_some()
            || ending.status != Some(0)
            || !ending.ranks.values().all(is_good)
            || ranks.any(|rank| rank.is_aborted)
    }

    /// Every client's downloads that came out whole and whose fetches are known.
    fn downloads(&self) -> impl Iterator<Item = Download> {
        self.dialogue.complete.iter().filter_map(|&(client, file)| {
            let fetches = self.dialogue.download(self.known, client, file)?;
            Some(Download {
                client,
                file,
                fetches,
            })
        })
    }

    /// Where a segment is, as people count: from 1.
    fn segment(&self, segment: Segment) -> String {
        let position = self.known.place(segment) + 1;
        format!("segment {position} of {}", self.known.file_of(segment).name)
    }
}

/// A client's download of a file.
struct Download {
    client: Rank,
    /// Its place among the files.
    file: usize,
    fetches: Vec<crate::seen::dialogue::Fetch>,
}

/// A time span as people read it.
fn span(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1.0 {
        format!("{:.3} ms", seconds * 1e3)
    } else {
        format!("{seconds:.2} s")
    }
}
