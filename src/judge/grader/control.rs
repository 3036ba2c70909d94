//! Runs of programs that are known to be right, in the same sandbox. If one of them fails, this machine is at fault,
//! and nothing is said of the program that is graded.

use std::env;
use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use super::how::How;
use super::speed::Times;
use super::work::Work;
use crate::checks;
use crate::runs::cases::Case;
use crate::runs::elf;
use crate::runs::sandbox::Pace;
use crate::seen::condition::Condition;
use crate::seen::known::Known;
use crate::seen::run::{Hung, RankEnd, Run};
use crate::seen::scene::Scene;
use swarm::shown;

/// How long the empty program may take. Only a machine that cannot run it takes so long.
const EMPTY: Duration = Duration::from_secs(60);

/// How often something that is known to be right is tried before the machine is called unfit.
const TRIES: usize = 2;

/// A run has hung only if it takes this many times as long as ours.
const SLOWER: u32 = 20;

/// A run is looked at closely when nothing has changed for this many times as long as the empty program takes...
const STILL: u32 = 4;

/// ...and for this long at least.
const LEAST_PATIENCE: Duration = Duration::from_millis(1500);

/// There is no verdict, for this reason: the machine is at fault.
#[derive(Debug)]
pub struct Refused(pub String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Refused {}

/// What the right programs took on a test.
#[derive(Debug)]
pub(super) struct Control {
    pub(super) empty: Times,
    /// `None` where this program is for another MPI library, or the assignment does not promise the test.
    pub(super) ours: Option<Times>,
}

/// This program, to compare with. `None` if it is for another MPI library than the one named so.
pub(super) fn ours(library: &str) -> Result<Option<PathBuf>> {
    let program = env::current_exe().context("cannot find out where this program is")?;
    let is_same = elf::mpi_library(&program).is_ok_and(|(own, _)| own == library);
    Ok(is_same.then_some(program))
}

impl Work<'_> {
    /// Runs the right programs on a test, some times each, and finds out how long things take here.
    ///
    /// # Errors
    /// [`Refused`] if one of them fails.
    pub(super) fn control(&mut self, case: &Case, times: usize) -> Result<Control> {
        self.progress
            .set_message(format!("{}, for comparison", shown::on_a_line(&case.name)));
        let mut empty = Times::default();
        for _ in 0..times {
            empty.see_plain(&self.run_empty(case, &How::plain())?);
        }
        let mut pace = Pace {
            limit: self.grader.options.time_limit,
            patience: LEAST_PATIENCE.max(STILL * empty.longest()),
        };
        pace.limit = pace.limit.max(SLOWER * empty.longest());
        self.pace = pace;
        let mut ours = Times::default();
        for _ in 0..times {
            if let Some(run) = self.run_ours(case, &How::plain())? {
                ours.see_plain(&run);
            }
        }
        let has_ours = !ours.wall.is_empty();
        if has_ours && times > 1 {
            let recorded = self.run_ours(case, &How::recorded())?;
            let known = Known::new(&case.inputs);
            if let Some(run) = &recorded {
                ours.see_recorded(&Scene::new(&known, run, Condition::Recorded));
            }
        }
        self.pace.limit = pace.limit.max(SLOWER * ours.longest());
        Ok(Control {
            empty,
            ours: has_ours.then_some(ours),
        })
    }

    /// Looks for the fault in the machine, after a run that came out wrong. The pace is that of this minute
    /// afterwards.
    ///
    /// # Errors
    /// [`Refused`] if it is there.
    pub(super) fn suspect_the_machine(&mut self, case: &Case, how: &How, run: &Run) -> Result<()> {
        self.progress
            .set_message(format!("{}, for comparison", shown::on_a_line(&case.name)));
        let cannot_start = |end: &RankEnd| matches!(end, RankEnd::Status(126 | 127));
        let ends = &run.ending.ranks;
        if !ends.is_empty() && ends.values().all(cannot_start) && run.outputs.is_empty() {
            return Err(refused("the program cannot be started here", run).into());
        }
        if !run.has_ended_well() || run.outputs.is_empty() {
            let empty = self.run_empty(case, &How::plain())?;
            self.pace.patience = self.pace.patience.max(STILL * empty.wall);
        }
        // Each time anew: a disk may have become full since the last one.
        if let Some(run) = self.run_ours(case, how)? {
            self.pace.limit = self.pace.limit.max(SLOWER * run.wall);
        }
        Ok(())
    }

    /// Finds out whether the program's sanitizers get on with MPI, and with the recorder.
    ///
    /// # Errors
    /// [`Refused`] if they do not, or if there is nothing to run.
    pub(super) fn try_sanitizers(&self) -> Result<()> {
        let tests = &self.grader.within;
        let is_any = (tests.conditions.iter()).any(|&condition| !self.is_left_out(condition));
        if !is_any && self.grader.lies() == 0 {
            let option = self.sanitizers.option();
            let why = "memory is not made dirty then, and nothing else was asked for";
            let why = format!("no verdict: the program is built with {option}: {why}");
            return Err(Refused(why).into());
        }
        if !self.sanitizers.is_empty() {
            self.run_empty(&tests.cases[0], &How::recorded())?;
        }
        Ok(())
    }

    /// Runs a program that only starts and ends MPI, and that was built as the graded one is.
    fn run_empty(&self, case: &Case, how: &How) -> Result<Run> {
        let pace = Pace {
            limit: EMPTY,
            patience: EMPTY,
        };
        let program = &self.tools.empty;
        let built = if self.sanitizers.is_empty() {
            String::new()
        } else {
            let option = self.sanitizers.option();
            format!(" with {option}, as this program has (build it without)")
        };
        self.right(
            || self.run(program, &[], case, how, pace),
            Run::has_ended_well,
            &format!("an empty MPI program does not run here{built}"),
        )
    }

    /// Runs this program as the other one is run. `None` where it cannot be expected to come out right.
    fn run_ours(&self, case: &Case, how: &How) -> Result<Option<Run>> {
        let Some(program) = &self.ours else {
            return Ok(None);
        };
        let known = Known::new(&case.inputs);
        let is_right = |run: &Run| {
            let scene = Scene::new(&known, run, how.condition);
            checks::outcome(&checks::judge(&scene)) == Some(true)
        };
        let what = format!(
            "bittorrent itself fails here on {} {}",
            case.name, how.condition
        );
        let mut pace = self.pace;
        pace.limit = pace.limit.max(EMPTY);
        let run = self.right(
            || self.run(program, &["-q"], case, how, pace),
            is_right,
            &what,
        );
        match run {
            Err(error) if error.is::<Refused>() && case.beyond.is_some() => Ok(None),
            run => run.map(Some),
        }
    }

    /// A run that has to come out right, at the second try at the latest.
    fn right(
        &self,
        run: impl Fn() -> Result<Run>,
        is_right: impl Fn(&Run) -> bool,
        what: &str,
    ) -> Result<Run> {
        let mut tried = run()?;
        for _ in 1..TRIES {
            if !is_right(&tried) {
                tried = run()?;
            }
        }
        if is_right(&tried) {
            return Ok(tried);
        }
        Err(refused(what, &tried).into())
    }
}

/// Says what failed, how, and what was printed first.
fn refused(what: &str, run: &Run) -> Refused {
    let how = match (run.ending.hung, run.ending.status) {
        (Some(Hung::TimeLimit(time) | Hung::Standstill(time)), _) => {
            format!("it was ended after {} s", time.as_secs())
        }
        (None, Some(0)) => "an output is wrong".into(),
        (None, Some(status)) => format!("mpirun ended with status {status}"),
        (None, None) => "mpirun died of a signal".into(),
    };
    let is_text = |line: &&str| line.chars().any(char::is_alphanumeric);
    let first = run.printed.lines().map(str::trim).find(is_text);
    let first = first.map_or(String::new(), |line| {
        format!(": {}", shown::on_a_line(line))
    });
    Refused(format!("no verdict: {what}: {how}{first}"))
}
