//! Ticks of a dataset as the judge reads them.

use crate::analysis::dataset::{ScenarioData, Series};
use crate::model::Figure;

use super::{ContainerReading, HostReading, RollingMeans};

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
    let load = scenario.load_metrics.iter().filter_map(|(name, column)| {
        column.get(row).filter(|v| v.is_finite()).map(|v| (name.as_str(), *v))
    });
    means.push(at, &containers, host, load);
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
