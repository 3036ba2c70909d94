//! The segments of a file that are neither held nor asked for, and in which order they come.

use std::collections::{BTreeMap, VecDeque};
use std::mem;

use crate::policy::order::Order;
use crate::protocol::{Rank, SegmentIndex, SegmentSet};

/// Each of them is in one place. A list may name a segment that has been taken out of turn since.
#[derive(Debug)]
pub(super) struct Lacking {
    places: Vec<Place>,
    /// Never asked for; `ahead` are those that were passed over.
    order: Box<dyn Order>,
    ahead: VecDeque<SegmentIndex>,
    /// To be asked for again, before any new one.
    again: VecDeque<SegmentIndex>,
    /// Of those members that can be asked now, nobody may hold these.
    waiting: Vec<SegmentIndex>,
    /// Who is not to be asked for a segment now, because it has refused it.
    refused_by: BTreeMap<SegmentIndex, Vec<Rank>>,
    /// Those that have ever been asked for, and how many they are.
    begun: SegmentSet,
    number_begun: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    New,
    Again,
    Waiting,
    /// Asked for, or held.
    Taken,
}

impl Lacking {
    /// All of a file's segments.
    pub(super) fn new(segments: usize, order: Box<dyn Order>) -> Lacking {
        Lacking {
            places: vec![Place::New; segments],
            order,
            ahead: VecDeque::new(),
            again: VecDeque::new(),
            waiting: Vec::new(),
            refused_by: BTreeMap::new(),
            begun: SegmentSet::none(segments),
            number_begun: 0,
        }
    }

    /// The order of the new ones, which hears what spreads.
    pub(super) fn order(&mut self) -> &mut dyn Order {
        &mut *self.order
    }

    /// Whether a segment is one of them.
    pub(super) fn has(&self, segment: SegmentIndex) -> bool {
        (self.places.get(segment.0)).is_some_and(|&place| place != Place::Taken)
    }

    /// Takes the next one that a member `holds` and has not refused; a new one only if it may begin.
    /// Those before it keep their places.
    pub(super) fn next_of(
        &mut self,
        member: Rank,
        may_begin: bool,
        holds: impl Fn(SegmentIndex) -> bool,
    ) -> Option<SegmentIndex> {
        let mut passed = Vec::new();
        let found = loop {
            match self.next(may_begin) {
                Some(segment) if holds(segment) && !self.refused_by(segment).contains(&member) => {
                    break Some(segment);
                }
                Some(segment) => passed.push(segment),
                None => break None,
            }
        };
        for segment in passed.into_iter().rev() {
            self.put_first(segment);
        }
        found
    }

    /// Takes the next one: first what was asked for before, then a new one, if it may begin.
    pub(super) fn next(&mut self, may_begin: bool) -> Option<SegmentIndex> {
        while let Some(segment) = self.again.pop_front() {
            if self.place(segment) == Place::Again {
                return Some(self.taken(segment));
            }
        }
        while may_begin && let Some(segment) = self.ahead.pop_front().or_else(|| self.order.next())
        {
            if self.place(segment) == Place::New {
                return Some(self.taken(segment));
            }
        }
        None
    }

    /// Takes one out of turn, if it is there; a new one only if it may begin.
    pub(super) fn take(&mut self, segment: SegmentIndex, may_begin: bool) -> bool {
        let takes = self.has(segment) && (may_begin || self.begun.contains(segment));
        if takes {
            self.taken(segment);
        }
        takes
    }

    fn place(&self, segment: SegmentIndex) -> Place {
        self.places[segment.0]
    }

    fn taken(&mut self, segment: SegmentIndex) -> SegmentIndex {
        self.places[segment.0] = Place::Taken;
        segment
    }

    /// One that was taken is asked for.
    pub(super) fn begin(&mut self, segment: SegmentIndex) {
        self.number_begun += usize::from(self.begun.insert(segment));
    }

    /// How many have ever been asked for.
    pub(super) fn begun(&self) -> usize {
        self.number_begun
    }

    /// Who has refused a segment, and is not to be asked for it now.
    pub(super) fn refused_by(&self, segment: SegmentIndex) -> &[Rank] {
        self.refused_by.get(&segment).map_or(&[], Vec::as_slice)
    }

    /// A member has refused a segment.
    pub(super) fn refused(&mut self, segment: SegmentIndex, by: Rank) {
        self.refused_by.entry(segment).or_default().push(by);
    }

    /// A member that may have refused a segment is said to hold it.
    pub(super) fn forget_refusal(&mut self, segment: SegmentIndex, by: Rank) {
        if let Some(refused_by) = self.refused_by.get_mut(&segment) {
            refused_by.retain(|&member| member != by);
        }
    }

    /// Puts one back, to come first.
    pub(super) fn put_first(&mut self, segment: SegmentIndex) {
        if self.begun.contains(segment) {
            self.places[segment.0] = Place::Again;
            self.again.push_front(segment);
        } else {
            self.places[segment.0] = Place::New;
            self.ahead.push_front(segment);
        }
    }

    /// Puts one back, behind the others that were asked for.
    pub(super) fn put_last(&mut self, segment: SegmentIndex) {
        if self.begun.contains(segment) {
            self.places[segment.0] = Place::Again;
            self.again.push_back(segment);
        } else {
            self.put_first(segment);
        }
    }

    /// Puts one back that nobody who can be asked now may hold.
    pub(super) fn let_wait(&mut self, segment: SegmentIndex) {
        self.places[segment.0] = Place::Waiting;
        self.waiting.push(segment);
    }

    /// How many wait, or did.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Members may be asked again: what waits comes first.
    pub(super) fn end_waiting(&mut self) {
        for segment in mem::take(&mut self.waiting).into_iter().rev() {
            if self.place(segment) == Place::Waiting {
                self.put_first(segment);
            }
        }
    }

    /// There is a new list of members.
    pub(super) fn relist(&mut self) {
        self.end_waiting();
        self.refused_by.clear();
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;
    use crate::policy::order;

    fn lacking() -> Lacking {
        let order = (order::ALL[0].value.make)(4, &mut Rng::with_seed(0));
        Lacking::new(4, order)
    }

    /// The next one, which is asked for.
    fn next(lacking: &mut Lacking) -> Option<usize> {
        let segment = lacking.next(true)?;
        lacking.begin(segment);
        Some(segment.0)
    }

    const ZERO: SegmentIndex = SegmentIndex(0);
    const TWO: SegmentIndex = SegmentIndex(2);

    #[test]
    fn what_was_asked_for_before_comes_before_what_is_new() {
        let mut lacking = lacking();
        assert_eq!([next(&mut lacking), next(&mut lacking)], [Some(0), Some(1)]);
        lacking.put_last(ZERO);
        lacking.put_first(SegmentIndex(1));
        let rest = [(); 5].map(|()| next(&mut lacking));
        assert_eq!(rest, [Some(1), Some(0), Some(2), Some(3), None]);
        assert_eq!(lacking.begun(), 4);
    }

    #[test]
    fn what_is_taken_out_of_turn_does_not_come_again_before_it_is_put_back() {
        let mut lacking = lacking();
        assert!(lacking.take(TWO, true) && !lacking.take(TWO, true));
        lacking.begin(TWO);
        assert!(!lacking.has(TWO) && !lacking.has(SegmentIndex(4)));
        assert_eq!(next(&mut lacking), Some(0));
        lacking.put_first(ZERO);
        assert!(lacking.take(ZERO, false), "it has been begun");
        assert!(!lacking.take(SegmentIndex(1), false), "it has not");
        assert_eq!(
            [(); 3].map(|()| next(&mut lacking)),
            [Some(1), Some(3), None]
        );
        lacking.put_last(TWO);
        assert_eq!([(); 2].map(|()| next(&mut lacking)), [Some(2), None]);
    }

    #[test]
    fn what_waits_has_not_begun_if_it_was_never_asked_for() {
        let mut lacking = lacking();
        let segment = lacking.next(true).unwrap();
        lacking.let_wait(segment);
        lacking.end_waiting();
        assert_eq!((lacking.begun(), lacking.next(false)), (0, None));
        assert_eq!(next(&mut lacking), Some(0));
        assert_eq!(lacking.begun(), 1);
    }

    #[test]
    fn what_is_passed_over_keeps_its_place() {
        let mut lacking = lacking();
        lacking.refused(ZERO, Rank(3));
        let found = lacking.next_of(Rank(3), true, |segment| segment != SegmentIndex(1));
        assert_eq!(found, Some(TWO));
        assert_eq!(
            lacking.next_of(Rank(3), true, |segment| segment == TWO),
            None
        );
        assert_eq!(
            [(); 3].map(|()| next(&mut lacking)),
            [Some(0), Some(1), Some(3)]
        );
    }

    #[test]
    fn what_waits_comes_first_when_members_can_be_asked_again() {
        let mut lacking = lacking();
        for _ in 0..2 {
            let segment = lacking.next(true).unwrap();
            lacking.begin(segment);
            lacking.refused(segment, Rank(3));
            lacking.let_wait(segment);
        }
        assert_eq!(lacking.next(false), None);
        lacking.end_waiting();
        assert_eq!(next(&mut lacking), Some(0));
        lacking.forget_refusal(ZERO, Rank(3));
        assert_eq!(lacking.refused_by(ZERO), []);
        lacking.let_wait(ZERO);
        assert_eq!(lacking.refused_by(SegmentIndex(1)), [Rank(3)]);
        lacking.relist();
        assert_eq!(lacking.refused_by(SegmentIndex(1)), []);
        assert_eq!(
            [(); 3].map(|()| next(&mut lacking)),
            [Some(0), Some(1), Some(2)]
        );
    }
}
