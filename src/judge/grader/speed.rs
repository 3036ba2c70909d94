//! How fast a program is, compared with one that does nothing and with this one.

use std::time::Duration;

use super::control::Control;
use crate::seen::run::Run;
use crate::seen::scene::Scene;
use crate::told::grading::{Ours, Speed};

/// What the right runs of a test took.
#[derive(Debug, Default)]
pub(super) struct Times {
    pub(super) wall: Vec<f64>,
    cpu: Vec<f64>,
    messages: Vec<f64>,
}

/// The speed on a test whose right runs took `times`.
pub(super) fn speed(test: &str, times: Times, control: Control) -> Speed {
    let Ours {
        wall,
        cpu,
        messages,
    } = times.medians();
    Speed {
        test: test.into(),
        wall,
        empty: control.empty.medians().wall,
        cpu,
        messages,
        ours: control.ours.map(Times::medians),
    }
}

impl Times {
    /// Takes note of one more plain run.
    pub(super) fn see_plain(&mut self, run: &Run) {
        self.wall.push(run.wall.as_secs_f64());
        self.cpu.push(run.cpu.as_secs_f64());
    }

    /// Takes note of one more recorded run.
    pub(super) fn see_recorded(&mut self, scene: &Scene<'_>) {
        let downloads = scene.known.downloads();
        if downloads > 0 && scene.saw_all_messages().is_ok() {
            let messages = scene.messages.len();
            self.messages.push(messages as f64 / downloads as f64);
        }
    }

    /// The longest time of a run.
    pub(super) fn longest(&self) -> Duration {
        let longest = self.wall.iter().copied().fold(0.0, f64::max);
        Duration::from_secs_f64(longest)
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
