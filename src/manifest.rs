//! `in<R>.txt`: what a client owns and what it wants, read, checked and written.
//!
//! The format is white-space separated tokens: the number of owned files; for each its name, its number of segments and
//! the hash of each segment; the number of wanted files; the name of each. How they are spread over lines is for the
//! reader's eye only, so CRLF, blank lines and a missing last newline are all fine.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use crate::protocol::{FileName, Hashes, OwnedFile, SegmentHash, SegmentIndex};

/// A client's input. No file is owned twice, and none is wanted twice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// The files that the client holds from the start.
    pub owned: Vec<OwnedFile>,
    /// The files that it is to end up with, in the order in which it fetches them.
    pub wanted: Vec<FileName>,
}

/// As many problems of one input are listed; the rest usually follows from them.
pub const MOST_PROBLEMS: usize = 10;

/// Reads and checks the input at `path`, without ever holding the text of more than a line.
///
/// # Errors
/// Up to [`MOST_PROBLEMS`] lines for the user, each starting with the path.
pub fn read(path: &Path) -> Result<Manifest, Vec<String>> {
    let shown = path.strip_prefix(".").unwrap_or(path).display();
    let file =
        File::open(path).map_err(|error| vec![format!("{shown}: cannot be read: {error}")])?;
    parse(BufReader::with_capacity(1 << 16, file)).map_err(|problems| {
        problems
            .iter()
            .map(|problem| format!("{shown}:{problem}"))
            .collect()
    })
}

/// Reads and checks an input.
///
/// # Errors
/// All problems, in the order of their lines, but at most [`MOST_PROBLEMS`] of them.
pub fn parse(text: impl BufRead) -> Result<Manifest, Vec<Problem>> {
    let mut parser = Parser {
        tokens: Tokens::new(text),
        problems: Vec::new(),
    };
    match parser.manifest() {
        Ok(manifest) if parser.problems.is_empty() => Ok(manifest),
        Ok(_) | Err(Halt) => Err(parser.problems),
    }
}

/// Writes an input as [`parse`] reads it.
impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.owned.len())?;
        for file in &self.owned {
            writeln!(f, "{} {}", file.name, file.hashes.len())?;
            for hash in file.hashes.iter() {
                writeln!(f, "{hash}")?;
            }
        }
        writeln!(f, "{}", self.wanted.len())?;
        for name in &self.wanted {
            writeln!(f, "{name}")?;
        }
        Ok(())
    }
}

/// Something wrong with an input: where, what was expected, what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    line: usize,
    text: String,
}

/// `<line>: <problem>`, to be put behind a path and a colon.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.text)
    }
}

/// Nothing after the last problem can be made sense of, or enough of them are known.
struct Halt;

struct Parser<R> {
    tokens: Tokens<R>,
    problems: Vec<Problem>,
}

impl<R: BufRead> Parser<R> {
    fn manifest(&mut self) -> Result<Manifest, Halt> {
        let mut manifest = Manifest::default();
        let mut names = BTreeSet::new();
        for number in 1..=self.count("the number of owned files")? {
            let name = self.name(&format!("the name of owned file {number}"), &mut names)?;
            let shown = name.as_ref().map_or("?", FileName::as_str).to_owned();
            let hashes = self.hashes(&shown)?;
            manifest
                .owned
                .extend(name.map(|name| OwnedFile { name, hashes }));
        }
        names.clear();
        let wanted = self.count("the number of wanted files")?;
        for number in 1..=wanted {
            let name = self.name(&format!("the name of wanted file {number}"), &mut names)?;
            manifest.wanted.extend(name);
        }
        match self.tokens.next() {
            Ok(None) => Ok(manifest),
            found => {
                let found = found.map(|token| token.map(<[u8]>::to_vec));
                self.unexpected(
                    &format!("the end of the file after {wanted} wanted files"),
                    found,
                )?;
                Ok(manifest)
            }
        }
    }

    /// A whole number, not below zero. Whatever it says, no memory is reserved on its word.
    fn count(&mut self, what: &str) -> Result<u64, Halt> {
        let token = self.token(what)?;
        match str::from_utf8(&token)
            .ok()
            .and_then(|digits| digits.parse().ok())
        {
            Some(count) => Ok(count),
            None => {
                self.unexpected(what, Ok(Some(token)))?;
                Err(Halt)
            }
        }
    }

    /// A good name that is not yet among `names`.
    fn name(
        &mut self,
        what: &str,
        names: &mut BTreeSet<FileName>,
    ) -> Result<Option<FileName>, Halt> {
        let token = self.token(what)?;
        let Ok(text) = str::from_utf8(&token) else {
            self.problem(format!(
                "expected {what}, found {}, which is not UTF-8",
                quoted(&token)
            ))?;
            return Ok(None);
        };
        match FileName::new(text) {
            Ok(name) if names.insert(name.clone()) => Ok(Some(name)),
            Ok(name) => {
                self.problem(format!("expected {what}, found '{name}' a second time"))?;
                Ok(None)
            }
            Err(bad) => {
                self.problem(format!("expected {what}, found {bad}"))?;
                Ok(None)
            }
        }
    }

    /// The number of segments of a file, and then its hashes.
    fn hashes(&mut self, name: &str) -> Result<Hashes, Halt> {
        let count = self.count(&format!("the number of segments of '{name}'"))?;
        let mut hashes = Vec::new();
        for position in (0..)
            .map(SegmentIndex)
            .take(usize::try_from(count).unwrap_or(usize::MAX))
        {
            let what = || format!("the hash of segment {position} of '{name}'");
            let hash = match self.tokens.next() {
                Ok(Some(token)) => SegmentHash::new(token).map_err(|bad| (quoted(token), bad)),
                end => {
                    let end = end.map(|_| None);
                    self.unexpected(&what(), end)?;
                    return Err(Halt);
                }
            };
            match hash {
                Ok(hash) => hashes.push(hash),
                Err((found, bad)) => {
                    self.problem(format!("expected {}, found {found}: {bad}", what()))?
                }
            }
        }
        Ok(hashes.into_iter().collect())
    }

    fn token(&mut self, what: &str) -> Result<Vec<u8>, Halt> {
        match self.tokens.next() {
            Ok(Some(token)) => Ok(token.to_vec()),
            end => {
                let end = end.map(|_| None);
                self.unexpected(what, end)?;
                Err(Halt)
            }
        }
    }

    fn unexpected(&mut self, what: &str, found: io::Result<Option<Vec<u8>>>) -> Result<(), Halt> {
        self.problem(match found {
            Ok(Some(token)) => format!("expected {what}, found {}", quoted(&token)),
            Ok(None) => format!("expected {what}, found the end of the file"),
            Err(error) => format!("cannot be read: {error}"),
        })
    }

    fn problem(&mut self, text: String) -> Result<(), Halt> {
        self.problems.push(Problem {
            line: self.tokens.line_number,
            text,
        });
        if self.problems.len() < MOST_PROBLEMS {
            Ok(())
        } else {
            Err(Halt)
        }
    }
}

/// A token as it can be shown: on one line, not too long, and harmless to a terminal.
fn quoted(token: &[u8]) -> String {
    const LONGEST: usize = 40;
    match token.get(..LONGEST) {
        Some(start) if token.len() > LONGEST => format!("'{}...'", start.escape_ascii()),
        _ => format!("'{}'", token.escape_ascii()),
    }
}

/// The tokens of a text, a line in memory at a time.
struct Tokens<R> {
    text: R,
    line: Vec<u8>,
    /// Where in the line the next token is looked for.
    position: usize,
    /// The number of the line, from 1; at the end, of the line after the last.
    line_number: usize,
}

impl<R: BufRead> Tokens<R> {
    fn new(text: R) -> Self {
        Tokens {
            text,
            line: Vec::new(),
            position: 0,
            line_number: 0,
        }
    }

    fn next(&mut self) -> io::Result<Option<&[u8]>> {
        let start = loop {
            match self.line[self.position..]
                .iter()
                .position(|&byte| !is_space(byte))
            {
                Some(blanks) => break self.position + blanks,
                None => {
                    self.line.clear();
                    self.position = 0;
                    self.line_number += 1;
                    if self.text.read_until(b'\n', &mut self.line)? == 0 {
                        return Ok(None);
                    }
                }
            }
        };
        let token = &self.line[start..];
        let length = token
            .iter()
            .position(|&byte| is_space(byte))
            .unwrap_or(token.len());
        self.position = start + length;
        Ok(Some(&token[..length]))
    }
}

/// White space as C's `isspace` has it, which is what the assignment's programs read by.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == b'\x0b'
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn file(name: &str, hashes: &[&str]) -> OwnedFile {
        let hashes = hashes
            .iter()
            .map(|hash| SegmentHash::new(hash.as_bytes()).unwrap())
            .collect();
        OwnedFile {
            name: FileName::new(name).unwrap(),
            hashes,
        }
    }

    /// Every problem of `text`, each as it is shown behind the path.
    fn problems(text: &str) -> Vec<String> {
        problems_of_bytes(text.as_bytes())
    }

    fn problems_of_bytes(text: &[u8]) -> Vec<String> {
        parse(text)
            .expect_err("the input has problems")
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn an_input_says_what_is_owned_and_what_is_wanted() {
        let manifest =
            parse(format!("2\nfile1 2\n{A}\n{B}\nfile2 0\n1\nfile3\n").as_bytes()).unwrap();
        assert_eq!(manifest.owned, [file("file1", &[A, B]), file("file2", &[])]);
        assert_eq!(manifest.wanted, [FileName::new("file3").unwrap()]);
    }

    #[test]
    fn only_the_tokens_count_not_how_they_are_spread_over_lines() {
        let plain = parse(format!("1\nfile1 2\n{A}\n{B}\n2\nx\ny\n").as_bytes()).unwrap();
        let windows = format!("1\r\nfile1 2\r\n{A}\r\n{B}\r\n2\r\nx\r\ny");
        let airy = format!("\n\n 1\t\nfile1\x0b\n\n2 {A} {B}  \n\n2 x\x0cy\n\n");
        assert_eq!(parse(windows.as_bytes()).unwrap(), plain);
        assert_eq!(parse(airy.as_bytes()).unwrap(), plain);
    }

    #[test]
    fn what_is_written_reads_back() {
        let wanted = vec![FileName::new("z").unwrap(), FileName::new("y").unwrap()];
        for manifest in [
            Manifest::default(),
            Manifest {
                owned: vec![file("x", &[A, B, A]), file("empty", &[])],
                wanted,
            },
        ] {
            assert_eq!(parse(manifest.to_string().as_bytes()).unwrap(), manifest);
        }
    }

    #[test]
    fn an_input_that_ends_too_soon_says_what_is_missing_and_where() {
        assert_eq!(
            problems(""),
            ["1: expected the number of owned files, found the end of the file"]
        );
        assert_eq!(
            problems("1\n"),
            ["2: expected the name of owned file 1, found the end of the file"]
        );
        assert_eq!(
            problems("1\nf"),
            ["3: expected the number of segments of 'f', found the end of the file"]
        );
        assert_eq!(
            problems(&format!("1\nfile1 10\n{A}\n{A}\n{A}\n{A}\n")),
            ["7: expected the hash of segment 5 of 'file1', found the end of the file"]
        );
        assert_eq!(
            problems("0\n"),
            ["2: expected the number of wanted files, found the end of the file"]
        );
        assert_eq!(
            problems("0 2 x"),
            ["2: expected the name of wanted file 2, found the end of the file"]
        );
    }

    #[test]
    fn a_count_is_a_number_from_0_to_the_largest() {
        assert_eq!(
            problems("x"),
            ["1: expected the number of owned files, found 'x'"]
        );
        assert_eq!(
            problems("-1"),
            ["1: expected the number of owned files, found '-1'"]
        );
        assert_eq!(
            problems("1 f 2.5"),
            ["1: expected the number of segments of 'f', found '2.5'"]
        );
        let beyond = "18446744073709551616";
        assert_eq!(
            problems(beyond),
            [format!(
                "1: expected the number of owned files, found '{beyond}'"
            )]
        );
        assert_eq!(
            problems("1 f 18446744073709551615"),
            ["2: expected the hash of segment 1 of 'f', found the end of the file"]
        );
    }

    #[test]
    fn every_bad_hash_and_name_is_listed_with_its_line_up_to_ten() {
        assert_eq!(
            problems(&format!("2\nf 2\nshort\n{A}b\n.. 0\n2\na/b\nc\n")),
            [
                "3: expected the hash of segment 1 of 'f', found 'short': 5 characters instead of 32".to_owned(),
                format!("4: expected the hash of segment 2 of 'f', found '{A}b': 33 characters instead of 32"),
                "5: expected the name of owned file 2, found the name of a folder, '.' or '..'".to_owned(),
                "7: expected the name of wanted file 1, found a name with '/' in it".to_owned(),
            ]
        );
        assert_eq!(
            problems(&format!("1\nf 12\n{}", "?\n".repeat(12))).len(),
            MOST_PROBLEMS
        );
    }

    #[test]
    fn a_file_is_owned_once_and_wanted_once() {
        assert_eq!(
            problems("2 f 0 f 0 0"),
            ["1: expected the name of owned file 2, found 'f' a second time"]
        );
        assert_eq!(
            problems("0\n2\nf\nf\n"),
            ["4: expected the name of wanted file 2, found 'f' a second time"]
        );
        assert!(
            parse("1 f 0 1 f".as_bytes()).is_ok(),
            "owned and wanted is no contradiction"
        );
    }

    #[test]
    fn nothing_comes_after_the_last_wanted_name() {
        assert_eq!(
            problems("0\n1\nfile1\nfile2\n"),
            ["4: expected the end of the file after 1 wanted files, found 'file2'"]
        );
    }

    #[test]
    fn what_is_not_text_is_shown_harmlessly() {
        assert_eq!(
            problems_of_bytes(b"0 1 \xff\x1b[2J"),
            [r"1: expected the name of wanted file 1, found '\xff\x1b[2J', which is not UTF-8"]
        );
        let long = "x".repeat(1000);
        assert_eq!(
            problems(&long),
            [format!(
                "1: expected the number of owned files, found '{}...'",
                "x".repeat(40)
            )]
        );
    }
}
