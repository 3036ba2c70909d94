//! Who gets which piece of work next: decisions alone.

/// The most that a rank has before it, as far as that is more than one piece. A rank with short pieces is to have the
/// next when it has done one. The size is that of a study's runs, in segments, of which this many take some 10
/// milliseconds: much longer than a message, and much shorter than anybody waits for the last piece.
const HAND: u64 = 1000;

/// Pieces of work that are dealt, in order.
pub(super) struct Dealer<'a> {
    first: usize,
    next: usize,
    sizes: &'a [u64],
    /// The most ranks of a host that may work at a time. 0: all of them.
    at_once: usize,
    /// The host of each rank.
    hosts: &'a [usize],
    hands: Vec<Hand>,
    /// How many ranks of each host have something to do.
    busy: Vec<usize>,
}

/// What a rank has before it.
#[derive(Debug, Clone, Copy, Default)]
struct Hand {
    pieces: usize,
    size: u64,
}

impl<'a> Dealer<'a> {
    /// `sizes` are those of the pieces from this number on.
    pub(super) fn new(
        first: usize,
        sizes: &'a [u64],
        at_once: usize,
        hosts: &'a [usize],
    ) -> Dealer<'a> {
        let last_host = hosts.iter().max().copied().unwrap_or(0);
        Dealer {
            first,
            next: first,
            sizes,
            at_once,
            hosts,
            hands: vec![Hand::default(); hosts.len()],
            busy: vec![0; last_host + 1],
        }
    }

    /// A rank, and the number that it is to get now.
    pub(super) fn deal(&mut self) -> Option<(usize, usize)> {
        let number = self.next;
        let size = self.size(number)?;
        let may = |rank: &usize| {
            let hand = self.hands[*rank];
            let is_host_full = self.at_once > 0 && self.busy[self.hosts[*rank]] >= self.at_once;
            match hand.pieces {
                0 => !is_host_full,
                _ => hand.size.saturating_add(size) <= HAND,
            }
        };
        let ranks = (0..self.hosts.len()).filter(may);
        let rank =
            ranks.min_by_key(|rank| (self.hands[*rank].pieces > 0, self.hands[*rank].size))?;
        let hand = &mut self.hands[rank];
        self.busy[self.hosts[rank]] += usize::from(hand.pieces == 0);
        hand.pieces += 1;
        hand.size += size;
        self.next += 1;
        Some((rank, number))
    }

    /// A rank has done one of its pieces.
    pub(super) fn done(&mut self, rank: usize, number: usize) {
        let size = self.size(number).expect("it was dealt");
        let hand = &mut self.hands[rank];
        hand.pieces -= 1;
        hand.size -= size;
        self.busy[self.hosts[rank]] -= usize::from(hand.pieces == 0);
    }

    /// The size of a piece: there is none without a size, or there would be no end of them in a hand.
    fn size(&self, number: usize) -> Option<u64> {
        self.sizes
            .get(number - self.first)
            .map(|size| (*size).max(1))
    }

    /// Whether all are done.
    pub(super) fn is_over(&self) -> bool {
        self.next == self.first + self.sizes.len() && self.busy.iter().all(|busy| *busy == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dealt(dealer: &mut Dealer<'_>) -> Vec<(usize, usize)> {
        std::iter::from_fn(|| dealer.deal()).collect()
    }

    #[test]
    fn a_long_piece_goes_to_who_has_nothing_to_do() {
        let sizes = [HAND; 5];
        let mut dealer = Dealer::new(7, &sizes, 0, &[0, 0, 0]);
        assert_eq!(dealt(&mut dealer), [(0, 7), (1, 8), (2, 9)]);
        dealer.done(1, 8);
        assert_eq!(dealt(&mut dealer), [(1, 10)]);
        dealer.done(0, 7);
        assert_eq!(dealt(&mut dealer), [(0, 11)]);
        for (rank, number) in [(2, 9), (1, 10), (0, 11)] {
            assert!(!dealer.is_over());
            dealer.done(rank, number);
        }
        assert!(dealer.is_over());
    }

    #[test]
    fn who_has_short_pieces_has_some_of_them_before_it() {
        let sizes = [HAND / 3; 9];
        let mut dealer = Dealer::new(0, &sizes, 0, &[0, 1]);
        let hands = [(0, 0), (1, 1), (0, 2), (1, 3), (0, 4), (1, 5)];
        assert_eq!(dealt(&mut dealer), hands);
        dealer.done(1, 1);
        assert_eq!(dealt(&mut dealer), [(1, 6)]);
    }

    #[test]
    fn no_more_ranks_of_a_host_work_at_a_time_than_may() {
        for sizes in [[HAND; 8], [0; 8]] {
            let mut dealer = Dealer::new(0, &sizes, 1, &[0, 0, 1, 1]);
            let first = dealt(&mut dealer);
            let ranks: Vec<usize> = first.iter().map(|(rank, _)| *rank).collect();
            assert!(ranks.contains(&0) && ranks.contains(&2));
            assert!(!ranks.contains(&1) && !ranks.contains(&3));
        }
    }

    #[test]
    fn every_piece_is_dealt_once_and_in_order_whoever_is_done_first() {
        let mut rng = fastrand::Rng::with_seed(1);
        for at_once in 0..4 {
            let sizes: Vec<u64> = (0..200).map(|_| rng.u64(0..HAND / 2)).collect();
            let mut dealer = Dealer::new(10, &sizes, at_once, &[0, 1, 0, 2, 0]);
            let (mut underway, mut next) = (Vec::new(), 10);
            while !dealer.is_over() {
                while let Some((rank, number)) = dealer.deal() {
                    assert_eq!(number, next);
                    next += 1;
                    underway.push((rank, number));
                }
                let (rank, number) = underway.swap_remove(rng.usize(..underway.len()));
                dealer.done(rank, number);
            }
            assert_eq!((next, underway.len()), (210, 0));
        }
    }
}
