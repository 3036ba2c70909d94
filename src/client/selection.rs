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

    /// The next of `members`, which are in rank order, that is not among `refused`.
    pub(super) fn choose(&mut self, members: &[Rank], refused: &[Rank]) -> Option<Rank> {
        let (before, behind) =
            members.split_at(members.partition_point(|&member| member <= self.last));
        let next = behind
            .iter()
            .chain(before)
            .copied()
            .find(|member| !refused.contains(member))?;
        self.last = next;
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(me: u32, members: &[Rank], refused: &[Rank]) -> Vec<Option<Rank>> {
        let mut turn = RoundRobin::starting_behind(Rank(me));
        (0..4).map(|_| turn.choose(members, refused)).collect()
    }

    #[test]
    fn members_take_turns_from_the_one_behind_the_client_on() {
        let members = [Rank(1), Rank(4), Rank(6)];
        assert_eq!(
            choices(4, &members, &[]),
            [6, 1, 4, 6].map(|rank| Some(Rank(rank)))
        );
        assert_eq!(
            choices(9, &members, &[]),
            [1, 4, 6, 1].map(|rank| Some(Rank(rank)))
        );
    }

    #[test]
    fn who_refused_is_passed_over_and_when_all_did_nobody_is_left() {
        let members = [Rank(1), Rank(4), Rank(6)];
        assert_eq!(
            choices(1, &members, &[Rank(4)]),
            [6, 1, 6, 1].map(|rank| Some(Rank(rank)))
        );
        assert_eq!(choices(1, &members, &members), [None; 4]);
        assert_eq!(choices(1, &[], &[]), [None; 4]);
    }

    #[test]
    fn a_member_that_joins_takes_its_turn_without_disturbing_the_others() {
        let mut turn = RoundRobin::starting_behind(Rank(1));
        assert_eq!(turn.choose(&[Rank(2), Rank(5)], &[]), Some(Rank(2)));
        assert_eq!(
            turn.choose(&[Rank(2), Rank(3), Rank(5)], &[]),
            Some(Rank(3))
        );
        assert_eq!(
            turn.choose(&[Rank(2), Rank(3), Rank(5)], &[]),
            Some(Rank(5))
        );
    }
}
