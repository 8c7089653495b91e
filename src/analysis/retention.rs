//! Does memory come back when the load is gone? Cooldown end against active end.

use serde::{Deserialize, Serialize};

use crate::model::Figure;
use crate::model::units::bytes_to_mb;

use super::dataset::{Phase, ScenarioData, Series, clip, is_active};
use super::leak::choose;
use super::stats::Sample;

/// What a container keeps after the load is gone. MB are 2^20 bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Retention {
    /// Working set, last sample of the active phase: the replaced framework's figure.
    pub active_end_mb: f64,
    /// Working set, last sample of the cooldown.
    pub cooldown_end_mb: f64,
    /// The second less the first.
    pub delta_mb: f64,
    /// The same in percent of the first; absent where that is 0.
    pub delta_percent: Option<f64>,
    /// `delta_mb < 0`.
    pub memory_released: bool,
    /// Working set by medians over the last 30 s (or half the phase), active end.
    pub active_end_median_mb: Option<f64>,
    /// The same, cooldown end.
    pub cooldown_end_median_mb: Option<f64>,
    /// The leak figure by medians, active end.
    pub active_end_leak_mb: Option<f64>,
    /// The same, cooldown end.
    pub cooldown_end_leak_mb: Option<f64>,
    /// Share of what the load had added that came back, by the leak figure's medians; absent where
    /// the load moved less than 5 MB or 3 standard deviations.
    pub returned_percent: Option<f64>,
}

/// Longest end of a phase over which a median is taken, seconds.
const END_SECONDS: f64 = 30.0;

/// Least that the load must have moved for a share of it to mean something, MB.
const LEAST_MOVED_MB: f64 = 5.0;

/// Retention over the last active phase and the cooldown of a scenario. `idle` is the scenario
/// that shows the container before any load. None where a phase or its memory is missing.
#[must_use]
pub fn retention(
    scenario: &ScenarioData,
    series: &Series,
    idle: Option<(&ScenarioData, &Series)>,
) -> Option<Retention> {
    let active = scenario.phases.iter().rev().find(|p| is_active(&p.name))?;
    let cooldown = scenario.phases.iter().rev().find(|p| p.name == "cooldown")?;
    let (active_end, cooldown_end) =
        (last_mb(scenario, series, active)?, last_mb(scenario, series, cooldown)?);
    let working_set = mb_of(series);
    let leak = choose(&series.columns).map(|figure| figure.mb).unwrap_or_default();
    let end = |mb: &[f64], phase| end_of(scenario, mb, phase);
    let before = idle.and_then(|(idle, series)| {
        let mb = choose(&series.columns)?.mb;
        let all = 0..idle.time.len().min(mb.len());
        ending(&idle.time[all.clone()], &mb[all])
    });
    let (leak_active, leak_cooldown) = (end(&leak, active), end(&leak, cooldown));
    let delta = cooldown_end - active_end;
    Some(Retention {
        active_end_mb: active_end,
        cooldown_end_mb: cooldown_end,
        delta_mb: delta,
        delta_percent: (active_end != 0.0).then(|| 100.0 * delta / active_end),
        memory_released: delta < 0.0,
        active_end_median_mb: end(&working_set, active).map(|(median, _)| median),
        cooldown_end_median_mb: end(&working_set, cooldown).map(|(median, _)| median),
        active_end_leak_mb: leak_active.map(|(median, _)| median),
        cooldown_end_leak_mb: leak_cooldown.map(|(median, _)| median),
        returned_percent: returned(before, leak_active, leak_cooldown),
    })
}

fn returned(
    before: Option<(f64, f64)>,
    active: Option<(f64, f64)>,
    cooldown: Option<(f64, f64)>,
) -> Option<f64> {
    let ((before, sd_before), (active, sd_active), (cooldown, _)) = (before?, active?, cooldown?);
    let moved = active - before;
    let enough = moved.abs() >= LEAST_MOVED_MB.max(3.0 * sd_before.max(sd_active));
    enough.then(|| 100.0 * (active - cooldown) / moved)
}

fn mb_of(series: &Series) -> Vec<f64> {
    let column = series.columns.get(Figure::MemoryWorkingSetBytes).unwrap_or_default();
    column.iter().map(|v| bytes_to_mb(*v)).collect()
}

fn last_mb(scenario: &ScenarioData, series: &Series, phase: &Phase) -> Option<f64> {
    let column = series.columns.get(Figure::MemoryWorkingSetBytes)?;
    let rows = clip(&phase.ticks, scenario.time.len().min(column.len()));
    column[rows].iter().rev().find(|v| v.is_finite()).map(|v| bytes_to_mb(*v))
}

/// Median and standard deviation over the end of a phase.
fn end_of(scenario: &ScenarioData, mb: &[f64], phase: &Phase) -> Option<(f64, f64)> {
    let rows = clip(&phase.ticks, scenario.time.len().min(mb.len()));
    ending(&scenario.time[rows.clone()], &mb[rows])
}

fn ending(time: &[f64], mb: &[f64]) -> Option<(f64, f64)> {
    let (first, last) = (time.first()?, time.last()?);
    let from = last - END_SECONDS.min((last - first) / 2.0);
    let start = time.partition_point(|t| *t < from);
    let sample = Sample::of(mb[start..].iter().copied())?;
    let sd = sample.sd();
    Some((sample.sorted().median(), sd))
}

#[cfg(test)]
mod tests {
    use crate::analysis::dataset::Columns;
    use crate::model::units::MB;

    use super::*;

    fn series(mb: &[f64]) -> (ScenarioData, Series) {
        let mut data = ScenarioData::new("duration_leak");
        data.time = (0..mb.len()).map(|t| t as f64).collect();
        let mut columns = Columns::new(mb.len());
        for (row, mb) in mb.iter().enumerate() {
            columns.set(Figure::MemoryWorkingSetBytes, row, mb * MB);
        }
        let phase = |name: &str, ticks: std::ops::Range<usize>| Phase {
            name: name.into(),
            start: ticks.start as f64,
            end: ticks.end as f64,
            ticks,
            level: None,
            speed: None,
            end_reason: None,
        };
        data.phases = vec![phase("active", 0..40), phase("cooldown", 40..mb.len())];
        (data, Series { name: "web".into(), columns, incarnation: vec![] })
    }

    #[test]
    fn half_of_what_the_load_added_came_back() {
        let mb: Vec<f64> = (0..80).map(|t| if t < 40 { 120.0 } else { 70.0 }).collect();
        let (data, web) = series(&mb);
        let (idle, idle_web) = series(&[20.0; 60]);
        let found = retention(&data, &web, Some((&idle, &idle_web))).expect("retention");
        assert_eq!((found.delta_mb, found.memory_released), (-50.0, true));
        assert_eq!(found.returned_percent, Some(50.0));
        assert_eq!(retention(&data, &web, None).expect("r").returned_percent, None);
    }

    #[test]
    fn a_share_of_nothing_is_absent_and_a_spike_at_the_end_moves_no_median() {
        let mut mb = vec![20.0; 80];
        mb[39] = 90.0;
        let (data, web) = series(&mb);
        let (idle, idle_web) = series(&[20.0; 60]);
        let found = retention(&data, &web, Some((&idle, &idle_web))).expect("retention");
        assert_eq!((found.active_end_mb, found.active_end_median_mb), (90.0, Some(20.0)));
        assert_eq!(found.returned_percent, None);
    }

    #[test]
    fn there_is_no_retention_without_a_cooldown() {
        let (mut data, web) = series(&[20.0; 80]);
        data.phases.pop();
        assert_eq!(retention(&data, &web, None), None);
    }
}
