//! Counts over time, of a run whose length nobody knows before its end.

use std::time::Duration;

/// The most bins: a picture is not wider.
const MOST: usize = 2048;

/// Counts in bins of equal width. When the time outgrows them, two become one.
#[derive(Clone)]
pub(super) struct Histogram {
    /// The width of a bin, in nanoseconds.
    width: u64,
    counts: Vec<u32>,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram {
            width: 100,
            counts: Vec::new(),
        }
    }
}

impl Histogram {
    /// Counts one.
    pub(super) fn count(&mut self, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        while time / self.width >= MOST as u64 {
            self.width = self.width.saturating_mul(2);
            let halves = self.counts.chunks(2);
            self.counts = halves.map(|pair| pair.iter().sum()).collect();
        }
        let bin = (time / self.width) as usize;
        if bin >= self.counts.len() {
            self.counts.resize(bin + 1, 0);
        }
        self.counts[bin] += 1;
    }

    /// The counts in `bins` bins of a span in seconds. What came before or later is in the first or
    /// the last one.
    pub(super) fn spread(&self, [start, end]: [f64; 2], bins: usize) -> Vec<u32> {
        let mut spread = vec![0; bins];
        for (bin, &count) in self.counts.iter().enumerate() {
            let middle = (bin as f64 + 0.5) * self.width as f64 / 1e9;
            let bin = (middle - start) / (end - start) * bins as f64;
            spread[(bin as usize).min(bins - 1)] += count;
        }
        spread
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_however_long_it_goes_on() {
        let mut histogram = Histogram::default();
        for millisecond in 0..10_000 {
            histogram.count(Duration::from_millis(millisecond));
        }
        assert!(histogram.counts.len() <= MOST);
        let spread = histogram.spread([0.0, 10.0], 100);
        assert_eq!(spread.iter().sum::<u32>(), 10_000);
        for count in &spread {
            assert!((90..=110).contains(count), "{spread:?}");
        }
        histogram.count(Duration::MAX);
        assert_eq!(histogram.counts.iter().sum::<u32>(), 10_001);
    }

    #[test]
    fn what_happened_in_a_moment_is_in_one_bin() {
        let mut histogram = Histogram::default();
        histogram.count(Duration::ZERO);
        assert_eq!(histogram.spread([0.0; 2], 3), [0, 0, 1]);
        assert_eq!(histogram.spread([1.0, 2.0], 3), [1, 0, 0]);
        assert_eq!(Histogram::default().spread([0.0; 2], 2), [0, 0]);
    }
}
