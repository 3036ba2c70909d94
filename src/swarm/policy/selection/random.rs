//! Any member, all alike.

use fastrand::Rng;

use super::{Candidates, Choice, PeerSelection, Selection, SelectionPolicy};

pub(super) const POLICY: PeerSelection = PeerSelection {
    name: "random",
    about: "any member, all alike",
    value: SelectionPolicy {
        polls: false,
        takes_turns: false,
        make: |_, rng| Box::new(Random { rng }),
    },
};

#[derive(Debug)]
struct Random {
    rng: Rng,
}

impl Selection for Random {
    fn choose(&mut self, candidates: &Candidates<'_>) -> Option<Choice> {
        match candidates.iter().count() {
            0 => None,
            count => candidates
                .iter()
                .nth(self.rng.usize(..count))
                .map(Choice::Member),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{choices, members};
    use super::*;

    #[test]
    fn a_lone_member_is_chosen_every_time() {
        assert_eq!(
            members(&choices(&POLICY, 1, &[1, 4, 6], &[1, 6])),
            [4, 4, 4, 4]
        );
    }
}
