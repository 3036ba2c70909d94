//! The least busy of all members.

use super::{Candidates, Choice, PeerSelection, Selection, SelectionPolicy};

pub(super) const POLICY: PeerSelection = PeerSelection {
    name: "least-busy",
    about: "the least busy of all members, which are asked how busy they are",
    value: SelectionPolicy {
        polls: true,
        takes_turns: false,
        make: |_, _| Box::new(LeastBusy),
    },
};

#[derive(Debug)]
struct LeastBusy;

impl Selection for LeastBusy {
    fn choose(&mut self, candidates: &Candidates<'_>) -> Option<Choice> {
        let members: Vec<_> = candidates.iter().collect();
        (!members.is_empty()).then_some(Choice::LeastBusyOf(members))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::choices;
    use super::*;
    use crate::protocol::Rank;

    #[test]
    fn every_member_is_asked_how_busy_it_is() {
        let all = Choice::LeastBusyOf([1, 6].map(Rank).to_vec());
        assert_eq!(choices(&POLICY, 2, &[1, 4, 6], &[4]), vec![all; 4]);
    }
}
