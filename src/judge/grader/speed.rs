//! How fast a program is, compared with one that does nothing and with this one.

use std::env;
use std::path::Path;

use anyhow::{Context, Result};

use super::work::Work;
use crate::runs::cases::Case;
use crate::runs::elf;
use crate::seen::condition::Condition;
use crate::seen::known::Known;
use crate::seen::scene::Scene;
use crate::told::grading::{Ours, Speed};

/// The most runs of each program that it is compared with.
const TIMES: usize = 3;

/// What the plain runs of a test took.
#[derive(Default)]
pub(super) struct Times {
    pub(super) wall: Vec<f64>,
    cpu: Vec<f64>,
    messages: Vec<f64>,
}

impl Work<'_> {
    /// The speed on a test whose plain runs took `times`.
    pub(super) fn speed(&self, case: &Case, times: Times) -> Result<Speed> {
        let plain = Condition::AsItIs.row().deed;
        let measured = |program: &Path, arguments: &[&str]| -> Result<Option<Ours>> {
            let mut times = Times::default();
            for _ in 0..TIMES.min(self.grader.options.runs.get()) {
                let run = self.run(program, arguments, case, plain)?;
                if run.ending.hung.is_some() || run.ending.status != Some(0) {
                    return Ok(None);
                }
                let known = Known::new(&case.inputs);
                times.see(&Scene::new(&known, &run, Condition::AsItIs));
            }
            Ok(Some(times.medians()))
        };
        self.progress
            .set_message(format!("{}, for comparison", case.name));
        let empty =
            measured(&self.tools.empty, &[])?.context("a program that does nothing fails")?;
        let this = env::current_exe().context("cannot find out where this program is")?;
        let is_same = elf::mpi_library(&this).is_ok_and(|(library, _)| library == self.library);
        let ours = if is_same {
            measured(&this, &["-q"])?
        } else {
            None
        };
        let Ours {
            wall,
            cpu,
            messages,
        } = times.medians();
        Ok(Speed {
            test: case.name.clone(),
            wall,
            empty: empty.wall,
            cpu,
            messages,
            ours,
        })
    }
}

impl Times {
    /// Takes note of one more run.
    pub(super) fn see(&mut self, scene: &Scene<'_>) {
        let run = scene.run;
        self.wall.push(run.wall.as_secs_f64());
        self.cpu.push(run.cpu.as_secs_f64());
        let downloads = scene.known.downloads();
        if downloads > 0 && !run.recording.is_cut() {
            let messages = scene.messages.len();
            self.messages.push(messages as f64 / downloads as f64);
        }
    }

    fn medians(self) -> Ours {
        Ours {
            wall: median(self.wall).unwrap_or_default(),
            cpu: median(self.cpu).unwrap_or_default(),
            messages: median(self.messages),
        }
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
