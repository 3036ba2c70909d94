//! Which member of a swarm is asked for a segment.

use crate::protocol::Rank;

/// The members in turn (R5), starting behind the client itself, so that clients which start
/// together do not all ask the same member first.
///
/// A member that is able to serve is never passed over: the seeds of a file therefore serve a
/// client equally, to within one segment, and nobody serves it more than a seed does and one.
#[derive(Debug)]
pub(super) struct RoundRobin {
    last: Rank,
}

impl RoundRobin {
    pub(super) fn starting_behind(me: Rank) -> RoundRobin {
        RoundRobin { last: me }
    }

    /// The next of `members`, which are in rank order, that `may` be asked.
    pub(super) fn choose(&mut self, members: &[Rank], may: impl Fn(Rank) -> bool) -> Option<Rank> {
        let (before, behind) =
            members.split_at(members.partition_point(|&member| member <= self.last));
        let next = behind
            .iter()
            .chain(before)
            .copied()
            .find(|&member| may(member))?;
        self.last = next;
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first four choices of rank `me`, while some members have refused.
    fn choices(me: u32, members: &[u32], refused: &[u32]) -> Vec<u32> {
        let members: Vec<Rank> = members.iter().copied().map(Rank).collect();
        let mut turn = RoundRobin::starting_behind(Rank(me));
        let mut choose = || turn.choose(&members, |member| !refused.contains(&member.0));
        (0..4)
            .filter_map(|_| choose().map(|member| member.0))
            .collect()
    }

    #[test]
    fn members_take_turns_from_the_one_behind_the_client_on() {
        assert_eq!(choices(4, &[1, 4, 6], &[]), [6, 1, 4, 6]);
        assert_eq!(choices(9, &[1, 4, 6], &[]), [1, 4, 6, 1]);
    }

    #[test]
    fn who_may_not_be_asked_is_passed_over_and_when_none_may_nobody_is_left() {
        assert_eq!(choices(1, &[1, 4, 6], &[4]), [6, 1, 6, 1]);
        assert_eq!(choices(1, &[1, 4, 6], &[1, 4, 6]), []);
        assert_eq!(choices(1, &[], &[]), []);
    }

    #[test]
    fn a_member_that_joins_takes_its_turn_without_disturbing_the_others() {
        let mut turn = RoundRobin::starting_behind(Rank(1));
        let mut choose = |members: &[Rank]| turn.choose(members, |_| true);
        assert_eq!(choose(&[Rank(2), Rank(5)]), Some(Rank(2)));
        assert_eq!(choose(&[Rank(2), Rank(3), Rank(5)]), Some(Rank(3)));
        assert_eq!(choose(&[Rank(2), Rank(3), Rank(5)]), Some(Rank(5)));
    }
}
