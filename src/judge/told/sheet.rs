//! The mark sheet for a terminal: the answer, then what is wrong with its evidence, what cannot be
//! told, what is right, and the figures.

use std::fmt::Write;

use console::{Style, measure_text_width};

use crate::seen::run::Condition;
use crate::told::grading::{Grading, Judgement, Origin, Tally, TestReport, Verdict};
use crate::told::points;

const TAKES_EVERYTHING: &str = "a string takes everything";

/// What was found, in words, in lines of this width. Only the details of evidence, reasons and tables are
/// not broken where they are longer.
pub fn sheet(grading: &Grading, colours: bool, width: usize) -> String {
    let mut sheet = Sheet {
        text: String::new(),
        inks: Inks::new(colours),
        width,
    };
    sheet.answer(grading);
    for judgement in with(grading, Verdict::Wrong) {
        sheet.wrong(judgement, is_beyond(grading, judgement));
    }
    sheet.untold(&with(grading, Verdict::CannotBeTold));
    sheet.right(&with(grading, Verdict::Right));
    sheet.not_counted(grading);
    sheet.tests(&grading.tests);
    sheet.speed(grading);
    sheet.marks(grading);
    sheet.text
}

fn with(grading: &Grading, verdict: Verdict) -> Vec<&Judgement> {
    let counted = grading.counted();
    counted.filter(|it| it.verdict == verdict).collect()
}

/// Whether only tests beyond the assignment have shown it.
fn is_beyond(grading: &Grading, judgement: &Judgement) -> bool {
    let mut beyond = grading.beyond.iter();
    beyond.any(|other| std::ptr::eq(other, judgement))
}

/// One colour for each verdict, and bold for what is looked for.
struct Inks {
    wrong: Style,
    untold: Style,
    right: Style,
    bold: Style,
}

impl Inks {
    fn new(colours: bool) -> Inks {
        let style = || Style::new().force_styling(colours);
        Inks {
            wrong: style().red().bold(),
            untold: style().yellow(),
            right: style().green(),
            bold: style().bold(),
        }
    }
}

struct Sheet {
    text: String,
    inks: Inks,
    width: usize,
}

impl Sheet {
    fn line(&mut self, line: &str) {
        self.text += line.trim_end();
        self.text.push('\n');
    }

    /// Words behind a label, in as many lines as they take.
    fn words(&mut self, label: &str, words: &str) {
        let indent = measure_text_width(label);
        let mut line = label.to_owned();
        let mut is_empty = true;
        for word in words.split_whitespace() {
            let fits = measure_text_width(&line) + 1 + measure_text_width(word) <= self.width;
            if !is_empty && !fits {
                self.line(&line);
                line = " ".repeat(indent);
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line += word;
            is_empty = false;
        }
        self.line(&line);
    }

    fn answer(&mut self, grading: &Grading) {
        let number = |verdict| grading.number(verdict);
        let (wrong, right) = (number(Verdict::Wrong), number(Verdict::Right));
        let untold = number(Verdict::CannotBeTold);
        let said = match wrong {
            0 => "nothing is wrong".into(),
            1 => "1 thing is wrong".into(),
            many => format!("{many} things are wrong"),
        };
        let ink = if wrong == 0 {
            &self.inks.right
        } else {
            &self.inks.wrong
        };
        let are = if right == 1 { "is" } else { "are" };
        let answer = format!(
            "{}: {}, {right} {are} right, {untold} cannot be told",
            grading.program,
            ink.apply_to(said)
        );
        self.line(&answer);
        let Grading { mpi, seed, .. } = grading;
        self.line(&format!(
            "with {mpi}, --seed {seed}; rates of wrong runs: 95 % intervals"
        ));
    }

    /// One plain sentence, the evidence, and a hint.
    fn wrong(&mut self, judgement: &Judgement, is_beyond: bool) {
        let check = judgement.check;
        let verdict = self.inks.wrong.apply_to(format!("wrong[{}]", check.name()));
        let heading = self.inks.bold.apply_to(format!(": {check}"));
        let heading = format!("\n{verdict}{heading}");
        self.line(&heading);
        self.words("  ", &how_often(judgement, is_beyond));
        let Some(evidence) = &judgement.evidence else {
            return;
        };
        let said = self
            .inks
            .bold
            .apply_to(harmless(&evidence.said))
            .to_string();
        self.words("  ", &said);
        if let Some(place) = &judgement.place {
            self.words("  where: ", &place.to_string());
        }
        for detail in &evidence.details {
            self.line(&format!("      {}", harmless(detail)));
        }
        self.words("  look at: ", &evidence.hint);
    }

    fn untold(&mut self, judgements: &[&Judgement]) {
        if judgements.is_empty() {
            return;
        }
        let heading = self.inks.untold.apply_to("cannot be told").to_string();
        self.line(&format!("\n{heading}"));
        let longest = longest(judgements.iter().map(|it| it.check.name()));
        for Judgement { check, reason, .. } in judgements {
            let reason = reason.as_deref().unwrap_or("no reason is known");
            let name = check.name();
            self.line(&format!("  {name:<longest$}  {reason}"));
        }
    }

    fn right(&mut self, judgements: &[&Judgement]) {
        if judgements.is_empty() {
            return;
        }
        let right = self.inks.right.apply_to("right").to_string();
        let mut rows = vec![[right, String::new(), "runs".into(), "wrong".into()]];
        rows.extend(judgements.iter().map(|judgement| {
            let most = judgement
                .rate
                .map_or("-".into(), |[_, most]| format!("< {}", percent(most)));
            [
                format!("  {}", judgement.check.name()),
                judgement.check.to_string(),
                judgement.right.to_string(),
                most,
            ]
        }));
        self.table(2, &rows);
    }

    fn not_counted(&mut self, grading: &Grading) {
        let is_wrong = |judgement: &&Judgement| judgement.verdict == Verdict::Wrong;
        let wrong: Vec<_> = grading.beyond.iter().filter(is_wrong).collect();
        if grading.counts_beyond || wrong.is_empty() {
            return;
        }
        self.line("");
        self.words(
            "",
            "not counted: the assignment does not promise these tests (--beyond counts them)",
        );
        let longest = longest(wrong.iter().map(|it| it.check.name()));
        for judgement in wrong {
            let evidence = judgement.evidence.as_ref();
            let said = evidence.map_or_else(String::new, |evidence| harmless(&evidence.said));
            let place = judgement.place.as_ref();
            let place = place.map_or_else(String::new, |place| format!(" ({place})"));
            let name = judgement.check.name();
            self.words(&format!("  {name:<longest$}  "), &format!("{said}{place}"));
        }
    }

    fn tests(&mut self, tests: &[TestReport]) {
        if tests.is_empty() {
            return;
        }
        let heading = ["tests", "ranks", "as it is", "noise", "synchronous", ""];
        let mut rows = vec![heading.map(String::from)];
        rows.extend(tests.iter().map(|test| {
            let [as_it_is, noise, synchronous] = Condition::ALL.map(|condition| {
                let tally = test.runs.iter().find(|tally| tally.condition == condition);
                tally.map_or("-".into(), |tally| self.tally(tally))
            });
            let what = match (&test.beyond, test.origin) {
                (Some(why), _) => format!("beyond: {why}"),
                (None, Origin::Generated) => "generated".into(),
                (None, Origin::Given) => String::new(),
            };
            let name = format!("  {}", test.name);
            [
                name,
                test.ranks.to_string(),
                as_it_is,
                noise,
                synchronous,
                what,
            ]
        }));
        self.table(1, &rows);
    }

    fn tally(&self, tally: &Tally) -> String {
        let Tally { runs, right, .. } = tally;
        let ink = if runs == right {
            &self.inks.right
        } else {
            &self.inks.wrong
        };
        ink.apply_to(format!("{right} of {runs}")).to_string()
    }

    fn speed(&mut self, grading: &Grading) {
        if grading.speed.is_empty() {
            return;
        }
        let heading = [
            "speed", "seconds", "empty", "ours", "cpu", "ours", "messages", "ours",
        ];
        let mut rows = vec![heading.map(String::from)];
        rows.extend(grading.speed.iter().map(|speed| {
            let ours = speed.ours.as_ref();
            [
                format!("  {}", speed.test),
                figure(Some(speed.wall)),
                figure(Some(speed.empty)),
                figure(ours.map(|ours| ours.wall)),
                figure(Some(speed.cpu)),
                figure(ours.map(|ours| ours.cpu)),
                figure(speed.messages),
                figure(ours.and_then(|ours| ours.messages)),
            ]
        }));
        self.table(1, &rows);
        self.words(
            "  ",
            "Medians of the runs as it is, in seconds, from the start of mpirun to its end; of a program that \
             only starts and ends MPI; and of bittorrent. Processor time. Messages for each segment.",
        );
    }

    fn marks(&mut self, grading: &Grading) {
        let marks = &grading.marks;
        if marks.lines.is_empty() {
            return;
        }
        let sum = format!(
            "marks: {} of {}",
            points::shown(marks.total),
            points::shown(marks.of)
        );
        let sum = self.inks.bold.apply_to(sum).to_string();
        self.line(&format!("\n{sum}"));
        let shown = marks.lines.iter().map(|line| {
            if line.of > 0.0 {
                format!(
                    "{} of {}",
                    points::shown(line.points),
                    points::shown(line.of)
                )
            } else {
                points::shown(line.points)
            }
        });
        let shown: Vec<String> = shown.collect();
        let longest = longest(shown.iter().map(String::as_str));
        for (points, line) in shown.iter().zip(&marks.lines) {
            self.words(&format!("  {points:>longest$}  "), &line.reason);
        }
    }

    /// An empty line and a table, whose first columns are words and the others figures. A last column
    /// without a heading is words again.
    fn table<const N: usize>(&mut self, words: usize, rows: &[[String; N]]) {
        let widths: Vec<usize> = (0..N)
            .map(|column| longest(rows.iter().map(|row| &row[column][..])))
            .collect();
        let is_text =
            |column: usize| column < words || column + 1 == N && rows[0][column].is_empty();
        self.line("");
        for row in rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let space = " ".repeat(widths[column] - measure_text_width(cell));
                let between = if column == 0 { "" } else { "  " };
                let (before, behind) = if is_text(column) {
                    ("", &space[..])
                } else {
                    (&space[..], "")
                };
                write!(line, "{between}{before}{cell}{behind}").expect(TAKES_EVERYTHING);
            }
            self.line(&line);
        }
    }
}

fn how_often(judgement: &Judgement, is_beyond: bool) -> String {
    let Judgement { wrong, right, .. } = judgement;
    let runs = wrong + right;
    let noun = if runs == 1 { "run" } else { "runs" };
    let mut said = format!("in {wrong} of {runs} {noun}");
    if let Some([least, most]) = judgement.rate {
        let (least, most) = (percent(least), percent(most));
        write!(said, ", {least} to {most}").expect(TAKES_EVERYTHING);
    }
    if is_beyond {
        said += ", only on tests beyond the assignment";
    }
    said
}

fn longest<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(measure_text_width).max().unwrap_or(0)
}

/// A part in two digits.
fn percent(part: f64) -> String {
    let percent = part * 100.0;
    if percent < 9.95 && percent > 0.0 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

fn figure(value: Option<f64>) -> String {
    value.map_or("-".into(), |value| format!("{value:.2}"))
}

/// What a program has written is not to steer the terminal.
fn harmless(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests;
