//! Each explanation recovers what clean data were made with.

use proptest::prelude::*;

use super::gls::{Design, RHO};
use super::{Covariate, Explanation, Points, Shape, explain};

const LENGTH: f64 = 30.0;

/// Forty points over half an hour, with a wobble of some hundredths of a MB.
fn points(mb: impl Fn(f64) -> f64) -> Points {
    let mut next = crate::analysis::leak::tests::noise(7, 0.08);
    let minutes: Vec<f64> = (0..40).map(|i| f64::from(i) * LENGTH / 39.0).collect();
    let mb = minutes.iter().map(|t| 60.0 + mb(*t) + next()).collect();
    Points { minutes, mb, covariate: None, least_sd: 0.02 }
}

fn best(mb: impl Fn(f64) -> f64) -> Explanation {
    explain(&points(mb)).swap_remove(0)
}

fn is_near(value: f64, wanted: f64, room: f64) -> bool {
    (value - wanted).abs() <= room
}

#[test]
fn a_level_and_a_line_are_what_they_are() {
    let level = best(|_| 0.0);
    assert_eq!((level.shape, level.grows, level.rate.mean), (Shape::Even, false, 0.0));
    assert!(is_near(level.level, 60.0, 0.1), "{level:?}");
    for rate in [-2.0, 0.1, 1.5, 40.0] {
        let line = best(|t| rate * t);
        assert_eq!((line.shape, line.grows), (Shape::Even, true), "{line:?}");
        assert!(is_near(line.rate.mean, rate, 0.01), "{line:?}");
        assert!(line.rate.quantile(0.025) < rate && rate < line.rate.quantile(0.975));
    }
}

#[test]
fn a_curve_is_known_by_its_time_constant_and_its_level_with_and_without_a_line() {
    let tau = 0.15 * LENGTH;
    let curve = |t: f64| 40.0 * (1.0 - (-t / tau).exp());
    let alone = best(curve);
    let Shape::Saturating { tau: found } = alone.shape else { panic!("{alone:?}") };
    assert!(!alone.grows && is_near(found, tau, 1e-9), "{alone:?}");
    assert!(is_near(alone.level, 100.0, 0.3), "{alone:?}");
    assert!(is_near(alone.rate_now, 40.0 / tau * (-LENGTH / tau).exp(), 0.02), "{alone:?}");
    let with_line = best(|t| curve(t) + 2.0 * t);
    assert!(matches!(with_line.shape, Shape::Saturating { .. }) && with_line.grows);
    assert!(is_near(with_line.rate.mean, 2.0, 0.05), "{with_line:?}");
}

#[test]
fn steps_are_counted_and_placed_with_and_without_a_line() {
    let step = |at: f64, mb: f64| move |t: f64| if t > at { mb } else { 0.0 };
    let (a, b, c) = (step(7.0, 15.0), step(14.0, 30.0), step(24.0, -12.0));
    type Case<'a> = (&'a dyn Fn(f64) -> f64, usize, f64);
    let table: [Case<'_>; 3] =
        [(&a, 1, 7.0), (&|t| a(t) + b(t), 2, 14.0), (&|t| a(t) + b(t) + c(t), 3, 24.0)];
    for (mb, wanted, at) in table {
        let found = best(mb);
        let Shape::Steps { count, last, regular, .. } = found.shape else { panic!("{found:?}") };
        assert_eq!((count, regular, found.grows), (wanted, false, false), "{found:?}");
        assert!(is_near(last, at, LENGTH / 39.0), "{found:?}");
    }
    let found = best(|t| a(t) + b(t) + 1.5 * t);
    assert!(matches!(found.shape, Shape::Steps { count: 2, .. }) && found.grows, "{found:?}");
    assert!(is_near(found.rate.mean, 1.5, 0.02), "{found:?}");
}

#[test]
fn steps_that_are_alike_and_evenly_spaced_are_regular() {
    let found = best(|t| 10.0 * (t / 8.0).floor());
    assert!(matches!(found.shape, Shape::Steps { regular: true, .. }), "{found:?}");
}

#[test]
fn what_fills_up_or_begins_late_is_known_by_its_knot() {
    // A place that is tried: between two points.
    let knot = 15.5 * LENGTH / 39.0;
    let full = best(|t| 4.0 * t.min(knot));
    let Shape::Filled { at } = full.shape else { panic!("{full:?}") };
    assert!(!full.grows && is_near(at, knot, 0.5), "{full:?}");
    assert!(is_near(full.level, 60.0 + 4.0 * knot, 0.3), "{full:?}");
    let late = best(|t| 3.0 * (t - knot).max(0.0));
    let Shape::Late { at } = late.shape else { panic!("{late:?}") };
    assert!(late.grows && is_near(at, knot, 0.5), "{late:?}");
    assert!(is_near(late.rate.mean, 3.0, 0.05), "{late:?}");
    let both = best(|t| 8.0 * t.min(knot) + 2.0 * (t - knot).max(0.0));
    assert!(matches!(both.shape, Shape::Filled { .. }) && both.grows, "{both:?}");
    assert!(is_near(both.rate.mean, 2.0, 0.05), "{both:?}");
}

#[test]
fn what_follows_the_load_is_left_to_it_and_steps_beside_it_are_all_found() {
    let load = |t: f64| 1.0 + 0.5 * (t / 3.0).sin();
    let with_load = |mb: &dyn Fn(f64) -> f64| {
        let mut points = points(|t| 20.0 * load(t) + mb(t));
        points.covariate = Some(Covariate(points.minutes.iter().map(|t| load(*t)).collect()));
        explain(&points).swap_remove(0)
    };
    let even = with_load(&|_| 0.0);
    assert_eq!((even.shape, even.grows), (Shape::Even, false), "{even:?}");
    let line = with_load(&|t| 1.5 * t);
    assert!(line.grows && is_near(line.rate.mean, 1.5, 0.02), "{line:?}");
    let step = |at: f64, mb: f64, t: f64| if t > at { mb } else { 0.0 };
    let steps = with_load(&|t| step(6.0, 15.0, t) + step(15.0, -8.0, t) + step(24.0, 20.0, t));
    assert!(matches!(steps.shape, Shape::Steps { count: 3, .. }) && !steps.grows, "{steps:?}");
}

proptest! {
    /// At every autocorrelation, coefficients of exact data are exact, whatever the gaps.
    #[test]
    fn a_fit_of_exact_data_is_exact(
        level in -50.0..50.0f64,
        slope in -5.0..5.0f64,
        gaps in prop::collection::vec(0.5..3.0f64, 8..40),
        rho in 0..RHO.len(),
    ) {
        let time: Vec<f64> = gaps.iter().scan(0.0, |t, gap| { *t += gap; Some(*t) }).collect();
        let values: Vec<f64> = time.iter().map(|t| level + slope * t).collect();
        let columns = [vec![1.0; time.len()], time];
        let design = Design::new(&columns, &values, &gaps, 1e-6, |_, _| true);
        let fit = design.fit(&[0, 1], rho, 0).expect("a fit");
        prop_assert!((fit.beta[0] - level).abs() < 1e-5, "{fit:?}");
        prop_assert!((fit.beta[1] - slope).abs() < 1e-5, "{fit:?}");
        prop_assert_eq!(fit.freedom, gaps.len() as f64 - 2.0);
    }
}
