//! What a scenario finds out while it runs: the `metadata` of results.json, with the names and
//! units of the replaced framework, and the levels that later scenarios build on.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::config::{LoadConfig, PhaseConfig};
use crate::model::event::Trigger;
use crate::model::rates::THROTTLED_PERCENT;
use crate::model::units::round_to;
use crate::model::{Figure, FigureSet};

use super::phase::PhaseEnd;
use super::plan::Kind;

/// One phase as it went.
#[derive(Debug, Clone)]
struct PhaseRecord {
    name: String,
    sampled: bool,
    start: f64,
    start_wall: f64,
    end: f64,
    end_wall: f64,
    ticks: u64,
    level: Option<u32>,
    speed: Option<f64>,
    trigger: Option<Trigger>,
    timed_out: bool,
    /// It ran to an end of its own: not cut off by an OOM kill, a failure or a signal.
    complete: bool,
}

/// The record of a scenario, fed while it runs.
#[derive(Debug, Clone)]
pub struct Record {
    kind: Kind,
    start: f64,
    phases: Vec<PhaseRecord>,
    trigger: Option<Trigger>,
    queued: u32,
    batches: u32,
    peaks: BTreeMap<String, [Option<f64>; 2]>,
    first_throttled: BTreeMap<String, u32>,
    sustained: Option<u32>,
}

impl Record {
    /// An empty record of a scenario that starts at `start`, seconds on the run's clock.
    #[must_use]
    pub fn new(kind: Kind, start: f64) -> Record {
        Record {
            kind,
            start,
            phases: Vec::new(),
            trigger: None,
            queued: 0,
            batches: 0,
            peaks: BTreeMap::new(),
            first_throttled: BTreeMap::new(),
            sustained: None,
        }
    }

    /// A phase begins.
    pub fn phase_start(
        &mut self,
        phase: &PhaseConfig,
        at: f64,
        wall: f64,
        level: Option<u32>,
        speed: Option<f64>,
    ) {
        let before = self.phases.last();
        let level = level.or_else(|| before.and_then(|p| p.level));
        let speed = speed.or_else(|| before.and_then(|p| p.speed));
        self.phases.push(PhaseRecord {
            name: phase.name.clone(),
            sampled: phase.sampled,
            start: at,
            start_wall: wall,
            end: at,
            end_wall: wall,
            ticks: 0,
            level,
            speed,
            trigger: None,
            timed_out: false,
            complete: false,
        });
    }

    /// Level and speed in force in the current phase: its own, or those of the phase before.
    #[must_use]
    pub fn in_force(&self) -> (Option<u32>, Option<f64>) {
        self.phases.last().map_or((None, None), |phase| (phase.level, phase.speed))
    }

    /// The highest level that was carried, as judged live.
    pub fn carried(&mut self, level: Option<u32>) {
        self.sustained = level;
    }

    /// The highest level below the first whose own mean reached a threshold.
    #[must_use]
    pub fn sustained_level(&self) -> Option<u32> {
        self.sustained
    }

    /// A batch was asked for.
    pub fn batch_sent(&mut self) {
        self.batches += 1;
    }

    /// Batches asked for so far.
    #[must_use]
    pub fn batches(&self) -> u32 {
        self.batches
    }

    /// The driven system's own reset took all load away.
    pub fn load_was_reset(&mut self) {
        self.queued = 0;
    }

    /// When the current phase began, seconds on the run's clock.
    #[must_use]
    pub fn phase_started(&self) -> f64 {
        self.phases.last().map_or(self.start, |phase| phase.start)
    }

    /// The level that is queued, however it came.
    pub fn queued(&mut self, queued: u32) {
        self.queued = self.queued.max(queued);
    }

    /// A tick of the current phase, with the derived figures of each container.
    pub fn tick(&mut self, rates: &[(String, FigureSet)]) {
        let Some(phase) = self.phases.last_mut() else {
            return;
        };
        if !phase.sampled {
            return;
        }
        phase.ticks += 1;
        for (name, figures) in rates {
            let peak = self.peaks.entry(name.clone()).or_default();
            for (slot, figure) in peak.iter_mut().zip([Figure::MemoryPercent, Figure::CpuPercent]) {
                if let Some(value) = figures.get(figure) {
                    *slot = Some(slot.map_or(value, |peak| peak.max(value)));
                }
            }
            let throttled =
                figures.get(Figure::CpuThrottledPercent).is_some_and(|t| t >= THROTTLED_PERCENT);
            if throttled && self.queued > 0 {
                self.first_throttled.entry(name.clone()).or_insert(self.queued);
            }
        }
    }

    /// A stretch between two phases is over.
    pub fn between_end(&mut self, at: f64, wall: f64) {
        if let Some(phase) = self.phases.last_mut() {
            (phase.end, phase.end_wall, phase.complete) = (at, wall, true);
        }
    }

    /// The current phase is over.
    pub fn phase_end(&mut self, end: &PhaseEnd, at: f64, wall: f64) {
        let Some(phase) = self.phases.last_mut() else {
            return;
        };
        phase.end = at;
        phase.end_wall = wall;
        phase.timed_out = matches!(end, PhaseEnd::TimedOut(_));
        phase.complete =
            !matches!(end, PhaseEnd::Oom(_) | PhaseEnd::LoadFailed(_) | PhaseEnd::Interrupted);
        if let PhaseEnd::Oom(container) = end {
            self.trigger.get_or_insert_with(|| oom_trigger(container));
        }
        if let PhaseEnd::Threshold(trigger) = end {
            phase.trigger = Some(trigger.clone());
            self.trigger = Some(trigger.clone());
        }
    }

    /// The threshold that was reached, if any.
    #[must_use]
    pub fn trigger(&self) -> Option<&Trigger> {
        self.trigger.as_ref()
    }

    /// The level queued so far.
    #[must_use]
    pub fn level(&self) -> u32 {
        self.queued
    }

    /// The metadata of results.json at `now`.
    #[must_use]
    pub fn metadata(&self, load: Option<&LoadConfig>, now: f64) -> Value {
        match self.kind {
            Kind::Baseline => json!({}),
            Kind::Stress => self.stress(load, now),
            Kind::Duration => self.duration(),
            Kind::Speed => self.speed(),
            Kind::Trials | Kind::Isolate | Kind::Custom => self.custom(),
        }
    }

    fn stress(&self, load: Option<&LoadConfig>, now: f64) -> Value {
        let mut map = Map::new();
        map.insert("trigger".into(), self.trigger.as_ref().map_or(Value::Null, trigger_json));
        let mut total = 0;
        for (name, count) in counts(load, self.queued) {
            total += count;
            map.insert(format!("{name}_queued"), json!(count));
        }
        if !matches!(load, Some(LoadConfig::Http(_))) {
            map.insert("total_agents_queued".into(), json!(total));
        }
        map.insert("max_level".into(), json!(self.queued));
        map.insert("peak_values".into(), self.peaks_json());
        map.insert("first_throttled_at_level".into(), json!(self.first_throttled));
        map.insert("duration_seconds".into(), json!(round_to(now - self.start, 3)));
        map.insert("batch_count".into(), json!(self.batches));
        Value::Object(map)
    }

    fn duration(&self) -> Value {
        let mut stamps = Map::new();
        let mut sample_counts = Map::new();
        for phase in self.phases.iter().filter(|phase| phase.sampled) {
            stamps.insert(format!("{}_start", phase.name), json!(round_to(phase.start_wall, 6)));
            stamps.insert(format!("{}_end", phase.name), json!(round_to(phase.end_wall, 6)));
            sample_counts.insert(phase.name.clone(), json!(phase.ticks));
        }
        let mut map = Map::new();
        map.insert("phase_timestamps".into(), Value::Object(stamps));
        map.insert("phase_sample_counts".into(), Value::Object(sample_counts));
        if let Some(drain) = self.phases.iter().find(|phase| phase.name == "drain") {
            let seconds = round_to(drain.end - drain.start, 3);
            map.insert("drain_duration_seconds".into(), json!(seconds));
            map.insert("drained".into(), json!(!drain.timed_out));
        }
        map.insert("level".into(), json!(self.queued));
        Value::Object(map)
    }

    fn speed(&self) -> Value {
        let steps: Vec<&PhaseRecord> = self.phases.iter().filter(|phase| phase.sampled).collect();
        let rows: Vec<Value> = steps.iter().enumerate().map(|(i, p)| step_json(i + 1, p)).collect();
        let reached = steps.iter().filter(|step| step.ticks > 0);
        let sustained = reached.clone().rfind(|step| step.complete && step.trigger.is_none());
        json!({
            "step_results": rows,
            "total_steps": steps.len(),
            "max_speed_achieved": reached.clone().next_back().and_then(|s| s.speed).map(number),
            "max_speed_sustained": sustained.and_then(|s| s.speed).map(number),
            "stopped_by_threshold": steps.iter().any(|step| step.trigger.is_some()),
        })
    }

    fn custom(&self) -> Value {
        let rows: Vec<Value> = self
            .phases
            .iter()
            .map(|p| {
                json!({
                    "phase": p.name, "sampled": p.sampled, "sample_count": p.ticks,
                    "start": round_to(p.start_wall, 6), "end": round_to(p.end_wall, 6),
                    "level": p.level, "speed": p.speed,
                    "trigger": p.trigger.as_ref().map(trigger_json),
                })
            })
            .collect();
        json!({ "phases": rows, "max_level": self.queued, "peak_values": self.peaks_json() })
    }

    fn peaks_json(&self) -> Value {
        let mut all = Map::new();
        for (name, [memory, cpu]) in &self.peaks {
            let mut one = Map::new();
            for (key, value) in [("memory_percent", memory), ("cpu_percent", cpu)] {
                if let Some(value) = value {
                    one.insert(key.into(), json!(round_to(*value, 2)));
                }
            }
            all.insert(name.clone(), Value::Object(one));
        }
        Value::Object(all)
    }
}

/// An OOM kill as what stopped a scenario: one kill reached the threshold of one.
fn oom_trigger(container: &str) -> Trigger {
    Trigger {
        container: container.to_string(),
        metric: "oom".to_string(),
        value: 1.0,
        threshold: 1.0,
        cores: None,
    }
}

/// How many agents of each kind a level means, by the name they have in results.json.
#[must_use]
pub fn counts(load: Option<&LoadConfig>, level: u32) -> Vec<(String, u32)> {
    match load {
        Some(LoadConfig::Agents(agents)) => agents
            .spawn
            .iter()
            .map(|spawn| (spawn.name.clone(), agents_for(level, spawn.per_level)))
            .collect(),
        Some(LoadConfig::Http(_)) => vec![("requests_per_second".to_string(), level)],
        None => Vec::new(),
    }
}

/// Agents of one kind for a level.
#[must_use]
pub fn agents_for(level: u32, per_level: f64) -> u32 {
    (f64::from(level) * per_level).round() as u32
}

/// A trigger as results.json writes it.
#[must_use]
pub fn trigger_json(trigger: &Trigger) -> Value {
    let mut map = Map::new();
    map.insert("container".into(), json!(trigger.container));
    map.insert("metric".into(), json!(trigger.metric));
    map.insert("value".into(), json!(round_to(trigger.value, 2)));
    map.insert("threshold".into(), json!(round_to(trigger.threshold, 4)));
    if let Some(cores) = trigger.cores {
        map.insert("cores".into(), json!(cores));
    }
    Value::Object(map)
}

fn step_json(step: usize, phase: &PhaseRecord) -> Value {
    json!({
        "step": step,
        "multiplier": phase.speed.map(number),
        "agent_count": phase.level,
        "sample_count": phase.ticks,
        "duration_seconds": round_to(phase.end - phase.start, 3),
        "threshold_hit": phase.trigger.is_some(),
        "trigger": phase.trigger.as_ref().map(trigger_json),
    })
}

/// A whole number without `.0`, as the replaced framework wrote multipliers.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 { json!(value as i64) } else { json!(value) }
}
