//! A TOML file that a person writes: what is wrong in it is said by line and column.

use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use serde::de::DeserializeOwned;

/// What is wrong, and where in the text.
pub type Wrong = (Range<usize>, String);

/// A line and a column of a text, from 1 on. Columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    line: usize,
    column: usize,
}

/// What is wrong, and in which line and column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    place: Place,
    why: String,
}

/// Reads a file whose text `parse` understands.
///
/// # Errors
/// When it cannot be read, or with the place of what is wrong: `PATH:LINE:COLUMN: why`.
pub fn read<T>(path: &Path, parse: impl FnOnce(&str) -> Result<T, Wrong>) -> Result<T> {
    let text = fs::read_to_string(path);
    let text = text.with_context(|| format!("cannot read {}", path.display()))?;
    let parsed = parse(&text).map_err(|wrong| Problem::of(&text, wrong));
    parsed.map_err(|problem| problem.in_file(path))
}

/// Reads values of a text.
///
/// # Errors
/// Says what is wrong in one line.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Wrong> {
    toml::from_str(text).map_err(|error| {
        let why = error.message().lines().collect::<Vec<_>>().join(", ");
        (error.span().unwrap_or_default(), why)
    })
}

/// What may stand there: `one of 'a', 'b'`.
pub fn one_of(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let quoted = names.into_iter().map(|name| format!("'{}'", name.as_ref()));
    format!("one of {}", quoted.collect::<Vec<_>>().join(", "))
}

impl Place {
    /// The place of a byte of a text.
    pub fn of(text: &str, byte: usize) -> Place {
        let before = text.get(..byte).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Place {
            line: 1 + before.matches('\n').count(),
            column: 1 + before[line_start..].chars().count(),
        }
    }
}

impl Problem {
    /// Says why at a place.
    pub fn new(place: Place, why: impl Into<String>) -> Problem {
        let why = why.into();
        Problem { place, why }
    }

    /// What is wrong in a text.
    pub fn of(text: &str, (span, why): Wrong) -> Problem {
        Problem::new(Place::of(text, span.start), why)
    }

    /// The same with the name of the file.
    pub fn in_file(&self, path: &Path) -> anyhow::Error {
        anyhow!("{}:{self}", path.display())
    }
}

/// To be put behind the name of the file.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column } = self.place;
        write!(f, "{line}:{column}: {}", self.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let text = "a = 1\nä = [é, x]";
        let place = |byte| Problem::of(text, (byte..byte, "so".into())).to_string();
        assert_eq!(place(0), "1:1: so");
        assert_eq!(place(text.find('x').unwrap()), "2:9: so");
        assert_eq!(place(99), "2:11: so");
    }
}
