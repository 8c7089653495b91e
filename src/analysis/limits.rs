//! Limits that fit what was measured under load.

use serde::{Deserialize, Serialize};

use crate::model::Figure;
use crate::model::rates::THROTTLED_PERCENT;
use crate::model::units::MB;

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
    /// CPU, cores.
    pub cpus: Option<f64>,
    /// It was throttled: it would have used more CPU than it got, so the figure is a lower bound.
    pub cpus_at_least: bool,
}

/// Limits by the 99th percentile of working set and CPU in any scenario but the idle one, with a
/// fifth of the limit to spare.
#[must_use]
pub fn suggested<'a>(
    stats: impl Iterator<Item = (&'a ScenarioStats, &'a ContainerStats)>,
) -> SuggestedLimits {
    let loaded: Vec<&ContainerStats> =
        stats.filter(|(scenario, _)| scenario.name != "baseline").map(|(_, c)| c).collect();
    let p99 = |figure| loaded.iter().filter_map(|c| c.get(figure).map(|s| s.p99)).reduce(f64::max);
    let memory = p99(Figure::MemoryWorkingSetBytes).map(|bytes| bytes / MB);
    let cores = p99(Figure::CpuPercent).map(|percent| percent / 100.0);
    SuggestedLimits {
        memory_mb: memory.map(|mb| up_to(mb * HEADROOM, MEMORY_STEP_MB) as u64),
        cpus: cores.map(|cores| up_to(cores * HEADROOM, CPU_STEP)),
        cpus_at_least: p99(Figure::CpuThrottledPercent).is_some_and(|p| p >= THROTTLED_PERCENT),
    }
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
