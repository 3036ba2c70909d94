//! `bittorrent show`: from a trace to the files that are asked for.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};

use super::messages::Key;
use super::page::{self, OffencePlace};
use super::perfetto;
use super::story::Story;
use crate::check::{Checked, Checking};
use crate::rules::{Passing, Verdict};
use swarm::output::{self, Claims, Output};
use swarm::shown::Shown;
use swarm::trace::{Header, Reader};

/// What is to be shown.
#[derive(Debug, Clone)]
pub struct Show {
    /// The trace, or the folder of parts that a run left which was broken off.
    pub trace: PathBuf,
    /// The page to be written. `None`: it is named after the trace.
    pub output: Option<PathBuf>,
    /// A file to be written for the Perfetto viewer.
    pub perfetto: Option<PathBuf>,
    /// Only messages that were underway in this time are drawn. `None`: all are.
    pub window: Option<RangeInclusive<Duration>>,
}

/// The most clients of a page, which has a row for each in each table.
const MOST_CLIENTS: usize = 4096;

impl Show {
    /// Writes the page, and what else is asked for. Returns what is to be said of it: which file is what.
    ///
    /// # Errors
    /// When the trace cannot be read, or something cannot be written.
    pub fn run(&self) -> Result<String> {
        let page = self.output.clone().unwrap_or_else(|| page_of(&self.trace));
        let mut claims = Claims::default();
        claims.input("the trace", &self.trace);
        let page = claims.file("--output", &page)?;
        let perfetto = claims.optional("--perfetto", self.perfetto.as_deref())?;
        let (header, checked, story) = self.read()?;
        let places = places(&self.trace, &checked, &story)?;
        let html = page::page(
            &self.trace,
            &header,
            &checked,
            &places,
            story,
            self.window.clone(),
        )?;
        page.write(&|out| out.write_all(html.as_bytes()))?;
        let mut said = format!("{}: {}", page.path().shown(), checked.summary());
        if let Some(perfetto) = &perfetto {
            self.for_perfetto(perfetto)?;
            let path = perfetto.path().shown();
            said += &format!("\n{path}: open it at https://ui.perfetto.dev");
        }
        Ok(said)
    }

    /// Judges the trace and gathers what is to be told, in one pass if the trace is complete. Of a run that was
    /// broken off, some events lack their causes: people may see them, the judge may not.
    fn read(&self) -> Result<(Header, Checked, Story)> {
        let reader = Reader::open(&self.trace)?;
        let header = reader.header().clone();
        let clients = header.clients;
        ensure!(
            clients <= MOST_CLIENTS,
            "{}: a page is for {MOST_CLIENTS} clients at most, and these are {clients}",
            self.trace.shown()
        );
        let mut story = Story::new(clients, self.window.clone());
        let mut checking = Checking::new(&self.trace, &header)?;
        let is_complete = header.complete;
        for event in reader {
            let (line, event) = event?;
            checking.see(line, &event);
            if is_complete {
                story.see(line, &event);
            }
        }
        if !is_complete {
            for event in Reader::open_uncut(&self.trace)? {
                let (line, event) = event?;
                story.see(line, &event);
            }
        }
        Ok((header, checking.close(), story))
    }

    fn for_perfetto(&self, output: &Output) -> Result<()> {
        Ok(output.write(&|out| {
            let events = Reader::open_uncut(&self.trace).map_err(output::inside)?;
            perfetto::write(events, out).map_err(output::inside)
        })?)
    }
}

/// `t.jsonl` and `t.jsonl.zst` have `t.html`.
fn page_of(trace: &Path) -> PathBuf {
    let mut name = trace.to_owned();
    for extension in ["parts", "zst", "jsonl", "json"] {
        if name.extension().is_some_and(|it| it == extension) {
            name.set_extension("");
        }
    }
    let mut page = name.into_os_string();
    page.push(".html");
    page.into()
}

/// The places of all offences, by their lines.
fn places(trace: &Path, checked: &Checked, story: &Story) -> Result<BTreeMap<u64, OffencePlace>> {
    let verdicts = checked.judgements().iter().map(|it| &it.verdict);
    let mut lines: Vec<u64> = verdicts
        .filter_map(|verdict| match verdict {
            Verdict::Broken { first, .. } => Some(first.line),
            Verdict::Holds | Verdict::CannotBeTold => None,
        })
        .collect();
    lines.sort_unstable();
    let mut places = BTreeMap::new();
    let Some(&last) = lines.last() else {
        return Ok(places);
    };
    for event in Reader::open(trace)? {
        let (line, event) = event?;
        if lines.binary_search(&line).is_ok() {
            let passing = Passing::of(&event);
            let message = passing.and_then(|passing| story.place(Key::of(&passing)));
            places.insert(line, OffencePlace::new(&event, message));
        }
        if line >= last {
            break;
        }
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_named_after_its_trace() {
        for (trace, page) in [
            ("a/t.jsonl", "a/t.html"),
            ("t.jsonl.zst", "t.html"),
            ("t.jsonl.parts", "t.html"),
            ("t.zst.parts", "t.html"),
            ("t", "t.html"),
            ("run.1", "run.1.html"),
        ] {
            assert_eq!(page_of(Path::new(trace)), Path::new(page));
        }
    }
}
