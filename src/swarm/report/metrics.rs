//! The measures of a swarm study, as the literature defines them.

use std::time::Duration;

/// Jain's fairness index: `(sum x)^2 / (n sum x^2)`, from 1/n, one does it all, to 1, all do the
/// same (Jain, Chiu, Hawe 1984). `None`: nothing was counted.
pub fn jain(counts: &[u64]) -> Option<f64> {
    let sum: f64 = counts.iter().map(|&count| count as f64).sum();
    let squares: f64 = counts.iter().map(|&count| (count as f64).powi(2)).sum();
    (sum > 0.0).then(|| sum.powi(2) / (counts.len() as f64 * squares))
}

/// The largest count over the mean: 1 is balance. `None`: nothing was counted.
pub fn imbalance(counts: &[u64]) -> Option<f64> {
    let sum: u64 = counts.iter().sum();
    let most = counts.iter().max()?;
    (sum > 0).then(|| *most as f64 * counts.len() as f64 / sum as f64)
}

/// How evenly shares are spread over `able` that could have one: the entropy of the shares over
/// the logarithm of `able`. 0: one source. 1: all alike. `None`: there is no choice.
pub fn evenness(shares: impl IntoIterator<Item = u64> + Clone, able: usize) -> Option<f64> {
    let sum: u64 = shares.clone().into_iter().sum();
    if sum == 0 || able < 2 {
        return None;
    }
    let parts = shares.into_iter().filter(|&share| share > 0);
    let entropy: f64 = parts
        .map(|share| share as f64 / sum as f64)
        .map(|part| -part * part.ln())
        .sum();
    Some(entropy.max(0.0) / (able as f64).ln())
}

/// The least time in which one seed and `leechers` that all want its file of `segments` can be
/// done, if each serves one segment in `upload_time`: `M + floor(log2 N)` of those (Mundinger,
/// Weber, Weiss, "Optimal scheduling of peer-to-peer file dissemination", 2008).
pub fn lower_bound(segments: usize, leechers: usize, upload_time: Duration) -> Option<Duration> {
    let rounds = segments.checked_add(leechers.checked_ilog2()? as usize)?;
    upload_time.checked_mul(u32::try_from(rounds).ok()?)
}

/// The value that `part` of the values, from 0 to 1, do not exceed, by the nearest rank. `sorted` is not
/// empty.
pub fn quantile(sorted: &[f64], part: f64) -> f64 {
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: Option<f64>, expected: f64) {
        assert!((value.unwrap() - expected).abs() < 1e-12, "{value:?}");
    }

    #[test]
    fn fairness_and_imbalance_go_from_all_alike_to_one_for_all() {
        near(jain(&[7, 7, 7, 7]), 1.0);
        near(imbalance(&[7, 7, 7, 7]), 1.0);
        near(jain(&[9, 0, 0, 0]), 0.25);
        near(imbalance(&[9, 0, 0, 0]), 4.0);
        near(jain(&[1, 2, 3]), 36.0 / 42.0);
        near(imbalance(&[1, 2, 3]), 1.5);
        for nothing in [&[][..], &[0, 0]] {
            assert_eq!((jain(nothing), imbalance(nothing)), (None, None));
        }
    }

    #[test]
    fn evenness_goes_from_one_source_to_all_that_could_serve() {
        near(evenness([5], 4), 0.0);
        near(evenness([5, 5], 4), 0.5);
        near(evenness([5, 0, 5, 5, 5], 4), 1.0);
        assert_eq!(evenness([5], 1), None);
        assert_eq!(evenness([], 4), None);
    }

    #[test]
    fn the_lower_bound_is_a_file_time_and_the_rounds_until_all_have_something() {
        let bound = |segments, leechers| lower_bound(segments, leechers, Duration::from_millis(5));
        assert_eq!(bound(100, 1), Some(Duration::from_millis(500)));
        assert_eq!(bound(100, 15), Some(Duration::from_millis(515)));
        assert_eq!(bound(100, 16), Some(Duration::from_millis(520)));
        assert_eq!(bound(100, 0), None);
    }

    #[test]
    fn a_quantile_is_the_value_of_the_nearest_rank() {
        let sorted = [1.0, 2.0, 3.0, 4.0];
        let quantiles = [0.0, 0.25, 0.5, 0.51, 0.95, 1.0].map(|part| quantile(&sorted, part));
        assert_eq!(quantiles, [1.0, 1.0, 2.0, 3.0, 4.0, 4.0]);
    }
}
