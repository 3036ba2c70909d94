//! What all runs together say of each check.

use std::collections::BTreeMap;

use crate::checks::{Check, Evidence, Shown};
use crate::seen::unseen::Unseen;
use crate::told::grading::{Judgement, Place, Verdict};

/// A check that should be seen in one of several runs does not hold if so many gave occasion in vain.
const ENOUGH_OCCASIONS: usize = 5;

/// What the runs so far have shown of every check.
#[derive(Debug, Default)]
pub struct Tallies {
    counted: BTreeMap<Check, Counts>,
    beyond: BTreeMap<Check, Counts>,
    has_beyond: bool,
}

/// What they have shown of one.
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
    /// The one to tell of.
    told: Option<(Place, Evidence)>,
}

impl Offences {
    /// The first run is told of, but one that a student can repeat more easily comes before it: as
    /// the program is, then with noise, then with synchronous sends.
    fn see(&mut self, place: &Place, evidence: Evidence) {
        self.number += 1;
        let told = self.told.as_ref();
        if told.is_none_or(|(told, _)| place.condition < told.condition) {
            self.told = Some((place.clone(), evidence));
        }
    }
}

impl Tallies {
    /// Takes what a run has shown, each check at most once. `counts` is false for a run of a test that
    /// the assignment does not promise.
    pub fn see(&mut self, place: Place, counts: bool, shown: Vec<(Check, Result<Shown, Unseen>)>) {
        let tallies = if counts {
            &mut self.counted
        } else {
            self.has_beyond = true;
            &mut self.beyond
        };
        for (check, shown) in shown {
            let counts = tallies.entry(check).or_default();
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
        let judged = |tallies: &BTreeMap<Check, Counts>| {
            let judged = |&check| tallies.get(&check).unwrap_or(&nothing).judgement(check);
            Check::ALL.iter().map(judged).collect()
        };
        let beyond = self.has_beyond.then(|| judged(&self.beyond));
        (judged(&self.counted), beyond.unwrap_or_default())
    }
}

impl Counts {
    /// One wrong run is enough: it has evidence. One that shows what others lack is, too.
    fn judgement(&self, check: Check) -> Judgement {
        let (wrong, lacking) = (self.wrong.number, self.lacking.number);
        let untold: usize = self.untold.values().sum();
        let judgement = |verdict, wrong, untold, rate| Judgement {
            check,
            subject: check.subject(),
            verdict,
            wrong,
            right: self.right,
            untold,
            rate,
            evidence: None,
            place: None,
            reason: None,
        };
        let telling = |offences: &Offences, judgement| {
            let (place, evidence) = offences.told.clone().unzip();
            Judgement {
                evidence,
                place,
                ..judgement
            }
        };
        let rate = wilson(wrong, wrong + self.right);
        if wrong > 0 {
            let wrong = judgement(Verdict::Wrong, wrong, untold + lacking, rate);
            telling(&self.wrong, wrong)
        } else if self.right > 0 {
            judgement(Verdict::Right, 0, untold + lacking, rate)
        } else if lacking >= ENOUGH_OCCASIONS {
            // Only all of them together are wrong, so there is no rate.
            let wrong = judgement(Verdict::Wrong, lacking, untold, None);
            telling(&self.lacking, wrong)
        } else {
            Judgement {
                reason: Some(self.reason()),
                ..judgement(Verdict::CannotBeTold, 0, untold + lacking, None)
            }
        }
    }

    /// Why it cannot be told: what most of the runs say.
    fn reason(&self) -> String {
        match self.lacking.number {
            0 => {
                let mut reasons: Vec<_> = self.untold.iter().collect();
                reasons.sort_by_key(|&(_, &number)| number);
                let most = reasons.last();
                most.map_or_else(|| "no run told".into(), |(reason, _)| (*reason).clone())
            }
            1 => format!("only 1 run gave occasion, and {ENOUGH_OCCASIONS} are needed"),
            few => format!("only {few} runs gave occasion, and {ENOUGH_OCCASIONS} are needed"),
        }
    }
}

/// Where the rate of something that came so many times of so many lies, with a confidence of 95 %.
/// Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
fn wilson(times: usize, of: usize) -> Option<[f64; 2]> {
    const Z: f64 = 1.959_964; // of a normal value, 95 % lie within so many deviations
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
mod tests {
    use super::*;
    use crate::seen::run::Condition;

    fn place(condition: Condition, run: usize) -> Place {
        Place {
            test: "test1".into(),
            condition,
            run,
            noise: None,
        }
    }

    /// What is judged of a check that the runs as it is have shown like this.
    fn judged(runs: Vec<Result<Shown, Unseen>>) -> Judgement {
        let mut tallies = Tallies::default();
        for (number, seen) in (1..).zip(runs) {
            let place = place(Condition::AsItIs, number);
            tallies.see(place, true, vec![(Check::Sources, seen)]);
        }
        let (mut counted, beyond) = tallies.judgements();
        assert_eq!(counted.len(), Check::ALL.len());
        assert_eq!(beyond, []);
        counted.retain(|judgement| judgement.check == Check::Sources);
        counted.remove(0)
    }

    fn wrong(said: &str) -> Result<Shown, Unseen> {
        Ok(Shown::Wrong(Evidence::new(said, "look")))
    }

    fn lacking(said: &str) -> Result<Shown, Unseen> {
        Ok(Shown::Lacking(Evidence::new(said, "look")))
    }

    fn untold(reason: &str) -> Result<Shown, Unseen> {
        Err(Unseen(reason.into()))
    }

    #[test]
    fn one_wrong_run_is_enough() {
        let runs = vec![
            Ok(Shown::Right),
            wrong("a"),
            untold("no"),
            lacking("l"),
            wrong("b"),
        ];
        let judgement = judged(runs);
        assert_eq!(judgement.verdict, Verdict::Wrong);
        assert_eq!(
            (judgement.wrong, judgement.right, judgement.untold),
            (2, 1, 2)
        );
        assert_eq!(judgement.evidence.unwrap().said, "a");
        assert_eq!(judgement.place, Some(place(Condition::AsItIs, 2)));
        assert_eq!(judgement.reason, None);
    }

    #[test]
    fn the_run_that_is_told_of_is_the_first_of_the_plainest_condition() {
        let mut tallies = Tallies::default();
        let runs = [
            (Condition::Lying, 1),
            (Condition::Synchronous, 1),
            (Condition::Noise, 1),
            (Condition::Noise, 2),
            (Condition::AsItIs, 7),
            (Condition::AsItIs, 8),
            (Condition::Noise, 3),
        ];
        for (condition, run) in runs {
            let said = format!("{condition} {run}");
            let seen = vec![(Check::Hang, wrong(&said))];
            tallies.see(place(condition, run), true, seen);
        }
        let (counted, _) = tallies.judgements();
        let hang = counted.into_iter().find(|it| it.check == Check::Hang);
        let hang = hang.unwrap();
        assert_eq!(hang.place, Some(place(Condition::AsItIs, 7)));
        assert_eq!(hang.evidence.unwrap().said, "as it is 7");
    }

    #[test]
    fn one_run_that_shows_what_the_others_lack_is_enough() {
        let mut runs: Vec<Result<Shown, Unseen>> = (0..9).map(|_| lacking("never")).collect();
        runs.push(Ok(Shown::Right));
        let judgement = judged(runs);
        assert_eq!(judgement.verdict, Verdict::Right);
        assert_eq!(
            (judgement.wrong, judgement.right, judgement.untold),
            (0, 1, 9)
        );
        assert_eq!(judgement.evidence, None);
    }

    #[test]
    fn what_lacks_is_wrong_only_when_enough_runs_gave_occasion() {
        let runs = |number| (0..number).map(|_| lacking("never")).collect::<Vec<_>>();
        let enough = judged(runs(5));
        assert_eq!(enough.verdict, Verdict::Wrong);
        assert_eq!((enough.wrong, enough.untold, enough.rate), (5, 0, None));
        assert_eq!(enough.evidence.unwrap().said, "never");
        let mut few = runs(4);
        few.extend([untold("no"), untold("no")]);
        let few = judged(few);
        assert_eq!(few.verdict, Verdict::CannotBeTold);
        assert_eq!((few.wrong, few.untold), (0, 6));
        let reason = "only 4 runs gave occasion, and 5 are needed";
        assert_eq!(few.reason.as_deref(), Some(reason));
        assert_eq!(few.evidence, None);
    }

    #[test]
    fn what_cannot_be_told_has_the_most_frequent_reason() {
        let runs = vec![untold("rare"), untold("often"), untold("often")];
        let judgement = judged(runs);
        assert_eq!(judgement.verdict, Verdict::CannotBeTold);
        assert_eq!(judgement.reason.as_deref(), Some("often"));
        let judgement = judged(vec![]);
        assert_eq!(judgement.verdict, Verdict::CannotBeTold);
        assert_eq!(judgement.reason.as_deref(), Some("no run told"));
        assert_eq!(judgement.rate, None);
    }

    #[test]
    fn what_the_assignment_does_not_promise_is_judged_apart() {
        let mut tallies = Tallies::default();
        let place = place(Condition::AsItIs, 1);
        tallies.see(place.clone(), true, vec![(Check::Crash, Ok(Shown::Right))]);
        tallies.see(place, false, vec![(Check::Crash, wrong("beyond"))]);
        let (counted, beyond) = tallies.judgements();
        let verdict = |judgements: Vec<Judgement>| {
            let found = judgements.into_iter().find(|it| it.check == Check::Crash);
            found.unwrap().verdict
        };
        assert_eq!(verdict(counted), Verdict::Right);
        assert_eq!(verdict(beyond), Verdict::Wrong);
    }

    #[test]
    fn the_interval_is_wilsons() {
        // From the tables of Newcombe, "Two-sided confidence intervals for the single proportion", 1998.
        for (times, of, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let [least, most] = wilson(times, of).unwrap();
            assert!((least - low).abs() < 5e-5, "{times} of {of}: {least}");
            assert!((most - high).abs() < 5e-5, "{times} of {of}: {most}");
        }
        assert_eq!(wilson(0, 0), None);
        let right = judged((0..60).map(|_| Ok(Shown::Right)).collect());
        let [least, most] = right.rate.unwrap();
        assert!(least == 0.0 && (0.059..0.061).contains(&most), "{most}");
    }
}
