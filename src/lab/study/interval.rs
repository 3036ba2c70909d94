//! An interval for the median of a distribution of which nothing is known but a sample.

/// The most values of a sample.
pub(super) const MOST: usize = 1000;

/// The median of some values, and an interval around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Interval {
    pub(super) low: f64,
    pub(super) median: f64,
    pub(super) high: f64,
    /// Whether the interval holds the true median in 95 % of all such samples. If not, there are too
    /// few values, and it goes from the least to the greatest.
    pub(super) is_sure: bool,
}

impl Interval {
    /// Of these values, if there are any.
    pub(super) fn of(mut values: Vec<f64>) -> Option<Interval> {
        values.sort_by(f64::total_cmp);
        let number = values.len();
        let last = number.checked_sub(1)?;
        let margin = margin(number);
        let left_out = margin.unwrap_or(0);
        Some(Interval {
            low: values[left_out],
            median: f64::midpoint(values[last / 2], values[number / 2]),
            high: values[last - left_out],
            is_sure: margin.is_some(),
        })
    }
}

/// How many of `number` values in order may be left out on each side, so that the true median is
/// between the ends of the rest with 95 %. A value is above or below it as a coin falls. So the median is
/// outside with the probability that of `number` tosses at most the left-out ones are heads, or tails.
/// Nothing, if that is too likely even with all values.
fn margin(number: usize) -> Option<usize> {
    debug_assert!(number <= MOST, "or the least probability is 0");
    // The probability that exactly `heads` of `number` tosses are heads.
    let mut exactly = 0.5_f64.powi(i32::try_from(number).ok()?);
    let mut at_most = 0.0;
    let mut margin = None;
    for heads in 0..number {
        at_most += exactly;
        if 2.0 * at_most > 0.05 {
            break;
        }
        margin = Some(heads);
        exactly *= (number - heads) as f64 / (heads + 1) as f64;
    }
    margin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_the_median_is_that_of_the_tables() {
        // Two-sided, 95 %: ranks from the tables of the sign test, which leave out one less.
        for (number, expected) in [
            (1, None),
            (5, None),
            (6, Some(0)),
            (8, Some(0)),
            (9, Some(1)),
            (11, Some(1)),
            (12, Some(2)),
            (20, Some(5)),
            (25, Some(7)),
            (100, Some(39)),
        ] {
            assert_eq!(margin(number), expected, "of {number}");
        }
        assert!(margin(MOST).is_some());
    }

    #[test]
    fn few_values_span_from_the_least_to_the_greatest() {
        assert_eq!(Interval::of(vec![]), None);
        let few = Interval::of(vec![3.0, 1.0, 4.0, 2.0]).unwrap();
        assert_eq!((few.low, few.median, few.high), (1.0, 2.5, 4.0));
        assert!(!few.is_sure);
        let more = Interval::of((1..=9).rev().map(f64::from).collect()).unwrap();
        assert_eq!((more.low, more.median, more.high), (2.0, 5.0, 8.0));
        assert!(more.is_sure);
    }
}
