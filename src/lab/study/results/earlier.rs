//! The results that an earlier time has left: which of them are good.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

use anyhow::{Context, Error, Result, anyhow, ensure};
use csv::{Reader, StringRecord};

use super::columns;
use crate::study::definition::{Study, StudyRun};
use crate::study::metrics::{Figures, Metric, RunKnown};
use swarm::report::count;
use swarm::shown::Shown;
use swarm::text_file;

/// The results that an earlier time has left, from the first run on.
#[derive(Debug, Default)]
pub(in crate::study) struct EarlierResults {
    pub(in crate::study) figures: Vec<Figures>,
    /// The bytes of the file up to the end of its last whole row.
    pub(super) length: u64,
}

impl EarlierResults {
    /// Reads what there is of the results of these runs. If they are to begin `anew`, nothing is read.
    ///
    /// # Errors
    /// When the file is not of this study, or damaged; or when results cannot grow there.
    pub(in crate::study) fn read(
        path: &Path,
        study: &Study,
        runs: &[StudyRun<'_>],
        anew: bool,
    ) -> Result<EarlierResults> {
        let cannot = || format!("cannot read {}", path.shown());
        match fs::metadata(path) {
            Ok(file) => {
                let is_file = file.is_file();
                ensure!(is_file, "{}: expected a regular file", path.shown());
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(EarlierResults::default());
            }
            Err(error) => return Err(error).with_context(cannot),
        }
        if anew {
            return Ok(EarlierResults::default());
        }
        let most = most_bytes(study, runs);
        let mut bytes = Vec::new();
        let file = File::open(path).with_context(cannot)?;
        let length = file.take(most + 1).read_to_end(&mut bytes);
        if length.with_context(cannot)? as u64 > most {
            let why = anyhow!("expected {most} bytes at most, found more");
            return Err(Unusable::OfAnotherStudy(why).error(path));
        }
        text_file::in_utf_8(&bytes).with_context(cannot)?;
        let mark = bytes.len() - text_file::without_mark(&bytes).len();
        let whole = bytes.iter().rposition(|&byte| byte == b'\n');
        let (whole, begun) = bytes.split_at(whole.map_or(0, |last| last + 1));
        let figures = match whole {
            [] => is_begun_header(&begun[mark..], study).map(|()| Vec::new()),
            _ => known(&whole[mark..], study, runs),
        };
        let figures = figures
            .and_then(|figures| {
                is_begun(begun, figures.len(), whole, runs)?;
                Ok(figures)
            })
            .map_err(|unusable| unusable.error(path))?;
        Ok(EarlierResults {
            figures,
            length: whole.len() as u64,
        })
    }
}

/// Why earlier results cannot be used.
pub(super) enum Unusable {
    OfAnotherStudy(Error),
    /// This line is not as it was written. The runs above it are good.
    Damaged {
        line: u64,
        good: usize,
        why: Error,
    },
}

impl Unusable {
    fn error(self, path: &Path) -> Error {
        let shown = path.shown();
        match self {
            Unusable::OfAnotherStudy(why) => why.context(format!(
                "{shown} is of another study (--force begins it anew)"
            )),
            Unusable::Damaged { line, good, why } => anyhow!(
                "{shown}:{line}: {why:#}; what is above it is good ({}): delete this line \
                 and all below it to go on from there, or begin anew with --force",
                count(good as u64, "run")
            ),
        }
    }
}

/// The most bytes that the results of these runs take.
fn most_bytes(study: &Study, runs: &[StudyRun<'_>]) -> u64 {
    /// The longest number, in digits.
    const NUMBER: usize = 330;
    let figures = study.metrics.len() * NUMBER;
    // Quotes double.
    let length = |cells: &[String]| 2 * cells.iter().map(|cell| cell.len() + 3).sum::<usize>();
    let row = |run: &StudyRun<'_>| length(&run.head()) + figures + length(&[run.options()]);
    let rows: usize = runs.iter().map(row).sum();
    (text_file::MARK.len() + length(&columns(study)) + rows) as u64
}

/// Whether this is how the first line begins, of which there is no end.
fn is_begun_header(begun: &[u8], study: &Study) -> Result<(), Unusable> {
    let expected = columns(study).join(",");
    if expected.as_bytes().starts_with(begun) {
        return Ok(());
    }
    let found = String::from_utf8_lossy(begun);
    Err(Unusable::OfAnotherStudy(of_columns(&expected, &found)))
}

fn of_columns(expected: &str, found: &str) -> Error {
    anyhow!("line 1: expected the columns {expected}, found {found}")
}

/// Whether this is how the next row begins behind `whole`, of which there is no end. It was being written when
/// the study was interrupted.
fn is_begun(
    begun: &[u8],
    good: usize,
    whole: &[u8],
    runs: &[StudyRun<'_>],
) -> Result<(), Unusable> {
    if begun.is_empty() || whole.is_empty() {
        return Ok(());
    }
    let line = 1 + whole.iter().filter(|&&byte| byte == b'\n').count() as u64;
    let run = next(runs, good, line)?;
    let expected = super::line(run.head()).expect("memory takes everything");
    let expected = [&expected[..expected.len() - 1], b","].concat();
    let common = begun.len().min(expected.len());
    if begun[..common] == expected[..common] {
        return Ok(());
    }
    let found = String::from_utf8_lossy(&begun[..common]);
    let why = anyhow!("expected {}, found {found}", run.head().join(","));
    Err(not_this(good, line, why))
}

/// The run of the row behind the good ones.
fn next<'a>(
    runs: &'a [StudyRun<'a>],
    good: usize,
    line: u64,
) -> Result<&'a StudyRun<'a>, Unusable> {
    let most = runs.len();
    let run = runs.get(good);
    run.ok_or_else(|| {
        Unusable::OfAnotherStudy(anyhow!(
            "line {line}: expected {} at most",
            count(most as u64, "run")
        ))
    })
}

/// What a row says that is not of the run that it should be of. If it is the first, this is another study.
fn not_this(good: usize, line: u64, why: Error) -> Unusable {
    match good {
        0 => Unusable::OfAnotherStudy(why.context(format!("line {line}"))),
        1.. => Unusable::Damaged { line, good, why },
    }
}

pub(super) fn known(
    text: &[u8],
    study: &Study,
    runs: &[StudyRun<'_>],
) -> Result<Vec<Figures>, Unusable> {
    let mut figures: Vec<Figures> = Vec::new();
    let mut rows = Reader::from_reader(text);
    if !text.is_empty() {
        let expected = columns(study).join(",");
        let found = rows.headers().map_err(Error::new);
        let found = found.map(|names| names.iter().collect::<Vec<_>>().join(","));
        found
            .and_then(|found| {
                ensure!(found == expected, of_columns(&expected, &found));
                Ok(())
            })
            .map_err(Unusable::OfAnotherStudy)?;
    }
    let mut rows = rows.into_records();
    loop {
        let line = rows.reader().position().line();
        let Some(row) = rows.next() else {
            return Ok(figures);
        };
        let good = figures.len();
        let damaged = |why| Unusable::Damaged { line, good, why };
        let row = row.map_err(|error| damaged(error.into()))?;
        let run = next(runs, good, line)?;
        belongs(&row, run).map_err(|why| not_this(good, line, why))?;
        figures.push(figures_of(&row, study, run).map_err(damaged)?);
    }
}

/// Whether a row is this run's.
fn belongs(row: &StringRecord, run: &StudyRun<'_>) -> Result<()> {
    let head = run.head();
    let found: Vec<&str> = row.iter().take(head.len()).collect();
    let (expected, shown) = (head.join(","), found.join(","));
    ensure!(head == found, "expected {expected}, found {shown}");
    let options = row.iter().next_back().unwrap_or_default();
    let expected = run.options();
    ensure!(
        expected == options,
        "expected the options {expected}, found {options}"
    );
    Ok(())
}

/// The largest figure, 2^53: up to here every whole number is one of these.
const MOST: f64 = 9_007_199_254_740_992.0;

/// The figures of a row.
fn figures_of(row: &StringRecord, study: &Study, run: &StudyRun<'_>) -> Result<Figures> {
    let cells = || row.iter().skip(run.head().len()).zip(&study.metrics);
    let number = |text: &str| {
        let number: Option<f64> = text.parse().ok();
        number.filter(|number| (0.0..=MOST).contains(number))
    };
    let settings = &run.point.settings;
    let may_leave = settings.iter().any(|setting| setting.name == "scenario");
    let mut known = RunKnown::of_run(may_leave);
    for (text, metric) in cells() {
        known.see(&metric.name, number(text));
    }
    let figure = |(text, metric): (&str, &Metric)| {
        let figure = number(text);
        let may_lack = text.is_empty() && !metric.is_everywhere(&known);
        ensure!(
            figure.is_some() || may_lack,
            "expected a number from 0 to {MOST} of '{}', found '{}'",
            metric.name,
            text.escape_debug()
        );
        Ok(figure)
    };
    cells().map(figure).collect()
}
