//! What results.json needs in the replaced framework's own terms: its analyses by its own rules,
//! so that its readers keep working. Verdicts of ours are in summary.json.

use serde_json::{Map, Value, json};

use crate::model::Figure;
use crate::model::units::round_to;

use super::analyze::Analysis;
use super::dataset::is_active;
use super::scenario_stats::{ContainerStats, PhaseContainer, PhaseStats, ScenarioStats};
use super::settings::Settings;
use super::summary::LoadSummary;

/// Fields for the metadata of a scenario with phases under load (`duration_leak`):
/// `phase_analysis`, `leak_analysis`, `cooldown_analysis`. Empty for any other scenario.
#[must_use]
pub fn duration_metadata(analysis: &Analysis, scenario: &ScenarioStats) -> Map<String, Value> {
    let mut map = Map::new();
    let Some(active) = scenario.phases.iter().find(|phase| is_active(&phase.name)) else {
        return map;
    };
    let phases: Map<String, Value> = scenario
        .phases
        .iter()
        .filter(|phase| !phase.ticks.is_empty())
        .map(|phase| (phase.name.clone(), slopes_of(phase)))
        .collect();
    map.insert("phase_analysis".into(), Value::Object(phases));
    map.insert("leak_analysis".into(), leak_analysis(&analysis.settings, active));
    let cooldown: Map<String, Value> = analysis
        .containers
        .iter()
        .filter_map(|container| {
            let kept = container.retention.as_ref()?;
            let one = json!({
                "active_end_mb": round_to(kept.active_end_mb, 1),
                "cooldown_end_mb": round_to(kept.cooldown_end_mb, 1),
                "delta_mb": round_to(kept.delta_mb, 1),
                "delta_percent": round_to(kept.delta_percent.unwrap_or(0.0), 2),
                "memory_released": kept.memory_released,
            });
            Some((container.name.clone(), one))
        })
        .collect();
    map.insert("cooldown_analysis".into(), Value::Object(cooldown));
    map
}

/// Fields for the metadata of the isolate scenario: `isolation`, as summary.json has it unrounded.
/// Empty for any other scenario.
#[must_use]
pub fn isolate_metadata(analysis: &Analysis, scenario: &ScenarioStats) -> Map<String, Value> {
    let mut map = Map::new();
    if let Some(isolation) = analysis.isolation.as_ref().filter(|_| scenario.name == "isolate") {
        map.insert("isolation".into(), json!(isolation));
    }
    map
}

/// Fields for the metadata of any scenario whose load counts its work: `load`, as summary.json has it of
/// the whole run.
#[must_use]
pub fn load_metadata(analysis: &Analysis, scenario: &ScenarioStats) -> Map<String, Value> {
    let load = analysis.load.scenarios.iter().find(|load| load.scenario == scenario.name);
    let summary = load.and_then(|load| LoadSummary::of(&load.tasks));
    summary.map(|load| ("load".to_string(), json!(load))).into_iter().collect()
}

/// The `analysis` object of results.json: `{"scenario_summaries": [...]}`.
///
/// Slopes are least squares over the scenario. The replaced framework's were n / (n - 1) times
/// too large; that is not kept.
#[must_use]
pub fn analysis(analysis: &Analysis) -> Value {
    let summaries: Vec<Value> = analysis.scenarios.iter().map(|s| summary(analysis, s)).collect();
    json!({ "scenario_summaries": summaries })
}

fn summary(analysis: &Analysis, scenario: &ScenarioStats) -> Value {
    let containers: Map<String, Value> = scenario
        .containers
        .iter()
        .filter_map(|stats| {
            let limit = analysis.container(&stats.name).and_then(|c| c.limit_mb);
            Some((stats.name.clone(), container(stats, limit)?))
        })
        .collect();
    json!({
        "total_samples": scenario.ticks,
        "containers_sampled": containers.len(),
        "containers": containers,
        "scenario_name": scenario.name,
    })
}

/// Its reader needs memory and CPU: a container without either is left out, as in the samples.
fn container(stats: &ContainerStats, limit_mb: Option<f64>) -> Option<Value> {
    let (memory, cpu) = (stats.memory_mb()?, stats.get(Figure::CpuPercent)?);
    Some(json!({
        "memory_mean_mb": round_to(memory.mean, 1),
        "memory_max_mb": round_to(memory.max, 1),
        "memory_p95_mb": round_to(memory.p95, 1),
        "memory_limit_mb": round_to(limit_mb.unwrap_or(0.0), 1),
        "cpu_mean_percent": round_to(cpu.mean, 1),
        "cpu_max_percent": round_to(cpu.max, 1),
        "memory_slope_mb_per_min": round_to(stats.memory_slope_mb_per_min.unwrap_or(0.0), 3),
        "cpu_slope_percent_per_min": round_to(stats.cpu_slope_percent_per_min.unwrap_or(0.0), 3),
    }))
}

fn slopes_of(phase: &PhaseStats) -> Value {
    let slopes =
        phase.containers.iter().map(|part| (part.name.clone(), Value::Object(slopes(part))));
    Value::Object(slopes.collect())
}

fn slopes(part: &PhaseContainer) -> Map<String, Value> {
    let three = |slope: Option<f64>| json!(slope.map_or(0.0, |slope| round_to(slope, 3)));
    let mut map = Map::new();
    map.insert("memory_slope_mb_per_min".into(), three(part.memory_slope_mb_per_min));
    map.insert("cpu_slope_percent_per_min".into(), three(part.cpu_slope_percent_per_min));
    map
}

fn leak_analysis(settings: &Settings, active: &PhaseStats) -> Value {
    let one = |part: &PhaseContainer| {
        let leak = settings.leak_of(&part.name).leak_mb_per_min;
        let cpu = settings.thresholds.cpu_slope_percent_per_min;
        let above = |slope: Option<f64>, threshold| slope.is_some_and(|slope| slope > threshold);
        let mut map = slopes(part);
        map.insert("memory_leak_detected".into(), json!(above(part.memory_slope_mb_per_min, leak)));
        map.insert("cpu_leak_detected".into(), json!(above(part.cpu_slope_percent_per_min, cpu)));
        (part.name.clone(), Value::Object(map))
    };
    Value::Object(active.containers.iter().map(one).collect())
}
