//! The runs of all studies, each by a number: so one process can ask another for a run.

use std::collections::{BTreeSet, HashSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use swarm::exit::Exit;
use swarm::shown::{Shown as _, on_a_line};
use swarm::signals::{self, Interrupt};

use super::crew::{NoFigures, RunEnd};
use super::definition::{Study, find};
use super::file;
use super::setting::Parse;
use crate::twin::TooLong;

/// The runs of studies, numbered from 0 on: those of the first study, those of the second, and so on.
#[derive(Debug)]
pub struct Runs {
    pub(super) studies: Vec<Study>,
    pub(super) parse: Parse,
}

impl Runs {
    /// Reads the files of studies.
    ///
    /// # Errors
    /// When one cannot be read, or makes no sense; or when two have the same name.
    pub(super) fn read(files: &[PathBuf], parse: Parse) -> Result<Runs> {
        let studies = files.iter().map(|path| file::read(path, parse));
        let studies: Vec<Study> = studies.collect::<Result<_>>()?;
        let mut names = HashSet::new();
        if let Some(study) = studies.iter().find(|study| !names.insert(&study.name)) {
            bail!("two studies have the name '{}'", on_a_line(&study.name));
        }
        Ok(Runs { studies, parse })
    }

    /// The number of a study's first run.
    pub(super) fn first(&self, study: &Study) -> usize {
        let before = self.studies.iter().take_while(|it| it.name != study.name);
        before.map(Study::count).sum()
    }

    /// Carries out one of them.
    ///
    /// # Panics
    /// When there is none of this number.
    pub fn carry_out(&self, number: usize) -> RunEnd {
        // A short run does not look after it.
        if signals::check().is_err() {
            return Err(NoFigures::Interrupted);
        }
        let (study, number) =
            find(&self.studies, Study::count, number).expect("who counts has all studies");
        let run = study.run(number);
        let simulate = study.simulate(run.point, run.seed, self.parse);
        let report = simulate.report(&Interrupt::noted()).map_err(|error| {
            let options = run.options();
            let seed = run.seed;
            let why = format!("bittorrent simulate {options} --seed {seed}: {error:#}");
            match error.is::<TooLong>() {
                true => NoFigures::Broken(Exit::Refused, why),
                false => NoFigures::Broken(Exit::Broken, why),
            }
        })?;
        let report = report.ok_or(NoFigures::Interrupted)?;
        let metrics = study.metrics.iter();
        Ok(metrics.map(|metric| metric.of(&report)).collect())
    }

    /// What has to be the same for all who carry out these runs, each with a mark that others would not have:
    /// this program, the studies, and the files that the runs read.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn marks(&self) -> Result<Vec<(String, u64)>> {
        let program = env::current_exe().context("cannot find out where this program is")?;
        let mut marks = vec![("the program".to_owned(), mark_of_file(&program)?)];
        let mut read = BTreeSet::new();
        for study in &self.studies {
            let mut mark = Mark::default();
            study.sign(|text| {
                mark.add(text.as_bytes());
                mark.add(&[0]); // here it ends
            });
            marks.push((format!("the study '{}'", study.name), mark.value()));
            for point in study.grids.iter().flat_map(|grid| &grid.points) {
                read.extend(study.simulate(point, study.seed, self.parse).reads()?);
            }
        }
        for path in read {
            marks.push((path.shown(), mark_of_file(&path)?));
        }
        Ok(marks)
    }
}

fn mark_of_file(path: &Path) -> Result<u64> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.shown()))?;
    let mut mark = Mark::default();
    mark.add(&bytes);
    Ok(mark.value())
}

/// A mark of bytes. Others have another one.
#[derive(Debug)]
pub(super) struct Mark(u64);

impl Default for Mark {
    fn default() -> Mark {
        Mark(0xcbf2_9ce4_8422_2325)
    }
}

impl Mark {
    /// FNV-1a: it is to be the same for ever, and nobody is to be kept from forging it.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub(super) fn value(&self) -> u64 {
        self.0
    }
}
