//! One run of the program, and all that it shows.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::how::How;
use super::work::Work;
use crate::checks::{self, Check, Evidence, Shown};
use crate::runs::cases::Case;
use crate::runs::sandbox::{Job, Pace, Recorder};
use crate::runs::sanitizer::Sanitizers;
use crate::seen::calls::RankRecord;
use crate::seen::condition::Condition;
use crate::seen::finding::Finding;
use crate::seen::known::Known;
use crate::seen::run::{Hung, RankEnd, Run};
use crate::seen::scene::Scene;
use crate::seen::unseen::Unseen;
use crate::seen::words::{seconds, who};
use crate::told::grading::Place;
use crate::told::page::Failing;
use swarm::protocol::Rank;
use swarm::shown;

/// How one run came out.
pub(super) struct Trial {
    /// `None` if that cannot be told.
    pub(super) is_right: Option<bool>,
    pub(super) hung: bool,
}

/// The checks of a plain run whose cause only a recorded run can show.
const EXPLAINED: [Check; 2] = [Check::Crash, Check::Hang];

/// How often one tries to bring about again what a plain run has shown.
const EXPLANATIONS: usize = 2;

type AllShown = Vec<(Check, Result<Shown, Unseen>)>;

impl Work<'_> {
    /// Runs the program once, and takes note of all that this shows.
    ///
    /// # Errors
    /// When it cannot be run, or the machine is at fault.
    pub(super) fn trial(
        &mut self,
        case: &Case,
        place: Place,
        how: &How,
        counts: bool,
    ) -> Result<Trial> {
        let message = format!("{} {}", shown::on_a_line(&case.name), how.condition);
        self.progress.set_message(message.clone());
        let known = Known::new(&case.inputs);
        let mut run = self.run(&self.program, &[], case, how, self.pace)?;
        let mut shown = self.judged(&known, &run, how.condition);
        if checks::outcome(&shown) != Some(true) {
            self.suspect_the_machine(case, how, &run)?;
            let is_slower =
                |hung| matches!(hung, Hung::TimeLimit(limit) if limit < self.pace.limit);
            // A fault of chance is not to look like one of its inputs.
            let is_own_input = how.condition == Condition::OwnInput;
            if is_own_input || may_be_mpiruns(&run) || run.ending.hung.is_some_and(is_slower) {
                self.progress.set_message(message);
                run = self.run(&self.program, &[], case, how, self.pace)?;
                shown = self.judged(&known, &run, how.condition);
            }
        }
        self.note_finding(&run, &place);
        let hung = run.ending.hung.is_some();
        if how.condition.is_recorded() {
            self.recorded.runs += 1;
            self.recorded.with_mpi += usize::from(run.recording.has_started());
        } else {
            self.explain(case, &known, &mut run, &mut shown)?;
        }
        let is_right = checks::outcome(&shown);
        if is_right == Some(true) && how.condition == Condition::AsItIs {
            self.times.see_plain(&run);
        }
        if is_right == Some(true) && how.condition == Condition::Recorded {
            let scene = Scene::new(&known, &run, how.condition);
            self.times.see_recorded(&scene);
        }
        self.note(known, run, place, counts, shown);
        self.progress.inc(1);
        Ok(Trial { is_right, hung })
    }

    fn judged(&self, known: &Known, run: &Run, condition: Condition) -> AllShown {
        let mut scene = Scene::new(known, run, condition);
        scene.may_hang_anyway = self.may_hang_anyway;
        checks::judge(&scene)
    }

    /// Runs a program on a test.
    pub(super) fn run(
        &self,
        program: &Path,
        arguments: &[&str],
        case: &Case,
        how: &How,
        pace: Pace,
    ) -> Result<Run> {
        let recorder = how.deed.as_deref().map(|deed| Recorder {
            library: &self.tools.library,
            deed,
            pattern: how.pattern,
        });
        let is_ours = self.ours.as_deref() == Some(program);
        let none = Sanitizers::default();
        self.sandbox.run(&Job {
            program,
            sanitizers: if is_ours { &none } else { &self.sanitizers },
            arguments,
            recorder,
            has_own_folders: how.condition == Condition::OwnInput,
            pace,
            inputs: &case.texts,
            known: &Known::new(&case.inputs),
        })
    }

    /// A plain run has no record. What made it crash or hang, a recorded run of the same test may show: with twice
    /// the time.
    fn explain(
        &mut self,
        case: &Case,
        known: &Known,
        run: &mut Run,
        shown: &mut AllShown,
    ) -> Result<()> {
        let place = shown.iter().position(|(check, shown)| {
            EXPLAINED.contains(check) && matches!(shown, Ok(Shown::Wrong(_)))
        });
        let Some((check, result)) = place.map(|place| &mut shown[place]) else {
            return Ok(());
        };
        let Ok(Shown::Wrong(evidence)) = result else {
            return Ok(());
        };
        if self.explanations.get(check) >= Some(&EXPLANATIONS) {
            return Ok(());
        }
        let pace = Pace {
            limit: 2 * self.pace.limit,
            ..self.pace
        };
        let again = self.run(&self.program, &[], case, &How::recorded(), pace)?;
        let judged = self.judged(known, &again, Condition::Recorded);
        let repeated = judged.into_iter().find(|(other, _)| other == check);
        let repeated = repeated.map(|(_, shown)| shown);
        let tries = self.explanations.entry(*check).or_default();
        if let Some(Ok(Shown::Wrong(explained))) = repeated {
            *tries = EXPLANATIONS;
            let before = format!(
                "{}: a recorded run of the same test shows why",
                evidence.said
            );
            let details = [before].into_iter().chain(explained.details.clone());
            *evidence = Evidence {
                details: details.collect(),
                ..explained
            };
            run.recording = again.recording;
            run.ending = again.ending;
            run.printed = again.printed;
            run.findings = again.findings;
        } else if let Some(why) = needs_more_time(*check, &again, repeated, self.pace.limit) {
            *result = Err(Unseen(format!("{}, and {why}", evidence.said)));
        } else {
            *tries += 1;
            let not_again = "a recorded run of the same test did not show it, with twice the time: \
                             it does not happen in every run, or depends on what lies in memory";
            evidence.details.push(not_again.into());
        }
        Ok(())
    }

    /// Takes note of what a sanitizer reports of a rank that goes on.
    fn note_finding(&mut self, run: &Run, place: &Place) {
        if self.finding.is_none() && !self.sanitizers.is_empty() {
            let goes_on = |rank| {
                let end = run.ending.ranks.get(&rank);
                run.ending.hung.is_some() || end == Some(&RankEnd::Status(0))
            };
            self.finding = found(run, place, goes_on);
        }
    }

    /// Takes note of what a run shows of each check.
    fn note(&mut self, known: Known, run: Run, place: Place, counts: bool, shown: AllShown) {
        let wrong = shown.iter().filter_map(|(check, shown)| match shown {
            Ok(Shown::Wrong(evidence)) => Some((*check, evidence.said.clone())),
            Ok(Shown::Right | Shown::Lacking(_)) | Err(_) => None,
        });
        let worst = wrong.min();
        self.observations.see(place.clone(), counts, shown);
        if let Some((check, title)) = worst.filter(|_| counts) {
            // A run without a record has nothing to look at.
            let rank = |check, place: &Place, run: &Run| {
                (!run.recording.has_started(), check, place.condition)
            };
            let new = rank(check, &place, &run);
            let is_worse =
                |failing: &Failing| new < rank(failing.check, &failing.place, &failing.run);
            if self.failing.as_ref().is_none_or(is_worse) {
                self.failing = Some(Failing {
                    known,
                    run,
                    place,
                    check,
                    title,
                });
            }
        }
    }
}

/// Whether what is wrong with a run may be mpirun's fault alone: it says that a rank has failed, and nothing else does.
/// Where that is the program's fault, it comes again.
fn may_be_mpiruns(run: &Run) -> bool {
    let finishes = |rank: &RankRecord| rank.levels.is_none() || rank.finalize.is_some();
    run.only_mpirun_complains() && run.recording.ranks.iter().all(finishes)
}

/// Whether a plain run that was over its limit may only need more time than that, as a recorded run of the same test says.
fn needs_more_time(
    check: Check,
    again: &Run,
    repeated: Option<Result<Shown, Unseen>>,
    limit: Duration,
) -> Option<String> {
    if check != Check::Hang {
        return None;
    }
    match (again.ending.hung, repeated?) {
        (None, Ok(Shown::Right)) if again.wall > limit => Some(format!(
            "a recorded run of the same test ended by itself after {}: give it more time (--time-limit)",
            seconds(again.wall)
        )),
        (Some(_), Err(Unseen(why))) => Some(format!(
            "of a recorded run of the same test one can say no more: {why}"
        )),
        _ => None,
    }
}

/// What a sanitizer reports of one of these ranks, and where. That for undefined behaviour may print it among other things.
pub(super) fn found(run: &Run, place: &Place, of: impl Fn(Rank) -> bool) -> Option<String> {
    let of_ranks = run.findings.iter().filter(|(rank, _)| of(**rank));
    let found = match of_ranks.min_by_key(|(_, finding)| !finding.has_place()) {
        Some((&rank, finding)) => Some(format!("{finding}, in {}", who(rank))),
        None if run.findings.is_empty() => {
            Finding::read(&run.printed).map(|finding| finding.to_string())
        }
        None => None,
    };
    found.map(|found| format!("{found} ({place})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_is_only_slow_does_not_hang() {
        let limit = Duration::from_secs(20);
        let said = |check, hung, wall, repeated: Result<Shown, Unseen>| {
            let mut again = Run {
                wall: Duration::from_secs(wall),
                ..Run::default()
            };
            again.ending.hung = hung;
            needs_more_time(check, &again, Some(repeated), limit).unwrap_or_default()
        };
        let right = || Ok(Shown::Right);
        let unseen = || Err(Unseen("messages still came".into()));
        let over = Some(Hung::TimeLimit(2 * limit));
        assert_eq!(
            said(Check::Hang, None, 27, right()),
            "a recorded run of the same test ended by itself after 27.000 s: give it more time (--time-limit)"
        );
        assert_eq!(
            said(Check::Hang, over, 41, unseen()),
            "of a recorded run of the same test one can say no more: messages still came"
        );
        // It was not slow, or crashed; or it is about another check.
        assert_eq!(said(Check::Hang, None, 1, right()), "");
        assert_eq!(said(Check::Hang, None, 27, unseen()), "");
        assert_eq!(said(Check::Crash, over, 41, unseen()), "");
    }

    #[test]
    fn of_several_reports_one_with_its_line_is_shown() {
        let header = "==7==ERROR: AddressSanitizer: SEGV on unknown address 0x00";
        let whole = format!("{header}\n    #0 0x55 in save /tmp/tema2.c:120\n");
        let mut run = Run::default();
        for (rank, report) in [(1, header), (2, &whole), (3, header)] {
            let finding = Finding::read(report).expect("it is one");
            run.findings.insert(Rank(rank), finding);
        }
        let place = Place {
            test: "test1".into(),
            condition: Condition::AsItIs,
            run: 1,
            noise: None,
        };
        let found = |of: fn(Rank) -> bool| found(&run, &place, of);
        assert_eq!(
            found(|_| true).unwrap(),
            "AddressSanitizer: SEGV at tema2.c:120 in save, in client 2 (test1 as it is, run 1)"
        );
        assert_eq!(
            found(|rank| rank != Rank(2)).unwrap(),
            "AddressSanitizer: SEGV, in client 1 (test1 as it is, run 1)"
        );
        assert_eq!(found(|_| false), None);
    }
}
