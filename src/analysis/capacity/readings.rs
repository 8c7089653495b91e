//! Ticks of a dataset as the judge reads them.

use crate::analysis::dataset::{ScenarioData, Series};
use crate::model::Figure;

use super::{ContainerReading, HostReading, RollingMeans, Work};

/// Between the end of a phase and the start of the next one there is no more than this, seconds, where
/// nothing was left out.
const NO_TIME: f64 = 0.5;

/// Adds one tick of a scenario to a window.
pub(super) fn push_tick(means: &mut RollingMeans, scenario: &ScenarioData, row: usize) {
    let Some(&at) = scenario.time.get(row) else {
        return;
    };
    let containers: Vec<ContainerReading<'_>> = scenario
        .containers
        .iter()
        .map(|series| ContainerReading {
            name: &series.name,
            memory_percent: series.columns.at(Figure::MemoryPercent, row),
            cpu_percent: series.columns.at(Figure::CpuPercent, row),
            throttled_percent: series.columns.at(Figure::CpuThrottledPercent, row),
        })
        .collect();
    let host = HostReading {
        cpu_percent: scenario.host.at(Figure::HostCpuPercent, row),
        psi_memory_full_percent: scenario.host.at(Figure::HostPsiMemoryFullPercent, row),
    };
    means.push(at, &containers, host, load_metrics(scenario, row));
    means.push_work(work_done(scenario, row));
    let memory = |device: &Series| device.columns.at(Figure::GpuMemoryPercent, row);
    let devices = scenario.devices.iter();
    means.push_devices(devices.filter_map(|d| Some((d.name.as_str(), memory(d)?))));
    let metrics = scenario.metrics.iter().filter_map(|(name, column)| {
        column.get(row).filter(|v| v.is_finite()).map(|v| (name.clone(), *v))
    });
    let mut metrics: std::collections::BTreeMap<String, f64> = metrics.collect();
    metrics.extend(crate::analysis::metrics::latencies_of(scenario, row));
    means.push_metrics(metrics.iter().map(|(name, value)| (name.as_str(), *value)));
}

fn load_metrics(scenario: &ScenarioData, row: usize) -> impl Iterator<Item = (&str, f64)> {
    scenario.load_metrics.iter().filter_map(move |(name, column)| {
        column.get(row).filter(|v| v.is_finite()).map(|v| (name.as_str(), *v))
    })
}

/// What became of the load's requests since the tick before; none where phases without results lie
/// between the two.
fn work_done(scenario: &ScenarioData, row: usize) -> Option<Work> {
    let before = row.checked_sub(1)?;
    let next = scenario.phases.iter().position(|phase| phase.ticks.start == row);
    if let Some(next) = next.filter(|next| *next > 0) {
        let gap = scenario.phases[next].start - scenario.phases[next - 1].end;
        if gap > NO_TIME {
            return None;
        }
    }
    let counted = |row| Work::counted(load_metrics(scenario, row));
    counted(row)?.since(counted(before)?)
}
