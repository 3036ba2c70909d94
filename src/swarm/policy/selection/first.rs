//! Always the first member.

use super::{Candidates, Choice, PeerSelection, Selection, SelectionPolicy};

pub(super) const POLICY: PeerSelection = PeerSelection {
    name: "first",
    about: "always the first holder in rank order: no balancing, a baseline",
    value: SelectionPolicy {
        polls: false,
        takes_turns: false,
        make: |_, _| Box::new(First),
    },
};

#[derive(Debug)]
struct First;

impl Selection for First {
    fn choose(&mut self, candidates: &Candidates<'_>) -> Option<Choice> {
        candidates.iter().next().map(Choice::Member)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{choices, members};
    use super::*;

    #[test]
    fn the_first_member_that_may_be_asked_is_chosen_every_time() {
        assert_eq!(members(&choices(&POLICY, 4, &[1, 4, 6], &[])), [1, 1, 1, 1]);
        assert_eq!(
            members(&choices(&POLICY, 4, &[1, 4, 6], &[1])),
            [4, 4, 4, 4]
        );
    }
}
