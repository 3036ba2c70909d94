//! What a client adds to a refusal: who holds which segments.

use std::collections::{BTreeMap, VecDeque};

use super::Library;
use crate::protocol::{FileId, Hint, Rank, SegmentIndex};

/// So many segments of its own a client names in a refusal.
const OWN: usize = 4;

/// So many that others got from it.
const OTHERS: usize = 8;

/// Of its own segments it names each in turn: clients that fetch in the same order would otherwise all
/// get the same ones from it, and have nothing to give each other. A seed so sends every segment once
/// before it sends any again (super-seeding; that a client says what to ask for is the Suggest Piece
/// of BitTorrent's Fast Extension, BEP 6). Of the others' it names those that it sent last, which are
/// the rarest.
#[derive(Debug, Default)]
pub(super) struct Hints {
    /// What was named last of each file.
    last: BTreeMap<FileId, SegmentIndex>,
    /// What was named to whom it gave an appointment.
    suggested: BTreeMap<Rank, (FileId, SegmentIndex)>,
    /// What was named to somebody who then took another one.
    left: VecDeque<(FileId, SegmentIndex)>,
    /// What it has sent to whom, the last one first.
    sent: VecDeque<(FileId, Hint)>,
}

impl Hints {
    /// For a client that asked `me` for a segment which it does not hold.
    pub(super) fn for_nack(
        &mut self,
        me: Rank,
        asker: Rank,
        file: FileId,
        library: &Library,
    ) -> Vec<Hint> {
        let first = self.next(file, library);
        self.list(me, asker, file, first, library)
    }

    /// For a client that comes again. It hears of the same segment until it has taken one.
    pub(super) fn for_busy(
        &mut self,
        me: Rank,
        asker: Rank,
        file: FileId,
        library: &Library,
    ) -> Vec<Hint> {
        let before = self.suggested.get(&asker);
        let first = match before {
            Some(&(of, segment)) if of == file => Some(segment),
            Some(_) | None => self.leftover(file).or_else(|| self.next(file, library)),
        };
        if let Some(segment) = first {
            self.suggested.insert(asker, (file, segment));
        }
        self.list(me, asker, file, first, library)
    }

    /// A client has got a slot for a segment.
    pub(super) fn admitted(&mut self, client: Rank, file: FileId, segment: SegmentIndex) {
        if let Some(suggested) = self.suggested.remove(&client)
            && suggested != (file, segment)
        {
            self.left.push_back(suggested);
        }
    }

    /// A segment was sent.
    pub(super) fn sent(&mut self, holder: Rank, file: FileId, segment: SegmentIndex) {
        self.sent.push_front((file, Hint { holder, segment }));
        self.sent.truncate(2 * OTHERS);
    }

    fn leftover(&mut self, file: FileId) -> Option<SegmentIndex> {
        let place = self.left.iter().position(|&(of, _)| of == file)?;
        self.left.remove(place).map(|(_, segment)| segment)
    }

    /// The next segment in turn.
    fn next(&mut self, file: FileId, library: &Library) -> Option<SegmentIndex> {
        let next = library.behind(file, self.last.get(&file).copied())?;
        self.last.insert(file, next);
        Some(next)
    }

    fn list(
        &self,
        me: Rank,
        asker: Rank,
        file: FileId,
        first: Option<SegmentIndex>,
        library: &Library,
    ) -> Vec<Hint> {
        let mut own: Vec<SegmentIndex> = first.into_iter().collect();
        while own.len() < OWN
            && let Some(next) = library.behind(file, own.last().copied())
            && !own.contains(&next)
        {
            own.push(next);
        }
        let others = (self.sent.iter())
            .filter(|(of, hint)| *of == file && hint.holder != asker)
            .map(|(_, hint)| *hint);
        let own = own.into_iter().map(|segment| Hint {
            holder: me,
            segment,
        });
        own.chain(others.take(OTHERS)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::samples::hashes;

    const FILE: FileId = FileId(0);
    const ME: Rank = Rank(1);

    fn library() -> Library {
        let library = Library::default();
        library.own(FILE, hashes("abcdefg"));
        library
    }

    /// Who holds what.
    fn pairs(hints: &[Hint]) -> Vec<(u32, usize)> {
        (hints.iter().map(|hint| (hint.holder.0, hint.segment.0))).collect()
    }

    fn suggestion(hints: &[Hint]) -> usize {
        hints[0].segment.0
    }

    #[test]
    fn every_segment_is_named_before_any_is_named_first_again() {
        let (library, mut hints) = (library(), Hints::default());
        let mut busy = |asker| hints.for_busy(ME, Rank(asker), FILE, &library);
        let named: Vec<usize> = (2..10).map(|asker| suggestion(&busy(asker))).collect();
        assert_eq!(named, [0, 1, 2, 3, 4, 5, 6, 0]);
        assert_eq!(pairs(&busy(7)), [(1, 5), (1, 6), (1, 0), (1, 1)]);
    }

    #[test]
    fn who_comes_again_hears_of_the_same_segment_until_it_has_taken_one() {
        let (library, mut hints) = (library(), Hints::default());
        let busy =
            |hints: &mut Hints, asker| suggestion(&hints.for_busy(ME, Rank(asker), FILE, &library));
        assert_eq!([2, 2, 3].map(|asker| busy(&mut hints, asker)), [0, 0, 1]);
        hints.admitted(Rank(2), FILE, SegmentIndex(0));
        hints.admitted(Rank(3), FILE, SegmentIndex(6));
        let named = [2, 3].map(|asker| busy(&mut hints, asker));
        assert_eq!(named, [1, 2], "somebody left segment 1");
    }

    #[test]
    fn who_is_refused_hears_what_others_have_got_but_not_what_it_has_got_itself() {
        let (library, mut hints) = (Library::default(), Hints::default());
        library.expect(FILE, hashes("ab"));
        assert_eq!(hints.for_nack(ME, Rank(2), FILE, &library), []);
        hints.sent(Rank(2), FILE, SegmentIndex(0));
        hints.sent(Rank(3), FILE, SegmentIndex(1));
        hints.sent(Rank(3), FileId(7), SegmentIndex(1));
        let mut nack = |asker| pairs(&hints.for_nack(ME, Rank(asker), FILE, &library));
        assert_eq!(nack(4), [(3, 1), (2, 0)]);
        assert_eq!(nack(3), [(2, 0)]);
    }
}
