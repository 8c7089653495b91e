//! A few simulated containers of each family: none of the healthy ones accused too often, leaks found,
//! and a second look before an accusation. Seeded, so that it fails or passes on every machine alike.

use crate::config::LeakConfig;

use super::tests::{judge, noise, scenario};
use super::{Verdict, combined, needs_confirmation};

/// AR(1) noise of 0.3 to 4 MB over 15 to 120 s, a value a second.
fn wander(seed: u64, seconds: usize) -> Vec<f64> {
    let mut next = noise(seed, 1.0);
    let sd = 0.3 + 3.7 * next().abs().powi(2);
    let rho = (-1.0 / (15.0 + 105.0 * next().abs())).exp();
    let mut value = 0.0;
    (0..seconds)
        .map(|_| {
            // Uniform values have a third of the variance of their range squared.
            value = rho * value + (1.0 - rho * rho).sqrt() * sd * next() * 3.0_f64.sqrt();
            value
        })
        .collect()
}

fn shape(family: usize, t: f64) -> f64 {
    match family {
        0 => 0.0,
        1 => 20.0 * (t / 47.0).fract(),
        2 => 40.0 * (1.0 - (-t / 90.0).exp()),
        3 => {
            if t > 400.0 {
                15.0
            } else {
                0.0
            }
        }
        _ => 40.0 * (t / 500.0).min(1.0),
    }
}

fn verdicts(rate: f64) -> Vec<super::LeakVerdict> {
    let of = |(family, seed): (usize, u64)| {
        let wander = wander(seed * 5 + family as u64, 1200);
        let data =
            scenario(1200, |t| 60.0 + wander[t as usize] + shape(family, t) + rate * t / 60.0);
        judge(&data, &LeakConfig::default())
    };
    (0..5).flat_map(|family| (0..6).map(move |seed| (family, seed))).map(of).collect()
}

#[test]
fn healthy_families_are_hardly_ever_accused_and_leaks_are_found() {
    let accused = |all: &[super::LeakVerdict]| {
        all.iter().filter(|v| matches!(v.verdict, Verdict::Leak | Verdict::Suspect)).count()
    };
    let (healthy, leaking) = (verdicts(0.0), verdicts(2.0));
    assert!(accused(&healthy) <= 1, "{} of 30 healthy ones accused", accused(&healthy));
    assert!(accused(&leaking) >= 24, "{} of 30 leaks of 2 MB/min found", accused(&leaking));
    let reassured = leaking.iter().filter(|v| v.verdict == Verdict::Ok).count();
    assert_eq!(reassured, 0, "leaks of 2 MB/min called ok");
}

#[test]
fn a_small_leak_has_to_show_twice_where_that_is_asked_for() {
    let config = LeakConfig { confirm: true, ..LeakConfig::default() };
    let at = |rate: f64| judge(&scenario(900, |t| 50.0 + rate * t / 60.0), &LeakConfig::default());
    let (leak, fast, level) = (at(2.0), at(8.0), at(0.0));
    assert!(needs_confirmation(&leak, &config) && !needs_confirmation(&fast, &config));
    assert!(!needs_confirmation(&leak, &LeakConfig::default()));
    assert_eq!(combined(leak.clone(), &leak, &config).verdict, Verdict::Leak);
    assert_eq!(combined(leak.clone(), &leak, &config).confirmed, Some(true));
    let not = combined(leak, &level, &config);
    assert_eq!((not.verdict, not.confirmed), (Verdict::Ok, None), "a later cycle that is level");
    let alone = judge(&scenario(900, |t| 50.0 + 2.0 * t / 60.0), &config);
    assert_eq!(alone.verdict, Verdict::Suspect, "one measurement, two asked for");
}
