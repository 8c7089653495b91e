use crate::analysis::dataset::{Columns, Phase};

use super::*;

/// Twenty minutes under load at 2 s; the figure is there every tenth second only.
fn judged(figure: Figure, amount: impl Fn(f64) -> f64) -> Vec<ResourceVerdict> {
    let ticks = 600;
    let mut scenario = ScenarioData::new("duration_leak");
    scenario.time = (0..ticks).map(|t| t as f64 * 2.0).collect();
    scenario.queued = vec![10.0; ticks];
    scenario.phases = vec![Phase {
        name: "active".into(),
        start: 0.0,
        end: 1200.0,
        ticks: 0..ticks,
        level: Some(10),
        speed: None,
        end_reason: None,
    }];
    let mut columns = Columns::new(ticks);
    for row in 0..ticks {
        columns.set(Figure::AnonBytes, row, 50e6);
        if row % 5 == 0 {
            columns.set(figure, row, amount(row as f64 / 1800.0));
            columns.set(Figure::OpenFdsLimit, row, 1024.0);
            columns.set(Figure::DiskFreeBytes, row, 1000.0 * MB);
        }
    }
    let series = Series { name: "web".into(), columns, incarnation: Vec::new() };
    judge(&scenario, &series, &(0..ticks), &ResourceConfig::default(), &LeakConfig::default())
}

fn only(mut all: Vec<ResourceVerdict>) -> ResourceVerdict {
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[test]
fn descriptors_that_are_never_closed_are_a_leak_with_the_time_to_their_limit() {
    let found = only(judged(Figure::OpenFds, |hours| (40.0 + 240.0 * hours).floor()));
    assert_eq!(found.verdict, Verdict::Leak, "{found:?}");
    let (low, high) = (found.ci_low.expect("low"), found.ci_high.expect("high"));
    assert!(low <= 240.0 && 240.0 <= high, "{low} .. {high}");
    let (soonest, latest) = found.hours_to_limit.expect("a limit");
    // (1024 - 120) / 240 is 3.8 hours.
    assert!(soonest <= 3.77 && latest.is_some_and(|latest| latest >= 3.76), "{found:?}");
}

#[test]
fn a_pool_that_breathes_is_ok() {
    let found = only(judged(Figure::Sockets, |h| (20.0 + 4.0 * (h * 900.0).sin()).round()));
    assert_eq!(found.verdict, Verdict::Ok, "{found:?}");
    assert!(found.hours_to_limit.is_none());
}

#[test]
fn a_constant_count_is_ok_and_so_is_none_at_all() {
    for constant in [0.0, 7.0] {
        let found = only(judged(Figure::Sockets, |_| constant));
        assert_eq!(found.verdict, Verdict::Ok, "{constant}: {found:?}");
        assert_eq!(found.level, Some(constant));
    }
}

#[test]
fn a_log_that_grows_is_told_in_mb_and_space_counts_to_what_is_free() {
    let log = only(judged(Figure::LogBytes, |hours| 900.0 * hours * MB));
    assert_eq!((log.verdict, log.unit.as_str(), log.is_handle()), (Verdict::Leak, "MB", false));
    assert!(log.per_hour.is_some_and(|rate| (rate - 900.0).abs() < 30.0), "{log:?}");
    let layer = only(judged(Figure::WritableLayerBytes, |hours| 300.0 * hours * MB));
    let (soonest, _) = layer.hours_to_limit.expect("free space is known");
    assert!((2.4..3.4).contains(&soonest), "{layer:?}");
}

#[test]
fn a_resource_that_is_switched_off_or_was_not_measured_has_no_verdict() {
    let mut scenario = ScenarioData::new("duration_leak");
    scenario.time = vec![0.0, 2.0];
    let mut columns = Columns::new(2);
    columns.set(Figure::AnonBytes, 0, 1e6);
    let series = Series { name: "web".into(), columns, incarnation: Vec::new() };
    let none = |floors| judge(&scenario, &series, &(0..2), &floors, &LeakConfig::default());
    assert!(none(ResourceConfig::default()).is_empty());
    let off = ResourceConfig { sockets_per_hour: 0.0, ..ResourceConfig::default() };
    assert!(none(off).is_empty());
}

#[test]
fn a_sawtooth_of_descriptors_is_nobody_accused_and_reasons_are_in_descriptors() {
    for period in [0.03, 0.06, 0.1] {
        let found = only(judged(Figure::OpenFds, |h| (28.0 + 59.0 * (h / period).fract()).floor()));
        assert!(matches!(found.verdict, Verdict::Ok | Verdict::Inconclusive), "{found:?}");
        assert!(found.reason.is_none_or(|reason| !reason.contains("MB")));
    }
}
