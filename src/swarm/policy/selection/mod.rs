//! Which member of a swarm is asked for a segment (R5).

mod first;
mod least_busy;
mod random;
mod round_robin;
mod two_choices;

use std::fmt::Debug;

use fastrand::Rng;

use super::Named;
use crate::protocol::Rank;

/// Every policy, the default first.
pub const ALL: &[PeerSelection] = &[
    round_robin::POLICY,
    random::POLICY,
    least_busy::POLICY,
    two_choices::POLICY,
    first::POLICY,
];

/// A policy by its name.
pub type PeerSelection = Named<SelectionPolicy>;

/// What there is to know of a policy.
#[derive(Debug)]
pub struct SelectionPolicy {
    /// Whether a client asks members how busy they are.
    pub polls: bool,
    /// Whether the members take turns. Then the owners of a file serve a client equally (R5).
    pub takes_turns: bool,
    /// Makes the selection of the client of this rank, with its random numbers.
    pub make: fn(Rank, Rng) -> Box<dyn Selection>,
}

/// How a client selects whom it asks.
pub trait Selection: Debug + Send {
    /// Decides for one segment, if there is a candidate at all.
    fn choose(&mut self, candidates: &Candidates<'_>) -> Option<Choice>;
}

/// What a policy decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// To ask this member.
    Member(Rank),
    /// To ask these how busy they are, and then the least busy one that holds the segment.
    LeastBusyOf(Vec<Rank>),
}

/// The members that a client can ask for a segment: they may hold it, and have not refused it.
pub struct Candidates<'a> {
    members: &'a [Rank],
    may: &'a dyn Fn(Rank) -> bool,
}

impl<'a> Candidates<'a> {
    /// The members that `may` be asked. `members` is in rank order.
    pub fn new(members: &'a [Rank], may: &'a dyn Fn(Rank) -> bool) -> Candidates<'a> {
        Candidates { members, may }
    }

    /// All of them, in rank order.
    pub fn iter(&self) -> impl Iterator<Item = Rank> {
        self.members
            .iter()
            .copied()
            .filter(|&member| (self.may)(member))
    }

    /// The first member behind `rank`. If there is none, the first of all.
    pub fn behind(&self, rank: Rank) -> Option<Rank> {
        let (before, behind) = self
            .members
            .split_at(self.members.partition_point(|&member| member <= rank));
        let first_of = |members: &[Rank]| members.iter().copied().find(|&rank| (self.may)(rank));
        first_of(behind).or_else(|| first_of(before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first choices of rank `me`, while some members may not be asked.
    pub(super) fn choices(
        policy: &PeerSelection,
        me: u32,
        members: &[u32],
        barred: &[u32],
    ) -> Vec<Choice> {
        let members: Vec<Rank> = members.iter().copied().map(Rank).collect();
        let may = |member: Rank| !barred.contains(&member.0);
        let mut selection = (policy.value.make)(Rank(me), Rng::with_seed(7));
        let mut choose = || selection.choose(&Candidates::new(&members, &may));
        (0..4).filter_map(|_| choose()).collect()
    }

    /// The members of choices that are all made without asking who is busy.
    pub(super) fn members(choices: &[Choice]) -> Vec<u32> {
        let member = |choice: &Choice| match choice {
            Choice::Member(member) => member.0,
            Choice::LeastBusyOf(_) => panic!("{choice:?}"),
        };
        choices.iter().map(member).collect()
    }

    #[test]
    fn no_policy_chooses_a_member_that_may_not_be_asked() {
        for policy in ALL {
            for barred in [&[][..], &[4], &[1, 6]] {
                let choices = choices(policy, 1, &[1, 4, 6], barred);
                assert_eq!(choices.len(), 4, "{policy}");
                for choice in choices {
                    let chosen = match choice {
                        Choice::Member(member) => vec![member],
                        Choice::LeastBusyOf(members) => members,
                    };
                    assert!(!chosen.is_empty(), "{policy}");
                    assert!(
                        chosen.iter().all(|member| !barred.contains(&member.0)),
                        "{policy}"
                    );
                }
            }
            assert_eq!(choices(policy, 1, &[1, 4, 6], &[1, 4, 6]), [], "{policy}");
            assert_eq!(choices(policy, 1, &[], &[]), [], "{policy}");
        }
    }
}
