//! Under what a program runs: the conditions, one row each, and where a test is from.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Under what a program runs, the plainest first. [`CONDITIONS`] says what each is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// As the course starts it: nothing is added, and nothing records it.
    AsItIs,
    /// Its calls are recorded.
    Recorded,
    /// Memory that it has not written yet is full of a pattern.
    DirtyMemory,
    /// Calls of MPI take their time, at random.
    Noise,
    /// A standard send waits until its receive has begun.
    Synchronous,
    /// Each client is in a folder that has its own input only.
    OwnInput,
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
    /// What the profiling library does: the first word of `PROFILING` (see `profiling.h`). `None`: it is not
    /// there, and only the outcome of a run is judged.
    pub deed: Option<&'static str>,
    /// What the second word is.
    pub varies: Varies,
    /// Whether what happens then could happen in any run.
    pub is_plain: bool,
    /// The most runs of a test.
    pub most_runs: usize,
    /// The heading of its column in the table of tests. `None`: only a few tests run under it, and
    /// only one check is made.
    pub column: Option<&'static str>,
}

/// How runs under one condition differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Varies {
    /// They do not.
    Not,
    /// By a seed.
    Seed,
    /// By the byte that memory is filled with.
    Pattern,
}

/// All conditions, in the order of [`Condition`].
pub static CONDITIONS: [ConditionRow; 7] = [
    ConditionRow {
        condition: Condition::AsItIs,
        name: "as-it-is",
        words: "as it is",
        deed: None,
        varies: Varies::Not,
        is_plain: true,
        most_runs: usize::MAX,
        column: Some("as it is"),
    },
    ConditionRow {
        condition: Condition::Recorded,
        name: "recorded",
        words: "recorded",
        deed: Some("nothing"),
        varies: Varies::Not,
        is_plain: true,
        most_runs: usize::MAX,
        column: Some("recorded"),
    },
    ConditionRow {
        condition: Condition::DirtyMemory,
        name: "dirty-memory",
        words: "with dirty memory",
        deed: Some("dirty"),
        varies: Varies::Pattern,
        is_plain: false,
        most_runs: 3,
        column: Some("dirty"),
    },
    ConditionRow {
        condition: Condition::Noise,
        name: "noise",
        words: "with noise",
        deed: Some("noise"),
        varies: Varies::Seed,
        is_plain: true,
        most_runs: usize::MAX,
        column: Some("noise"),
    },
    ConditionRow {
        condition: Condition::Synchronous,
        name: "synchronous",
        words: "with synchronous sends",
        deed: Some("synchronous"),
        varies: Varies::Not,
        is_plain: false,
        most_runs: usize::MAX,
        column: Some("sync"),
    },
    ConditionRow {
        condition: Condition::OwnInput,
        name: "own-input",
        words: "with its own input only",
        deed: None,
        varies: Varies::Not,
        is_plain: false,
        most_runs: 1,
        column: Some("own"),
    },
    ConditionRow {
        condition: Condition::Lying,
        name: "lying",
        words: "with one wrong hash",
        deed: Some("lie"),
        varies: Varies::Not,
        is_plain: false,
        most_runs: usize::MAX,
        column: None,
    },
];

impl Condition {
    /// What it is.
    pub fn row(self) -> &'static ConditionRow {
        &CONDITIONS[self as usize]
    }

    /// Whether its runs are recorded.
    pub fn is_recorded(self) -> bool {
        self.row().deed.is_some()
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
