//! `results.csv`: a row for each run, in the order of the study, written as it goes.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Error, Result, anyhow, ensure};
use csv::{Reader, StringRecord, Writer};

use super::definition::{Study, StudyRun};
use super::metrics::{Figures, Metric};
use swarm::text_file;

/// Where the results of a study are, in its folder.
pub(super) const RESULTS: &str = "results.csv";

/// The columns that are neither options nor figures.
pub(super) const OTHER_COLUMNS: [&str; 3] = ["repetition", "seed", "options"];

/// The results that an earlier time has left, from the first run on.
#[derive(Debug, Default)]
pub(super) struct EarlierResults {
    pub(super) figures: Vec<Figures>,
    /// The bytes of the file up to the end of its last whole row.
    length: u64,
}

impl EarlierResults {
    /// Reads what there is of the results of these runs.
    ///
    /// # Errors
    /// When the file is not of this study, or damaged.
    pub(super) fn read(
        path: &Path,
        study: &Study,
        runs: &[StudyRun<'_>],
    ) -> Result<EarlierResults> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(EarlierResults::default());
            }
            Err(error) => return Err(error).context(format!("cannot read {}", path.display())),
        };
        let mark = bytes.len() - text_file::without_mark(&bytes).len();
        let whole = bytes.iter().rposition(|&byte| byte == b'\n');
        let whole = &bytes[..whole.map_or(0, |last| last + 1)];
        let figures = known(whole.get(mark..).unwrap_or_default(), study, runs);
        let figures = figures.map_err(|unusable| unusable.error(path))?;
        Ok(EarlierResults {
            figures,
            length: whole.len() as u64,
        })
    }
}

/// Why earlier results cannot be used.
enum Unusable {
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
        let shown = path.display();
        match self {
            Unusable::OfAnotherStudy(why) => why.context(format!(
                "{shown} is of another study (--force begins it anew)"
            )),
            Unusable::Damaged { line, good, why } => anyhow!(
                "{shown}:{line}: {why:#}; what is above it is good ({good} runs): delete this line \
                 and all below it to go on from there, or begin anew with --force"
            ),
        }
    }
}

fn known(text: &[u8], study: &Study, runs: &[StudyRun<'_>]) -> Result<Vec<Figures>, Unusable> {
    let mut figures: Vec<Figures> = Vec::new();
    let mut rows = Reader::from_reader(text);
    if !text.is_empty() {
        let expected = columns(study).join(",");
        let found = rows.headers().map_err(Error::new);
        let found = found.map(|names| names.iter().collect::<Vec<_>>().join(","));
        found
            .and_then(|found| {
                ensure!(
                    found == expected,
                    "line 1: expected the columns {expected}, found {found}"
                );
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
        let most = runs.len();
        let run = runs
            .get(good)
            .with_context(|| format!("line {line}: expected {most} runs at most"))
            .map_err(Unusable::OfAnotherStudy)?;
        belongs(&row, run).map_err(|why| match good {
            0 => Unusable::OfAnotherStudy(why.context(format!("line {line}"))),
            1.. => damaged(why),
        })?;
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

/// The figures of a row.
fn figures_of(row: &StringRecord, study: &Study, run: &StudyRun<'_>) -> Result<Figures> {
    let cells = || row.iter().skip(run.head().len()).zip(&study.metrics);
    let number = |text: &str| {
        let number: Option<f64> = text.parse().ok();
        number.filter(|number| number.is_finite() && *number >= 0.0)
    };
    let mut segments = 0.0;
    let figure = |(text, metric): (&str, &Metric)| {
        let figure = number(text);
        if metric.name == "segments" {
            segments = figure.unwrap_or_default();
        }
        let may_lack = text.is_empty() && !metric.is_everywhere(segments);
        ensure!(
            figure.is_some() || may_lack,
            "expected a number, 0 or more, of '{}', found '{}'",
            metric.name,
            text.escape_debug()
        );
        Ok(figure)
    };
    cells().map(figure).collect()
}

fn columns(study: &Study) -> Vec<String> {
    let [repetition, seed, options] = OTHER_COLUMNS.map(String::from);
    let figures = study.metrics.iter().map(|metric| metric.name.to_string());
    let first = study.axes.iter().cloned().chain([repetition, seed]);
    first.chain(figures).chain([options]).collect()
}

fn line(cells: impl IntoIterator<Item = String>) -> io::Result<Vec<u8>> {
    let mut writer = Writer::from_writer(Vec::new());
    writer.write_record(cells)?;
    writer.into_inner().map_err(csv::IntoInnerError::into_error)
}

/// The results of a study that is underway.
pub(super) struct Results<'a> {
    runs: &'a [StudyRun<'a>],
    /// The rows that are written.
    pub(super) figures: Vec<Figures>,
    /// The figures of runs that ended before one that stands above them, by their numbers.
    early: BTreeMap<usize, Figures>,
    file: File,
}

impl<'a> Results<'a> {
    /// Goes on behind what is known.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn go_on(
        path: &Path,
        study: &Study,
        runs: &'a [StudyRun<'a>],
        known: EarlierResults,
    ) -> io::Result<Results<'a>> {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.set_len(known.length)?;
        if known.length == 0 {
            file.write_all(&line(columns(study))?)?;
        }
        Ok(Results {
            runs,
            figures: known.figures,
            early: BTreeMap::new(),
            file,
        })
    }

    /// A run has ended. Its row is written when all above it are.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn add(&mut self, run: usize, figures: Figures) -> io::Result<()> {
        self.early.insert(run, figures);
        while let Some(figures) = self.early.remove(&self.figures.len()) {
            let run = &self.runs[self.figures.len()];
            let number =
                |figure: &Option<f64>| figure.map_or_else(String::new, |it| it.to_string());
            let cells = run.head().into_iter().chain(figures.iter().map(number));
            self.file.write_all(&line(cells.chain([run.options()]))?)?;
            self.figures.push(figures);
        }
        Ok(())
    }
}

/// A mark of these results. Others have another one.
pub(super) fn mark(figures: &[Figures]) -> String {
    // FNV-1a: it is to be the same for ever, and nobody is to be kept from forging it.
    let mut mark: u64 = 0xcbf2_9ce4_8422_2325;
    for figure in figures.iter().flatten() {
        for byte in figure.map_or(u64::MAX, f64::to_bits).to_le_bytes() {
            mark = (mark ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{:08x}", mark >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::file;
    use crate::study::metrics::METRICS;
    use crate::study::samples::simulation;

    fn study(fixed: &str) -> Study {
        let text = format!(
            "title = 't'\nclaim = 'c'\nsource = 's'\nseed = 7\npictures = []\n\
             options = {{ flash-crowd = true, segments = 3, {fixed} }}\n\
             grids = [{{ repetitions = 2, axes.clients = [2, 3] }}]"
        );
        file::study(&text, "t", Path::new(""), simulation).expect("a good study")
    }

    fn row(number: usize) -> Figures {
        let mut row = vec![Some(0.5); METRICS.len()];
        row[0] = Some(number as f64 + 0.1);
        row[3] = None; // the lower bound is not known
        row
    }

    /// Writes the four rows of a study.
    fn write_all(path: &Path, study: &Study, runs: &[StudyRun<'_>]) {
        let mut results = Results::go_on(path, study, runs, EarlierResults::default()).unwrap();
        (0..4).for_each(|number| results.add(number, row(number)).unwrap());
    }

    #[test]
    fn rows_come_in_the_order_of_the_study_whatever_ends_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.csv");
        let study = study("window = 1");
        let runs = study.runs();
        let mut results = Results::go_on(&path, &study, &runs, EarlierResults::default()).unwrap();
        for number in [2, 0, 3] {
            results.add(number, row(number)).unwrap();
        }
        assert_eq!(results.figures.len(), 1, "the others wait for the second");
        results.add(1, row(1)).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("clients,repetition,seed,segments,missing,makespan,"));
        for (line, start) in lines[1..]
            .iter()
            .zip(["2,1,7,0.1,", "2,2,8,1.1,", "3,1,7,2.1,"])
        {
            assert!(line.starts_with(start), "{line}");
        }
        let options = "--flash-crowd --segments=3 --window=1 --clients=3";
        assert!(lines[4].ends_with(options), "{}", lines[4]);
        let known = EarlierResults::read(&path, &study, &runs).unwrap();
        assert_eq!(known.figures, [0, 1, 2, 3].map(row));
    }

    #[test]
    fn results_go_on_behind_the_last_whole_row() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.csv");
        let study = study("window = 1");
        let runs = study.runs();
        write_all(&path, &study, &runs);
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let known = EarlierResults::read(&path, &study, &runs).unwrap();
            let done = known.figures.len();
            let lines = whole[..length]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count();
            assert_eq!(done, lines.saturating_sub(1));
            let mut results = Results::go_on(&path, &study, &runs, known).unwrap();
            (done..4).for_each(|number| results.add(number, row(number)).unwrap());
            assert!(fs::read(&path).unwrap() == whole, "after {length} bytes");
        }
    }

    #[test]
    fn the_results_of_another_study_are_not_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.csv");
        let (one, other) = (study("window = 1"), study("window = 2"));
        let runs = one.runs();
        let mut results = Results::go_on(&path, &one, &runs, EarlierResults::default()).unwrap();
        results.add(0, row(0)).unwrap();
        let refused = |study: &Study| {
            let error = EarlierResults::read(&path, study, &study.runs()).unwrap_err();
            let path = path.display();
            let start = format!("{path} is of another study (--force begins it anew): ");
            let text = format!("{error:#}");
            text.strip_prefix(&start)
                .unwrap_or_else(|| panic!("{text}"))
                .to_owned()
        };
        assert_eq!(
            refused(&other),
            "line 2: expected the options --flash-crowd --segments=3 --window=2 --clients=2, \
             found --flash-crowd --segments=3 --window=1 --clients=2"
        );
        let later = Study {
            seed: 8,
            ..study("window = 1")
        };
        assert_eq!(refused(&later), "line 2: expected 2,1,8, found 2,1,7");
        fs::write(&path, "some,thing\n").unwrap();
        assert!(refused(&one).starts_with("line 1: expected the columns clients,repetition,"));
    }

    #[test]
    fn damaged_results_are_refused_with_the_line_and_what_is_above_it_is_good() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.csv");
        let study = study("window = 1");
        let runs = study.runs();
        write_all(&path, &study, &runs);
        let whole = fs::read_to_string(&path).unwrap();
        let read = |text: &str| {
            fs::write(&path, text).unwrap();
            EarlierResults::read(&path, &study, &runs).map_err(|error| error.to_string())
        };
        let marked = read(&format!("\u{feff}{whole}")).unwrap();
        assert_eq!(marked.figures.len(), 4, "Excel begins a file like this");
        for (number, column) in [(2, 3), (2, 4), (3, 5), (4, 14)] {
            for cell in [
                "NaN",
                "inf",
                "-inf",
                "-1",
                "",
                "x",
                "1e999",
                "1,5",
                "\u{1b}[2J",
            ] {
                let mut lines: Vec<Vec<&str>> = whole
                    .lines()
                    .map(|line| line.split(',').collect())
                    .collect();
                lines[number][column] = cell;
                let lines: Vec<String> = lines.iter().map(|line| line.join(",")).collect();
                let text = lines.join("\n") + "\n";
                if cell.is_empty() && column == 5 {
                    assert_eq!(
                        read(&text).unwrap().figures.len(),
                        4,
                        "some have no makespan"
                    );
                    continue;
                }
                let error = read(&text).unwrap_err();
                let line = number + 1;
                let start = format!("{}:{line}: ", path.display());
                assert!(error.starts_with(&start), "{error}");
                let good = format!("good ({} runs): delete this line and all below", line - 2);
                assert!(
                    error.contains(&good) && !error.contains('\u{1b}'),
                    "{error}"
                );
                let known = read(&(lines[..number].join("\n") + "\n")).unwrap();
                assert_eq!(known.figures.len(), number - 1);
            }
        }
    }

    #[test]
    fn a_mark_tells_results_apart() {
        assert_eq!(mark(&[row(1), row(2)]), mark(&[row(1), row(2)]));
        assert_ne!(mark(&[row(1), row(2)]), mark(&[row(2), row(1)]));
        assert_ne!(mark(&[vec![None]]), mark(&[vec![Some(0.0)]]));
    }
}
