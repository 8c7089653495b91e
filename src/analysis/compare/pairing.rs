//! Two series of the same container put side by side, phase by phase.

use std::collections::BTreeMap;

use crate::analysis::dataset::{Phase, ScenarioData, clip};

/// The values of `base` at the current run's ticks, matched by phase and by the time since that
/// phase began: the first `active` with the first, the second `cooldown` with the second. A tick
/// of a phase that the base does not have, or that lies beyond the base's phase, has none (NaN).
#[must_use]
pub fn at_ticks_of(current: &ScenarioData, base: &ScenarioData, base_values: &[f64]) -> Vec<f64> {
    let mut values = vec![f64::NAN; current.time.len()];
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for phase in phases(current) {
        let nth = seen.entry(phase.0).or_default();
        let twin = phases(base).into_iter().filter(|p| p.0 == phase.0).nth(*nth);
        *nth += 1;
        let Some(twin) = twin else { continue };
        for row in phase.2.clone() {
            let Some(time) = current.time.get(row) else { continue };
            let wanted = twin.1 + (time - phase.1);
            if let Some(value) = interpolated(base, base_values, &twin.2, wanted) {
                values[row] = value;
            }
        }
    }
    values
}

/// Name, start and ticks of the phases; a bare series is one phase.
fn phases(scenario: &ScenarioData) -> Vec<(&str, f64, std::ops::Range<usize>)> {
    if scenario.phases.is_empty() {
        let start = scenario.time.first().copied().unwrap_or(0.0);
        return vec![("", start, 0..scenario.time.len())];
    }
    let of = |p: &Phase| clip(&p.ticks, scenario.time.len());
    scenario.phases.iter().map(|p| (p.name.as_str(), p.start, of(p))).collect()
}

/// Between the two measured neighbours within the phase; none beyond its ends, where a neighbour
/// is absent, or reads zero (a container that ended).
fn interpolated(
    scenario: &ScenarioData,
    values: &[f64],
    ticks: &std::ops::Range<usize>,
    wanted: f64,
) -> Option<f64> {
    let time = scenario.time.get(ticks.clone())?;
    let next = time.partition_point(|t| *t < wanted);
    let value = |index: usize| {
        values.get(ticks.start + index).copied().filter(|v| v.is_finite() && *v > 0.0)
    };
    if next == 0 {
        // The first tick of a phase comes an interval after its start; half of one is grace.
        let grace = time.get(1).zip(time.first()).map_or(0.0, |(b, a)| (b - a) / 2.0);
        return (time.first()? - wanted <= grace).then(|| value(0)).flatten();
    }
    let (before, at) = (*time.get(next - 1)?, time.get(next));
    match at {
        Some(at) => {
            let share = (wanted - before) / (at - before);
            Some(value(next - 1)? * (1.0 - share) + value(next)? * share)
        }
        None => (wanted - before <= 1e-6).then(|| value(next - 1)).flatten(),
    }
}
