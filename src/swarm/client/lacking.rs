//! The segments of a file that are neither held nor asked for, and the order in which they are
//! asked for.

use std::collections::{BTreeMap, VecDeque};
use std::mem;

use crate::policy::order::Order;
use crate::protocol::{Rank, SegmentIndex, SegmentSet};

/// The queues of segments to ask for. [`Queued`] says which queue a segment is in: a queue may
/// still name one that was taken out of turn.
#[derive(Debug)]
pub(super) struct Lacking {
    /// The state of each segment, by its position.
    queued: Vec<Queued>,
    /// The segments that were never asked for, in the order of the policy.
    order: Box<dyn Order>,
    /// Segments that came from `order` and were passed over. They come before the rest of it.
    ahead: VecDeque<SegmentIndex>,
    /// Segments to ask for again, before any new one.
    again: VecDeque<SegmentIndex>,
    /// Segments that no member that can be asked now is likely to hold.
    waiting: Vec<SegmentIndex>,
    /// The members that have refused a segment. They are not asked for it until the next list.
    refused_by: BTreeMap<SegmentIndex, Vec<Rank>>,
    /// The segments that are in a queue.
    lacking: SegmentSet,
    /// The size of `lacking`.
    number_lacking: usize,
    /// The segments that were asked for at least once.
    begun: SegmentSet,
    /// The size of `begun`.
    number_begun: usize,
}

/// The queue that a segment is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Queued {
    New,
    Again,
    Waiting,
    /// In none: it is in flight, or held.
    Taken,
}

impl Lacking {
    /// A file of `segments` segments, all of them new.
    pub(super) fn new(segments: usize, order: Box<dyn Order>) -> Lacking {
        Lacking {
            queued: vec![Queued::New; segments],
            order,
            ahead: VecDeque::new(),
            again: VecDeque::new(),
            waiting: Vec::new(),
            refused_by: BTreeMap::new(),
            lacking: SegmentSet::all(segments),
            number_lacking: segments,
            begun: SegmentSet::none(segments),
            number_begun: 0,
        }
    }

    /// The order of the new segments, to be told which segments spread.
    pub(super) fn order(&mut self) -> &mut dyn Order {
        &mut *self.order
    }

    /// Whether a segment is in a queue. There may be no such segment.
    pub(super) fn has(&self, segment: SegmentIndex) -> bool {
        self.lacking.contains(segment)
    }

    /// Whether no segment is in a queue.
    pub(super) fn is_empty(&self) -> bool {
        self.number_lacking == 0
    }

    /// The segments that are in a queue.
    pub(super) fn all(&self) -> &SegmentSet {
        &self.lacking
    }

    /// Takes the next segment of those that a member holds, unless the member has refused it. A new
    /// segment is taken only with `may_begin`. The segments before it keep their places. Nothing waits.
    pub(super) fn next_of(
        &mut self,
        member: Rank,
        mut held: SegmentSet,
        may_begin: bool,
    ) -> Option<SegmentIndex> {
        for (&segment, refused_by) in &self.refused_by {
            if refused_by.contains(&member) {
                held.remove(segment);
            }
        }
        let found = self.again_of(&held);
        if found.is_some() || !may_begin {
            return found;
        }
        self.new_of(&held)
    }

    /// Takes the first of these segments that was asked for before.
    fn again_of(&mut self, of: &SegmentSet) -> Option<SegmentIndex> {
        let mut passed = Vec::new();
        let mut found = None;
        while let Some(segment) = self.again.pop_front() {
            if self.queued(segment) == Queued::Again {
                self.taken(segment);
                if of.contains(segment) {
                    found = Some(segment);
                    break;
                }
                passed.push(segment);
            }
        }
        for segment in passed.into_iter().rev() {
            self.put_first(segment);
        }
        found
    }

    /// Takes the first of these segments that was never asked for. There are many of those that were
    /// passed over, and a member that calls often holds none of them.
    fn new_of(&mut self, of: &SegmentSet) -> Option<SegmentIndex> {
        if of.iter().next().is_some() {
            let queued = &self.queued;
            let is_it =
                |&segment: &SegmentIndex| of.contains(segment) && queued[segment.0] == Queued::New;
            if let Some(place) = self.ahead.iter().position(is_it) {
                let segment = self.ahead.remove(place)?;
                return Some(self.taken(segment));
            }
        }
        while let Some(segment) = self.order.next() {
            if self.queued(segment) == Queued::New {
                if of.contains(segment) {
                    return Some(self.taken(segment));
                }
                self.ahead.push_back(segment);
            }
        }
        None
    }

    /// Takes the next segment: one that was asked for before, or else, with `may_begin`, a new one.
    pub(super) fn next(&mut self, may_begin: bool) -> Option<SegmentIndex> {
        while let Some(segment) = self.again.pop_front() {
            if self.queued(segment) == Queued::Again {
                return Some(self.taken(segment));
            }
        }
        while may_begin && let Some(segment) = self.ahead.pop_front().or_else(|| self.order.next())
        {
            if self.queued(segment) == Queued::New {
                return Some(self.taken(segment));
            }
        }
        None
    }

    /// Takes a segment out of turn, if it is in a queue. A new segment is taken only with
    /// `may_begin`.
    pub(super) fn take(&mut self, segment: SegmentIndex, may_begin: bool) -> bool {
        let takes = self.has(segment) && (may_begin || self.begun.contains(segment));
        if takes {
            self.taken(segment);
        }
        takes
    }

    fn queued(&self, segment: SegmentIndex) -> Queued {
        self.queued[segment.0]
    }

    fn taken(&mut self, segment: SegmentIndex) -> SegmentIndex {
        self.queued[segment.0] = Queued::Taken;
        self.number_lacking -= usize::from(self.lacking.contains(segment));
        self.lacking.remove(segment);
        segment
    }

    /// A segment that was taken is asked for.
    pub(super) fn begin(&mut self, segment: SegmentIndex) {
        self.number_begun += usize::from(self.begun.insert(segment));
    }

    /// The number of segments that were asked for at least once.
    pub(super) fn begun(&self) -> usize {
        self.number_begun
    }

    /// The members that have refused a segment, and are not to be asked for it now.
    pub(super) fn refused_by(&self, segment: SegmentIndex) -> &[Rank] {
        self.refused_by.get(&segment).map_or(&[], Vec::as_slice)
    }

    /// A member has refused a segment.
    pub(super) fn refused(&mut self, segment: SegmentIndex, by: Rank) {
        self.refused_by.entry(segment).or_default().push(by);
    }

    /// A member is said to hold a segment that it may have refused before.
    pub(super) fn forget_refusal(&mut self, segment: SegmentIndex, by: Rank) {
        if let Some(refused_by) = self.refused_by.get_mut(&segment) {
            refused_by.retain(|&member| member != by);
        }
    }

    /// Puts a segment back, to come first.
    pub(super) fn put_first(&mut self, segment: SegmentIndex) {
        self.number_lacking += usize::from(self.lacking.insert(segment));
        if self.begun.contains(segment) {
            self.queued[segment.0] = Queued::Again;
            self.again.push_front(segment);
        } else {
            self.queued[segment.0] = Queued::New;
            self.ahead.push_front(segment);
        }
    }

    /// Puts a segment back, after the others that were asked for.
    pub(super) fn put_last(&mut self, segment: SegmentIndex) {
        if self.begun.contains(segment) {
            self.number_lacking += usize::from(self.lacking.insert(segment));
            self.queued[segment.0] = Queued::Again;
            self.again.push_back(segment);
        } else {
            self.put_first(segment);
        }
    }

    /// Puts a segment back that no member that can be asked now is likely to hold.
    pub(super) fn let_wait(&mut self, segment: SegmentIndex) {
        self.number_lacking += usize::from(self.lacking.insert(segment));
        self.queued[segment.0] = Queued::Waiting;
        self.waiting.push(segment);
    }

    /// The length of the queue of waiting segments, those included that were taken out of turn.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Members can be asked again: the waiting segments come first.
    pub(super) fn end_waiting(&mut self) {
        for segment in mem::take(&mut self.waiting).into_iter().rev() {
            if self.queued(segment) == Queued::Waiting {
                self.put_first(segment);
            }
        }
    }

    /// There is a new list of members: nothing waits, and no refusal counts any more.
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

    /// Takes the next segment, and asks for it.
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
        let mut but_one = SegmentSet::all(4);
        but_one.remove(SegmentIndex(1));
        assert_eq!(lacking.next_of(Rank(3), but_one, true), Some(TWO));
        let mut refused = SegmentSet::none(4);
        refused.insert(ZERO);
        assert_eq!(lacking.next_of(Rank(3), refused, true), None);
        assert_eq!(
            [(); 3].map(|()| next(&mut lacking)),
            [Some(0), Some(1), Some(3)]
        );
    }

    #[test]
    fn of_what_a_member_holds_comes_first_what_was_asked_for_before() {
        let mut lacking = lacking();
        for _ in 0..3 {
            next(&mut lacking);
        }
        lacking.put_last(TWO);
        lacking.put_last(ZERO);
        let set = |positions: &[usize]| {
            let mut set = SegmentSet::none(4);
            positions
                .iter()
                .for_each(|&position| _ = set.insert(SegmentIndex(position)));
            set
        };
        let all: Vec<usize> = lacking.all().iter().map(|segment| segment.0).collect();
        assert_eq!(all, [0, 2, 3]);
        assert_eq!(
            lacking.next_of(Rank(9), set(&[1]), true),
            None,
            "it is in flight"
        );
        assert_eq!(
            lacking.next_of(Rank(9), set(&[3]), false),
            None,
            "it is new"
        );
        assert_eq!(lacking.next_of(Rank(9), set(&[0, 3]), true), Some(ZERO));
        assert_eq!(
            lacking.next_of(Rank(9), set(&[3]), true),
            Some(SegmentIndex(3))
        );
        assert_eq!([(); 2].map(|()| next(&mut lacking)), [Some(2), None]);
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
