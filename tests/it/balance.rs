//! How evenly each policy spreads requests over equal holders: 4 seeds of a file of 1,000 segments.
//!
//! Every run follows from its seed, so what is checked here of random numbers either holds or does
//! not. The bounds are such that an honest policy with other seeds would pass, too.

use std::time::Duration;

use fastrand::Rng;
use support::generate;
use support::world::{self, Faults, Pace};
use swarm::policy::{Named, selection};
use swarm::report::metrics;
use swarm::settings::Settings;

const SEEDS: usize = 4;
const SEGMENTS: usize = 1000;
/// The number of runs, each with its own random numbers.
const RUNS: u64 = 200;

/// The number of segments that each seed serves.
fn shares(policy: &str, leechers: usize, upload_time: Duration, seed: u64) -> Vec<u64> {
    let settings = Settings {
        peer_selection: Named::find(selection::ALL, policy).expect("a policy"),
        upload_time,
        upload_slots: None, // the policy alone decides
        seed,
        ..Settings::default()
    };
    let mut rng = Rng::with_seed(seed);
    let run = world::run(
        generate::crowd(SEEDS, leechers, SEGMENTS),
        settings,
        Faults::default(),
        Pace::Prompt,
        &mut rng,
    );
    let clients = run.measured.clients.iter().take(SEEDS);
    clients.map(|client| client.served).collect()
}

/// Pearson's statistic of the shares against equal ones, added up over all runs of one leecher.
fn deviation(policy: &str, upload_time: Duration) -> f64 {
    let expected = SEGMENTS as f64 / SEEDS as f64;
    let of_run = |seed| -> f64 {
        let shares = shares(policy, 1, upload_time, seed);
        assert_eq!(shares.iter().sum::<u64>() as usize, SEGMENTS);
        let terms = shares
            .iter()
            .map(|&share| (share as f64 - expected).powi(2) / expected);
        terms.sum()
    };
    (0..RUNS).map(of_run).sum()
}

const UPLOAD_TIMES: [Duration; 2] = [Duration::ZERO, Duration::from_millis(1)];

#[test]
fn random_selection_spreads_as_the_multinomial_distribution_says() {
    // The statistic of a run is close to chi-squared with 3 degrees of freedom, so the sum of 200
    // is with 600: mean 600, variance 1200. Five standard deviations are 173.
    let degrees = (SEEDS as f64 - 1.0) * RUNS as f64;
    let deviation = deviation("random", Duration::ZERO);
    let bound = 5.0 * (2.0 * degrees).sqrt();
    assert!((deviation - degrees).abs() < bound, "{deviation}");
}

#[test]
fn two_choices_are_far_tighter_than_one() {
    // With two choices nobody is more than about ln ln n / ln 2 + O(1) from the mean, however many
    // requests there are. Five from it, all four, make a statistic of 0.4 a run; one choice has 3.
    for upload_time in UPLOAD_TIMES {
        let deviation = deviation("two-choices", upload_time);
        assert!(
            deviation < 0.4 * RUNS as f64,
            "{upload_time:?}: {deviation}"
        );
    }
}

#[test]
fn round_robin_and_least_busy_serve_alike_and_first_does_not() {
    for upload_time in UPLOAD_TIMES {
        for leechers in [1, 4] {
            let jain = |policy| {
                let shares = shares(policy, leechers, upload_time, 1);
                metrics::jain(&shares).expect("they served")
            };
            for policy in ["round-robin", "least-busy"] {
                let jain = jain(policy);
                assert!(
                    jain >= 0.98,
                    "{policy}, {leechers}, {upload_time:?}: {jain}"
                );
            }
            // The first seed alone: 1/4, the least there is.
            assert!(jain("first") < 0.26, "{leechers}, {upload_time:?}");
        }
    }
}
