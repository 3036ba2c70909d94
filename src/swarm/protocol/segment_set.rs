//! The segments of a file that a client holds: one bit each.

use std::fmt;
use std::iter;

use fixedbitset::FixedBitSet;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::SegmentIndex;

/// More segments than a file can have: an INIT holds all its hashes, and an MPI message at most 2 GiB.
const LONGEST: usize = 1 << 27;

/// A set of positions in a file, 8 a byte, in memory and on the wire.
///
/// On the wire the file's length is rounded up to whole bytes. Two sets are equal if they have the same
/// positions.
#[derive(Clone)]
pub struct SegmentSet(FixedBitSet);

impl SegmentSet {
    /// No position of a file of `segments`.
    pub fn none(segments: usize) -> SegmentSet {
        SegmentSet(FixedBitSet::with_capacity(segments))
    }

    /// Every position of a file of `segments`.
    pub fn all(segments: usize) -> SegmentSet {
        let mut all = SegmentSet::none(segments);
        all.0.insert_range(..);
        all
    }

    /// Whether it has a position. Beyond the end it has none.
    pub fn contains(&self, segment: SegmentIndex) -> bool {
        self.0.contains(segment.0)
    }

    /// Inserts a position. Returns whether it is new and a position of the file.
    pub fn insert(&mut self, segment: SegmentIndex) -> bool {
        segment.0 < self.0.len() && !self.0.put(segment.0)
    }

    /// Takes a position out.
    pub fn remove(&mut self, segment: SegmentIndex) {
        if segment.0 < self.0.len() {
            self.0.remove(segment.0);
        }
    }

    /// The positions that both sets have.
    pub fn and(&self, other: &SegmentSet) -> SegmentSet {
        SegmentSet(&self.0 & &other.0)
    }

    /// The number of positions in it.
    pub fn count(&self) -> usize {
        self.0.count_ones(..)
    }

    /// The number of positions of the file.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the file has no positions.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The last position that it has and `other`, of the same file, has not.
    pub fn last_without(&self, other: &SegmentSet) -> Option<SegmentIndex> {
        let blocks = self.0.as_slice().iter().zip(other.0.as_slice());
        let mut blocks = blocks.map(|(own, others)| own & !others).enumerate();
        let (number, block) = blocks.rfind(|(_, block)| *block != 0)?;
        Some(SegmentIndex(
            number * usize::BITS as usize + block.ilog2() as usize,
        ))
    }

    /// The positions that it has and `other` has not, in order: from `first` on, and then those before.
    pub fn without_from(
        &self,
        other: &SegmentSet,
        first: usize,
    ) -> impl Iterator<Item = SegmentIndex> {
        const BITS: usize = usize::BITS as usize;
        let (mine, others) = (self.0.as_slice(), other.0.as_slice());
        let blocks = mine.len();
        let (start, bit) = (first / BITS, first % BITS);
        // The block of `first` comes twice: its upper bits first, and its lower ones at the end.
        let block = move |place: usize| {
            let index = if start < blocks {
                (start + place) % blocks
            } else {
                place
            };
            let mut left = mine[index] & !others.get(index).copied().unwrap_or(0);
            if start < blocks {
                let upper = usize::MAX << bit;
                if place == 0 {
                    left &= upper;
                } else if place == blocks {
                    left &= !upper;
                }
            }
            (index, left)
        };
        let places = if start < blocks { blocks + 1 } else { blocks };
        (0..places).map(block).flat_map(|(index, mut left)| {
            iter::from_fn(move || {
                (left != 0).then(|| {
                    let bit = left.trailing_zeros() as usize;
                    left &= left - 1;
                    SegmentIndex(index * BITS + bit)
                })
            })
        })
    }

    /// The positions, in order.
    pub fn iter(&self) -> impl Iterator<Item = SegmentIndex> {
        self.0.ones().map(SegmentIndex)
    }

    /// The first and the last position of each run of positions without a gap.
    fn runs(&self) -> impl Iterator<Item = [usize; 2]> {
        let mut positions = self.0.ones().peekable();
        iter::from_fn(move || {
            let first = positions.next()?;
            let mut last = first;
            while positions.next_if_eq(&(last + 1)).is_some() {
                last += 1;
            }
            Some([first, last])
        })
    }

    /// The set that has these runs.
    ///
    /// # Errors
    /// When they are not in order, or go on beyond the end of the longest file.
    fn of_runs(runs: &[[usize; 2]]) -> Result<SegmentSet, String> {
        let mut segments = 0;
        for &[first, last] in runs {
            if first < segments || last < first || last >= LONGEST {
                return Err(format!(
                    "expected a run of positions from {segments} on and below {LONGEST}, \
                     found {first} to {last}"
                ));
            }
            segments = last + 1;
        }
        let mut set = SegmentSet::none(segments);
        for &[first, last] in runs {
            set.0.insert_range(first..last + 1);
        }
        Ok(set)
    }
}

impl PartialEq for SegmentSet {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for SegmentSet {}

/// One digit a segment: a bit set's own text has its address, not its bits.
impl fmt::Debug for SegmentSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segments {:b}", self.0)
    }
}

/// On the wire it is bytes, position 0 in the lowest bit of the first one; for people a list of runs,
/// each the first and the last position of it.
impl Serialize for SegmentSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_seq(self.runs());
        }
        let blocks = self.0.as_slice().iter();
        let mut bytes: Vec<u8> = blocks.flat_map(|block| block.to_le_bytes()).collect();
        bytes.truncate(self.0.len().div_ceil(8));
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de> Deserialize<'de> for SegmentSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const BLOCK: usize = size_of::<usize>();
        if deserializer.is_human_readable() {
            let runs = Vec::<[usize; 2]>::deserialize(deserializer)?;
            return SegmentSet::of_runs(&runs).map_err(de::Error::custom);
        }
        let bytes = <&[u8]>::deserialize(deserializer)?;
        let blocks = bytes.chunks(BLOCK).map(|chunk| {
            let mut block = [0; BLOCK];
            block[..chunk.len()].copy_from_slice(chunk);
            usize::from_le_bytes(block)
        });
        Ok(SegmentSet(FixedBitSet::with_capacity_and_blocks(
            8 * bytes.len(),
            blocks,
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_in_the_set_once_it_was_put_in() {
        let mut set = SegmentSet::none(70);
        assert!(!set.contains(SegmentIndex(69)));
        assert!(set.insert(SegmentIndex(69)) && set.contains(SegmentIndex(69)));
        assert!(!set.insert(SegmentIndex(69)), "it is not new");
        assert!(!set.insert(SegmentIndex(70)), "it is beyond the end");
        assert!(!set.contains(SegmentIndex(70)));
        assert_eq!(Vec::from_iter(set.iter()), [SegmentIndex(69)]);
        set.remove(SegmentIndex(70));
        set.remove(SegmentIndex(69));
        assert_eq!(set.count(), 0);
    }

    #[test]
    fn people_read_runs_of_positions() {
        let mut set = SegmentSet::none(70);
        for position in [0, 1, 2, 5, 69] {
            set.insert(SegmentIndex(position));
        }
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(text, "[[0,2],[5,5],[69,69]]");
        assert_eq!(serde_json::from_str::<SegmentSet>(&text).unwrap(), set);
        assert_eq!(
            serde_json::from_str::<SegmentSet>("[]").unwrap(),
            SegmentSet::none(0)
        );
        for bad in [
            "[[2,1]]",
            "[[0,3],[3,4]]",
            "[[0,134217728]]",
            "[[0,18446744073709551615]]",
        ] {
            serde_json::from_str::<SegmentSet>(bad).unwrap_err();
        }
    }

    #[test]
    fn what_another_set_lacks_comes_from_a_position_on_and_then_from_the_start() {
        let set = |positions: &[usize]| {
            let mut set = SegmentSet::none(200);
            positions
                .iter()
                .for_each(|&position| _ = set.insert(SegmentIndex(position)));
            set
        };
        let mine = set(&[0, 5, 63, 64, 70, 130, 199]);
        let without = |other: &SegmentSet, first| -> Vec<usize> {
            mine.without_from(other, first).map(|it| it.0).collect()
        };
        let none = SegmentSet::none(0);
        assert_eq!(without(&none, 0), [0, 5, 63, 64, 70, 130, 199]);
        assert_eq!(without(&none, 64), [64, 70, 130, 199, 0, 5, 63]);
        assert_eq!(without(&none, 65), [70, 130, 199, 0, 5, 63, 64]);
        assert_eq!(without(&set(&[0, 64, 199]), 6), [63, 70, 130, 5]);
        for beyond in [200, 10_000] {
            let mut all = without(&none, beyond);
            all.sort();
            assert_eq!(all, without(&none, 0), "each comes once");
        }
        assert!(without(&mine, 3).is_empty());
        assert_eq!(none.without_from(&mine, 0).count(), 0);
        assert_eq!((mine.count(), mine.len(), none.is_empty()), (7, 200, true));
    }

    #[test]
    fn two_sets_have_in_common_what_both_have_whatever_their_lengths() {
        let mut one = SegmentSet::none(200);
        let mut other = SegmentSet::none(70);
        for position in [0, 5, 69, 199] {
            one.insert(SegmentIndex(position));
        }
        for position in [5, 6, 69] {
            other.insert(SegmentIndex(position));
        }
        for common in [one.and(&other), other.and(&one)] {
            let common: Vec<usize> = common.iter().map(|segment| segment.0).collect();
            assert_eq!(common, [5, 69]);
        }
    }

    #[test]
    fn all_of_a_file_is_every_position_and_no_other() {
        let all = SegmentSet::all(65);
        assert_eq!(
            Vec::from_iter(all.iter()),
            Vec::from_iter((0..65).map(SegmentIndex))
        );
        assert_eq!(SegmentSet::all(0), SegmentSet::none(0));
    }

    #[test]
    fn the_last_without_is_the_last_that_the_other_has_not() {
        let set = |positions: &[usize]| {
            let mut set = SegmentSet::none(130);
            for &position in positions {
                set.insert(SegmentIndex(position));
            }
            set
        };
        let own = set(&[0, 3, 63, 64, 129]);
        let last = |other| own.last_without(&set(other)).map(|segment| segment.0);
        assert_eq!(last(&[]), Some(129));
        assert_eq!(last(&[129]), Some(64));
        assert_eq!(last(&[64, 128, 129]), Some(63));
        assert_eq!(last(&[0, 63, 64, 129]), Some(3));
        assert_eq!(last(&[0, 3, 63, 64, 129]), None);
    }
}
