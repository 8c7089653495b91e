//! Each container over the whole run: its verdicts, peaks, incidents and limits.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::Figure;
use crate::model::units::bytes_to_mb;

use super::capacity::ContainerLimits;
use super::dataset::{Dataset, ScenarioData};
use super::held::{Held, leak_scenario_of};
use super::incident_counts::IncidentCounts;
use super::leak::{LeakInput, LeakVerdict, verdict};
use super::limits::{SuggestedLimits, killed_at_mb, suggested};
use super::parallel;
use super::resources::{self, ResourceVerdict};
use super::retention::{Retention, retention};
use super::scenario_stats::{ContainerStats, ScenarioStats};
use super::settings::Settings;

/// One container over the whole run. MB are 2^20 bytes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContainerAnalysis {
    /// Its key.
    pub name: String,
    /// Cores its CPU thresholds are scaled by.
    pub cores: f64,
    /// Its memory limit.
    pub limit_mb: Option<f64>,
    /// Whether it leaks; absent where no scenario held a load for it to be told.
    pub leak: Option<LeakVerdict>,
    /// Descriptors, sockets, threads, disk space: those that were measured under load.
    pub resources: Vec<ResourceVerdict>,
    /// What it kept after the load was gone.
    pub retention: Option<Retention>,
    /// Highest CPU sample, percent of one core.
    pub peak_cpu_percent: Option<f64>,
    /// Highest working set sample.
    pub peak_memory_mb: Option<f64>,
    /// OOM kills in the run.
    pub oom_kills: u64,
    /// That number is not certain: witnesses contradict each other.
    pub oom_kills_about: bool,
    /// Restarts in the run.
    pub restarts: u64,
    /// Crashes in the run.
    pub crashes: u64,
    /// Limits that fit what was measured under load.
    pub suggested: SuggestedLimits,
}

/// What is known of each container when capacity is judged.
pub(super) fn container_limits(
    data: &Dataset,
    settings: &Settings,
) -> BTreeMap<String, ContainerLimits> {
    let limits = |name: &String| {
        let own = settings.container(name);
        let known = data.containers.iter().rev().find(|c| c.name == *name);
        let cores = own
            .effective_cores
            .or_else(|| known.and_then(|c| c.limits.cpus))
            .or(settings.host_cores)
            .unwrap_or(1.0);
        ContainerLimits {
            cores,
            memory_percent: own.memory_percent,
            cpu_percent: own.cpu_percent,
            ignore: own.ignore,
        }
    };
    names(data).into_iter().map(|name| (name.clone(), limits(&name))).collect()
}

/// All containers that were sampled, in order of first sight.
fn names(data: &Dataset) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut known = std::collections::HashSet::new();
    for series in data.scenarios.iter().flat_map(|scenario| &scenario.containers) {
        if known.insert(series.name.as_str()) {
            names.push(series.name.clone());
        }
    }
    names
}

/// What the scenario that held a load says about one container.
#[derive(Default)]
struct Judged {
    leak: Option<LeakVerdict>,
    resources: Vec<ResourceVerdict>,
    retention: Option<Retention>,
}

/// All containers but the ignored ones, in order of first sight.
pub(super) fn analyze(
    data: &Dataset,
    settings: &Settings,
    held: Option<&Held<'_>>,
    limits: &BTreeMap<String, ContainerLimits>,
    scenarios: &[ScenarioStats],
    incidents: &[IncidentCounts],
) -> Vec<ContainerAnalysis> {
    let names: Vec<String> =
        names(data).into_iter().filter(|name| !settings.ignores(name)).collect();
    let idle = data.scenarios.iter().find(|s| s.name == "baseline");
    let weight = names.len() * held.map_or(0, |(scenario, _)| scenario.time.len());
    let judged = parallel::map(&names, weight, |name| {
        let held = leak_scenario_of(data, name);
        let known = data.containers.iter().rev().find(|c| c.name == *name);
        let started = known.and_then(|c| c.started_at.as_deref());
        held.and_then(|held| judge(&held, idle, settings, name, started)).unwrap_or_default()
    });
    let one = |(name, judged): (String, Judged)| {
        let cores = limits.get(&name).map_or(1.0, |l| l.cores);
        let of_it: Vec<_> = incidents.iter().filter(|i| i.container == name).collect();
        let killed_at_mb = killed_at_mb(data, &name);
        let suggested = suggested(of_container(scenarios, &name), killed_at_mb);
        let limits = (limit_mb(data, &name), suggested);
        put_together(name, cores, limits, judged, scenarios, &of_it)
    };
    names.into_iter().zip(judged).map(one).collect()
}

fn judge(
    (scenario, active): &Held<'_>,
    idle: Option<&ScenarioData>,
    settings: &Settings,
    name: &str,
    started: Option<&str>,
) -> Option<Judged> {
    let series = scenario.series(name)?;
    let config = settings.leak_of(name);
    let leak = match LeakInput::new(scenario, series, active.clone()) {
        Some(input) => {
            let age_minutes = age(scenario, active.start, started);
            verdict(&LeakInput { age_minutes, ..input }, &config)
        }
        None => LeakVerdict::insufficient("no memory figure was measured", &config),
    };
    let before = idle.and_then(|idle| Some((idle, idle.series(name)?)));
    let floors = &settings.resources;
    Some(Judged {
        leak: Some(leak),
        resources: resources::judge(scenario, series, active, floors, &settings.leak),
        retention: retention(scenario, series, before),
    })
}

/// A container's part in each scenario.
fn of_container<'a>(
    scenarios: &'a [ScenarioStats],
    name: &str,
) -> impl Iterator<Item = (&'a ScenarioStats, &'a ContainerStats)> {
    scenarios.iter().filter_map(move |scenario| Some((scenario, scenario.container(name)?)))
}

/// Minutes from the start of a container to a row; none where either moment is not known, or where it
/// was started again later.
fn age(scenario: &ScenarioData, row: usize, started: Option<&str>) -> Option<f64> {
    let started = chrono::DateTime::parse_from_rfc3339(started?).ok()?;
    let seconds = started.timestamp_millis() as f64 / 1000.0;
    let wall = scenario.wall.get(row).copied().filter(|wall| wall.is_finite())?;
    Some((wall - seconds) / 60.0).filter(|minutes| *minutes >= 0.0)
}

fn put_together(
    name: String,
    cores: f64,
    (limit_mb, suggested): (Option<f64>, SuggestedLimits),
    judged: Judged,
    scenarios: &[ScenarioStats],
    incidents: &[&IncidentCounts],
) -> ContainerAnalysis {
    let stats = || of_container(scenarios, &name);
    let sum = |count: fn(&IncidentCounts) -> u64| incidents.iter().map(|i| count(i)).sum();
    ContainerAnalysis {
        cores,
        limit_mb,
        leak: judged.leak,
        resources: judged.resources,
        retention: judged.retention,
        peak_cpu_percent: stats()
            .filter_map(|(_, c)| c.cpu_percent().map(|s| s.max))
            .reduce(f64::max),
        peak_memory_mb: stats().filter_map(|(_, c)| c.memory_mb().map(|s| s.max)).reduce(f64::max),
        oom_kills: sum(|i| i.oom_kills),
        oom_kills_about: incidents.iter().any(|i| i.about),
        restarts: sum(|i| i.restarts),
        crashes: sum(|i| i.crashes),
        suggested,
        name,
    }
}

fn limit_mb(data: &Dataset, name: &str) -> Option<f64> {
    let known = data.containers.iter().rev().find(|c| c.name == name);
    let configured = known.and_then(|c| c.limits.memory_bytes).map(|bytes| bytes as f64);
    let sampled = || {
        let mut series = data.scenarios.iter().rev().filter_map(|s| s.series(name));
        series.find_map(|series| {
            let limits = series.columns.get(Figure::MemoryLimitBytes)?;
            limits.iter().rev().find(|v| v.is_finite() && **v > 0.0).copied()
        })
    };
    sampled().or(configured).map(bytes_to_mb)
}
