//! A file of a run: who owns it, and how many clients hold each of its segments.

use std::collections::BTreeMap;

use swarm::protocol::{FileName, Rank, SegmentIndex};

/// A file that somebody owns.
pub(super) struct SharedFile {
    pub(super) name: FileName,
    pub(super) owners: Vec<Rank>,
    /// How many clients hold each segment.
    pub(super) copies: Vec<usize>,
    /// How many segments have how many copies, by the copies.
    with_copies: BTreeMap<usize, usize>,
    /// The fewest copies of a segment, from each time on.
    pub(super) rarest: Vec<(f64, usize)>,
}

impl SharedFile {
    pub(super) fn new(name: FileName, segments: usize) -> SharedFile {
        SharedFile {
            name,
            owners: Vec::new(),
            copies: vec![0; segments],
            with_copies: BTreeMap::from([(0, segments)]),
            rarest: Vec::new(),
        }
    }

    pub(super) fn owned_by(&mut self, owner: Rank) {
        if !self.owners.contains(&owner) {
            self.owners.push(owner);
            let owners = self.owners.len();
            self.copies.fill(owners);
            self.with_copies = BTreeMap::from([(owners, self.copies.len())]);
            self.rarest = vec![(0.0, owners)];
        }
    }

    /// One more client holds a segment.
    pub(super) fn gained(&mut self, now: f64, segment: SegmentIndex) {
        let copies = &mut self.copies[segment.0];
        *copies += 1;
        let fewest = |with_copies: &BTreeMap<usize, usize>| with_copies.keys().next().copied();
        let before = fewest(&self.with_copies);
        *self.with_copies.entry(*copies).or_default() += 1;
        if let Some(left) = self.with_copies.get_mut(&(*copies - 1)) {
            *left -= 1;
            if *left == 0 {
                self.with_copies.remove(&(*copies - 1));
            }
        }
        let after = fewest(&self.with_copies);
        if let Some(after) = after.filter(|_| after != before) {
            self.rarest.push((now, after));
        }
    }
}
