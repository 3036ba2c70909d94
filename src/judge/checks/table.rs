//! What a row of the table of checks has, and who looks it up.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::checks::{Check, Shown};
use crate::seen::condition::Condition;
use crate::seen::scene::Scene;
use crate::seen::unseen::Unseen;

/// What checks are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// How runs end, and what they leave.
    Outcome,
    /// The use of MPI.
    Mpi,
    /// The assignment's protocol.
    Assignment,
}

/// A row of the table.
pub(super) struct Row {
    pub name: &'static str,
    pub subject: Subject,
    pub words: &'static str,
    pub judge: fn(&Scene<'_>) -> Result<Shown, Unseen>,
}

macro_rules! checks {
    ($($check:ident $name:literal $subject:ident $module:ident $words:literal;)*) => {
        /// What a program is judged by. The worst is first.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[derive(serde::Serialize, serde::Deserialize)]
        pub enum Check {
            $(#[doc = concat!("Whether ", $words, ".")] #[serde(rename = $name)] $check,)*
        }

        impl Check {
            /// All of them, the worst first.
            pub const ALL: [Check; [$($name),*].len()] = [$(Check::$check),*];

            fn row(self) -> table::Row {
                match self {
                    $(Check::$check => table::Row {
                        name: $name,
                        subject: Subject::$subject,
                        words: $words,
                        judge: $module::judge,
                    },)*
                }
            }
        }
    };
}

impl Check {
    /// Its name, on the command line and for programs.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// What a run shows of it.
    pub(super) fn judge(self, scene: &Scene<'_>) -> Result<Shown, Unseen> {
        (self.row().judge)(scene)
    }

    /// The group of checks to which it belongs.
    pub fn subject(self) -> Subject {
        self.row().subject
    }
}

/// What is true if the check holds.
impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().words)
    }
}

/// What a run shows of each check. Some checks are judged under a condition of their own only, and no others are
/// then. Of a run without a record, nothing but the outcome is judged.
pub fn judge(scene: &Scene<'_>) -> Vec<(Check, Result<Shown, Unseen>)> {
    let condition = scene.condition;
    let is_judged = |check: &Check| match (check, condition) {
        (Check::Verification, _) | (_, Condition::Lying) => {
            *check == Check::Verification && condition == Condition::Lying
        }
        (Check::OwnInput, _) | (_, Condition::OwnInput) => {
            *check == Check::OwnInput && condition == Condition::OwnInput
        }
        (_, _) => condition.is_recorded() || check.subject() == Subject::Outcome,
    };
    let checks = Check::ALL.into_iter().filter(is_judged);
    checks.map(|check| (check, check.judge(scene))).collect()
}

/// Whether a run came out right: it ended well, with the right outputs. What it may have left running does not count.
/// `None` if that cannot be told.
pub fn outcome(shown: &[(Check, Result<Shown, Unseen>)]) -> Option<bool> {
    let decides = |check: Check| {
        check == Check::OwnInput || check.subject() == Subject::Outcome && check != Check::Processes
    };
    let mut deciding = shown.iter().filter(|(check, _)| decides(*check));
    let is_told = |(_, shown): &(Check, Result<Shown, Unseen>)| shown.is_ok();
    let is_right = |(_, shown): &(Check, Result<Shown, Unseen>)| *shown == Ok(Shown::Right);
    let wrong = deciding.clone().any(|it| is_told(it) && !is_right(it));
    if wrong {
        Some(false)
    } else {
        deciding.all(is_right).then_some(true)
    }
}
