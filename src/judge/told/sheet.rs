//! The mark sheet for a terminal: the answer, then what is wrong with its evidence, what cannot be
//! told, what is right, and the figures.

mod paper;
#[cfg(test)]
mod tests;

use console::Style;
use paper::{Paper, longest};

use crate::seen::condition::{Condition, Origin};
use crate::told::grading::{Grading, Judgement, Tally, TestReport, Verdict};
use crate::told::points;
use swarm::shown::on_a_line;

/// What was found, in words, in lines of `width` columns. Only tables of evidence may be longer: they are not broken.
pub fn sheet(grading: &Grading, colours: bool, width: usize) -> String {
    let mut sheet = Sheet {
        paper: Paper::new(width),
        inks: Inks::new(colours),
    };
    sheet.answer(grading);
    for judgement in grading.with(Verdict::Wrong) {
        sheet.wrong(judgement, is_beyond(grading, judgement));
    }
    sheet.untold(&grading.with(Verdict::CannotBeTold));
    sheet.right(&grading.with(Verdict::Right));
    sheet.not_counted(grading);
    sheet.tests(&grading.tests);
    sheet.speed(grading);
    sheet.marks(grading);
    sheet.paper.text
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

    fn of(&self, is_right: bool) -> &Style {
        if is_right { &self.right } else { &self.wrong }
    }
}

struct Sheet {
    paper: Paper,
    inks: Inks,
}

impl Sheet {
    fn answer(&mut self, grading: &Grading) {
        let number = |verdict| grading.with(verdict).len();
        let (wrong, right) = (number(Verdict::Wrong), number(Verdict::Right));
        let untold = number(Verdict::CannotBeTold);
        let said = match wrong {
            0 if grading.interrupted.is_some() => "nothing is wrong so far".into(),
            _ if grading.saw_no_mpi => {
                "no call of MPI was seen, so only its files were judged".into()
            }
            0 => "nothing is wrong".into(),
            1 => "1 thing is wrong".into(),
            many => format!("{many} things are wrong"),
        };
        let is_whole = grading.interrupted.is_none();
        let ink = self.inks.of(wrong == 0 && !grading.saw_no_mpi && is_whole);
        let are = if right == 1 { "is" } else { "are" };
        let answer = format!(
            "{}: {}, {right} {are} right, {untold} cannot be told",
            on_a_line(&grading.program),
            ink.apply_to(said)
        );
        self.paper.words("", &answer);
        let Grading { mpi, seed, .. } = grading;
        let with = format!("with {mpi}, --seed {seed}; rates of wrong runs: 95 % intervals");
        self.paper.words("", &with);
        if let Some(interruption) = &grading.interrupted {
            let said = format!("{interruption}: this is of those alone, and there are no marks");
            self.paper.line("");
            self.paper.words("note: ", &said);
        }
        for note in &grading.notes {
            self.paper.line("");
            self.paper.words("note: ", &on_a_line(note));
        }
    }

    /// One plain sentence, the evidence, and a hint.
    fn wrong(&mut self, judgement: &Judgement, is_beyond: bool) {
        let check = judgement.check;
        let verdict = self.inks.wrong.apply_to(format!("wrong[{}]", check.name()));
        let heading = self.inks.bold.apply_to(format!(": {check}"));
        let heading = format!("\n{verdict}{heading}");
        self.paper.line(&heading);
        self.paper.words("  ", &how_often(judgement, is_beyond));
        let Some(evidence) = &judgement.evidence else {
            return;
        };
        let said = self.inks.bold.apply_to(on_a_line(&evidence.said));
        self.paper.words("  ", &said.to_string());
        if let Some(place) = &judgement.place {
            self.paper
                .words("  where: ", &on_a_line(&place.to_string()));
        }
        for detail in &evidence.details {
            self.paper.sentence("      ", &on_a_line(detail));
        }
        self.paper.words("  look at: ", &evidence.hint);
    }

    fn untold(&mut self, judgements: &[&Judgement]) {
        if judgements.is_empty() {
            return;
        }
        let heading = self.inks.untold.apply_to("cannot be told").to_string();
        self.paper.line(&format!("\n{heading}"));
        let longest = longest(judgements.iter().map(|it| it.check.name()));
        for Judgement { check, reason, .. } in judgements {
            let reason = reason.as_deref().unwrap_or("no reason is known");
            let name = check.name();
            self.paper.words(&format!("  {name:<longest$}  "), reason);
        }
    }

    fn right(&mut self, judgements: &[&Judgement]) {
        if judgements.is_empty() {
            return;
        }
        let right = self.inks.right.apply_to("right").to_string();
        let mut rows = vec![vec![right, String::new(), "runs".into(), "wrong".into()]];
        rows.extend(judgements.iter().map(|judgement| {
            let most = judgement
                .rate
                .map_or("-".into(), |[_, most]| format!("< {}", percent(most)));
            vec![
                format!("  {}", judgement.check.name()),
                judgement.check.to_string(),
                judgement.right.to_string(),
                most,
            ]
        }));
        self.paper.table(2, &rows);
    }

    fn not_counted(&mut self, grading: &Grading) {
        let is_wrong = |judgement: &&Judgement| judgement.verdict == Verdict::Wrong;
        let wrong: Vec<_> = grading.beyond.iter().filter(is_wrong).collect();
        if grading.counts_beyond || wrong.is_empty() {
            return;
        }
        self.paper.line("");
        self.paper.words(
            "",
            "not counted: the assignment does not promise these tests (--beyond counts them)",
        );
        let longest = longest(wrong.iter().map(|it| it.check.name()));
        for judgement in wrong {
            let evidence = judgement.evidence.as_ref();
            let said = evidence.map_or_else(String::new, |evidence| on_a_line(&evidence.said));
            let place = judgement.place.as_ref();
            let place = place.map_or_else(String::new, |place| {
                format!(" ({})", on_a_line(&place.to_string()))
            });
            let name = judgement.check.name();
            self.paper
                .words(&format!("  {name:<longest$}  "), &format!("{said}{place}"));
        }
    }

    fn tests(&mut self, tests: &[TestReport]) {
        if tests.is_empty() {
            return;
        }
        let mut heading = vec!["tests", "ranks"];
        let has_run =
            |condition: &Condition| tests.iter().any(|test| test.tally(*condition).is_some());
        let conditions: Vec<Condition> = Condition::of_every_test().filter(has_run).collect();
        heading.extend(
            conditions
                .iter()
                .filter_map(|condition| condition.row().column),
        );
        heading.push("");
        let mut rows = vec![heading.into_iter().map(String::from).collect()];
        rows.extend(tests.iter().map(|test| {
            let mut row = vec![
                format!("  {}", on_a_line(&test.name)),
                test.ranks.to_string(),
            ];
            row.extend(conditions.iter().map(|&condition| {
                let tally = test.tally(condition);
                tally.map_or("-".into(), |tally| self.tally(tally))
            }));
            row.push(match (&test.beyond, test.origin) {
                (Some(why), _) => format!("beyond: {why}"),
                (None, Origin::Generated) => "generated".into(),
                (None, Origin::Given) => String::new(),
            });
            row
        }));
        self.paper.table(1, &rows);
    }

    fn tally(&self, tally: &Tally) -> String {
        let Tally {
            runs,
            right,
            untold,
            ..
        } = tally;
        if right + untold == *runs && *untold > 0 {
            return format!("{right} to {runs} of {runs}");
        }
        let ink = self.inks.of(runs == right);
        ink.apply_to(format!("{right} of {runs}")).to_string()
    }

    fn speed(&mut self, grading: &Grading) {
        if grading.speed.is_empty() {
            return;
        }
        let heading = [
            "speed", "seconds", "empty", "ours", "cpu", "ours", "messages", "ours",
        ];
        let mut rows = vec![heading.map(String::from).to_vec()];
        rows.extend(grading.speed.iter().map(|speed| {
            let ours = speed.ours.as_ref();
            vec![
                format!("  {}", on_a_line(&speed.test)),
                figure(Some(speed.wall)),
                figure(Some(speed.empty)),
                figure(ours.map(|ours| ours.wall)),
                figure(Some(speed.cpu)),
                figure(ours.map(|ours| ours.cpu)),
                figure(speed.messages),
                figure(ours.and_then(|ours| ours.messages)),
            ]
        }));
        self.paper.table(1, &rows);
        self.paper.words(
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
            points::range(marks.total, marks.at_most),
            points::shown(marks.of)
        );
        let sum = self.inks.bold.apply_to(sum).to_string();
        self.paper.line(&format!("\n{sum}"));
        let shown = marks.lines.iter().map(|line| {
            match points::range(line.points, line.points + line.untold) {
                points if line.of > 0.0 => format!("{points} of {}", points::shown(line.of)),
                points => points,
            }
        });
        let shown: Vec<String> = shown.collect();
        let longest = longest(shown.iter().map(String::as_str));
        for (points, line) in shown.iter().zip(&marks.lines) {
            self.paper
                .words(&format!("  {points:>longest$}  "), &line.reason);
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
        said += &format!(", {least} to {most}");
    }
    if is_beyond {
        said += ", only on tests beyond the assignment";
    }
    said
}

/// A part of 1 in percent, with two digits.
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
