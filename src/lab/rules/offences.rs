//! What was found against the rules.

use super::{Offence, Rule};

/// The offences so far: the first against each rule, and how many more.
#[derive(Debug, Default)]
pub(super) struct Offences {
    /// Of the event that is judged.
    pub(super) line: u64,
    pub(super) found: [Option<(Offence, usize)>; Rule::ALL.len()],
    /// What are offences if the run is whole. In a run that was broken off, what another thread of the
    /// rank did last may be lost.
    pub(super) doubts: [Option<(Offence, usize)>; Rule::ALL.len()],
}

impl Offences {
    /// Reports one on the line that is judged.
    pub(super) fn report(&mut self, rule: Rule, text: String) {
        self.report_at(self.line, rule, text);
    }

    /// Reports one that may be none if the run was broken off.
    pub(super) fn doubt(&mut self, rule: Rule, text: String) {
        let line = self.line;
        let offence = Offence { line, text };
        add(&mut self.doubts[rule as usize], Some((offence, 0)));
    }

    pub(super) fn report_at(&mut self, line: u64, rule: Rule, text: String) {
        let offence = Offence { line, text };
        add(&mut self.found[rule as usize], Some((offence, 0)));
    }

    pub(super) fn of(&self, rule: Rule) -> Option<(&Offence, usize)> {
        let (first, more) = self.found[rule as usize].as_ref()?;
        Some((first, *more))
    }
}

/// Adds offences against a rule to those that were found: the first of them, and how many more.
pub(super) fn add(found: &mut Option<(Offence, usize)>, others: Option<(Offence, usize)>) {
    match (found, others) {
        (Some((first, more)), Some((other, others))) => {
            *more += others + 1;
            if other.line < first.line {
                *first = other;
            }
        }
        (found, Some(others)) => *found = Some(others),
        (_, None) => {}
    }
}
