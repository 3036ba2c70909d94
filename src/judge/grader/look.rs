//! A short look at a program that was built with a sanitizer: only what that reports counts.

use anyhow::Result;

use super::how::How;
use super::trial::found;
use super::work::Work;
use crate::told::grading::{Place, Sanitized};

impl Work<'_> {
    /// Runs each test once as it is, until a run shows something. Whether it comes out right is not asked.
    ///
    /// # Errors
    /// When it cannot be run, or the machine is at fault.
    pub(super) fn look(mut self) -> Result<Sanitized> {
        let how = How::plain();
        for case in &self.grader.within.cases {
            self.control(case, 1)?;
            let run = self.run(&self.program, &[], case, &how, self.pace)?;
            let place = Place {
                test: case.name.clone(),
                condition: how.condition,
                run: 1,
                noise: None,
            };
            if let Some(found) = found(&run, &place, |_| true) {
                self.progress.finish_and_clear();
                return Ok(Sanitized {
                    found: Some(found),
                    untold: None,
                });
            }
            if run.ending.hung.is_some() {
                let hung = format!("nothing was reported before it hung ({place})");
                return Ok(Sanitized::untold(hung));
            }
        }
        self.progress.finish_and_clear();
        Ok(Sanitized::default())
    }
}
