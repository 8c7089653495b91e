//! What the session knows about its containers: who they are, what happened to them, what was
//! already warned of.

use std::collections::BTreeSet;

use crate::analysis::incidents::{Classifier, Incident, describe, feed_tick};
use crate::model::event::Trigger;
use crate::model::{Container, Figure, StackEvent, StackEventKind};

use super::ticker::Taken;

/// The containers of a run, watched.
pub struct Watcher {
    containers: Vec<Container>,
    oom: Option<String>,
    /// When a container last ended or was killed in this scenario, on the run's clock.
    trouble: Option<f64>,
    classifier: Classifier,
    untold: Vec<Incident>,
    alarmed: BTreeSet<String>,
    alarm_percent: f64,
}

impl Watcher {
    /// Nobody is watched yet; memory above `alarm_percent` of a limit is warned of.
    #[must_use]
    pub fn new(alarm_percent: f64) -> Watcher {
        Watcher {
            containers: Vec::new(),
            oom: None,
            trouble: None,
            classifier: Classifier::live(),
            untold: Vec::new(),
            alarmed: BTreeSet::new(),
            alarm_percent,
        }
    }

    /// The containers as last seen.
    #[must_use]
    pub fn containers(&self) -> &[Container] {
        &self.containers
    }

    /// Takes the containers as they are now; answers those that are new or differ.
    pub fn replace(&mut self, containers: Vec<Container>, wall: f64) -> Vec<Container> {
        for container in &containers {
            self.classifier.observe(container, wall);
        }
        let before = std::mem::replace(&mut self.containers, containers);
        self.containers.iter().filter(|now| !before.contains(now)).cloned().collect()
    }

    /// A scenario begins: what happened before does not end it.
    pub fn begin_scenario(&mut self) {
        self.oom = None;
        self.trouble = None;
        self.alarmed.clear();
        self.classifier.set_resetting(false);
    }

    /// What happens from now on is the runner's own doing (a reset, the end of the stack).
    pub fn begin_reset(&mut self) {
        self.classifier.set_resetting(true);
    }

    /// When a container last ended or was killed in this scenario, seconds on the run's clock.
    #[must_use]
    pub fn trouble_at(&self) -> Option<f64> {
        self.trouble
    }

    /// Something happened, and was heard of at `now` on the run's clock, `wall` in Unix seconds.
    pub fn event(&mut self, event: &StackEvent, now: f64, wall: f64) {
        if matches!(event.kind, StackEventKind::Oom | StackEventKind::Die { .. }) {
            self.trouble = Some(now);
        }
        self.classifier.hear(wall);
        self.classifier.push(event);
    }

    /// What the tick read of the machine's and the containers' OOM kills.
    pub fn counters(&mut self, taken: &Taken) {
        feed_tick(&mut self.classifier, &taken.tick);
    }

    /// Time went on to `wall`: what needed a while to be told apart may be settled.
    pub fn settle(&mut self, wall: f64) {
        let settled = self.classifier.poll(wall);
        if let Some(first) = settled.iter().find(|incident| incident.kind.is_oom()) {
            self.oom.get_or_insert_with(|| first.container.clone());
        }
        self.untold.extend(settled);
    }

    /// Incidents that were not told yet, in words.
    pub fn take_incidents(&mut self) -> Vec<String> {
        std::mem::take(&mut self.untold).iter().map(describe).collect()
    }

    /// The container that was OOM-killed in this scenario, if any.
    #[must_use]
    pub fn oom(&self) -> Option<String> {
        self.oom.clone()
    }

    /// Containers whose memory is above the alarm threshold for the first time in this scenario.
    pub fn alarms(&mut self, taken: &Taken) -> Vec<Trigger> {
        let mut alarms = Vec::new();
        for (name, figures) in &taken.rates {
            let Some(percent) = figures.get(Figure::MemoryPercent) else { continue };
            if percent > self.alarm_percent && self.alarmed.insert(name.clone()) {
                alarms.push(Trigger {
                    container: name.clone(),
                    metric: "memory".to_string(),
                    value: percent,
                    threshold: self.alarm_percent,
                    cores: None,
                });
            }
        }
        alarms
    }
}
