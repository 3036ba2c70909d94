//! What a program is worth: a course's points file, and the marks that follow from the verdicts.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;
use toml::{Spanned, Value};

use crate::checks::Check;
use crate::seen::condition::{Condition, Origin};
use crate::told::grading::{Judgement, MarkLine, Marks, Tally, TestReport, Verdict};
use swarm::toml_file::{self, Wrong, one_of};

/// The course's points for all its tests.
const COURSE: f64 = 40.0;

/// How a course gives points.
#[derive(Debug, Clone, PartialEq)]
pub struct Points {
    tests: TestPoints,
    /// Under which conditions a test has to come out right.
    conditions: Vec<Condition>,
    /// How many points a wrong check takes. 0: it is only named.
    deduct: BTreeMap<Check, f64>,
}

/// What tests are worth.
#[derive(Debug, Clone, PartialEq)]
enum TestPoints {
    /// All given tests together are worth this, each the same.
    Shared(f64),
    /// The tests in `names` are worth what stands there, and each other given one `each`.
    Named {
        each: Option<f64>,
        names: BTreeMap<String, f64>,
    },
}

/// The course gives points for its tests. What it deducts for, a person has to weigh: it is only named.
impl Default for Points {
    fn default() -> Points {
        Points {
            tests: TestPoints::Shared(COURSE),
            conditions: vec![Condition::AsItIs],
            deduct: BTreeMap::from([(Check::TwoThreads, 0.0), (Check::Peers, 0.0)]),
        }
    }
}

/// A points file, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PointsFile {
    of: Option<Spanned<Value>>,
    conditions: Option<Spanned<Vec<Spanned<String>>>>,
    tests: Option<Spanned<BTreeMap<String, Spanned<Value>>>>,
    deduct: Option<BTreeMap<Spanned<String>, Spanned<Value>>>,
}

impl Points {
    /// Reads a points file.
    ///
    /// # Errors
    /// Says where it cannot be understood, what was expected and what was found.
    pub fn read(path: &Path) -> Result<Points> {
        toml_file::read(path, Points::parse)
    }

    fn parse(text: &str) -> Result<Points, Wrong> {
        let file: PointsFile = toml_file::parse(text)?;
        let default = Points::default();
        let tests = match (file.of, file.tests) {
            (None, None) => default.tests,
            (Some(of), None) => TestPoints::Shared(amount(&of)?),
            (None, Some(tests)) => {
                let mut names = BTreeMap::new();
                for (name, points) in tests.into_inner() {
                    names.insert(name, amount(&points)?);
                }
                let each = names.remove("each");
                TestPoints::Named { each, names }
            }
            (Some(_), Some(tests)) => {
                let why = "expected either `of` or [tests], found both";
                return Err((tests.span(), why.into()));
            }
        };
        let named = file.conditions.as_ref();
        let conditions = named.map_or(Ok(default.conditions), conditions)?;
        let deduct = match file.deduct {
            None => default.deduct,
            Some(table) => {
                let pairs = table
                    .iter()
                    .map(|(name, points)| Ok((check(name)?, amount(points)?)));
                pairs.collect::<Result<_, Wrong>>()?
            }
        };
        Ok(Points {
            tests,
            conditions,
            deduct,
        })
    }

    /// What these tests and verdicts are worth, with a reason for every point that is given, not given or
    /// taken.
    pub fn marks(&self, tests: &[TestReport], checks: &[Judgement]) -> Marks {
        let mut lines = self.given(tests);
        for (&check, &points) in &self.deduct {
            let judgement = checks.iter().find(|judgement| judgement.check == check);
            lines.extend(judgement.and_then(|judgement| taken(judgement, points)));
        }
        let sum: f64 = lines.iter().map(|line| line.points).sum();
        let untold: f64 = lines.iter().map(|line| line.untold).sum();
        Marks {
            total: sum.max(0.0),
            at_most: (sum + untold).max(0.0),
            of: lines.iter().map(|line| line.of).sum(),
            lines,
        }
    }

    /// The points for the tests, a line each.
    fn given(&self, tests: &[TestReport]) -> Vec<MarkLine> {
        let is_given = |test: &&TestReport| test.origin == Origin::Given;
        let is_plain = |test: &&TestReport| test.beyond.is_none();
        let given: Vec<&TestReport> = tests.iter().filter(is_given).collect();
        match &self.tests {
            TestPoints::Shared(all) => {
                let plain: Vec<_> = given.into_iter().filter(is_plain).collect();
                let share = all / plain.len() as f64;
                plain.iter().map(|test| self.line(test, share)).collect()
            }
            TestPoints::Named { each, names } => {
                let points = |test: &TestReport| {
                    let each = each.filter(|_| test.beyond.is_none());
                    names.get(&test.name).copied().or(each)
                };
                let lines = given
                    .iter()
                    .filter_map(|test| Some(self.line(test, points(test)?)));
                let is_there = |name: &String| given.iter().any(|test| test.name == *name);
                let missing = names.iter().filter(|(name, _)| !is_there(name));
                let missing = missing.map(|(name, &of)| MarkLine {
                    reason: format!("{name}: no such test was given"),
                    points: 0.0,
                    untold: 0.0,
                    of,
                });
                lines.chain(missing).collect()
            }
        }
    }

    fn line(&self, test: &TestReport, of: f64) -> MarkLine {
        let tallies = self.conditions.iter().map(|&condition| {
            let tally = test.tally(condition).copied();
            tally.unwrap_or(Tally::none(condition))
        });
        let tallies: Vec<Tally> = tallies.collect();
        let has_passed = |tally: &Tally| tally.runs > 0 && tally.right == tally.runs;
        let may_pass = |tally: &Tally| tally.runs > 0 && tally.right + tally.untold == tally.runs;
        let said = |tally: &Tally| match (tally.runs, tally.untold) {
            (0, _) => format!("no run {}", tally.condition),
            (runs, 0) => format!("{} of {runs} runs right {}", tally.right, tally.condition),
            (runs, untold) => {
                let condition = tally.condition;
                format!(
                    "{} of {runs} runs right {condition}, and {untold} cannot be told",
                    tally.right
                )
            }
        };
        let said: Vec<String> = tallies.iter().map(said).collect();
        let is_passed = tallies.iter().all(has_passed);
        let is_untold = !is_passed && tallies.iter().all(may_pass);
        MarkLine {
            reason: format!("{}: {}", test.name, said.join(", ")),
            points: if is_passed { of } else { 0.0 },
            untold: if is_untold { of } else { 0.0 },
            of,
        }
    }
}

/// What is taken for a check; nothing if it is right.
fn taken(judgement: &Judgement, points: f64) -> Option<MarkLine> {
    let (name, check) = (judgement.check.name(), judgement.check);
    let (reason, points) = match judgement.verdict {
        Verdict::Right => return None,
        Verdict::Wrong => {
            let evidence = judgement.evidence.as_ref();
            let said = evidence.map_or_else(String::new, |evidence| format!(": {}", evidence.said));
            // Not -points, for that is -0 where nothing is taken.
            (format!("{name} is wrong{said}"), 0.0 - points)
        }
        Verdict::CannotBeTold => (format!("{name} cannot be told: see whether {check}"), 0.0),
    };
    Some(MarkLine {
        reason,
        points,
        untold: 0.0,
        of: 0.0,
    })
}

/// Points without digits that say nothing.
pub(crate) fn shown(points: f64) -> String {
    let text = format!("{points:.2}");
    text.trim_end_matches('0').trim_end_matches('.').into()
}

/// Points, and how many more there may be.
pub(crate) fn range(points: f64, at_most: f64) -> String {
    if at_most > points {
        format!("{} to {}", shown(points), shown(at_most))
    } else {
        shown(points)
    }
}

/// The most points for one thing. Sums of them keep their digits.
const MOST_POINTS: f64 = 1_000_000.0;

fn amount(points: &Spanned<Value>) -> Result<f64, Wrong> {
    let value = points.as_ref();
    let number = value.as_float();
    let number = number.or_else(|| value.as_integer().map(|number| number as f64));
    let is_good = |number: &f64| (0.0..=MOST_POINTS).contains(number);
    number.filter(is_good).ok_or_else(|| {
        let of_type = || format!("a value of type {}", value.type_str());
        let found = number.map_or_else(of_type, swarm::shown::number);
        let why = format!("expected points, a number from 0 to {MOST_POINTS}, found {found}");
        (points.span(), why)
    })
}

fn check(name: &Spanned<String>) -> Result<Check, Wrong> {
    let found = name.as_ref();
    let check = Check::ALL.into_iter().find(|check| check.name() == found);
    check.ok_or_else(|| {
        let why = format!(
            "expected a check, {}, found '{found}'",
            one_of(Check::ALL.into_iter().map(Check::name))
        );
        (name.span(), why)
    })
}

fn conditions(names: &Spanned<Vec<Spanned<String>>>) -> Result<Vec<Condition>, Wrong> {
    let mut conditions = Vec::new();
    for name in names.as_ref() {
        let found = name.as_ref();
        let all = || Condition::of_every_test();
        let Some(condition) = all().find(|condition| condition.row().name == found) else {
            let names = one_of(all().map(|condition| condition.row().name));
            let why = format!("expected a condition, {names}, found '{found}'");
            return Err((name.span(), why));
        };
        if conditions.contains(&condition) {
            return Err((
                name.span(),
                format!("expected '{found}' once, found it again"),
            ));
        }
        conditions.push(condition);
    }
    if conditions.is_empty() {
        return Err((names.span(), "expected a condition, found none".into()));
    }
    Ok(conditions)
}

#[cfg(test)]
mod tests;
