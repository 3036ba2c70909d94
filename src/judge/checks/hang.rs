//! Whether every run ends. If one does not, why: what each thread waits for, and what nobody does.

mod causes;
mod circle;
mod standstill;
mod table;
mod waiting;

use std::collections::BTreeMap;

use crate::checks::evidence::*;
use crate::seen::run::{Hung, RankEnd};
use crate::seen::standstill::{on_its_way, still_starting};
use standstill::Standstill;

/// More messages than this for each segment are a flood. A program that ends sends some hundreds at most.
const MOST_MESSAGES: u64 = 5_000;

/// The most messages that are shown of those that nobody took.
const MOST_LOST: usize = 5;

pub(super) fn judge(scene: &Scene<'_>) -> Result<Shown, Unseen> {
    let run = scene.run;
    let Some(hung) = run.ending.hung else {
        scene.saw_good_end(" before it could end")?;
        return Ok(Shown::Right);
    };
    let how_long = match hung {
        Hung::TimeLimit(time) => format!("the run was ended after {}", seconds(time)),
        Hung::Standstill(time) => format!("the run stood still for {}", seconds(time)),
    };
    // It is for mpirun to end the others then, and the crash is what is told.
    let crashed = |end: &RankEnd| matches!(end, RankEnd::Signal(_)) && !end.is_killed();
    if let Some((&rank, _)) = run.ending.ranks.iter().find(|(_, end)| crashed(end)) {
        let who = who(rank);
        return unseen(format!("{how_long}, and {who} had died of a signal"));
    }
    if !scene.condition.is_recorded() {
        let hint = "see what a recorded run shows (--conditions recorded)";
        return wrong(Evidence::new(how_long, hint));
    }
    // A rank that is slow to start may still do all that the others wait for.
    let has_ended = |rank: &Rank| run.ending.ranks.contains_key(rank);
    if let Some(rank) = still_starting(&run.recording).find(|rank| !has_ended(rank)) {
        let who = who(rank);
        return unseen(format!(
            "{how_long}, and {who} had not come out of MPI_Init"
        ));
    }
    if let Some(message) = on_its_way(&run.recording) {
        let who = who(message.to);
        return unseen(format!(
            "{how_long}, and a message was on its way that {who} waits for: {message}"
        ));
    }
    let saw_all = scene.saw_all_messages();
    if saw_all.is_err() || !scene.stood_still() {
        if let Some(evidence) = flood(scene, &how_long) {
            return wrong(evidence);
        }
        saw_all.map_err(|Unseen(why)| Unseen(format!("{how_long}, and {why}")))?;
        return unseen(format!("{how_long}, while messages still came"));
    }
    let standstill = Standstill::new(scene);
    if let Some(rank) = standstill.at_work() {
        let who = who(rank);
        return unseen(format!(
            "{how_long}, and {who} still read or wrote, outside of MPI"
        ));
    }
    let (mut evidence, first) = causes::explain(&standstill);
    let mut details = vec![how_long];
    details.extend(table::rows(&standstill.stuck, &first));
    details.extend(lost(&standstill));
    evidence.details = details;
    wrong(evidence)
}

/// The evidence of more messages than any program sends that ends.
fn flood(scene: &Scene<'_>, how_long: &str) -> Option<Evidence> {
    let needed = scene.known.downloads();
    let mut sent: BTreeMap<_, u64> = BTreeMap::new();
    for (from, call) in scene.run.recording.calls() {
        if call.kind.what() == What::Send {
            *sent.entry((from, call.peer, call.tag)).or_default() += 1;
        }
    }
    let number: u64 = sent.values().sum();
    if number < MOST_MESSAGES * (needed + scene.run.recording.ranks.len() as u64) {
        return None;
    }
    let ((from, to, tag), most) = sent.into_iter().max_by_key(|(_, times)| *times)?;
    let (number, needed) = (count(number, "message"), count(needed, "segment"));
    let said = format!("{number} were sent for {needed}, and the run did not end");
    let hint =
        "a thread asks again and again: see what it does when nobody can give what it asks for";
    let (from, most) = (who(from), count(most, "message"));
    let detail = format!("most were sent by {from} to {to} with {tag}: {most}");
    Some(Evidence::new(said, hint).with_details(vec![how_long.into(), detail]))
}

/// The messages that nobody took, a line each.
fn lost(standstill: &Standstill<'_>) -> Vec<String> {
    let Standstill { scene, lost, .. } = standstill;
    let lines = lost.iter().take(MOST_LOST).map(|message| {
        let segments = message.sent.segments.iter().take(3);
        let segments: Vec<String> = segments.map(|&it| scene.known.words(it)).collect();
        let with = match &*segments {
            [] => String::new(),
            some => format!(", which has the hash of {}", listed(some)),
        };
        format!("nobody took {message}{with}")
    });
    let more = lost.len().saturating_sub(MOST_LOST);
    let more = (more > 0).then(|| format!("nor {} more", count(more, "message")));
    lines.chain(more).collect()
}

#[cfg(test)]
mod tests;
