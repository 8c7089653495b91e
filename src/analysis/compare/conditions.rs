//! Were two runs made under the same conditions?

use std::ops::Range;

use serde_json::Value;

use crate::analysis::dataset::{Dataset, ScenarioData};
use crate::analysis::stats::Sample;
use crate::model::units::bytes_to_mb;

/// A held load may differ by this share: agents that are on their way are counted a little
/// differently each time.
const LOAD_SHARE: f64 = 0.1;

/// An active phase may be this much shorter or longer.
const LENGTH_SHARE: f64 = 0.2;

/// What forbids a comparison, in words.
pub fn refusals(
    (then, active_then): (&ScenarioData, &Range<usize>),
    (now, active): (&ScenarioData, &Range<usize>),
) -> Vec<String> {
    let mut differing = Vec::new();
    let loads = (load(then, active_then), load(now, active));
    match loads {
        (Some(a), Some(b)) if apart(a, b, LOAD_SHARE) => {
            differing.push(format!("the load was {a:.0} in the base and {b:.0} now"));
        }
        (Some(_), None) | (None, Some(_)) => {
            differing.push("only one of the runs recorded its load".to_string());
        }
        _ => {}
    }
    let (a, b) = (speed(then, active_then), speed(now, active));
    if apart(a.unwrap_or(1.0), b.unwrap_or(1.0), 1e-9) {
        differing.push(format!(
            "the speed was {}x in the base and {}x now",
            a.unwrap_or(1.0),
            b.unwrap_or(1.0)
        ));
    }
    let (a, b) = (minutes(then, active_then), minutes(now, active));
    if apart(a, b, LENGTH_SHARE) {
        differing.push(format!("the active phase took {a:.1} minutes in the base and {b:.1} now"));
    }
    differing
}

/// What does not forbid a comparison but may explain a difference, in words.
pub fn notes(base: &Dataset, current: &Dataset) -> Vec<String> {
    let facts = [
        ("/host/cores", "cores of the host"),
        ("/host/kernel", "kernel"),
        ("/host/cgroup", "cgroup version"),
        ("/engine/version", "engine"),
    ];
    let mut notes: Vec<String> = facts
        .iter()
        .filter_map(|(pointer, what)| {
            let (a, b) = (fact(base, pointer)?, fact(current, pointer)?);
            (a != b).then(|| format!("{what}: {a} in the base, {b} now"))
        })
        .collect();
    notes.extend(limits(base, current));
    notes
}

fn limits(base: &Dataset, current: &Dataset) -> Vec<String> {
    let mb = |bytes: Option<u64>| {
        bytes.map_or("none".to_string(), |b| format!("{:.0} MB", bytes_to_mb(b as f64)))
    };
    let differing = current.containers.iter().filter_map(|now| {
        let then = base.containers.iter().find(|c| c.name == now.name)?;
        let (a, b) = (then.limits.memory_bytes, now.limits.memory_bytes);
        (a != b)
            .then(|| format!("memory limit of {}: {} in the base, {} now", now.name, mb(a), mb(b)))
    });
    differing.collect()
}

fn fact(data: &Dataset, pointer: &str) -> Option<String> {
    match data.run.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

/// Median level over the active ticks.
fn load(scenario: &ScenarioData, active: &Range<usize>) -> Option<f64> {
    [&scenario.active, &scenario.queued].into_iter().find_map(|levels| {
        let rows = levels.get(active.clone())?;
        Some(Sample::of(rows.iter().copied().filter(|v| v.is_finite()))?.sorted().median())
    })
}

fn speed(scenario: &ScenarioData, active: &Range<usize>) -> Option<f64> {
    let phase = scenario.phases.iter().find(|p| p.ticks.start == active.start)?;
    phase.speed
}

fn minutes(scenario: &ScenarioData, active: &Range<usize>) -> f64 {
    let time = scenario.time.get(active.clone()).unwrap_or_default();
    time.first().zip(time.last()).map_or(0.0, |(first, last)| (last - first) / 60.0)
}

/// Whether two amounts differ by more than a share of the larger one.
fn apart(a: f64, b: f64, share: f64) -> bool {
    (a - b).abs() > share * a.abs().max(b.abs())
}
