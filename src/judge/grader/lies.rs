//! Runs in which a client is sent a wrong hash.

use anyhow::Result;
use swarm::protocol::Rank;

use super::Grader;
use super::how::How;
use super::work::Work;
use crate::runs::cases::Case;
use crate::seen::condition::Condition;
use crate::seen::known::Known;
use crate::told::grading::Place;

/// The most runs with a wrong hash. Each is of another test, where there are as many.
const LIES: usize = 4;

impl Grader<'_> {
    /// How many runs have a wrong hash, at most.
    pub(super) fn lies(&self) -> usize {
        if self.options.conditions.contains(&Condition::Lying) {
            LIES.min(self.options.runs.get())
        } else {
            0
        }
    }
}

impl Work<'_> {
    /// Makes these runs.
    pub(super) fn lies(&mut self) -> Result<()> {
        let grader = self.grader;
        let liars: Vec<(&Case, Rank, Rank)> = (grader.within.cases.iter())
            .filter_map(|case| {
                let (liar, told) = liar(&Known::new(&case.inputs))?;
                Some((case, liar, told))
            })
            .collect();
        let condition = Condition::Lying;
        let mut of_pace = None;
        for (number, (case, liar, told)) in (1..=grader.lies()).zip(liars.into_iter().cycle()) {
            let fresh = case.fresh(&mut self.rng);
            let place = Place {
                test: case.name.clone(),
                condition,
                run: number,
                noise: None,
            };
            // Runs of one test follow on each other where there is only one.
            if of_pace != Some(&case.name) {
                self.control(case, 1)?;
                of_pace = Some(&case.name);
            }
            let how = How::of(condition, &format!(":{liar}:{told}"));
            self.trial(&fresh, place, &how, true)?;
        }
        Ok(())
    }
}

/// Who sends a wrong hash, and to whom. The file is the one with the fewest owners, so that the liar is
/// likely to be asked.
fn liar(known: &Known) -> Option<(Rank, Rank)> {
    let files = (known.files.iter()).filter(|file| !file.leechers.is_empty() && file.length > 1);
    let file = files.min_by_key(|file| file.owners.len())?;
    Some((*file.owners.first()?, *file.leechers.first()?))
}
