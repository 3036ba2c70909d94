//! The less busy of two members.

use fastrand::Rng;

use super::{Candidates, Choice, PeerSelection, Selection, SelectionPolicy};

pub(super) const POLICY: PeerSelection = PeerSelection {
    name: "two-choices",
    about: "the less busy of two random members, which are asked how busy they are",
    value: SelectionPolicy {
        polls: true,
        takes_turns: false,
        make: |_, rng| Box::new(TwoChoices { rng }),
    },
};

/// Of two random bins the emptier one: a ball's second choice makes the fullest of n bins hold
/// `ln ln n / ln 2` balls more than the mean instead of `ln n / ln ln n` (Mitzenmacher, "The power
/// of two choices in randomized load balancing", 2001), at two questions a segment instead of one
/// for every member.
#[derive(Debug)]
struct TwoChoices {
    rng: Rng,
}

impl Selection for TwoChoices {
    fn choose(&mut self, candidates: &Candidates<'_>) -> Option<Choice> {
        let two = self.rng.choose_multiple(candidates.iter(), 2);
        (!two.is_empty()).then_some(Choice::LeastBusyOf(two))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::choices;
    use super::*;
    use crate::protocol::Rank;

    #[test]
    fn two_different_members_are_asked_how_busy_they_are_or_the_only_one() {
        for choice in choices(&POLICY, 2, &[1, 4, 6], &[]) {
            assert!(
                matches!(choice, Choice::LeastBusyOf(two) if two.len() == 2 && two[0] != two[1])
            );
        }
        let only = Choice::LeastBusyOf(vec![Rank(6)]);
        assert_eq!(choices(&POLICY, 2, &[1, 4, 6], &[1, 4]), vec![only; 4]);
    }
}
