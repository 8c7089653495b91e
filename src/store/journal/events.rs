//! The frame of a run from its events: scenarios, phases, containers, how it ended.

use chrono::{DateTime, SecondsFormat};
use serde_json::Value;

use super::scenario::{GrowingScenario, PhaseSpan};
use crate::analysis::{OomEvent, Phase};
use crate::model::{Container, Event, EventKind};

/// What the events say about a run.
#[derive(Debug, Default)]
pub(super) struct Frame {
    pub scenarios: Vec<GrowingScenario>,
    pub containers: Vec<Container>,
    /// When it ended, Unix seconds; absent for a run that was killed.
    pub ended: Option<f64>,
    pub abort_reason: Option<String>,
}

impl Frame {
    pub(super) fn new(containers: Vec<Container>, events: &[Event]) -> Frame {
        let mut frame = Frame { containers, ..Frame::default() };
        for event in events {
            frame.event(event);
        }
        if frame.ended.is_none() && !events.is_empty() {
            frame.abort_reason = Some(KILLED.to_string());
        }
        frame
    }

    fn event(&mut self, event: &Event) {
        match &event.kind {
            EventKind::ScenarioStart { scenario, params } => {
                let started = self.scenario(scenario);
                started.start = Some(event.at);
                started.data.params = params.clone();
                started.data.started_at = iso(event.t);
            }
            EventKind::ScenarioEnd { scenario, aborted, reason, metadata } => {
                let ended = self.scenario(scenario);
                ended.ended = true;
                ended.data.aborted = *aborted;
                ended.data.abort_reason.clone_from(reason);
                ended.data.completed_at = iso(event.t);
                ended.data.duration_seconds = ended.start.map(|start| event.at - start);
                ended.data.metadata = metadata.clone();
                ended.data.oom_events = take_oom_events(&mut ended.data.metadata);
            }
            EventKind::PhaseStart { .. } => self.phase_start(event),
            EventKind::PhaseEnd { scenario, index, reason, .. } => {
                let phases = &mut self.scenario(scenario).phases;
                if let Some(span) = phases.iter_mut().find(|span| span.index == *index) {
                    span.ended = true;
                    span.phase.end = event.at;
                    span.phase.end_reason = Some(reason.clone());
                }
            }
            EventKind::Container(container) => self.container(container),
            EventKind::RunEnd { abort_reason } => {
                self.ended = Some(event.t);
                self.abort_reason.clone_from(abort_reason);
            }
            _ => {}
        }
    }

    fn phase_start(&mut self, event: &Event) {
        let EventKind::PhaseStart { scenario, phase, index, level, speed, sampled, .. } =
            &event.kind
        else {
            return;
        };
        let span = PhaseSpan {
            index: *index,
            sampled: *sampled,
            ended: false,
            phase: Phase {
                name: phase.clone(),
                start: event.at,
                end: event.at,
                ticks: 0..0,
                level: *level,
                speed: *speed,
                end_reason: None,
            },
        };
        let phases = &mut self.scenario(scenario).phases;
        phases.retain(|known| known.index != *index);
        phases.push(span);
    }

    fn scenario(&mut self, name: &str) -> &mut GrowingScenario {
        let known = self.scenarios.iter().position(|s| s.data.name == name);
        let at = known.unwrap_or(self.scenarios.len());
        if known.is_none() {
            self.scenarios.push(GrowingScenario::new(name));
        }
        &mut self.scenarios[at]
    }

    fn container(&mut self, container: &Container) {
        match self.containers.iter_mut().find(|c| c.name == container.name) {
            Some(known) => *known = container.clone(),
            None => self.containers.push(container.clone()),
        }
    }
}

/// Reason of a scenario or run whose end was never written.
pub(super) const KILLED: &str = "killed";

/// Ends a scenario that was cut off: its last tick ended it.
pub(super) fn end_killed(scenario: &mut GrowingScenario) {
    if scenario.ended || scenario.start.is_none() {
        return;
    }
    let data = &mut scenario.data;
    data.aborted = true;
    data.abort_reason = Some(KILLED.to_string());
    data.completed_at = data.wall.last().and_then(|t| iso(*t));
    let last = data.time.last().copied();
    data.duration_seconds = last.zip(scenario.start).map(|(end, start)| end - start);
}

fn take_oom_events(metadata: &mut Value) -> Vec<OomEvent> {
    let taken = metadata.as_object_mut().and_then(|m| m.remove("oom_events"));
    taken.and_then(|list| serde_json::from_value(list).ok()).unwrap_or_default()
}

/// Unix seconds as RFC 3339 in UTC; nothing for a time that no calendar has.
pub(super) fn iso(t: f64) -> Option<String> {
    let millis = (t * 1e3).round();
    let time = DateTime::from_timestamp_millis(millis as i64).filter(|_| millis.is_finite())?;
    Some(time.to_rfc3339_opts(SecondsFormat::Millis, true))
}
