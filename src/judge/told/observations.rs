//! What all runs together say of each check.

use std::collections::BTreeMap;

use crate::checks::{Check, Evidence, Shown};
use crate::seen::unseen::Unseen;
use crate::told::grading::{Judgement, Place, Verdict};

/// A check that one of several runs should show does not hold if this many runs gave occasion in vain.
const ENOUGH_OCCASIONS: usize = 5;

/// What the runs so far have shown of every check.
#[derive(Debug, Default)]
pub struct Observations {
    counted: BTreeMap<Check, Counts>,
    beyond: BTreeMap<Check, Counts>,
    has_beyond: bool,
}

/// What they have shown of one check.
#[derive(Debug, Default)]
struct Counts {
    right: usize,
    wrong: Offences,
    lacking: Offences,
    /// The runs that do not tell, by their reason.
    untold: BTreeMap<String, usize>,
}

/// The runs that show something against the program.
#[derive(Debug, Default)]
struct Offences {
    number: usize,
    /// The run to tell of.
    told: Option<(Place, Evidence)>,
}

impl Offences {
    /// The first run of the plainest condition is told of: a student can repeat it most easily.
    fn see(&mut self, place: &Place, evidence: Evidence) {
        self.number += 1;
        let told = self.told.as_ref();
        if told.is_none_or(|(told, _)| place.condition < told.condition) {
            self.told = Some((place.clone(), evidence));
        }
    }
}

impl Observations {
    /// Takes what a run has shown, each check at most once. `counts` is false for a run of a test that
    /// the assignment does not promise.
    pub fn see(&mut self, place: Place, counts: bool, shown: Vec<(Check, Result<Shown, Unseen>)>) {
        let all = if counts {
            &mut self.counted
        } else {
            self.has_beyond = true;
            &mut self.beyond
        };
        for (check, shown) in shown {
            let counts = all.entry(check).or_default();
            match shown {
                Ok(Shown::Right) => counts.right += 1,
                Ok(Shown::Wrong(evidence)) => counts.wrong.see(&place, evidence),
                Ok(Shown::Lacking(evidence)) => counts.lacking.see(&place, evidence),
                Err(Unseen(reason)) => *counts.untold.entry(reason).or_default() += 1,
            }
        }
    }

    /// A judgement of each check: from the tests that the assignment allows, and from those beyond it,
    /// if there were any.
    pub fn judgements(&self) -> (Vec<Judgement>, Vec<Judgement>) {
        let nothing = Counts::default();
        let judged = |all: &BTreeMap<Check, Counts>| {
            let judged = |&check| all.get(&check).unwrap_or(&nothing).judgement(check);
            Check::ALL.iter().map(judged).collect()
        };
        let beyond = self.has_beyond.then(|| judged(&self.beyond));
        (judged(&self.counted), beyond.unwrap_or_default())
    }
}

impl Counts {
    /// One wrong run makes it wrong, for there is evidence. Otherwise one right run makes it right,
    /// whatever the others lack.
    fn judgement(&self, check: Check) -> Judgement {
        let (wrong, lacking) = (self.wrong.number, self.lacking.number);
        let untold: usize = self.untold.values().sum();
        let untold_too = untold + lacking;
        let (verdict, offences, untold) = if wrong > 0 {
            (Verdict::Wrong, Some(&self.wrong), untold_too)
        } else if self.right > 0 {
            (Verdict::Right, None, untold_too)
        } else if lacking >= ENOUGH_OCCASIONS {
            (Verdict::Wrong, Some(&self.lacking), untold)
        } else {
            (Verdict::CannotBeTold, None, untold_too)
        };
        let told = offences.and_then(|offences| offences.told.clone());
        let (place, evidence) = told.unzip();
        Judgement {
            check,
            subject: check.subject(),
            verdict,
            wrong: offences.map_or(0, |offences| offences.number),
            right: self.right,
            untold,
            // None where only all runs together are wrong.
            rate: wilson(wrong, wrong + self.right),
            evidence,
            place,
            reason: (verdict == Verdict::CannotBeTold).then(|| self.reason()),
        }
    }

    /// Why it cannot be told: what most of the runs say.
    fn reason(&self) -> String {
        let told = self.lacking.told.as_ref();
        let seen = told.map_or(String::new(), |(_, evidence)| {
            format!(": {}", evidence.said)
        });
        match self.lacking.number {
            0 => {
                let mut reasons: Vec<_> = self.untold.iter().collect();
                reasons.sort_by_key(|&(_, &number)| number);
                let most = reasons.last();
                most.map_or_else(
                    || "no run was made that could show it".into(),
                    |(reason, _)| (*reason).clone(),
                )
            }
            1 => format!("only 1 run gave occasion, and {ENOUGH_OCCASIONS} are needed{seen}"),
            few => {
                format!("only {few} runs gave occasion, and {ENOUGH_OCCASIONS} are needed{seen}")
            }
        }
    }
}

/// The interval that holds the rate of what came `times` times `of` times, with a confidence of 95 %.
/// Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
fn wilson(times: usize, of: usize) -> Option<[f64; 2]> {
    const Z: f64 = 1.959_964; // 95 % of normal values lie within this many deviations
    if of == 0 {
        return None;
    }
    let (number, rate) = (of as f64, times as f64 / of as f64);
    let weight = Z * Z / number;
    let middle = rate + weight / 2.0;
    let half = (rate * (1.0 - rate) * weight + weight * weight / 4.0).sqrt();
    let bound = |sum: f64| (sum / (1.0 + weight)).clamp(0.0, 1.0);
    Some([bound(middle - half), bound(middle + half)])
}

#[cfg(test)]
mod tests;
