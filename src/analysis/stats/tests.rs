use proptest::prelude::*;

use super::*;

fn sample(values: &[f64]) -> Sample {
    Sample::of(values.iter().copied()).expect("a sample")
}

/// Definition 7, written as the definition reads: the fractional rank 1 + p (n - 1).
fn slow_quantile(values: &[f64], p: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| a.partial_cmp(b).expect("finite"));
    let rank = 1.0 + p * (values.len() as f64 - 1.0);
    let low = sorted[rank.floor() as usize - 1];
    let high = sorted[rank.ceil() as usize - 1];
    low + (rank - rank.floor()) * (high - low)
}

#[test]
fn a_sample_leaves_out_what_is_not_finite_and_is_never_empty() {
    assert_eq!(Sample::of([f64::NAN, f64::INFINITY]), None);
    assert_eq!(sample(&[1.0, f64::NAN, 2.0]).values(), [1.0, 2.0]);
}

#[test]
fn a_mean_is_over_what_is_there() {
    assert_eq!(mean([f64::NAN, 1.0, f64::INFINITY, 2.0]), Some(1.5));
    assert_eq!((mean([f64::NAN]), mean([])), (None, None));
}

#[test]
fn statistics_of_a_known_table() {
    let summary = Summary::of([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).expect("a summary");
    assert_eq!((summary.count, summary.mean, summary.last), (8, 5.0, 9.0));
    assert!((summary.sd - (32.0f64 / 7.0).sqrt()).abs() < 1e-12);
    assert_eq!((summary.min, summary.p50, summary.max), (2.0, 4.5, 9.0));
    // numpy.percentile([...], [95, 99])
    assert!((summary.p95 - 8.3).abs() < 1e-12);
    assert!((summary.p99 - 8.86).abs() < 1e-12);
}

#[test]
fn one_value_has_no_spread() {
    let summary = Summary::of([3.0]).expect("a summary");
    assert_eq!((summary.sd, summary.p99, summary.min), (0.0, 3.0, 3.0));
}

#[test]
fn mad_is_the_median_distance_from_the_median() {
    assert_eq!(sample(&[1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9.0]).sorted().mad(), 1.0);
}

#[test]
fn lag_1_tells_a_trend_from_a_zigzag_and_a_constant_from_both() {
    let trend: Vec<f64> = (0..50).map(f64::from).collect();
    let zigzag: Vec<f64> = (0..50).map(|i| f64::from(i % 2)).collect();
    assert!(lag1(&sample(&trend)) > 0.9);
    assert!(lag1(&sample(&zigzag)) < -0.9);
    assert_eq!(lag1(&sample(&[5.0; 20])), 0.0);
}

#[test]
fn correlation_makes_a_sample_smaller_and_never_larger() {
    assert_eq!(effective_size(100.0, 0.0), 100.0);
    assert_eq!(effective_size(100.0, -0.5), 100.0);
    assert!((effective_size(100.0, 0.5) - 100.0 / 3.0).abs() < 1e-9);
    assert_eq!(effective_size(10.0, 0.999), 2.0);
}

proptest! {
    #[test]
    fn quantiles_equal_their_definition(
        values in prop::collection::vec(-1e6f64..1e6, 1..60),
        p in 0.0f64..=1.0,
    ) {
        let fast = sample(&values).sorted().quantile(p);
        prop_assert!((fast - slow_quantile(&values, p)).abs() < 1e-6);
    }

    #[test]
    fn a_summary_is_ordered(values in prop::collection::vec(-1e6f64..1e6, 1..60)) {
        let s = Summary::of(values).expect("a summary");
        prop_assert!(s.min <= s.p50 && s.p50 <= s.p95 && s.p95 <= s.p99 && s.p99 <= s.max);
        prop_assert!(s.min - 1e-6 <= s.mean && s.mean <= s.max + 1e-6 && s.sd >= 0.0);
    }
}

proptest! {
    #[test]
    fn quantiles_by_selection_equal_those_of_the_sorted_values(
        values in proptest::collection::vec(-1e6..1e6f64, 1..80),
    ) {
        let sample = Sample::of(values).expect("finite");
        let sorted = sample.clone().sorted();
        let mut unordered = sample.unordered();
        for p in [0.0, 0.1, 0.5, 0.5, 0.95, 0.99, 1.0] {
            prop_assert_eq!(unordered.quantile(p), sorted.quantile(p));
        }
    }
}
