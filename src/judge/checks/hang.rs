//! Why a run does not end: which thread waits for whom, and what nobody does.

mod causes;
mod circle;
mod table;
mod waiting;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::checks::check::{Check, Evidence, Seen};
use crate::checks::mpi_use::{in_words, untaken};
use crate::checks::outcome::has_ended_well;
use crate::seen::calls::{Call, RankRecord, Recording, What};
use crate::seen::known::Known;
use crate::seen::run::{Condition, Hung, Run};
use crate::seen::words::{count, listed, seconds, which_tag, who, whom};
use swarm::protocol::Rank;
use waiting::waiting;

/// Programs that end send at most some hundreds of messages for each segment.
const MOST_MESSAGES: u64 = 5_000;

/// As many messages that nobody took are shown.
const MOST_LOST: usize = 5;

/// Judges [`Check::Hang`].
pub fn judge(run: &Run, known: &Known, condition: Condition) -> Vec<(Check, Seen)> {
    let seen = match run.ending.hung {
        None if has_ended_well(run) => Seen::Right,
        None => Seen::CannotBeTold("the run crashed before it could end".into()),
        Some(hung) => hang(run, hung, known, condition),
    };
    vec![(Check::Hang, seen)]
}

fn hang(run: &Run, hung: Hung, known: &Known, condition: Condition) -> Seen {
    let recording = &run.recording;
    let (how_long, is_still) = match hung {
        Hung::TimeLimit(time) => (format!("the run was ended after {}", seconds(time)), false),
        Hung::Standstill(time) => (format!("the run stood still for {}", seconds(time)), true),
    };
    let has_come = |record: &RankRecord| record.levels.is_some();
    if run.ending.ranks.is_empty() && !recording.ranks.iter().any(has_come) {
        return Seen::CannotBeTold(format!("{how_long}, and no rank had come to MPI"));
    }
    let is_cut = recording.ranks.iter().any(|record| record.is_cut);
    if !is_still && (is_cut || last_step(recording) * 2 >= run.wall) {
        return flood(recording, known, &how_long).map_or_else(
            || Seen::CannotBeTold(format!("{how_long}, while messages still came")),
            Seen::Wrong,
        );
    }
    if is_cut {
        let hint = "run it with smaller inputs: there were too many calls to record them all";
        return Seen::Wrong(Evidence::new(how_long, hint));
    }
    let stuck = waiting(run);
    let (mut evidence, first) = causes::explain(run, &stuck, condition);
    let mut details = vec![how_long];
    details.extend(table::rows(&stuck, &first));
    details.extend(lost(recording, known));
    evidence.details = details;
    Seen::Wrong(evidence)
}

/// When a message was last sent or taken, or anything else was done than to look for one.
fn last_step(recording: &Recording) -> Duration {
    let is_step = |call: &&Call| !matches!(call.kind.what(), What::Find | What::Wait);
    let calls = recording.ranks.iter().flat_map(|record| &record.calls);
    calls
        .filter(is_step)
        .map(|call| call.completed.or(call.returned).unwrap_or(call.started))
        .max()
        .unwrap_or_default()
}

/// More messages than any program sends that ends.
fn flood(recording: &Recording, known: &Known, how_long: &str) -> Option<Evidence> {
    let needed: u64 = known
        .files
        .iter()
        .map(|file| u64::from(file.length) * file.leechers.len() as u64)
        .sum();
    let mut sent: BTreeMap<_, u64> = BTreeMap::new();
    for (from, record) in (0..).map(Rank).zip(&recording.ranks) {
        for call in &record.calls {
            if call.kind.what() == What::Send {
                *sent.entry((from, call.peer, call.tag)).or_default() += 1;
            }
        }
    }
    let number: u64 = sent.values().sum();
    if number < MOST_MESSAGES * (needed + recording.ranks.len() as u64) {
        return None;
    }
    let ((from, to, tag), most) = sent.into_iter().max_by_key(|(_, times)| *times)?;
    let said = format!(
        "{} were sent for {}, and the run did not end",
        count(number, "message"),
        count(needed, "segment"),
    );
    let hint =
        "a thread asks again and again: see what it does when nobody can give what it asks for";
    Some(Evidence::new(said, hint).with_details(vec![
        how_long.into(),
        format!(
            "most were sent by {} to {} with {}: {}",
            who(from),
            whom(to),
            which_tag(tag),
            count(most, "message"),
        ),
    ]))
}

/// The messages that nobody took, a line each.
fn lost(recording: &Recording, known: &Known) -> Vec<String> {
    let left = untaken(recording);
    let lines = left.iter().take(MOST_LOST).map(|message| {
        let segments = message.sent.segments.iter().take(3).map(|segment| {
            let (place, file) = (known.place(*segment) + 1, known.file_of(*segment));
            format!("segment {place} of {}", file.name)
        });
        let segments: Vec<String> = segments.collect();
        let with = match &*segments {
            [] => String::new(),
            some => format!(", which has the hash of {}", listed(some)),
        };
        format!("nobody took {}{with}", in_words(message))
    });
    let more = left.len().saturating_sub(MOST_LOST);
    let more = (more > 0).then(|| format!("nor {} more", count(more, "message")));
    lines.chain(more).collect()
}

#[cfg(test)]
mod tests;
