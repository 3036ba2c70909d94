//! `bittorrent check`: reads a trace, and says of every rule whether it was kept.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::rules::{Judge, Judgement, Verdict};
use crate::trace::Reader;

/// The version of what [`Check`] prints as JSON. It grows when a field changes its meaning or goes.
const SCHEMA: u32 = 1;

/// What is to be checked.
#[derive(Debug, Clone)]
pub struct Check {
    /// The trace, or the folder of parts that a run left which was broken off.
    pub trace: PathBuf,
    /// Whether to print JSON.
    pub json: bool,
}

impl Check {
    /// Reads the trace, prints the verdicts, and says what is to be the exit status.
    ///
    /// # Errors
    /// When the trace cannot be read.
    pub fn run(&self) -> Result<Outcome> {
        let checked = Checked::new(&self.trace)?;
        if self.json {
            serde_json::to_writer_pretty(io::stdout().lock(), &checked.report())
                .context("cannot print")?;
            println!();
        } else {
            print!("{checked}");
        }
        Ok(checked.outcome())
    }
}

/// What a check found, as its exit status says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every rule holds.
    Holds = 0,
    /// A rule is broken.
    Broken = 1,
    /// The trace cannot be read.
    Unreadable = 2,
    /// Nothing is broken, but not everything can be told.
    Untold = 3,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Outcome; 4] = [
        Outcome::Holds,
        Outcome::Broken,
        Outcome::Unreadable,
        Outcome::Untold,
    ];
}

/// What it means, for the user.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Holds => "every rule holds",
            Outcome::Broken => "a rule is broken",
            Outcome::Unreadable => "the trace cannot be read",
            Outcome::Untold => {
                "nothing is broken, but the run was broken off, and not everything can be told"
            }
        })
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        ExitCode::from(outcome as u8)
    }
}

/// A trace that was read, and what is to be said of it.
#[derive(Debug)]
pub struct Checked {
    clients: usize,
    /// Whether the run came to its end.
    complete: bool,
    events: u64,
    judgements: Vec<Judgement>,
}

impl Checked {
    /// Reads a trace, in one pass.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn new(trace: &Path) -> Result<Checked> {
        let reader = Reader::open(trace)?;
        let header = reader.header();
        let (clients, complete) = (header.clients, header.complete);
        let (settings, corrupt) = header.settings.parse().with_context(|| {
            format!(
                "{}:1: settings that this version does not know",
                trace.display()
            )
        })?;
        let mut judge = Judge::new(clients, settings, corrupt);
        let mut events = 0;
        for event in reader {
            let (line, event) = event?;
            judge.see(line, &event);
            events += 1;
        }
        Ok(Checked {
            clients,
            complete,
            events,
            judgements: judge.close(complete),
        })
    }

    /// The worst of the verdicts.
    pub fn outcome(&self) -> Outcome {
        let is = |check: fn(&Verdict) -> bool| {
            (self.judgements.iter()).any(|judgement| check(&judgement.verdict))
        };
        if is(|verdict| matches!(verdict, Verdict::Broken { .. })) {
            Outcome::Broken
        } else if is(|verdict| *verdict == Verdict::CannotBeTold) || !self.complete {
            Outcome::Untold
        } else {
            Outcome::Holds
        }
    }

    fn report(&self) -> Report<'_> {
        Report {
            schema: SCHEMA,
            clients: self.clients,
            complete: self.complete,
            events: self.events,
            outcome: self.outcome().to_string(),
            rules: self.judgements.iter().map(Judged::from).collect(),
        }
    }
}

/// A table of the rules, and a line on all of them.
impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Judgement { rule, verdict } in &self.judgements {
            match verdict {
                Verdict::Holds => writeln!(f, "{rule:<8}  holds")?,
                Verdict::CannotBeTold => writeln!(f, "{rule:<8}  cannot be told")?,
                Verdict::Broken { first, more } => {
                    write!(f, "{rule:<8}  broken, line {}: {}", first.line, first.text)?;
                    match more {
                        0 => writeln!(f)?,
                        1 => writeln!(f, " (and once more)")?,
                        more => writeln!(f, " (and {more} times more)")?,
                    }
                }
            }
        }
        let (events, clients) = (self.events, self.clients);
        let noun = if clients == 1 { "client" } else { "clients" };
        writeln!(f, "{events} events of {clients} {noun}: {}", self.outcome())
    }
}

/// The same for programs.
#[derive(Debug, Serialize)]
struct Report<'a> {
    schema: u32,
    clients: usize,
    complete: bool,
    events: u64,
    outcome: String,
    rules: Vec<Judged<'a>>,
}

#[derive(Debug, Serialize)]
struct Judged<'a> {
    rule: String,
    verdict: &'static str,
    line: Option<u64>,
    offence: Option<&'a str>,
    more: Option<usize>,
}

impl<'a> From<&'a Judgement> for Judged<'a> {
    fn from(Judgement { rule, verdict }: &'a Judgement) -> Judged<'a> {
        let judged = |verdict| Judged {
            rule: rule.to_string(),
            verdict,
            line: None,
            offence: None,
            more: None,
        };
        match verdict {
            Verdict::Holds => judged("holds"),
            Verdict::CannotBeTold => judged("cannot be told"),
            Verdict::Broken { first, more } => Judged {
                line: Some(first.line),
                offence: Some(&first.text),
                more: Some(*more),
                ..judged("broken")
            },
        }
    }
}
