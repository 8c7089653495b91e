//! GPUs in numbers: how busy and how full each was, which container held how much of their memory,
//! and whether that grows.
//!
//! A verdict is given for each container whose processes are known, and for a device where they
//! are not: otherwise one leak would be told twice.

use serde::{Deserialize, Serialize};

use crate::model::units::bytes_to_mb;
use crate::model::{Figure, Kind};

use super::dataset::{Columns, Dataset, ScenarioData, Series, clip};
use super::held::Held;
use super::leak::{LeakFigure, LeakInput, LeakVerdict, verdict};
use super::settings::Settings;
use super::slope::{BlockRule, Trend, trend};
use super::stats::{Sample, Summary};

/// A device, or a container's part of all devices, over the whole run. MB are 2^20 bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GpuAnalysis {
    /// The device's key, or the container's name.
    pub name: String,
    /// A container's part rather than a device.
    pub container: bool,
    /// Mean busy share over all scenarios but the idle one, percent.
    pub mean_percent: Option<f64>,
    /// Highest busy share, percent.
    pub peak_percent: Option<f64>,
    /// Highest memory in use.
    pub peak_memory_mb: Option<f64>,
    /// Memory there is.
    pub memory_mb: Option<f64>,
    /// Highest power, W.
    pub peak_power_w: Option<f64>,
    /// Highest temperature, degrees Celsius.
    pub peak_temperature_c: Option<f64>,
    /// Share of samples in which clocks were held back, percent, by reason; heat and power first.
    pub throttled: Vec<(String, f64)>,
    /// Slope of memory in each phase of each scenario.
    pub phases: Vec<GpuPhase>,
    /// Whether its memory leaks; absent where no scenario held a load, and for a device whose
    /// processes are known.
    pub leak: Option<LeakVerdict>,
    /// Memory at the end of the longest phase under load less that at its start, by medians.
    pub growth_mb: Option<f64>,
}

/// Memory in one phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GpuPhase {
    /// Key of the scenario.
    pub scenario: String,
    /// Name of the phase.
    pub phase: String,
    /// Slope, MB/min.
    pub slope_mb_per_min: f64,
    /// Lower end of the 95 % interval.
    pub ci_low: f64,
    /// Upper end.
    pub ci_high: f64,
}

/// Step in which GPU memory is given out: drivers map it in pages of 2 MiB.
const STEP_MB: f64 = 2.0;

/// Longest end of a phase over which a median is taken, seconds.
const END_SECONDS: f64 = 30.0;

/// Reasons of NVML (`nvmlClocksEventReasons`) that say that something is held back. Idle clocks and
/// clocks that somebody set do not.
const REASONS: &[(u64, &str)] = &[
    (0x40, "hardware thermal slowdown"),
    (0x20, "software thermal slowdown"),
    (0x80, "power brake"),
    (0x08, "hardware slowdown"),
    (0x04, "power cap"),
    (0x10, "sync boost"),
];

/// All devices, then all containers with GPU memory. `held` is the scenario and the ticks by which
/// leaks are judged.
pub(super) fn analyze(
    data: &Dataset,
    settings: &Settings,
    held: Option<&Held<'_>>,
) -> Vec<GpuAnalysis> {
    let devices = names(data, |s| &s.devices, |_| true);
    let has_memory = |c: &Columns| c.get(Figure::GpuMemoryBytes).is_some();
    let containers = names(data, |s| &s.containers, has_memory);
    let containers = containers.into_iter().filter(|name| !settings.ignores(name));
    let of = |name: String, container: bool| of_one(data, settings, held, name, container);
    devices.into_iter().map(|n| of(n, false)).chain(containers.map(|n| of(n, true))).collect()
}

fn names<'a>(
    data: &'a Dataset,
    series: impl Fn(&'a ScenarioData) -> &'a Vec<Series>,
    wanted: impl Fn(&Columns) -> bool,
) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for one in data.scenarios.iter().flat_map(series).filter(|s| wanted(&s.columns)) {
        if !names.contains(&one.name) {
            names.push(one.name.clone());
        }
    }
    names
}

fn find<'a>(scenario: &'a ScenarioData, name: &str, container: bool) -> Option<&'a Series> {
    let all = if container { &scenario.containers } else { &scenario.devices };
    all.iter().find(|series| series.name == name)
}

fn of_one(
    data: &Dataset,
    settings: &Settings,
    held: Option<&Held<'_>>,
    name: String,
    container: bool,
) -> GpuAnalysis {
    let (busy, used) = if container {
        (Figure::GpuSmPercent, Figure::GpuMemoryBytes)
    } else {
        (Figure::GpuPercent, Figure::GpuMemoryUsedBytes)
    };
    let in_all = |figure: Figure, idle: bool| {
        let scenarios = data.scenarios.iter().filter(move |s| idle || s.name != "baseline");
        let columns = scenarios.filter_map(|s| find(s, &name, container)?.columns.get(figure));
        Summary::of(columns.flatten().copied())
    };
    let peak = |figure| in_all(figure, true).map(|summary| summary.max);
    let judged = held.and_then(|(scenario, active)| {
        let series = find(scenario, &name, container)?;
        Some((*scenario, series, active.clone()))
    });
    let attributed = |columns: &Columns| {
        let known = columns.get(Figure::GpuStackMemoryBytes).unwrap_or_default();
        known.iter().any(|v| *v > 0.0)
    };
    let total = peak(Figure::GpuMemoryTotalBytes).map(bytes_to_mb);
    let leak = judged.as_ref().filter(|(_, s, _)| container || !attributed(&s.columns));
    GpuAnalysis {
        leak: leak.and_then(|(scenario, series, active)| {
            judge(scenario, series, active.clone(), used, total, settings)
        }),
        growth_mb: judged.as_ref().and_then(|(s, series, active)| {
            growth(&s.time, series.columns.get(used)?, active.clone())
        }),
        mean_percent: in_all(busy, false).map(|summary| summary.mean),
        peak_percent: peak(busy),
        peak_memory_mb: peak(used).map(bytes_to_mb),
        memory_mb: total,
        peak_power_w: peak(Figure::GpuPowerWatts),
        peak_temperature_c: peak(Figure::GpuTemperatureCelsius),
        throttled: throttled(data, &name, container),
        phases: phases(data, settings, &name, container, used),
        container,
        name,
    }
}

/// The verdict on container memory, about another figure: load, phases and lives are the
/// container's, which the input takes from a series with some memory in it.
fn judge(
    scenario: &ScenarioData,
    series: &Series,
    active: std::ops::Range<usize>,
    used: Figure,
    total: Option<f64>,
    settings: &Settings,
) -> Option<LeakVerdict> {
    debug_assert_eq!(used.row().kind, Kind::Gauge);
    let bytes = series.columns.get(used)?;
    let mut columns = Columns::new(bytes.len());
    columns.column_mut(Figure::AnonBytes).copy_from_slice(bytes);
    let (name, incarnation) = (series.name.clone(), series.incarnation.clone());
    let stand_in = Series { name, columns, incarnation };
    let mut input = LeakInput::new(scenario, &stand_in, active)?;
    let mb = bytes.iter().map(|v| bytes_to_mb(*v)).collect();
    input.figure = LeakFigure { name: "gpu_memory".to_string(), mb };
    input.resolution_mb = STEP_MB;
    input.limit_mb = total;
    Some(verdict(&input, &settings.gpu_leak()))
}

/// Median of the last less median of the first 30 s (or a quarter) of a phase.
fn growth(time: &[f64], bytes: &[f64], rows: std::ops::Range<usize>) -> Option<f64> {
    let rows = clip(&rows, time.len().min(bytes.len()));
    let (time, bytes) = (&time[rows.clone()], &bytes[rows]);
    let (first, last) = (time.first()?, time.last()?);
    let span = END_SECONDS.min((last - first) / 4.0);
    let head = time.partition_point(|t| *t <= first + span);
    let tail = time.partition_point(|t| *t < last - span);
    let median = |part: &[f64]| {
        let sample = Sample::of(part.iter().copied())?;
        Some(bytes_to_mb(sample.sorted().median()))
    };
    let moved = last > first;
    Some(median(&bytes[tail..])? - median(&bytes[..head])?).filter(|_| moved)
}

fn throttled(data: &Dataset, name: &str, container: bool) -> Vec<(String, f64)> {
    let columns = data
        .scenarios
        .iter()
        .filter_map(|s| find(s, name, container)?.columns.get(Figure::GpuThrottleReasons));
    let bits: Vec<u64> =
        columns.flatten().filter(|v| v.is_finite()).map(|v| v.max(0.0) as u64).collect();
    let share = |(bit, word): &(u64, &str)| {
        let held = bits.iter().filter(|bits| **bits & bit != 0).count();
        (held > 0).then(|| ((*word).to_string(), 100.0 * held as f64 / bits.len() as f64))
    };
    REASONS.iter().filter_map(share).collect()
}

fn phases(
    data: &Dataset,
    settings: &Settings,
    name: &str,
    container: bool,
    used: Figure,
) -> Vec<GpuPhase> {
    let rule = BlockRule::wanted(settings.leak.block_seconds);
    let mut all = Vec::new();
    for scenario in &data.scenarios {
        let column = find(scenario, name, container).and_then(|s| s.columns.get(used));
        let Some(bytes) = column else { continue };
        let mb: Vec<f64> = bytes.iter().map(|v| bytes_to_mb(*v)).collect();
        for phase in &scenario.phases {
            let rows = clip(&phase.ticks, scenario.time.len().min(mb.len()));
            let found = trend(&scenario.time[rows.clone()], &mb[rows], rule, 0.95, STEP_MB);
            let Some(Trend { slope, ci_low, ci_high, .. }) = found else { continue };
            all.push(GpuPhase {
                scenario: scenario.name.clone(),
                phase: phase.name.clone(),
                slope_mb_per_min: slope,
                ci_low,
                ci_high,
            });
        }
    }
    all
}

#[cfg(test)]
#[path = "gpu_tests.rs"]
mod tests;
