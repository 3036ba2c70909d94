//! What came out of studies, to be read: as a page for the browser, and in Markdown.

use std::fmt::Write;

use pages::html::escaped;

use super::Study;
use super::file::Picture;
use super::interval::Interval;
use super::results::{Figures, mark};
use super::summary::{Summary, shown};

const TAKES_EVERYTHING: &str = "a string takes everything";

/// A study with its results.
pub(super) struct Told<'a> {
    study: &'a Study,
    /// Whether its finding was written of these results; nothing, if there is none.
    is_up_to_date: Option<bool>,
    /// What tells these results from others.
    pub(super) mark: String,
    pictures: Vec<(&'a Picture, Summary)>,
}

impl<'a> Told<'a> {
    pub(super) fn new(study: &'a Study, figures: &[Figures]) -> Told<'a> {
        let mark = mark(figures);
        let pictures = study.pictures.iter();
        Told {
            study,
            is_up_to_date: study.finding.as_ref().map(|finding| finding.of == mark),
            mark,
            pictures: pictures
                .map(|picture| (picture, picture.summary(study, figures)))
                .collect(),
        }
    }

    /// What somebody should do about the finding.
    pub(super) fn warning(&self) -> Option<String> {
        (self.is_up_to_date == Some(false)).then(|| {
            format!(
                "warning: {}: the finding was not written of these results; \
                 if it is true of them, say of = \"{}\"",
                self.study.name, self.mark
            )
        })
    }

    /// The pictures, by the names of their files.
    pub(super) fn pictures(&self) -> impl Iterator<Item = (String, String)> {
        let pictures = self.pictures.iter();
        pictures.map(|(picture, summary)| {
            (
                format!("{}.svg", picture.name),
                super::chart::svg(picture, summary),
            )
        })
    }

    /// A page for the browser, in one file that needs no network.
    pub(super) fn html(&self) -> String {
        let title = escaped(&self.study.title);
        let mut page = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
             <style>\n{}</style>\n<h1>{title}</h1>\n",
            include_str!("page.css")
        );
        for (name, text) in self.said() {
            writeln!(page, "<p><b>{name}.</b> {}</p>", escaped(&text)).expect(TAKES_EVERYTHING);
        }
        for ((picture, summary), (_, svg)) in self.pictures.iter().zip(self.pictures()) {
            write!(page, "<figure>\n{svg}\n</figure>\n<table>\n").expect(TAKES_EVERYTHING);
            for (number, row) in table(picture, summary).into_iter().enumerate() {
                let tag = if number == 0 { "th" } else { "td" };
                let cells = row
                    .iter()
                    .map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell)));
                let cells = cells.collect::<String>();
                writeln!(page, "<tr>{cells}</tr>").expect(TAKES_EVERYTHING);
            }
            page += "</table>\n";
        }
        writeln!(page, "<p>{}</p>", escaped(&self.how())).expect(TAKES_EVERYTHING);
        page += "<p>Every run is a row of <a href=\"results.csv\">results.csv</a>.</p>\n</html>\n";
        page
    }

    /// A part of a page in Markdown. The pictures are in a folder.
    pub(super) fn markdown(&self, folder: &str) -> String {
        let mut page = format!("## {}\n", self.study.title);
        for (name, text) in self.said() {
            write!(page, "\n**{name}.** {text}\n").expect(TAKES_EVERYTHING);
        }
        for (picture, summary) in &self.pictures {
            let (title, name) = (&picture.title, &picture.name);
            write!(page, "\n![{title}]({folder}/{name}.svg)\n\n").expect(TAKES_EVERYTHING);
            for (number, row) in table(picture, summary).into_iter().enumerate() {
                writeln!(page, "| {} |", row.join(" | ")).expect(TAKES_EVERYTHING);
                if number == 0 {
                    writeln!(page, "|{}", "---|".repeat(row.len())).expect(TAKES_EVERYTHING);
                }
            }
        }
        write!(page, "\n{}\n", self.how()).expect(TAKES_EVERYTHING);
        page
    }

    /// What a person has to say of it.
    fn said(&self) -> Vec<(&'static str, String)> {
        let Study { claim, source, .. } = self.study;
        let mut said = vec![("The claim", claim.clone()), ("Source", source.clone())];
        if let Some(finding) = &self.study.finding {
            let mut text = finding.text.clone();
            if self.is_up_to_date == Some(false) {
                text += " (This was written of other results than those below.)";
            }
            said.push(("What came out", text));
        }
        said
    }

    /// How the figures came about.
    fn how(&self) -> String {
        let runs = self.study.runs();
        let of = |number: usize, noun: &str| match number {
            1 => format!("1 {noun}"),
            _ => format!("{number} {noun}s"),
        };
        let grids = self.study.grids.iter().map(|grid| {
            let points = of(grid.points.len(), "combination");
            format!("{points} with {}", of(grid.repetitions, "seed"))
        });
        let mut text = format!(
            "{}: {}. ",
            of(runs.len(), "run"),
            grids.collect::<Vec<_>>().join(", ")
        );
        if let Some(fixed) = self.study.common_options() {
            write!(text, "All with {fixed}. ").expect(TAKES_EVERYTHING);
        }
        text += "Medians";
        let all = || {
            let lines = self.pictures.iter().flat_map(|(_, summary)| &summary.lines);
            lines.flat_map(|line| line.points.iter().flatten())
        };
        if all().any(|point| point.is_sure) {
            text += ", with 95 % intervals for the median from the order of the values";
        }
        if all().any(|point| !point.is_sure) {
            text += ", and from the least to the greatest (marked by *) where there are fewer than 6 runs";
        }
        text + "."
    }
}

/// The figures of a picture: a row for each value to the right, a column for each line.
fn table(picture: &Picture, summary: &Summary) -> Vec<Vec<String>> {
    let label = |label: &String| match label.is_empty() {
        true => picture.y.label.to_string(),
        false => label.clone(),
    };
    let lines = summary.lines.iter();
    let mut head = vec![picture.x_label.clone()];
    head.extend(lines.map(|line| label(&line.label)));
    let mut rows = vec![head];
    for (place, x) in summary.xs.iter().enumerate() {
        let cells = summary
            .lines
            .iter()
            .map(|line| line.points[place].map_or("-".into(), cell));
        rows.push([x.clone()].into_iter().chain(cells).collect());
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
