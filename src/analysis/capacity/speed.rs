//! How far the load could be sped up.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::analysis::dataset::{Phase, ScenarioData};
use crate::config::StressLimits;
use crate::model::event::Trigger;

use super::readings::push_tick;
use super::stress::read_trigger;
use super::{ContainerLimits, RollingMeans};

/// What a speed scenario found out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Speed {
    /// The last multiplier run, also when it reached a threshold.
    pub max_speed_achieved: Option<f64>,
    /// The last multiplier below the thresholds.
    pub max_speed_sustained: Option<f64>,
    /// A threshold ended it.
    pub stopped_by_threshold: bool,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// One step; its means are those of the phase of the same name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// The phase it was.
    pub phase: String,
    /// Multiplier.
    pub multiplier: f64,
    /// Level asked for.
    pub level: Option<u32>,
    /// How many ticks.
    pub ticks: usize,
    /// What its last window reached.
    pub trigger: Option<Trigger>,
}

/// Reads the steps off a speed scenario: every phase with a multiplier and a tick. The recorded
/// triggers count; where the record is missing the last window of a step is judged again.
#[must_use]
pub fn speed(
    scenario: &ScenarioData,
    limits: &StressLimits,
    containers: &BTreeMap<String, ContainerLimits>,
) -> Speed {
    let recorded = scenario.metadata.get("step_results").and_then(Value::as_array);
    let step = |(index, phase): (usize, &Phase)| {
        let trigger = match recorded.and_then(|steps| steps.get(index)) {
            Some(step) => step.get("trigger").and_then(read_trigger),
            None => judged(scenario, phase, limits, containers),
        };
        Some(Step {
            phase: phase.name.clone(),
            multiplier: phase.speed?,
            level: phase.level,
            ticks: phase.ticks.len(),
            trigger,
        })
    };
    let is_step = |phase: &&Phase| phase.speed.is_some() && !phase.ticks.is_empty();
    let steps: Vec<Step> =
        scenario.phases.iter().filter(is_step).enumerate().filter_map(step).collect();
    let by_record = |key: &str| scenario.metadata.get(key).and_then(Value::as_f64);
    Speed {
        max_speed_achieved: steps
            .last()
            .map(|step| step.multiplier)
            .or_else(|| by_record("max_speed_achieved")),
        max_speed_sustained: steps
            .iter()
            .rfind(|step| step.trigger.is_none())
            .map(|step| step.multiplier),
        stopped_by_threshold: steps.iter().any(|step| step.trigger.is_some()),
        steps,
    }
}

fn judged(
    scenario: &ScenarioData,
    phase: &Phase,
    limits: &StressLimits,
    containers: &BTreeMap<String, ContainerLimits>,
) -> Option<Trigger> {
    let mut means = RollingMeans::new(limits.window.as_secs_f64());
    for row in phase.ticks.clone() {
        push_tick(&mut means, scenario, row);
    }
    means.judge(limits, containers)
}
