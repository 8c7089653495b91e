//! Limits that fit what was measured under load.

use serde::{Deserialize, Serialize};

use crate::model::Figure;
use crate::model::rates::THROTTLED_PERCENT;
use crate::model::units::{MB, bytes_to_mb};

use super::dataset::{Dataset, OomEvent, ScenarioData, Series};
use super::scenario_stats::{ContainerStats, ScenarioStats};

/// Room above the 99th percentile: a fifth of the limit.
const HEADROOM: f64 = 1.25;
/// Memory limits are rounded up to this, MB.
const MEMORY_STEP_MB: f64 = 32.0;
/// CPU limits are rounded up to this, cores.
const CPU_STEP: f64 = 0.05;

/// Limits for one container.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct SuggestedLimits {
    /// Memory, MB (2^20 bytes).
    pub memory_mb: Option<u64>,
    /// It was OOM-killed at this limit, MB, and nothing above it was measured: it needs more, by how
    /// much is not known.
    pub more_than_mb: Option<f64>,
    /// CPU, cores.
    pub cpus: Option<f64>,
    /// It was throttled: it would have used more CPU than it got, so the figure is a lower bound.
    pub cpus_at_least: bool,
}

impl SuggestedLimits {
    /// What is known of the memory that it needs, where a kill cut the readings off.
    #[must_use]
    pub fn cut_off(&self) -> Option<String> {
        let mb = self.more_than_mb?;
        Some(format!("more than {mb:.0} MB, by how much was not measured"))
    }
}

/// Limits by the 99th percentile of working set and CPU in any scenario but the idle one, with a
/// fifth of the limit to spare.
///
/// Readings below a limit at which it was OOM-killed (`killed_at_mb`) tell nothing of what it needs.
#[must_use]
pub fn suggested<'a>(
    stats: impl Iterator<Item = (&'a ScenarioStats, &'a ContainerStats)>,
    killed_at_mb: Option<f64>,
) -> SuggestedLimits {
    let all: Vec<(&ScenarioStats, &ContainerStats)> = stats.collect();
    let used = all.iter().filter_map(|(_, c)| Some(c.get(Figure::MemoryWorkingSetBytes)?.max / MB));
    let used = used.fold(0.0, f64::max);
    let more_than_mb = killed_at_mb.filter(|limit| used <= *limit);
    let loaded: Vec<&ContainerStats> =
        all.iter().filter(|(scenario, _)| scenario.name != "baseline").map(|(_, c)| *c).collect();
    let p99 = |figure| loaded.iter().filter_map(|c| c.get(figure).map(|s| s.p99)).reduce(f64::max);
    let memory = p99(Figure::MemoryWorkingSetBytes).map(|bytes| bytes / MB);
    let cores = p99(Figure::CpuPercent).map(|percent| percent / 100.0);
    let fits = memory.map(|mb| up_to(mb * HEADROOM, MEMORY_STEP_MB) as u64);
    SuggestedLimits {
        memory_mb: fits
            .filter(|_| more_than_mb.is_none())
            .filter(|mb| killed_at_mb.is_none_or(|limit| *mb as f64 > limit)),
        more_than_mb,
        cpus: cores.map(|cores| up_to(cores * HEADROOM, CPU_STEP)),
        cpus_at_least: p99(Figure::CpuThrottledPercent).is_some_and(|p| p >= THROTTLED_PERCENT),
    }
}

/// The highest limit at which something in the container was OOM-killed, MB: as read then, else the
/// most that the kernel ever charged to it.
#[must_use]
pub fn killed_at_mb(data: &Dataset, name: &str) -> Option<f64> {
    let known = data.containers.iter().rev().find(|c| c.name == name);
    let configured =
        known.and_then(|c| c.limits.memory_bytes).map(|bytes| bytes_to_mb(bytes as f64));
    let in_scenario = |scenario: &ScenarioData| {
        let series = scenario.series(name)?;
        let kills = scenario.oom_events.iter();
        let kills = kills.filter(|e| e.container_name == name && is_surely_oom(e));
        let bound = |kill: &OomEvent| bound_at(scenario, series, kill.timestamp).or(configured);
        kills.filter_map(bound).reduce(f64::max)
    };
    data.scenarios.iter().filter_map(in_scenario).reduce(f64::max)
}

fn is_surely_oom(event: &OomEvent) -> bool {
    event.kind.as_deref().is_some_and(|kind| kind.contains("oom"))
}

fn bound_at(scenario: &ScenarioData, series: &Series, at: f64) -> Option<f64> {
    let end = scenario.wall.partition_point(|t| *t <= at);
    let columns = &series.columns;
    let limits = columns.get(Figure::MemoryLimitBytes).and_then(|column| column.get(..end));
    let limit = limits.and_then(|column| column.iter().rev().copied().find(|b| *b > 0.0));
    let peak = || {
        let column = (!columns.is_partial()).then(|| columns.get(Figure::MemoryPeakBytes))??;
        column.get(..end)?.iter().copied().filter(|b| *b > 0.0).reduce(f64::max)
    };
    limit.or_else(peak).map(bytes_to_mb)
}

/// The next multiple of `step`, at least one of them.
fn up_to(value: f64, step: f64) -> f64 {
    let steps = (value / step - 1e-9).ceil().max(1.0);
    (steps * step * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_rounded_up_and_never_nothing() {
        for (value, step, expected) in
            [(0.0, 0.05, 0.05), (0.3, 0.05, 0.3), (0.301, 0.05, 0.35), (100.0, 32.0, 128.0)]
        {
            assert!((up_to(value, step) - expected).abs() < 1e-9, "{value} to {expected}");
        }
    }
}
