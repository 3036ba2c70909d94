//! Under what a program runs: the conditions, one row each, and where a test is from.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Under what a program runs, the plainest first. [`CONDITIONS`] says what each is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Nothing is added.
    AsItIs,
    /// Calls of MPI take their time, at random.
    Noise,
    /// A standard send waits until its receive has begun.
    Synchronous,
    /// One client sends another a wrong hash, once.
    Lying,
}

/// What a condition is.
#[derive(Debug)]
pub struct ConditionRow {
    /// Which one it is.
    pub condition: Condition,
    /// Its name, on the command line and in the files of a grading.
    pub name: &'static str,
    /// What follows on "a run": `with noise`.
    pub words: &'static str,
    /// What the profiling library does: the first word of `PROFILING` (see `profiling.h`).
    pub deed: &'static str,
    /// Whether that follows from a seed, the second word.
    pub has_seed: bool,
    /// Whether calls only take longer. What happens then could happen in any run.
    pub is_only_slower: bool,
    /// The heading of its column in the table of tests. `None`: only a few tests run under it, and
    /// only one check is made.
    pub column: Option<&'static str>,
}

/// All conditions, in the order of [`Condition`].
pub static CONDITIONS: [ConditionRow; 4] = [
    ConditionRow {
        condition: Condition::AsItIs,
        name: "as-it-is",
        words: "as it is",
        deed: "nothing",
        has_seed: false,
        is_only_slower: true,
        column: Some("as it is"),
    },
    ConditionRow {
        condition: Condition::Noise,
        name: "noise",
        words: "with noise",
        deed: "noise",
        has_seed: true,
        is_only_slower: true,
        column: Some("noise"),
    },
    ConditionRow {
        condition: Condition::Synchronous,
        name: "synchronous",
        words: "with synchronous sends",
        deed: "synchronous",
        has_seed: false,
        is_only_slower: false,
        column: Some("synchronous"),
    },
    ConditionRow {
        condition: Condition::Lying,
        name: "lying",
        words: "with one wrong hash",
        deed: "lie",
        has_seed: false,
        is_only_slower: false,
        column: None,
    },
];

impl Condition {
    /// What it is.
    pub fn row(self) -> &'static ConditionRow {
        &CONDITIONS[self as usize]
    }

    /// Those under which every test runs and every check is made.
    pub fn of_every_test() -> impl Iterator<Item = Condition> {
        let rows = CONDITIONS.iter().filter(|row| row.column.is_some());
        rows.map(|row| row.condition)
    }
}

/// What follows on "a run".
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().words)
    }
}

/// Where a test is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// From a folder.
    Given,
    /// Made up.
    Generated,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_has_its_row_and_one_name() {
        for row in &CONDITIONS {
            assert_eq!(row.condition.row().name, row.name);
            let in_reports = serde_json::to_value(row.condition).unwrap();
            assert_eq!(in_reports, row.name);
        }
    }
}
