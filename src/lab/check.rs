//! `bittorrent check`: reads a trace, and says of every rule whether it was kept.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::memory;
use crate::rules::{Inputs, Judge, Judgement, Verdict};
use swarm::event::Event;
use swarm::inputs;
use swarm::manifest;
use swarm::protocol::Rank;
use swarm::say;
use swarm::shown::Shown;
use swarm::trace::{Header, Reader};

/// The version of what [`Check`] prints as JSON. It grows when a field changes its meaning or goes.
const SCHEMA: u32 = 1;

/// What is to be checked.
#[derive(Debug, Clone)]
pub struct Check {
    /// The trace, or the folder of its parts that a run leaves when it is broken off.
    pub trace: PathBuf,
    /// The folder of the clients' inputs, if what they did is to be compared with these.
    pub inputs: Option<PathBuf>,
    /// Whether to print JSON.
    pub json: bool,
}

impl Check {
    /// Reads the trace, prints the verdicts, and returns what the exit status says.
    ///
    /// # Errors
    /// When the trace cannot be read, or the inputs; or when nothing can be printed.
    pub fn run(&self) -> Result<CheckOutcome> {
        let checked = Checked::new(&self.trace, self.inputs.as_deref())?;
        if self.json {
            let report = CheckReport {
                schema: SCHEMA,
                clients: checked.clients,
                complete: checked.complete,
                events: checked.events,
                outcome: checked.outcome().to_string(),
                rules: checked.judgements.iter().map(Judged::from).collect(),
            };
            say::exactly(serde_json::to_string_pretty(&report)? + "\n")?;
        } else {
            say::text(&checked)?;
        }
        Ok(checked.outcome())
    }
}

/// What a check found, as its exit status says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckOutcome {
    /// Every rule holds.
    Holds = 0,
    /// A rule is broken.
    Broken = 1,
    /// The trace cannot be read.
    Unreadable = 2,
    /// Nothing is broken, but not everything can be told.
    Untold = 3,
}

impl CheckOutcome {
    /// All of them.
    pub const ALL: [CheckOutcome; 4] = [
        CheckOutcome::Holds,
        CheckOutcome::Broken,
        CheckOutcome::Unreadable,
        CheckOutcome::Untold,
    ];
}

/// What it means, for the user.
impl fmt::Display for CheckOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CheckOutcome::Holds => "every rule holds",
            CheckOutcome::Broken => "a rule is broken",
            CheckOutcome::Unreadable => "the trace cannot be read",
            CheckOutcome::Untold => {
                "nothing is broken, but the run was broken off or refused, and not everything can be told"
            }
        })
    }
}

impl From<CheckOutcome> for ExitCode {
    fn from(outcome: CheckOutcome) -> ExitCode {
        ExitCode::from(outcome as u8)
    }
}

/// A trace that was read, and what is to be said of it.
#[derive(Debug)]
pub struct Checked {
    clients: usize,
    /// Whether the run came to its end.
    complete: bool,
    /// Whether it never began: then there was next to nothing to break.
    refused: bool,
    pub(crate) events: u64,
    judgements: Vec<Judgement>,
}

/// A check on its way through a trace.
pub(crate) struct Checking {
    judge: Judge,
    /// What is known before the judge has closed.
    checked: Checked,
}

impl Checking {
    /// Of a trace with this header.
    ///
    /// # Errors
    /// When it has settings that this version does not know.
    pub(crate) fn new(trace: &Path, header: &Header) -> Result<Checking> {
        let unknown = || {
            let shown = trace.shown();
            format!("{shown}:1: settings that this version does not know")
        };
        let plan = &header.plan;
        plan.check_cast().with_context(unknown)?;
        let corrupt = plan.corrupt.iter().copied().collect();
        let checked = Checked {
            clients: header.clients,
            complete: header.complete,
            refused: false,
            events: 0,
            judgements: Vec::new(),
        };
        let judge = Judge::new(header.clients, plan.settings, corrupt).casting(plan.cast.clone());
        Ok(Checking { judge, checked })
    }

    /// Takes the next event, which is on this line.
    pub(crate) fn see(&mut self, line: u64, event: &Event) {
        self.judge.see(line, event);
        self.checked.events += 1;
    }

    pub(crate) fn close(self) -> Checked {
        let refused = self.judge.is_refused();
        let judgements = self.judge.close(self.checked.complete);
        Checked {
            refused,
            judgements,
            ..self.checked
        }
    }
}

/// What the clients have read in a folder.
fn read_inputs(folder: &Path, clients: usize) -> Result<Inputs> {
    let there = inputs::clients(folder).with_context(|| folder.shown())?;
    memory::check(memory::of_inputs(folder, Rank::clients(clients)))?;
    let read = |client: Rank| {
        ensure!(
            there.contains(&client),
            "{}: expected in{client}.txt, found no such input",
            folder.shown()
        );
        Ok((client, manifest::read(&inputs::path(folder, client))))
    };
    Rank::clients(clients).map(read).collect()
}

impl Checked {
    /// Reads a trace in one pass, and compares it with the inputs in a folder, if one is named.
    ///
    /// # Errors
    /// When it cannot be read, or an input is not there.
    pub fn new(trace: &Path, inputs: Option<&Path>) -> Result<Checked> {
        let reader = Reader::open(trace)?;
        let mut checking = Checking::new(trace, reader.header())?;
        if let Some(folder) = inputs {
            let inputs = read_inputs(folder, reader.header().clients)?;
            checking.judge = checking.judge.knowing(inputs);
        }
        for event in reader {
            let (line, event) = event?;
            checking.see(line, &event);
        }
        Ok(checking.close())
    }

    /// What is to be said of each rule, in order.
    pub fn judgements(&self) -> &[Judgement] {
        &self.judgements
    }

    /// A line on all rules.
    pub(crate) fn summary(&self) -> String {
        let (events, clients) = (self.events, self.clients);
        let noun = if clients == 1 { "client" } else { "clients" };
        format!("{events} events of {clients} {noun}: {}", self.outcome())
    }

    /// The worst of the verdicts.
    pub fn outcome(&self) -> CheckOutcome {
        let is = |check: fn(&Verdict) -> bool| {
            (self.judgements.iter()).any(|judgement| check(&judgement.verdict))
        };
        if is(|verdict| matches!(verdict, Verdict::Broken { .. })) {
            CheckOutcome::Broken
        } else if is(|verdict| *verdict == Verdict::CannotBeTold) || !self.complete || self.refused
        {
            CheckOutcome::Untold
        } else {
            CheckOutcome::Holds
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
        writeln!(f, "{}", self.summary())
    }
}

/// What was found, for programs.
#[derive(Debug, Serialize)]
struct CheckReport<'a> {
    schema: u32,
    clients: usize,
    complete: bool,
    events: u64,
    outcome: String,
    rules: Vec<Judged<'a>>,
}

/// What was found of one rule, for programs.
#[derive(Debug, Serialize)]
pub(crate) struct Judged<'a> {
    rule: String,
    verdict: &'static str,
    line: Option<u64>,
    offence: Option<&'a str>,
    more: Option<usize>,
}

impl<'a> From<&'a Judgement> for Judged<'a> {
    fn from(Judgement { rule, verdict }: &'a Judgement) -> Judged<'a> {
        let (verdict, offence) = match verdict {
            Verdict::Holds => ("holds", None),
            Verdict::CannotBeTold => ("cannot be told", None),
            Verdict::Broken { first, more } => ("broken", Some((first, *more))),
        };
        Judged {
            rule: rule.to_string(),
            verdict,
            line: offence.map(|(first, _)| first.line),
            offence: offence.map(|(first, _)| &first.text[..]),
            more: offence.map(|(_, more)| more),
        }
    }
}
