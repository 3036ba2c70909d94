//! The members in turn.

use super::{Candidates, Choice, PeerSelection, Selection, SelectionPolicy};
use crate::protocol::Rank;

pub(super) const POLICY: PeerSelection = PeerSelection {
    name: "round-robin",
    about: "the members in turn",
    value: SelectionPolicy {
        polls: false,
        takes_turns: true,
        make: |me, _| Box::new(RoundRobin { last: me }),
    },
};

/// It starts behind the client itself, so clients that start together do not all ask the same member
/// first.
///
/// A member that can serve is never passed over. So the seeds of a file serve a client equally, to
/// within one segment, and no member serves it more than a seed does and one.
#[derive(Debug)]
struct RoundRobin {
    last: Rank,
}

impl Selection for RoundRobin {
    fn choose(&mut self, candidates: &Candidates<'_>) -> Option<Choice> {
        self.last = candidates.behind(self.last)?;
        Some(Choice::Member(self.last))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{choices, members};
    use super::*;

    fn turns(me: u32, swarm: &[u32], barred: &[u32]) -> Vec<u32> {
        members(&choices(&POLICY, me, swarm, barred))
    }

    #[test]
    fn members_take_turns_from_the_one_behind_the_client_on() {
        assert_eq!(turns(4, &[1, 4, 6], &[]), [6, 1, 4, 6]);
        assert_eq!(turns(9, &[1, 4, 6], &[]), [1, 4, 6, 1]);
    }

    #[test]
    fn who_may_not_be_asked_is_passed_over() {
        assert_eq!(turns(1, &[1, 4, 6], &[4]), [6, 1, 6, 1]);
    }

    #[test]
    fn a_member_that_joins_takes_its_turn_without_disturbing_the_others() {
        let mut turn = RoundRobin { last: Rank(1) };
        let mut choose = |members: &[Rank]| turn.choose(&Candidates::new(members, &|_| true));
        let member = |rank| Some(Choice::Member(Rank(rank)));
        assert_eq!(choose(&[Rank(2), Rank(5)]), member(2));
        assert_eq!(choose(&[Rank(2), Rank(3), Rank(5)]), member(3));
        assert_eq!(choose(&[Rank(2), Rank(3), Rank(5)]), member(5));
    }
}
