use proptest::prelude::*;

use super::*;

fn points(values: &[f64]) -> Vec<Block> {
    let block = |(index, value): (usize, &f64)| Block { time: index as f64 * 30.0, value: *value };
    values.iter().enumerate().map(block).collect()
}

/// All pairs in both orders, sorted by comparison, the middle taken.
fn slow_theil_sen(blocks: &[Block]) -> f64 {
    let mut slopes = Vec::new();
    for a in blocks {
        for b in blocks {
            if a.time != b.time {
                slopes.push((b.value - a.value) / (b.time - a.time) * 60.0);
            }
        }
    }
    slopes.sort_by(|a, b| a.partial_cmp(b).expect("finite"));
    (slopes[slopes.len() / 2 - 1] + slopes[slopes.len() / 2]) / 2.0
}

fn ticks(count: usize, interval: f64) -> Vec<f64> {
    (0..count).map(|i| i as f64 * interval).collect()
}

#[test]
fn the_plain_slopes_of_a_line_are_its_slope_and_absent_values_take_no_part() {
    let time = ticks(31, 2.0);
    let mut line: Vec<f64> = time.iter().map(|t| 5.0 + t / 60.0 * 3.0).collect();
    line[0] = f64::NAN;
    assert!((endpoint(&time, &line).expect("slope") - 3.0).abs() < 1e-9);
    assert!((least_squares(&time, &line).expect("slope") - 3.0).abs() < 1e-9);
    assert_eq!(endpoint(&time[..2], &line[..2]), None);
    assert_eq!(least_squares(&[1.0, 1.0], &[1.0, 2.0]), None);
}

#[test]
fn a_hundred_and_fifty_ticks_of_two_seconds_are_ten_blocks_of_thirty() {
    let time = ticks(150, 2.0);
    let cut = blocks(&time, &time, 2.0, BlockRule::DEFAULT);
    assert_eq!(cut.len(), 10);
    assert_eq!((cut[0].time, cut[9].time), (14.0, 284.0));
    let long = ticks(4000, 2.0);
    assert_eq!(blocks(&long, &long, 2.0, BlockRule::DEFAULT).len(), 40);
}

#[test]
fn a_spike_in_every_block_moves_no_median() {
    let time = ticks(300, 1.0);
    let mut flat = vec![50.0; 300];
    flat.iter_mut().step_by(25).for_each(|v| *v = 500.0);
    let cut = blocks(&time, &flat, 1.0, BlockRule::DEFAULT);
    assert!(cut.iter().all(|b| b.value == 50.0));
}

#[test]
fn sens_example_has_the_published_interval() {
    // Sen 1968 (his section 6): t = 1 2 3 4 10 12 18, x = 9 15 19 20 45 55 78; the estimate is 4,
    // the interval at 93 % from 26/7 to 35/8: z = 1.81, C = 12.05 of N = 21.
    let t = [1.0, 2.0, 3.0, 4.0, 10.0, 12.0, 18.0];
    let x = [9.0, 15.0, 19.0, 20.0, 45.0, 55.0, 78.0];
    let blocks: Vec<Block> =
        t.iter().zip(x).map(|(t, value)| Block { time: t * 60.0, value }).collect();
    assert!((theil_sen(&blocks).expect("slope") - 4.0).abs() < 1e-12);
    let slopes = super::theil_sen::pair_slopes(&blocks);
    let (low, high) = rank_interval(&slopes, 7, 1.812, 1.0).expect("interval");
    assert!(low <= 26.0 / 7.0 && high >= 35.0 / 8.0, "{low} .. {high}");
    assert!(low > 3.0 && high < 5.0, "{low} .. {high}");
}

#[test]
fn correlated_points_have_a_wider_interval() {
    let slopes: Vec<f64> = (0..190).map(f64::from).collect();
    let plain = rank_interval(&slopes, 20, 1.96, 1.0).expect("interval");
    let wide = rank_interval(&slopes, 20, 1.96, 3.0).expect("interval");
    assert!(wide.0 < plain.0 && wide.1 > plain.1);
    let all = rank_interval(&slopes, 20, 1.96, 1e9).expect("interval");
    assert_eq!(all, (0.0, 189.0));
}

#[test]
fn a_clean_ramp_has_an_interval_of_some_width_that_holds_its_rate() {
    let time = ticks(54, 1.0);
    let ramp: Vec<f64> = time.iter().map(|t| t / 60.0 * 40.0).collect();
    let rule = BlockRule { seconds: 4.0, at_most: 40 };
    let trend = trend(&time, &ramp, rule, 0.95, 0.004).expect("a trend");
    assert!((trend.slope - 40.0).abs() < 1e-9);
    assert!(trend.ci_low < 39.5 && trend.ci_high > 40.5);
    assert!(trend.ci_high - trend.ci_low < 5.0);
    assert!((trend.level - 53.0 / 60.0 * 40.0).abs() < 1e-9);
}

#[test]
fn fewer_than_three_blocks_are_no_trend() {
    let time = ticks(20, 2.0);
    assert_eq!(trend(&time, &time, BlockRule::DEFAULT, 0.95, 0.0), None);
    assert_eq!(trend(&[], &[], BlockRule::DEFAULT, 0.95, 0.0), None);
}

/// Uniform noise from a small generator of its own: the same numbers everywhere.
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    }
}

#[test]
fn the_interval_holds_the_true_slope_about_as_often_as_it_says() {
    let time = ticks(600, 1.0);
    let held = (0..400)
        .filter(|seed| {
            let (mut next, mut ar) = (noise(*seed), 0.0);
            let values: Vec<f64> = time
                .iter()
                .map(|t| {
                    ar = 0.95 * ar + next();
                    t / 60.0 * 2.0 + ar
                })
                .collect();
            let trend = trend(&time, &values, BlockRule::DEFAULT, 0.95, 0.0).expect("a trend");
            trend.ci_low <= 2.0 && 2.0 <= trend.ci_high
        })
        .count();
    assert!(held >= 364, "{held} of 400 intervals hold the slope");
}

proptest! {
    #[test]
    fn theil_sen_equals_its_slow_twin(
        values in prop::collection::vec(-1e3f64..1e3, 2..25),
    ) {
        let blocks = points(&values);
        let fast = theil_sen(&blocks).expect("slope");
        prop_assert!((fast - slow_theil_sen(&blocks)).abs() < 1e-6);
    }

    #[test]
    fn an_added_line_adds_its_slope(
        values in prop::collection::vec(-1e2f64..1e2, 3..25),
        slope in -50f64..50.0,
    ) {
        let tilted: Vec<Block> = points(&values)
            .into_iter()
            .map(|b| Block { value: b.value + slope * b.time / 60.0, ..b })
            .collect();
        let before = theil_sen(&points(&values)).expect("slope");
        let after = theil_sen(&tilted).expect("slope");
        prop_assert!((after - before - slope).abs() < 1e-6);
    }

    #[test]
    fn an_estimate_lies_within_its_interval(
        values in prop::collection::vec(-1e3f64..1e3, 90..400),
    ) {
        let time = ticks(values.len(), 1.0);
        if let Some(t) = trend(&time, &values, BlockRule::DEFAULT, 0.95, 0.01) {
            prop_assert!(t.ci_low < t.slope && t.slope < t.ci_high);
        }
    }
}
