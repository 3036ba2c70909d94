//! A TOML file that a person writes: what is wrong in it is said by line and column.

use std::ops::Range;
use std::path::Path;

use anyhow::{Result, anyhow};
use serde::de::DeserializeOwned;

use crate::shown::Shown;
use crate::text_file;

/// The bytes of a text that are wrong, and why.
pub type Wrong = (Range<usize>, String);

/// Reads a file whose text `parse` understands.
///
/// # Errors
/// When it cannot be read, or with the place of what is wrong: `PATH:LINE:COLUMN: why`.
pub fn read<T>(path: &Path, parse: impl FnOnce(&str) -> Result<T, Wrong>) -> Result<T> {
    let text = text_file::read(path)?;
    parse(&text).map_err(|wrong| in_file(path, &text, wrong))
}

/// Reads a text in TOML.
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

/// What is wrong in a file with this text: `PATH:LINE:COLUMN: why`.
pub fn in_file(path: &Path, text: &str, wrong: Wrong) -> anyhow::Error {
    anyhow!("{}:{}", path.shown(), located(text, wrong))
}

/// What is wrong in a text: `LINE:COLUMN: why`. Lines and columns count from 1, and columns count
/// characters.
pub fn located(text: &str, (span, why): Wrong) -> String {
    let before = text.get(..span.start).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = 1 + before.matches('\n').count();
    let column = 1 + before[line_start..].chars().count();
    format!("{line}:{column}: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let text = "a = 1\nä = [é, x]";
        let place = |byte| located(text, (byte..byte, "so".into()));
        assert_eq!(place(0), "1:1: so");
        assert_eq!(place(text.find('x').unwrap()), "2:9: so");
        assert_eq!(place(99), "2:11: so");
    }
}
