//! A row of the table of all submissions.

use std::fmt;

use anyhow::Result;

use crate::checks::Check;
use crate::told::grading::{Grading, Marks, Sanitized, Verdict};
use crate::told::points::{range, shown};
use swarm::shown::{cell, on_a_line};

/// What the tables say instead of marks, where nothing was judged. It is not 0.
const NO_MARKS: &str = "-";

/// What they say of a program that does not let itself be seen.
const NO_MPI: &str = "no call of MPI was seen";

/// What came of a submission.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The name of its folder.
    pub name: String,
    /// Its verdicts, or why there are none.
    pub result: Result<Verdicts, String>,
}

/// The verdicts of a submission, in short.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdicts {
    /// What it is worth.
    pub marks: Marks,
    /// The checks that are wrong, the worst first.
    pub wrong: Vec<Check>,
    /// The checks that cannot be told, the worst first.
    pub untold: Vec<Check>,
    /// Whether no call of MPI was seen, though the files are right.
    pub saw_no_mpi: bool,
    /// What a sanitizer found, if it was asked to.
    pub sanitized: Option<Sanitized>,
}

impl From<&Grading> for Verdicts {
    fn from(grading: &Grading) -> Verdicts {
        let with = |verdict| grading.with(verdict).iter().map(|it| it.check).collect();
        Verdicts {
            marks: grading.marks.clone(),
            wrong: with(Verdict::Wrong),
            untold: with(Verdict::CannotBeTold),
            saw_no_mpi: grading.saw_no_mpi,
            sanitized: grading.sanitized.clone(),
        }
    }
}

impl Row {
    /// What the tables say of it: the marks, the most there is, what is wrong, what cannot be told, and why it
    /// could not be graded.
    pub(super) fn cells(&self) -> [String; 5] {
        match &self.result {
            Ok(Verdicts {
                marks,
                wrong,
                untold,
                saw_no_mpi,
                ..
            }) => {
                let (total, of) = (range(marks.total, marks.at_most), shown(marks.of));
                let problem = if *saw_no_mpi { NO_MPI } else { "" };
                [total, of, names(wrong), names(untold), problem.into()]
            }
            Err(problem) => [NO_MARKS, NO_MARKS, "", "", problem].map(String::from),
        }
    }

    /// What the tables say of what a sanitizer found; `None` if it was not asked to.
    pub(super) fn sanitized(&self) -> Option<String> {
        let verdicts = self.result.as_ref().ok()?;
        verdicts.sanitized.as_ref().map(ToString::to_string)
    }

    /// Whether something is wrong, or it could not be graded or not be seen.
    pub fn is_wrong(&self) -> bool {
        (self.result.as_ref()).map_or(true, |verdicts| {
            verdicts.saw_no_mpi || !verdicts.wrong.is_empty()
        })
    }
}

/// For the terminal: the marks, and what is wrong.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.result {
            Err(problem) => {
                let first = problem.lines().next().unwrap_or_default();
                let (name, first) = (on_a_line(&self.name), on_a_line(first));
                write!(f, "{name:<20} not graded: {first}")
            }
            Ok(Verdicts {
                marks,
                wrong,
                saw_no_mpi,
                sanitized,
                ..
            }) => {
                let (total, of) = (range(marks.total, marks.at_most), shown(marks.of));
                write!(f, "{:<20} {total:>5} of {of}", on_a_line(&self.name))?;
                let wrong: Vec<&str> = wrong.iter().map(|check| check.name()).collect();
                if *saw_no_mpi {
                    write!(f, "  {NO_MPI}")?;
                } else if wrong.is_empty() {
                    write!(f, "  nothing is wrong")?;
                } else {
                    write!(f, "  wrong: {}", wrong.join(", "))?;
                }
                let found = sanitized.as_ref().and_then(|it| it.found.as_ref());
                found.map_or(Ok(()), |found| {
                    write!(f, "; {}", on_a_line(&found.to_string()))
                })
            }
        }
    }
}

/// The heading of the column for what a sanitizer found. It is the last one, and there only if one was asked to.
pub(super) const SANITIZED: &str = "sanitizer";

/// Whether there is that column.
pub(super) fn are_sanitized<'a>(mut rows: impl Iterator<Item = &'a Row>) -> bool {
    rows.any(|row| row.sanitized().is_some())
}

/// All rows as text for spreadsheets.
pub(super) fn csv<'a>(rows: impl Iterator<Item = &'a Row> + Clone) -> Result<Vec<u8>> {
    let more = are_sanitized(rows.clone()).then_some(SANITIZED);
    let mut csv = csv::Writer::from_writer(Vec::new());
    let columns = ["name", "total", "of", "wrong", "cannot be told", "problem"];
    csv.write_record(columns.into_iter().chain(more))?;
    for row in rows {
        let more = more.map(|_| cell(&row.sanitized().unwrap_or_default()));
        let [total, of, wrong, untold, problem] = row.cells();
        let cells = [cell(&row.name), total, of, wrong, untold, cell(&problem)];
        csv.write_record(cells.into_iter().chain(more))?;
    }
    Ok(csv.into_inner()?)
}

/// The names of checks, in one cell.
fn names(checks: &[Check]) -> String {
    let names: Vec<&str> = checks.iter().map(|check| check.name()).collect();
    names.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_named_and_said_steers_no_terminal_and_is_no_formula() {
        let row = |name: &str, problem: &str| Row {
            name: name.into(),
            result: Err(problem.into()),
        };
        let rows = [
            row("=1+1", "+x\n\u{1b}[2Jy"),
            row("a\u{1b}]0;title\u{7}", "it does not build: \u{9b}31m"),
            row("two\nlines", "-"),
        ];
        let text = String::from_utf8(csv(rows.iter()).unwrap()).unwrap();
        assert_eq!(
            text,
            "name,total,of,wrong,cannot be told,problem\n\
             '=1+1,-,-,,,\"'+x\n\u{fffd}[2Jy\"\n\
             a\u{fffd}]0;title\u{fffd},-,-,,,it does not build: \u{fffd}31m\n\
             \"two\nlines\",-,-,,,'-\n"
        );
        for row in rows {
            let line = row.to_string();
            assert!(!line.contains(char::is_control), "{line:?}");
        }
    }
}
