//! `in<R>.txt`: what a client owns and what it wants, read, checked and written.
//!
//! The format is white-space separated tokens: the number of owned files; for each its name, its
//! number of segments and the hash of each segment; the number of wanted files; the name of each.
//! Line breaks are white space like any other. So CRLF, blank lines and a missing last newline are
//! all fine.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::mem;
use std::path::Path;

use fastrand::Rng;

use crate::limits::{MOST_FILES, MOST_SEGMENTS};
use crate::protocol::{FileName, Hashes, OwnedFile, Rank, SegmentHash, SegmentIndex};
use crate::shown::Shown;
use crate::text_file;

/// A client's input. No file is owned twice, and none is wanted twice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// The files that the client holds from the start.
    pub owned: Vec<OwnedFile>,
    /// The files that the client is to end up with, in the order in which it fetches them.
    pub wanted: Vec<FileName>,
}

impl Manifest {
    /// The files that the client has to download: it wants them and does not own them.
    pub fn to_download(&self) -> impl Iterator<Item = &FileName> {
        let owned: BTreeSet<&FileName> = self.owned.iter().map(|file| &file.name).collect();
        let is_lacking = move |name: &&FileName| !owned.contains(*name);
        self.wanted.iter().filter(is_lacking)
    }

    /// Warnings for the user about a client with this input, a line for each file that it both owns
    /// and wants.
    pub fn warnings(&self, client: Rank) -> impl Iterator<Item = String> {
        let owned = self.owned.iter().map(|file| &file.name);
        let wanted: BTreeSet<&FileName> = self.wanted.iter().collect();
        let both = owned.filter(move |name| wanted.contains(name));
        both.map(move |name| {
            format!("warning: client {client} both owns and wants '{name}': nothing is downloaded")
        })
    }
}

impl OwnedFile {
    /// A file of `segments` random hashes, for inputs that are made up.
    pub fn random(name: FileName, segments: usize, rng: &mut Rng) -> OwnedFile {
        let hash = |_| {
            let digits = format!("{:032x}", rng.u128(..));
            SegmentHash::new(digits.as_bytes()).expect("hexadecimal digits are printable")
        };
        OwnedFile {
            name,
            hashes: (0..segments).map(hash).collect(),
        }
    }
}

/// The most problems of one input that are listed. The others usually follow from these.
pub const MOST_PROBLEMS: usize = 10;

/// Reads and checks the input at `path`. It never holds more text than a word.
///
/// # Errors
/// Up to [`MOST_PROBLEMS`] lines for the user, each starting with the path.
pub fn read(path: &Path) -> Result<Manifest, Vec<String>> {
    let shown = path.strip_prefix(".").unwrap_or(path).shown();
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
/// All problems, in the order of their lines, but at most [`MOST_PROBLEMS`] of them. Each begins with
/// the number of its line, to follow a path and a colon.
pub fn parse(mut text: impl BufRead) -> Result<Manifest, Vec<String>> {
    text_file::skip_mark(&mut text).map_err(|error| vec![format!("1: cannot be read: {error}")])?;
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

/// The parser stops: it cannot make sense of the rest, or it has found [`MOST_PROBLEMS`].
struct Halt;

struct Parser<R> {
    tokens: Tokens<R>,
    problems: Vec<String>,
}

impl<R: BufRead> Parser<R> {
    fn manifest(&mut self) -> Result<Manifest, Halt> {
        let mut manifest = Manifest::default();
        let mut names = BTreeSet::new();
        for number in 1..=self.count("the number of owned files", MOST_FILES)? {
            let name = self.name(&format!("the name of owned file {number}"), &mut names)?;
            let shown = name.as_ref().map_or("?", FileName::as_str).to_owned();
            let hashes = self.hashes(&shown)?;
            manifest
                .owned
                .extend(name.map(|name| OwnedFile { name, hashes }));
        }
        names.clear();
        let wanted = self.count("the number of wanted files", MOST_FILES)?;
        for number in 1..=wanted {
            let name = self.name(&format!("the name of wanted file {number}"), &mut names)?;
            manifest.wanted.extend(name);
        }
        match self.tokens.next() {
            Ok(None) => Ok(manifest),
            found => {
                let found = found.map(|token| token.map(<[u8]>::to_vec));
                self.unexpected("the end of the file after the last wanted name", found)?;
                Ok(manifest)
            }
        }
    }

    /// Reads a whole number from 0 on. The input may lie, so no memory is reserved for what it
    /// says.
    fn count(&mut self, what: &str, most: usize) -> Result<usize, Halt> {
        let token = self.token(what)?;
        let is_digits = !token.is_empty() && token.iter().all(u8::is_ascii_digit);
        let digits = str::from_utf8(&token).ok();
        match digits.and_then(|digits| digits.parse().ok()) {
            Some(count) if count <= most => Ok(count),
            Some(_) | None => {
                let what = match is_digits {
                    true => format!("{what}, at most {most}"),
                    false => what.to_owned(),
                };
                self.unexpected(&what, Ok(Some(token)))?;
                Err(Halt)
            }
        }
    }

    /// Reads a name, and adds it to `names`. `None` if it is a bad name, or is there already.
    fn name(
        &mut self,
        what: &str,
        names: &mut BTreeSet<FileName>,
    ) -> Result<Option<FileName>, Halt> {
        let token = self.token(what)?;
        let name = str::from_utf8(&token)
            .map_err(|_| format!("{}, which is not UTF-8", quoted(&token)))
            .and_then(FileName::new);
        let found = match name {
            Ok(name) if names.insert(name.clone()) => return Ok(Some(name)),
            Ok(name) => format!("'{name}' a second time"),
            Err(bad) => bad,
        };
        self.problem(format!("expected {what}, found {found}"))?;
        Ok(None)
    }

    /// Reads the number of segments of a file, and its hashes.
    fn hashes(&mut self, name: &str) -> Result<Hashes, Halt> {
        let what = format!("the number of segments of '{name}'");
        let count = self.count(&what, MOST_SEGMENTS)?;
        let mut hashes = Vec::new();
        for position in (0..count).map(SegmentIndex) {
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

    fn problem(&mut self, text: impl fmt::Display) -> Result<(), Halt> {
        self.problems
            .push(format!("{}: {text}", self.tokens.line_number));
        if self.problems.len() < MOST_PROBLEMS {
            Ok(())
        } else {
            Err(Halt)
        }
    }
}

/// A token to show to the user: on one line, not too long, and harmless to a terminal.
fn quoted(token: &[u8]) -> String {
    const LONGEST: usize = 40;
    match token.get(..LONGEST) {
        Some(start) if token.len() > LONGEST => format!("'{}...'", start.escape_ascii()),
        _ => format!("'{}'", token.escape_ascii()),
    }
}

/// The longest token, in bytes. Longer than any that is right: so that it can be shown what is wrong.
const LONGEST_TOKEN: usize = 4096;

/// The tokens of a text, of which one is in memory at a time.
struct Tokens<R> {
    text: R,
    token: Vec<u8>,
    /// The number of the line, from 1. At the end of the text, that of the line after the last.
    line_number: usize,
    /// Whether something of the line was read.
    is_begun: bool,
}

impl<R: BufRead> Tokens<R> {
    fn new(text: R) -> Self {
        Tokens {
            text,
            token: Vec::new(),
            line_number: 1,
            is_begun: false,
        }
    }

    fn next(&mut self) -> io::Result<Option<&[u8]>> {
        self.token.clear();
        loop {
            let buffer = match self.text.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let (length, is_whole) = if self.token.is_empty() {
                if buffer.is_empty() {
                    self.line_number += usize::from(mem::take(&mut self.is_begun));
                    return Ok(None);
                }
                let is_token = |&byte: &u8| !is_space(byte);
                let blanks = buffer.iter().position(is_token).unwrap_or(buffer.len());
                let (blanks, rest) = buffer.split_at(blanks);
                self.line_number += blanks.iter().filter(|&&byte| byte == b'\n').count();
                if let Some(&last) = blanks.last() {
                    self.is_begun = last != b'\n';
                }
                let token = rest.iter().position(|&byte| is_space(byte));
                self.token.extend(&rest[..token.unwrap_or(rest.len())]);
                (blanks.len() + self.token.len(), token.is_some())
            } else {
                let end = buffer.iter().position(|&byte| is_space(byte));
                let more = &buffer[..end.unwrap_or(buffer.len())];
                self.token.extend(more);
                (more.len(), end.is_some() || buffer.is_empty())
            };
            self.text.consume(length);
            self.is_begun |= !self.token.is_empty();
            if self.token.len() > LONGEST_TOKEN {
                let why = format!("a word of more than {LONGEST_TOKEN} bytes");
                return Err(io::Error::new(ErrorKind::InvalidData, why));
            }
            if is_whole {
                return Ok(Some(&self.token));
            }
        }
    }
}

/// Whether C's `isspace` takes a byte for white space. The course's programs read with `fscanf`.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == b'\x0b'
}

#[cfg(test)]
mod tests;
