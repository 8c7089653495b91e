//! Cycles of load and rest: kept memory is acquitted, leaked memory is not.

use crate::analysis::dataset::{Phase, ScenarioData};
use crate::config::LeakConfig;

use super::floors::{Floor, growth_allowed, growth_of, of_cycles};
use super::tests::{judge, noise, scenario};
use super::{LeakInput, LeakVerdict, Reason, Verdict, combined, verdict};

/// Seconds under load and at rest.
const LOAD: usize = 600;
const REST: usize = 180;

/// So many cycles; memory by the cycle and the part of its load that is done (1 at rest), with a
/// wobble of a third of a MB.
fn cycles(count: usize, mb: impl Fn(f64, f64) -> f64) -> ScenarioData {
    let mut next = noise(11, 0.3);
    let each = LOAD + REST;
    let wobble: Vec<f64> = (0..count * each).map(|_| next()).collect();
    let of = |t: f64| {
        let (cycle, within) = ((t / each as f64).floor(), t % each as f64);
        60.0 + wobble[t as usize] + mb(cycle, (within / LOAD as f64).min(1.0))
    };
    let mut data = scenario(count * each, of);
    let ramp = |row: usize| if row % each < LOAD { 10.0 + (row % each) as f64 / 10.0 } else { 0.0 };
    data.queued = (0..count * each).map(ramp).collect();
    for cycle in 0..count {
        let (from, to) = (cycle * each, cycle * each + LOAD);
        let active =
            if cycle == 0 { "active".to_string() } else { format!("active_{}", cycle + 1) };
        for (name, ticks) in [(active, from..to), ("cooldown".to_string(), to..to + REST)] {
            let (start, end) = (ticks.start as f64, ticks.end as f64 - 1.0);
            let (level, speed, end_reason) = (None, None, None);
            data.phases.push(Phase { name, start, end, ticks, level, speed, end_reason });
        }
    }
    data
}

fn input(data: &ScenarioData) -> LeakInput<'_> {
    LeakInput::new(data, &data.containers[0], 0..LOAD).expect("input")
}

fn of(data: &ScenarioData) -> LeakVerdict {
    verdict(&input(data), &LeakConfig::default())
}

/// An allocator that takes with the ramp of the first cycle and keeps.
fn kept(cycle: f64, done: f64) -> f64 {
    if cycle > 0.0 { 50.0 } else { 50.0 * done }
}

/// 3 MB/min under load.
fn leaked(cycle: f64, done: f64) -> f64 {
    30.0 * (cycle + done)
}

#[test]
fn kept_memory_after_a_ramp_is_confounded_in_one_cycle_and_acquitted_by_three() {
    let once = of(&cycles(1, kept));
    assert_eq!(once.verdict, Verdict::Inconclusive, "{once:?}");
    assert_eq!(once.reason_name, Some(Reason::ConfoundedByLoad));
    assert!(once.reason.expect("a reason").contains("three cycles"));
    let thrice = of(&cycles(3, kept));
    assert_eq!(thrice.verdict, Verdict::Ok, "{thrice:?}");
    assert!(thrice.ci_high.is_some_and(|high| high < 0.5), "{thrice:?}");
    assert_eq!((thrice.reason_name, thrice.more_minutes), (None, None));
}

#[test]
fn a_leak_under_the_same_ramp_is_convicted_by_three_cycles() {
    let once = of(&cycles(1, leaked));
    assert_eq!(once.reason_name, Some(Reason::ConfoundedByLoad), "{once:?}");
    let thrice = of(&cycles(3, leaked));
    assert_eq!(thrice.verdict, Verdict::Leak, "{thrice:?}");
    let (low, high) = (thrice.ci_low.expect("low"), thrice.ci_high.expect("high"));
    assert!(low < 3.0 && 3.0 < high && high - low < 1.0, "{low} .. {high}");
}

#[test]
fn a_leak_under_even_load_stays_convicted_by_its_floors() {
    let mut data = cycles(3, leaked);
    data.queued = vec![50.0; data.time.len()];
    let found = of(&data);
    assert_eq!((found.verdict, found.confirmed), (Verdict::Leak, Some(true)), "{found:?}");
    // Given back at rest and taken again, the same growth is none.
    let mut data = cycles(3, |_, done| if done < 1.0 { 30.0 * done } else { 0.0 });
    data.queued = vec![50.0; data.time.len()];
    let found = of(&data);
    assert_eq!(found.verdict, Verdict::Ok, "{found:?}");
}

#[test]
fn floors_are_the_levels_at_rest_by_the_minutes_of_load_before_them() {
    let data = cycles(3, leaked);
    let floors = of_cycles(&input(&data));
    let near = |floor: &Floor, mb: f64, minutes: f64| {
        (floor.mb - mb).abs() < 0.3 && (floor.load_minutes - minutes).abs() < 0.1 && floor.sd < 0.4
    };
    assert_eq!(floors.len(), 3);
    assert!(near(&floors[0], 90.0, 10.0) && near(&floors[2], 150.0, 30.0), "{floors:?}");
    let (rate, error) = growth_of(&floors).expect("growth");
    assert!((rate - 3.0).abs() < 0.05 && error > 0.0 && error < 0.05, "{rate} {error}");
    assert_eq!(growth_of(&floors[..1]), None, "one floor is no growth");
    assert!(of_cycles(&input(&cycles(1, leaked))).is_empty());
    // Another life has other floors.
    let mut data = cycles(3, leaked);
    let len = data.time.len();
    data.containers[0].incarnation = (0..len).map(|t| u32::from(t >= LOAD + REST)).collect();
    assert!(of_cycles(&input(&data)).is_empty());
}

/// A minute without load, then the cycles.
fn after_a_minute_idle(mb: impl Fn(f64, f64) -> f64) -> (ScenarioData, std::ops::Range<usize>) {
    let mut next = noise(11, 0.3);
    let wobble: Vec<f64> = (0..60 + LOAD + REST).map(|_| next()).collect();
    let done = |t: f64| ((t - 60.0) / LOAD as f64).clamp(0.0, 1.0);
    let mut data =
        scenario(60 + LOAD + REST, |t| 60.0 + wobble[t as usize] + mb(t - 60.0, done(t)));
    let is_loaded = |row: usize| (60..60 + LOAD).contains(&row);
    data.queued = (0..data.time.len()).map(|row| 50.0 * f64::from(is_loaded(row))).collect();
    (data, 60..60 + LOAD)
}

#[test]
fn only_a_level_idle_before_the_load_bounds_the_growth() {
    let allowed = |mb: fn(f64, f64) -> f64| {
        let (data, active) = after_a_minute_idle(mb);
        growth_allowed(&LeakInput::new(&data, &data.containers[0], active).expect("input"))
    };
    // Held by the load and given back: 40 MB, and beside them a leak of 3 MB/min, or none.
    let held = allowed(|t, _| 40.0 * f64::from((0.0..LOAD as f64).contains(&t))).expect("a bound");
    assert!(held < 0.3, "{held}");
    let leaks = allowed(|t, done| 40.0 * f64::from((0.0..LOAD as f64).contains(&t)) + 30.0 * done);
    assert!(leaks.is_some_and(|bound| bound >= 3.0), "{leaks:?}");
    let once = cycles(1, |_, done| if done < 1.0 { 30.0 * done } else { 2.0 });
    assert_eq!(growth_allowed(&input(&once)), None, "nothing before the load");
}

#[test]
fn a_leak_beside_memory_that_the_load_holds_is_no_ok() {
    let mut next = noise(5, 0.3);
    let wobble: Vec<f64> = (0..1500).map(|_| next()).collect();
    let of = |before: f64, held: f64| {
        let memory = |t: f64| {
            let kept = if t < 1200.0 { held } else { held * (-(t - 1200.0) / 5.0).exp() };
            before + 3.0 * t.min(1200.0) / 60.0 + kept + wobble[t as usize]
        };
        let mut data = scenario(1500, memory);
        data.queued = (0..1500).map(|row| if row < 1200 { 50.0 } else { 0.0 }).collect();
        let input = LeakInput::new(&data, &data.containers[0], 0..1200).expect("input");
        verdict(&input, &LeakConfig::default())
    };
    for (before, held) in [(100.0, 60.0), (20.0, 150.0)] {
        let found = of(before, held);
        assert_eq!(found.verdict, Verdict::Leak, "{found:?}");
        assert!(found.ci_low.is_some_and(|low| low <= 3.0), "{found:?}");
        assert!(found.ci_high.is_some_and(|high| high >= 3.0), "{found:?}");
    }
}

#[test]
fn two_measurements_agree_or_the_doubt_is_named() {
    use Verdict::{Inconclusive, InsufficientData, Leak, Ok, Suspect};
    let config = LeakConfig { confirm: true, ..LeakConfig::default() };
    let base = judge(&scenario(900, |t| 50.0 + 2.0 * t / 60.0), &LeakConfig::default());
    let one = |verdict, slope, minutes| LeakVerdict {
        verdict,
        slope_mb_per_min: Some(slope),
        minutes: Some(minutes),
        confirmed: None,
        ..base.clone()
    };
    // First and second with their rates, minutes of the second (the first has ten), and what they
    // come to: verdict, confirmed, rate.
    let table = [
        ((Leak, 2.0), (Leak, 3.0), 10.0, (Leak, Some(true), 2.0)),
        ((Leak, 2.0), (Leak, 3.0), 20.0, (Leak, Some(true), 3.0)),
        ((Leak, 2.0), (Suspect, 0.8), 10.0, (Suspect, Some(true), 2.0)),
        ((Suspect, 0.8), (Leak, 2.0), 20.0, (Leak, Some(true), 2.0)),
        ((Suspect, 0.8), (Leak, 2.0), 10.0, (Suspect, Some(true), 0.8)),
        ((Leak, 2.0), (Ok, 0.0), 10.0, (Ok, None, 0.0)),
        ((Leak, 2.0), (Inconclusive, 0.9), 10.0, (Suspect, Some(false), 2.0)),
        ((Leak, 8.0), (Inconclusive, 0.9), 10.0, (Leak, None, 8.0)),
        ((Leak, 8.0), (Ok, 0.0), 10.0, (Ok, None, 0.0)),
        ((Ok, 0.0), (Leak, 2.0), 10.0, (Suspect, Some(false), 2.0)),
        ((Ok, 0.0), (Inconclusive, 0.9), 20.0, (Ok, None, 0.0)),
        ((Inconclusive, 0.9), (Ok, 0.1), 10.0, (Ok, None, 0.1)),
        ((Ok, 0.0), (Ok, 0.2), 20.0, (Ok, None, 0.2)),
        ((InsufficientData, 0.0), (Leak, 2.0), 10.0, (Leak, None, 2.0)),
        ((Leak, 2.0), (InsufficientData, 0.0), 20.0, (Leak, None, 2.0)),
    ];
    for (first, second, minutes, wanted) in table {
        let (a, b) = (one(first.0, first.1, 10.0), one(second.0, second.1, minutes));
        let found = combined(a, &b, &config);
        let got = (found.verdict, found.confirmed, found.slope_mb_per_min.expect("a rate"));
        assert_eq!(got, wanted, "{first:?} then {second:?} of {minutes} minutes");
        let is_doubted = found.confirmed == Some(false) && found.verdict == Suspect;
        assert_eq!(found.reason_name == Some(Reason::NotConfirmed), is_doubted);
    }
}
