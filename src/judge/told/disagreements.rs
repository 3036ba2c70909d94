//! Where conditions that should make no difference make one.

use crate::seen::condition::Condition;
use crate::told::grading::{Tally, TestReport};

/// The fewest runs on each side that tell a difference from chance.
const ENOUGH: usize = 3;

/// The conditions under which memory is laid out or filled differently, and nothing else is different.
const OF_MEMORY: [Condition; 3] = [
    Condition::AsItIs,
    Condition::Recorded,
    Condition::DirtyMemory,
];

/// A sentence for each test whose runs all come out right under one of these conditions, and all wrong under another.
pub(crate) fn disagreements(tests: &[TestReport]) -> Vec<String> {
    tests.iter().filter_map(disagreement).collect()
}

fn disagreement(test: &TestReport) -> Option<String> {
    let tallies = OF_MEMORY.into_iter().filter_map(|it| test.tally(it));
    let tallies: Vec<&Tally> = tallies.filter(|tally| tally.runs > 0).collect();
    let right = tallies.iter().find(|tally| tally.right == tally.runs)?;
    let wrong = tallies
        .iter()
        .find(|tally| tally.right + tally.untold == 0)?;
    // Two that hang are all that there are.
    let is_chance = right.runs < ENOUGH || wrong.runs < 2;
    let of = |tally: &Tally| format!("{} of {} runs {}", tally.right, tally.runs, tally.condition);
    let [with, without] = [right, wrong].map(|tally| of(tally));
    (!is_chance).then(|| {
        format!(
            "what it does depends on what happens to lie in memory: {} comes out right in {with}, and in {without}; \
             look for a string without its last 0, and for a variable that is read before it is written",
            test.name
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seen::condition::Origin;

    fn said(runs: [(Condition, usize, usize); 2]) -> Vec<String> {
        let tally = |(condition, right, runs)| Tally {
            condition,
            runs,
            right,
            untold: 0,
        };
        disagreements(&[TestReport {
            name: "test1".into(),
            ranks: 4,
            origin: Origin::Given,
            beyond: None,
            runs: runs.map(tally).into(),
        }])
    }

    #[test]
    fn what_memory_decides_is_told_and_what_chance_may_decide_is_not() {
        let all_or_none = [(Condition::AsItIs, 5, 5), (Condition::DirtyMemory, 0, 3)];
        assert!(
            said(all_or_none)[0].contains("5 of 5 runs as it is, and in 0 of 3 runs with dirty")
        );
        assert_eq!(
            said([(Condition::AsItIs, 5, 5), (Condition::Recorded, 1, 5)]),
            [""; 0]
        );
        assert_eq!(
            said([(Condition::AsItIs, 1, 1), (Condition::Recorded, 0, 1)]),
            [""; 0]
        );
        assert_eq!(
            said([(Condition::AsItIs, 5, 5), (Condition::Synchronous, 0, 5)]),
            [""; 0]
        );
    }
}
