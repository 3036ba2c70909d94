//! The page of a grading: the mark sheet, and the calls of the first failing run as a picture.
//!
//! What the script is told stands here and in `calls.rs`, field by field. The script (`page/`) says and draws it
//! in a browser, with what all pages share ([`pages`]).

mod calls;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;
use signal_hook::low_level;

use calls::CallDiagram;

use crate::checks::Check;
use crate::seen::condition::{CONDITIONS, Condition};
use crate::seen::known::Known;
use crate::seen::run::{Ending, Hung, RankEnd, Run};
use crate::told::grading::{Grading, Judgement, Place, Verdict};
use pages::page::DrawnPage;

const PAGE: DrawnPage<'static> = DrawnPage {
    title: "bittorrent grade",
    main: include_str!("page/main.html"),
    style: &[include_str!("page/sheet.css")],
    script: &[
        include_str!("page/sheet.js"),
        include_str!("page/calls.js"),
        include_str!("page/main.js"),
    ],
};

/// The most characters of what was printed that the page has. If there are more, they are the last ones.
const PRINTED: usize = 20_000;

/// A run that shows something wrong.
#[derive(Debug)]
pub struct Failing {
    /// The worst that it shows.
    pub check: Check,
    /// What it shows, in one sentence without its full stop.
    pub title: String,
    /// Which run it is. Below its picture is what the grading says of it.
    pub place: Place,
    /// What is known of its inputs.
    pub known: Known,
    /// What the run left.
    pub run: Run,
}

/// What the script is told.
#[derive(Serialize)]
struct GradingPage<'a> {
    headline: String,
    grading: Value,
    /// What is right where each check holds, by the check's name.
    about: BTreeMap<&'static str, String>,
    conditions: Vec<(Condition, &'static str)>,
    failing: Option<FailingRun<'a>>,
}

#[derive(Serialize)]
struct FailingRun<'a> {
    title: &'a str,
    place: Value,
    ending: String,
    is_hung: bool,
    printed: &'a str,
    is_printed_cut: bool,
    #[serde(flatten)]
    calls: CallDiagram,
}

/// Makes the page, with the picture of a failing run if there is one.
///
/// # Errors
/// When the grading cannot be described.
pub fn page(grading: &Grading, failing: Option<&Failing>) -> Result<String> {
    let told = GradingPage {
        headline: headline(grading),
        grading: exact(grading)?,
        about: Check::ALL
            .map(|check| (check.name(), check.to_string()))
            .into(),
        conditions: CONDITIONS
            .iter()
            .map(|row| (row.condition, row.words))
            .collect(),
        failing: failing.map(FailingRun::new).transpose()?,
    };
    PAGE.telling(&told)
}

/// The answer to what people ask first: `tema2: 3 things are wrong`.
fn headline(grading: &Grading) -> String {
    let program = Path::new(&grading.program);
    let name = program.file_name().unwrap_or(program.as_os_str());
    let things = |number: usize| match number {
        1 => "1 thing".to_owned(),
        more => format!("{more} things"),
    };
    let are = |number: usize| if number == 1 { "is" } else { "are" };
    let said = match [Verdict::Wrong, Verdict::CannotBeTold].map(|it| count(grading, it)) {
        [0, _] if grading.interrupted.is_some() => "nothing is wrong so far".to_owned(),
        _ if grading.saw_no_mpi => "no call of MPI was seen".to_owned(),
        [0, 0] => "nothing is wrong".to_owned(),
        [0, untold] => format!("nothing is wrong, and {} cannot be told", things(untold)),
        [wrong, _] => format!("{} {} wrong", things(wrong), are(wrong)),
    };
    let interrupted = grading.interrupted.map(|it| format!("; {it}"));
    let interrupted = interrupted.unwrap_or_default();
    format!("{}: {said}{interrupted}", name.to_string_lossy())
}

/// How many checks have a verdict, where what counts is looked at: a check is as bad as its worst verdict.
fn count(grading: &Grading, verdict: Verdict) -> usize {
    let beyond = grading.counts_beyond.then_some(&grading.beyond);
    let mut worst: BTreeMap<Check, Verdict> = BTreeMap::new();
    for Judgement { check, verdict, .. } in
        grading.checks.iter().chain(beyond.into_iter().flatten())
    {
        let known = worst.entry(*check).or_insert(*verdict);
        *known = (*known).min(*verdict);
    }
    worst.values().filter(|it| **it == verdict).count()
}

/// As it is in the report, but for numbers that a script would round, such as seeds: they become text.
fn exact(told: &impl Serialize) -> Result<Value> {
    const GREATEST: u64 = 1 << 53;
    fn mend(value: &mut Value) {
        match value {
            Value::Number(number) if number.as_u64() > Some(GREATEST) => {
                *value = number.to_string().into();
            }
            Value::Array(values) => values.iter_mut().for_each(mend),
            Value::Object(values) => values.values_mut().for_each(mend),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut told = serde_json::to_value(told).context("cannot describe the grading")?;
    mend(&mut told);
    Ok(told)
}

impl<'a> FailingRun<'a> {
    fn new(failing: &'a Failing) -> Result<FailingRun<'a>> {
        let Failing {
            check: _,
            title,
            place,
            known,
            run,
        } = failing;
        let printed = last(&run.printed, PRINTED);
        Ok(FailingRun {
            title,
            place: exact(place)?,
            ending: ending(&run.ending),
            is_hung: run.ending.hung.is_some(),
            printed,
            is_printed_cut: printed.len() < run.printed.len(),
            calls: calls::diagram(&run.recording, &run.ending, known),
        })
    }
}

/// The last `characters` of a text, or all that there are.
fn last(text: &str, characters: usize) -> &str {
    let start = text.char_indices().rev().nth(characters.saturating_sub(1));
    start.map_or(text, |(start, _)| &text[start..])
}

fn ending(ending: &Ending) -> String {
    match (ending.hung, ending.status) {
        (Some(Hung::TimeLimit(limit)), _) => format!(
            "It did not end in {}, and was ended",
            humantime::format_duration(limit)
        ),
        (Some(Hung::Standstill(time)), _) => format!(
            "All threads waited for others for {}, and it was ended",
            humantime::format_duration(time)
        ),
        (None, Some(0)) => "It ended by itself, with status 0".to_owned(),
        (None, Some(status)) => format!("It ended by itself, with status {status}"),
        (None, None) => "A signal ended it".to_owned(),
    }
}

/// How a rank ended, if there is something wrong with it.
fn rank_end(end: RankEnd) -> Option<String> {
    match end {
        RankEnd::Status(0) => None,
        RankEnd::Status(status) => Some(format!("exit status {status}")),
        RankEnd::Signal(signal) => Some(match low_level::signal_name(signal) {
            Some(name) => format!("signal {signal} ({name})"),
            None => format!("signal {signal}"),
        }),
    }
}
