//! The same verdicts from a run folder: events and ticks, merged by time.

use std::collections::BTreeMap;

use super::missed::TOTALS;
use super::{Classifier, Group, Incident, Totals};
use crate::model::{Event, EventKind, Figure, Tick};

/// What happened in a recorded run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// Incidents in order of time.
    pub incidents: Vec<Incident>,
    /// Sums by container.
    pub totals: BTreeMap<String, Totals>,
}

/// Judges a run by its `events.jsonl` and `samples.jsonl`, both in the order they were written.
///
/// What happens between scenarios (resets, the end of the stack) is the runner's own doing.
#[must_use]
pub fn replay(events: &[Event], ticks: &[Tick]) -> Outcome {
    let mut classifier = Classifier::offline();
    classifier.set_resetting(true);
    let mut ticks = ticks.iter().peekable();
    for event in events {
        while let Some(tick) = ticks.next_if(|tick| tick.at <= event.at) {
            feed_tick(&mut classifier, tick);
        }
        feed_event(&mut classifier, event);
    }
    for tick in ticks {
        feed_tick(&mut classifier, tick);
    }
    Outcome { incidents: classifier.finish(), totals: classifier.totals() }
}

pub(super) fn feed_event(classifier: &mut Classifier, event: &Event) {
    match &event.kind {
        EventKind::Stack(stack) => classifier.push(stack),
        EventKind::Container(container) => classifier.observe(container, event.t),
        EventKind::PhaseStart { .. } => classifier.set_resetting(false),
        EventKind::ScenarioStart { .. }
        | EventKind::ScenarioEnd { .. }
        | EventKind::Interrupt { .. } => classifier.set_resetting(true),
        _ => {}
    }
}

/// Feeds what a tick read of the machine and of each container's group.
pub fn feed_tick(classifier: &mut Classifier, tick: &Tick) {
    for (total, figure) in TOTALS {
        if let Some(kills) = tick.host.get(figure) {
            classifier.total(total, tick.t, kills as u64);
        }
    }
    for sample in &tick.samples {
        for (figure, make) in GROUP {
            if let Some((value, _, at)) = sample.get_with_time(figure) {
                let t = tick.t + (at - tick.at);
                classifier.group(&sample.name, sample.incarnation, t, make(value as u64));
            }
        }
    }
}

/// A reading of a group from one figure of it.
pub(super) type MakeGroup = fn(u64) -> Group;

/// What is read of a group, the counter first: a rise and the end of the last process may be in one
/// reading.
pub(super) const GROUP: [(Figure, MakeGroup); 2] = [
    (Figure::OomKills, |kills| Group { kills: Some(kills), tasks: None }),
    (Figure::Pids, |tasks| Group { kills: None, tasks: Some(tasks) }),
];
