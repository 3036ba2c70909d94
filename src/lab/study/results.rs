//! `results.csv`: a row for each run, in the order of the study, written as it goes.

mod earlier;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use csv::Writer;
pub(super) use earlier::EarlierResults;

use super::definition::{Study, StudyRun};
use super::metrics::Figures;
use super::runs::Mark;
use swarm::output;

/// Where the results of a study are, in its folder.
pub(super) const RESULTS: &str = "results.csv";

/// The columns that are neither options nor figures.
pub(super) const OTHER_COLUMNS: [&str; 3] = ["repetition", "seed", "options"];

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
        // In a new file, as all other outputs: other names of the older one (hard links) keep what it has.
        let mut good = line(columns(study))?;
        if known.length > 0 {
            good.clear();
            File::open(path)?
                .take(known.length)
                .read_to_end(&mut good)?;
        }
        output::write(path, &good).map_err(|not_written| not_written.error)?;
        let file = OpenOptions::new().append(true).open(path)?;
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
    let mut mark = Mark::default();
    for figure in figures.iter().flatten() {
        mark.add(&figure.map_or(u64::MAX, f64::to_bits).to_le_bytes());
    }
    format!("{:08x}", mark.value() >> 32)
}
