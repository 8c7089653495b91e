//! The record of a scenario: what the session found out live, completed with what follows from the
//! samples. A run that was killed has only the latter.

use serde_json::{Map, Value, json};

use crate::analysis::{Dataset, Phase, ScenarioData, Series};
use crate::model::Figure;
use crate::model::units::round_to;

/// The phases of the replaced framework's duration scenario.
const LIFECYCLE: [&str; 3] = ["active", "drain", "cooldown"];

/// The phases with their ticks: what `phase_sample_counts` cannot tell of other scenarios.
pub(super) fn phases(scenario: &ScenarioData) -> Vec<Value> {
    let one = |phase: &Phase| {
        json!({
            "name": phase.name,
            "start": phase.start,
            "end": phase.end,
            "first_sample": phase.ticks.start,
            "sample_count": phase.ticks.len(),
            "level": phase.level,
            "speed": phase.speed,
            "end_reason": phase.end_reason,
        })
    };
    scenario.phases.iter().map(one).collect()
}

/// Derived keys, the session's own over them, the caller's over both.
pub(super) fn merged(
    data: &Dataset,
    scenario: &ScenarioData,
    more: Option<&Map<String, Value>>,
) -> Value {
    let mut all = match scenario.name.as_str() {
        "stress_test" => stress(scenario, data.level_is_agents()),
        "duration_leak" => lifecycle(scenario),
        "speed_scaling" => speed(scenario),
        _ => Map::new(),
    };
    let live = scenario.metadata.as_object().into_iter().flatten();
    for (key, value) in live.chain(more.into_iter().flatten()) {
        all.insert(key.clone(), value.clone());
    }
    if let Some(Value::Array(steps)) = all.get_mut("step_results") {
        complete_steps(steps, scenario);
    }
    Value::Object(all)
}

fn stress(scenario: &ScenarioData, level_is_agents: bool) -> Map<String, Value> {
    let mut batches = scenario.queued.clone();
    batches.retain(|v| v.is_finite() && *v > 0.0);
    batches.dedup();
    let mut all = entries(json!({
        "trigger": null,
        "peak_values": peaks(scenario),
        "duration_seconds": span(scenario),
        "batch_count": batches.len(),
    }));
    let levels = scenario.queued.iter().copied().filter(|v| v.is_finite());
    if let Some(level) = levels.reduce(f64::max).filter(|_| level_is_agents) {
        let level = level as u64;
        all.insert("total_agents_queued".into(), json!(2 * level));
        all.insert("drivers_queued".into(), json!(level));
        all.insert("riders_queued".into(), json!(level));
    }
    all
}

/// The highest samples of each container, percent; what was not measured is left out.
fn peaks(scenario: &ScenarioData) -> Map<String, Value> {
    let of = |series: &Series| {
        let peak = |figure| {
            let values = series.columns.get(figure).unwrap_or_default().iter();
            values.copied().filter(|v| v.is_finite()).reduce(f64::max)
        };
        let keys = [("memory_percent", Figure::MemoryPercent), ("cpu_percent", Figure::CpuPercent)];
        let known = keys
            .into_iter()
            .filter_map(|(key, figure)| Some((key.to_string(), json!(round_to(peak(figure)?, 4)))));
        (series.name.clone(), Value::Object(known.collect()))
    };
    scenario.containers.iter().map(of).collect()
}

fn lifecycle(scenario: &ScenarioData) -> Map<String, Value> {
    let mut stamps = Map::new();
    let mut counts = Map::new();
    let mut all = Map::new();
    for name in LIFECYCLE {
        let of_name = || scenario.phases.iter().filter(move |phase| phase.name == name);
        let (Some(first), Some(last)) = (of_name().next(), of_name().next_back()) else {
            continue;
        };
        stamps.insert(format!("{name}_start"), json!(wall(scenario, first.start)));
        stamps.insert(format!("{name}_end"), json!(wall(scenario, last.end)));
        let samples: usize = of_name().map(|phase| phase.ticks.len()).sum();
        counts.insert(name.to_string(), json!(samples));
        if name == "drain" {
            let seconds: f64 = of_name().map(|phase| phase.end - phase.start).sum();
            all.insert("drain_duration_seconds".into(), json!(round_to(seconds, 3)));
        }
    }
    all.insert("phase_timestamps".into(), Value::Object(stamps));
    all.insert("phase_sample_counts".into(), Value::Object(counts));
    all
}

fn speed(scenario: &ScenarioData) -> Map<String, Value> {
    let steps: Vec<&Phase> = scenario.phases.iter().filter(|p| p.speed.is_some()).collect();
    let hit = |phase: &Phase| phase.end_reason.as_deref() == Some("threshold");
    let results: Vec<Value> = steps
        .iter()
        .enumerate()
        .map(|(index, phase)| {
            json!({
                "step": index + 1,
                "multiplier": phase.speed.map(number),
                "agent_count": phase.level,
                "threshold_hit": hit(phase),
                "trigger": null,
            })
        })
        .collect();
    entries(json!({
        "total_steps": results.len(),
        "max_speed_achieved": steps.last().and_then(|p| p.speed).map(number),
        "stopped_by_threshold": steps.last().is_some_and(|p| hit(p)),
        "step_results": results,
    }))
}

/// Readers cut the samples by `sample_count`.
fn complete_steps(steps: &mut [Value], scenario: &ScenarioData) {
    let phases = scenario.phases.iter().filter(|p| p.speed.is_some());
    for (step, phase) in steps.iter_mut().zip(phases) {
        let Some(step) = step.as_object_mut() else {
            continue;
        };
        step.entry("sample_count").or_insert_with(|| json!(phase.ticks.len()));
        let seconds = round_to(phase.end - phase.start, 3);
        step.entry("duration_seconds").or_insert_with(|| json!(seconds));
    }
}

fn entries(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// A multiplier without a needless `.0`.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return json!(value as i64);
    }
    json!(value)
}

fn span(scenario: &ScenarioData) -> f64 {
    let ends = scenario.time.first().zip(scenario.time.last());
    ends.map_or(0.0, |(first, last)| round_to(last - first, 3))
}

/// Wall clock of a moment of the scenario, Unix seconds.
fn wall(scenario: &ScenarioData, at: f64) -> Option<f64> {
    let (time, wall) = (scenario.time.first()?, scenario.wall.first()?);
    Some(round_to(wall + (at - time), 6)).filter(|t| t.is_finite())
}
