//! Statistics of a scenario, its phases and its containers.

use std::ops::Range;

use serde::Serialize;

use crate::model::units::{MB, bytes_to_mb};
use crate::model::{Figure, Kind};

use super::dataset::{Dataset, Phase, ScenarioData, Series, clip, is_active};
use super::leak::LeakInput;
use super::parallel;
use super::settings::Settings;
use super::slope::{BlockRule, Trend, endpoint, least_squares, trend};
use super::stats::{Summary, mean};

/// A scenario in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScenarioStats {
    /// Its key in results.json.
    pub name: String,
    /// How many ticks.
    pub ticks: usize,
    /// From the first tick to the last, seconds.
    pub seconds: f64,
    /// Its containers, in the order of the data.
    pub containers: Vec<ContainerStats>,
    /// Its phases, in order.
    pub phases: Vec<PhaseStats>,
    /// Load metrics by name.
    pub load: Vec<(String, Summary)>,
}

/// A container over a whole scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContainerStats {
    /// Its key.
    pub name: String,
    /// Every gauge and rate that was measured, in its own unit, in the order of the table.
    pub figures: Vec<(&'static str, Summary)>,
    /// The memory limit when its memory was nearest to it, MB.
    pub limit_then_mb: Option<f64>,
    /// Least-squares slope of the working set, MB/min.
    pub memory_slope_mb_per_min: Option<f64>,
    /// Least-squares slope of CPU, percent a minute.
    pub cpu_slope_percent_per_min: Option<f64>,
}

/// A phase in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseStats {
    /// Its name.
    pub name: String,
    /// Its ticks.
    pub ticks: Range<usize>,
    /// Level asked for.
    pub level: Option<u32>,
    /// Speed multiplier.
    pub speed: Option<f64>,
    /// Its containers, in the order of the data.
    pub containers: Vec<PhaseContainer>,
}

/// A container in a phase.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseContainer {
    /// Its key.
    pub name: String,
    /// Mean working set, MB.
    pub memory_mean_mb: Option<f64>,
    /// Mean CPU, percent of one core.
    pub cpu_mean_percent: Option<f64>,
    /// (last - first) / minutes of the working set, MB/min: the replaced framework's slope.
    pub memory_slope_mb_per_min: Option<f64>,
    /// The same of CPU, percent a minute.
    pub cpu_slope_percent_per_min: Option<f64>,
    /// Our trend of the leak figure, MB/min.
    pub memory_trend: Option<Trend>,
    /// Our trend of CPU, percent a minute.
    pub cpu_trend: Option<Trend>,
}

impl ContainerStats {
    /// The description of a figure, in its own unit.
    #[must_use]
    pub fn get(&self, figure: Figure) -> Option<&Summary> {
        let name = figure.name();
        self.figures.iter().find(|(known, _)| *known == name).map(|(_, summary)| summary)
    }

    /// Working set, MB.
    #[must_use]
    pub fn memory_mb(&self) -> Option<Summary> {
        self.get(Figure::MemoryWorkingSetBytes).map(|summary| summary.scaled(1.0 / MB))
    }

    /// CPU, percent of one core.
    #[must_use]
    pub fn cpu_percent(&self) -> Option<&Summary> {
        self.get(Figure::CpuPercent)
    }
}

impl ScenarioStats {
    /// A container's statistics.
    #[must_use]
    pub fn container(&self, name: &str) -> Option<&ContainerStats> {
        self.containers.iter().find(|container| container.name == name)
    }

    /// The first phase of that name.
    #[must_use]
    pub fn phase(&self, name: &str) -> Option<&PhaseStats> {
        self.phases.iter().find(|phase| phase.name == name)
    }
}

/// The scenarios of a run, in order.
pub(super) fn of_run(data: &Dataset, settings: &Settings) -> Vec<ScenarioStats> {
    let jobs: Vec<(&ScenarioData, &Series)> = data
        .scenarios
        .iter()
        .flat_map(|scenario| scenario.containers.iter().map(move |series| (scenario, series)))
        .collect();
    let weight = jobs.iter().map(|(scenario, _)| scenario.time.len()).sum();
    let rule = BlockRule::wanted(settings.leak.block_seconds);
    let mut done = parallel::map(&jobs, weight, |(scenario, series)| {
        of_series(scenario, series, has_active(scenario).then_some(rule))
    })
    .into_iter();
    data.scenarios
        .iter()
        .map(|scenario| {
            let (containers, parts): (Vec<_>, Vec<_>) =
                done.by_ref().take(scenario.containers.len()).unzip();
            put_together(scenario, containers, parts)
        })
        .collect()
}

fn put_together(
    scenario: &ScenarioData,
    containers: Vec<ContainerStats>,
    parts: Vec<Vec<PhaseContainer>>,
) -> ScenarioStats {
    let mut phases: Vec<PhaseStats> = scenario
        .phases
        .iter()
        .map(|phase| PhaseStats {
            name: phase.name.clone(),
            ticks: clip(&phase.ticks, scenario.time.len()),
            level: phase.level,
            speed: phase.speed,
            containers: Vec::with_capacity(parts.len()),
        })
        .collect();
    for part in parts {
        for (phase, container) in phases.iter_mut().zip(part) {
            phase.containers.push(container);
        }
    }
    let ends = scenario.time.first().zip(scenario.time.last());
    let load = scenario.load_metrics.iter();
    ScenarioStats {
        name: scenario.name.clone(),
        ticks: scenario.time.len(),
        seconds: ends.map_or(0.0, |(first, last)| last - first),
        containers,
        phases,
        load: load
            .filter_map(|(name, values)| Some((name.clone(), Summary::of(values.iter().copied())?)))
            .collect(),
    }
}

fn has_active(scenario: &ScenarioData) -> bool {
    scenario.phases.iter().any(|phase| is_active(&phase.name))
}

/// One container of a scenario: its statistics, and its part in each phase.
fn of_series(
    scenario: &ScenarioData,
    series: &Series,
    trends: Option<BlockRule>,
) -> (ContainerStats, Vec<PhaseContainer>) {
    let column = |figure| series.columns.get(figure).unwrap_or_default();
    let mut figures: Vec<Figure> = series
        .columns
        .figures()
        .filter(|f| f.row().kind != Kind::Counter && *f != Figure::MemoryLimitBytes)
        .collect();
    figures.sort_unstable();
    let described = figures
        .into_iter()
        .filter_map(|f| Some((f.name(), Summary::of(column(f).iter().copied())?)))
        .collect();
    let memory = column(Figure::MemoryWorkingSetBytes);
    let stats = ContainerStats {
        name: series.name.clone(),
        figures: described,
        limit_then_mb: limit_then(series),
        memory_slope_mb_per_min: least_squares(&scenario.time, memory).map(|s| s / MB),
        cpu_slope_percent_per_min: least_squares(&scenario.time, column(Figure::CpuPercent)),
    };
    let leak_mb = trends
        .and_then(|_| LeakInput::new(scenario, series, 0..scenario.time.len()))
        .map(|input| (input.figure.mb, input.resolution_mb));
    let in_phase = |phase: &Phase| in_phase(scenario, series, phase, trends, leak_mb.as_ref());
    (stats, scenario.phases.iter().map(in_phase).collect())
}

/// The limit at the highest percentage of it: it may have been changed while it ran.
fn limit_then(series: &Series) -> Option<f64> {
    let column = series.columns.get(Figure::MemoryPercent)?;
    let measured = column.iter().enumerate().filter(|(_, percent)| percent.is_finite());
    let (row, _) = measured.max_by(|a, b| a.1.total_cmp(b.1))?;
    let limit = series.columns.at(Figure::MemoryLimitBytes, row)?;
    (limit > 0.0).then(|| bytes_to_mb(limit))
}

fn in_phase(
    scenario: &ScenarioData,
    series: &Series,
    phase: &Phase,
    trends: Option<BlockRule>,
    leak_mb: Option<&(Vec<f64>, f64)>,
) -> PhaseContainer {
    let rows = clip(&phase.ticks, scenario.time.len());
    let time = &scenario.time[rows.clone()];
    let of =
        |figure| series.columns.get(figure).and_then(|c| c.get(rows.clone())).unwrap_or_default();
    let (memory, cpu) = (of(Figure::MemoryWorkingSetBytes), of(Figure::CpuPercent));
    PhaseContainer {
        name: series.name.clone(),
        memory_mean_mb: mean(memory.iter().copied()).map(|v| v / MB),
        cpu_mean_percent: mean(cpu.iter().copied()),
        memory_slope_mb_per_min: endpoint(time, memory).map(|s| s / MB),
        cpu_slope_percent_per_min: endpoint(time, cpu),
        memory_trend: trends.zip(leak_mb).and_then(|(rule, (mb, resolution))| {
            trend(time, mb.get(rows.clone())?, rule, 0.95, *resolution)
        }),
        cpu_trend: trends
            .filter(|_| cpu.len() == time.len())
            .and_then(|rule| trend(time, cpu, rule, 0.95, 0.0)),
    }
}
