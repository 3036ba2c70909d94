//! What came out of a study, said once: written as a page for the browser and in Markdown.

use std::collections::HashMap;

use pages::document::{Document, Part, Words};

use super::chart::svg;
use super::definition::Study;
use super::interval::Interval;
use super::metrics::Figures;
use super::picture::Picture;
use super::results::{RESULTS, mark};
use super::summary::{Summary, shown};
use swarm::output::{NotWritten, Output};
use swarm::report::count;

/// The page of a study, in its folder.
pub(super) const INDEX: &str = "index.html";

/// Where a study's pictures and its page go, by their names.
pub(super) type PagePlaces = HashMap<String, Output>;

/// A study with its results, to be read.
pub(super) struct StudyPage {
    /// What a person should do about the finding, if anything.
    pub(super) warning: Option<String>,
    pub(super) document: Document,
}

impl StudyPage {
    pub(super) fn new(study: &Study, figures: &[Figures]) -> StudyPage {
        let mark = mark(figures);
        let finding = study.finding.as_ref();
        let is_outdated = finding.is_some_and(|finding| finding.of != mark);
        let mut parts = said(study, is_outdated);
        let mut summaries = Vec::new();
        for picture in &study.pictures {
            let summary = Summary::of(picture, study, figures);
            parts.push(Part::Picture {
                title: picture.title.clone(),
                file: picture.file(),
                svg: svg(picture, &summary),
            });
            parts.push(Part::Table(table(picture, &summary)));
            summaries.push(summary);
        }
        parts.push(Part::Paragraph(vec![how(study, &summaries).into()]));
        StudyPage {
            warning: is_outdated.then(|| {
                format!(
                    "warning: {}: the finding was not written of these results; \
                     if it is true of them, say of = \"{mark}\"",
                    study.name
                )
            }),
            document: Document {
                title: study.title.clone(),
                parts,
            },
        }
    }

    /// Writes the pictures, and a page for the browser that has them inside.
    pub(super) fn write(mut self, places: &PagePlaces) -> Result<(), NotWritten> {
        let write =
            |name: &str, text: &str| places[name].write(&|out| out.write_all(text.as_bytes()));
        for part in &self.document.parts {
            if let Part::Picture { file, svg, .. } = part {
                write(file, svg)?;
            }
        }
        let csv = Words::Link(RESULTS.into(), RESULTS.into());
        let rows = vec!["Every run is a row of ".into(), csv, ".".into()];
        self.document.parts.push(Part::Paragraph(rows));
        let html = self.document.html(include_str!("page.css"));
        write(INDEX, &html)
    }
}

/// What a person has to say of a study.
fn said(study: &Study, is_outdated: bool) -> Vec<Part> {
    let mut said = vec![
        ("The claim.", study.claim.clone()),
        ("Source.", study.source.clone()),
    ];
    if let Some(finding) = &study.finding {
        let note = match is_outdated {
            true => " (This was written of other results than those below.)",
            false => "",
        };
        said.push(("What came out.", format!("{}{note}", finding.text)));
    }
    let part = |(name, text): (&str, String)| {
        Part::Paragraph(vec![Words::Bold(name.into()), format!(" {text}").into()])
    };
    said.into_iter().map(part).collect()
}

/// How the figures came about.
fn how(study: &Study, summaries: &[Summary]) -> String {
    let of = |number: usize, noun| count(number as u64, noun);
    let grids = study.grids.iter().map(|grid| {
        let points = of(grid.points.len(), "combination");
        format!("{points} with {}", of(grid.repetitions, "seed"))
    });
    let grids = grids.collect::<Vec<_>>().join(", ");
    let mut text = format!("{}: {grids}. ", of(study.runs().len(), "run"));
    if let Some(fixed) = study.common_options() {
        text += &format!("All with {fixed}. ");
    }
    text += "Medians";
    let all = || {
        let lines = summaries.iter().flat_map(|summary| &summary.lines);
        lines.flat_map(|line| line.points.iter().flatten())
    };
    if all().any(|point| point.is_sure) {
        text += ", with 95 % intervals for the median from the order of the values";
    }
    if all().any(|point| !point.is_sure) {
        text +=
            ", and from the least to the greatest (marked by *) where there are fewer than 6 runs";
    }
    text + "."
}

/// The figures of a picture: a row for each value to the right, a column for each line.
fn table(picture: &Picture, summary: &Summary) -> Vec<Vec<Words>> {
    let mut rows = vec![vec![Words::from(&picture.x_label)]];
    rows.extend(summary.xs.iter().map(|x| vec![Words::from(x)]));
    for line in &summary.lines {
        let label: &str = match line.label.is_empty() {
            true => &picture.y[0].label,
            false => &line.label,
        };
        rows[0].push(label.into());
        for (row, point) in rows[1..].iter_mut().zip(&line.points) {
            row.push(point.map_or("-".into(), cell).into());
        }
    }
    rows
}

fn cell(interval: Interval) -> String {
    let [low, median, high] = [interval.low, interval.median, interval.high].map(shown);
    if low == high {
        return median;
    }
    let star = if interval.is_sure { "" } else { "*" };
    format!("{median} ({low} to {high}){star}")
}
