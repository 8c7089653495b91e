//! Kills and restarts as marks in a chart.

use crate::analysis::{Dataset, ScenarioData};
use crate::model::event::{EventKind as Recorded, StackEventKind};
use crate::report::chart::{Event, EventKind};

/// Something that happened to a container, on the chart's own time.
pub struct Mark {
    pub container: String,
    pub event: Event,
}

/// Marks that a chart holds.
const MOST: usize = 40;

/// Seconds within which an end of a container belongs to the kill before it.
const SAME: f64 = 3.0;

/// What happened during a scenario, in the order of time: by the journal where it tells, else by
/// what results.json records.
pub fn marks(data: &Dataset, scenario: &ScenarioData) -> Vec<Mark> {
    let (Some(first), Some(last)) = (scenario.time.first(), scenario.time.last()) else {
        return Vec::new();
    };
    let mut all = from_journal(data, *first, *last + SAME);
    if all.is_empty() {
        all = from_results(scenario);
    }
    all.retain(|mark| mark.event.at.is_finite());
    all.sort_by(|a, b| a.event.at.total_cmp(&b.event.at).then(a.container.cmp(&b.container)));
    all.truncate(MOST);
    all
}

fn from_journal(data: &Dataset, first: f64, last: f64) -> Vec<Mark> {
    let mut all: Vec<Mark> = Vec::new();
    for event in data.events.iter().filter(|e| e.at >= first && e.at <= last) {
        let Recorded::Stack(stack) = &event.kind else { continue };
        let at = event.at - first;
        let is_known = |all: &[Mark]| {
            all.iter().any(|m| m.container == stack.name && (m.event.at - at).abs() < SAME)
        };
        match stack.kind {
            StackEventKind::Oom => {
                all.retain(|m| m.container != stack.name || (m.event.at - at).abs() >= SAME);
                all.push(mark(&stack.name, at, "OOM kill", EventKind::OomKill));
            }
            StackEventKind::Die { .. } if !is_known(&all) => {
                all.push(mark(&stack.name, at, "ended", EventKind::Restart));
            }
            StackEventKind::Restart if !is_known(&all) => {
                all.push(mark(&stack.name, at, "restart", EventKind::Restart));
            }
            _ => {}
        }
    }
    all
}

fn from_results(scenario: &ScenarioData) -> Vec<Mark> {
    let first = scenario.wall.first().copied().unwrap_or(0.0);
    let one = |event: &crate::analysis::OomEvent| {
        let at = event.timestamp - first;
        let is_kill = event.kind.as_deref().is_some_and(|kind| kind.contains("oom"));
        let (what, kind) = match is_kill {
            true => ("OOM kill", EventKind::OomKill),
            false => ("restart", EventKind::Restart),
        };
        mark(&event.container_name, at, what, kind)
    };
    scenario.oom_events.iter().map(one).collect()
}

fn mark(container: &str, at: f64, what: &str, kind: EventKind) -> Mark {
    let event = Event { at: at.max(0.0), name: format!("{what} {container}"), kind };
    Mark { container: container.to_string(), event }
}
