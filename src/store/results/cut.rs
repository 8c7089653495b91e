//! The record of a scenario as read, and its phases: samples of the predecessor carry no phase,
//! they are cut by the counts in the metadata.

use serde_json::{Map, Value};

use crate::analysis::{OomEvent, Phase, ScenarioData};
use crate::store::error::DamageLog;

/// Names of the phases of a duration scenario in their order.
const LIFECYCLE: [&str; 3] = ["active", "drain", "cooldown"];

/// Fills in everything of a scenario but its rows. `zero` is the wall clock at zero of its time.
pub(super) fn fill(
    data: &mut ScenarioData,
    mut record: Map<String, Value>,
    damage: &mut DamageLog,
    zero: Option<f64>,
) {
    let mut take = |key: &str| record.remove(key).unwrap_or(Value::Null);
    let text = |value: Value| value.as_str().map(str::to_string);
    data.name = text(take("scenario_name")).unwrap_or_default();
    data.params = take("scenario_params");
    data.started_at = text(take("started_at"));
    data.completed_at = text(take("completed_at"));
    data.duration_seconds = take("duration_seconds").as_f64();
    data.aborted = take("aborted").as_bool().unwrap_or(false);
    data.abort_reason = text(take("abort_reason"));
    data.metadata = take("metadata");
    data.oom_events = oom_events(take("oom_events"), damage);
    data.gaps = gaps(&take("gaps"));
    let own = take("phases");
    data.phases = own_phases(&own, data)
        .or_else(|| lifecycle(data, damage, zero))
        .or_else(|| steps(data, damage))
        .unwrap_or_default();
}

fn oom_events(list: Value, damage: &mut DamageLog) -> Vec<OomEvent> {
    let Value::Array(list) = list else {
        return Vec::new();
    };
    let mut events = Vec::with_capacity(list.len());
    for entry in list {
        match serde_json::from_value(entry) {
            Ok(event) => events.push(event),
            Err(error) => {
                damage.note(None, || format!("an entry of oom_events: {error}; left out"))
            }
        }
    }
    events
}

fn gaps(list: &Value) -> Vec<(String, String, u64)> {
    let one = |gap: &Value| {
        let text = |key: &str| gap.get(key)?.as_str().map(str::to_string);
        Some((text("source")?, text("reason")?, gap.get("count")?.as_u64()?))
    };
    list.as_array().into_iter().flatten().filter_map(one).collect()
}

fn count(value: Option<&Value>) -> Option<usize> {
    value.and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok())
}

/// Phases as our files hold them.
fn own_phases(list: &Value, data: &ScenarioData) -> Option<Vec<Phase>> {
    let rows = data.time.len();
    let list = list.as_array()?;
    let one = |value: &Value| {
        let first = count(value.get("first_sample"))?.min(rows);
        let samples = count(value.get("sample_count"))?;
        let number = |key: &str| value.get(key).and_then(Value::as_f64);
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_string);
        Some(Phase {
            name: text("name")?,
            start: number("start")?,
            end: number("end")?,
            ticks: first..first.saturating_add(samples).min(rows),
            level: count(value.get("level")).and_then(|n| u32::try_from(n).ok()),
            speed: number("speed"),
            end_reason: text("end_reason"),
        })
    };
    Some(list.iter().filter_map(one).collect())
}

/// Phases of the predecessor's duration scenario.
fn lifecycle(data: &ScenarioData, damage: &mut DamageLog, zero: Option<f64>) -> Option<Vec<Phase>> {
    let counts = data.metadata.get("phase_sample_counts")?.as_object()?;
    let named = LIFECYCLE.iter().filter(|name| counts.contains_key(**name));
    let cut: Option<Vec<(String, usize)>> =
        named.map(|name| Some((name.to_string(), count(counts.get(*name))?))).collect();
    let mut phases = cut_by_counts(data, cut, damage)?;
    let level = count(data.params.get("drivers")).and_then(|n| u32::try_from(n).ok());
    for phase in &mut phases {
        let stamp = |end: &str| {
            let key = format!("{}_{end}", phase.name);
            let stamp = data.metadata.get("phase_timestamps")?.get(key)?.as_f64()?;
            Some(stamp - zero?)
        };
        // A stamp that contradicts the samples is not believed.
        let start = stamp("start").filter(|start| *start <= phase.start);
        let end = stamp("end").filter(|end| *end >= phase.end);
        phase.start = start.unwrap_or(phase.start);
        phase.end = end.unwrap_or(phase.end);
        phase.level = level.filter(|_| phase.name == "active");
    }
    Some(phases)
}

/// Steps of the predecessor's speed scenario.
fn steps(data: &ScenarioData, damage: &mut DamageLog) -> Option<Vec<Phase>> {
    let steps = data.metadata.get("step_results")?.as_array()?;
    let speed = |step: &Value| step.get("multiplier").and_then(Value::as_f64);
    let cut: Option<Vec<(String, usize)>> = steps
        .iter()
        .map(|step| Some((format!("{}x", speed(step)?), count(step.get("sample_count"))?)))
        .collect();
    let mut phases = cut_by_counts(data, cut, damage)?;
    for (phase, step) in phases.iter_mut().zip(steps) {
        let hit = step.get("threshold_hit").and_then(Value::as_bool);
        phase.speed = speed(step);
        phase.level = count(step.get("agent_count")).and_then(|n| u32::try_from(n).ok());
        phase.end_reason = hit.map(|hit| if hit { "threshold" } else { "after" }.to_string());
    }
    Some(phases)
}

/// Consecutive phases of so many samples; none where the counts do not fit the samples.
fn cut_by_counts(
    data: &ScenarioData,
    counts: Option<Vec<(String, usize)>>,
    damage: &mut DamageLog,
) -> Option<Vec<Phase>> {
    let rows = data.time.len();
    let fitting = counts.filter(|counts| {
        let sum = counts.iter().try_fold(0usize, |sum, (_, n)| sum.checked_add(*n));
        sum.is_some_and(|sum| sum <= rows)
    });
    let Some(counts) = fitting else {
        if rows > 0 {
            let name = &data.name;
            damage.note(None, || {
                format!("the sample counts of {name}'s phases do not fit its {rows} samples; its phases are unknown")
            });
        }
        return None;
    };
    let mut next = 0;
    let phase = |(name, samples): (String, usize)| {
        let ticks = next..next + samples;
        next = ticks.end;
        let times = data.time.get(ticks.clone()).unwrap_or_default();
        let start = times.first().copied().unwrap_or_default();
        Phase {
            name,
            start,
            end: times.last().copied().unwrap_or(start),
            ticks,
            level: None,
            speed: None,
            end_reason: None,
        }
    };
    Some(counts.into_iter().map(phase).collect())
}
