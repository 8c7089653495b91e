//! A scenario of a journal whose rows are being read.

use std::collections::BTreeMap;

use super::parse::{Head, Tail};
use crate::analysis::{HealthSeries, Phase, ScenarioData};
use crate::model::{HealthCheck, SourceKind};
use crate::store::columns::{Budget, Growing, Table, TooSparse};

/// Most names of load metrics and most kinds of gaps that are told apart.
const MAX_NAMES: usize = 500;

/// A phase as the events (or else the ticks) tell of it.
#[derive(Debug)]
pub(super) struct PhaseSpan {
    pub index: u32,
    pub sampled: bool,
    /// Its end was recorded.
    pub ended: bool,
    pub phase: Phase,
}

/// A scenario whose rows are being read.
#[derive(Debug)]
pub(super) struct GrowingScenario {
    pub data: ScenarioData,
    pub phases: Vec<PhaseSpan>,
    /// When it started, on the run's clock.
    pub start: Option<f64>,
    /// Its end was recorded.
    pub ended: bool,
    pub table: Table,
    pub devices: Table,
    pub host: Growing,
    pub runner: Growing,
    gaps: BTreeMap<(String, String), u64>,
}

impl GrowingScenario {
    pub(super) fn new(name: &str) -> GrowingScenario {
        GrowingScenario {
            data: ScenarioData::new(name),
            phases: Vec::new(),
            start: None,
            ended: false,
            table: Table::default(),
            devices: Table::default(),
            host: Growing::new(),
            runner: Growing::new(),
            gaps: BTreeMap::new(),
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.data.time.len()
    }

    /// The phase of a tick; one that no event told of begins with its first tick.
    pub(super) fn phase_of(&mut self, head: &Head) -> Option<&mut PhaseSpan> {
        let known = self.phases.iter().position(|p| p.index == head.phase_index);
        let at = known.unwrap_or_else(|| {
            self.phases.push(PhaseSpan {
                index: head.phase_index,
                sampled: true,
                ended: false,
                phase: Phase {
                    name: head.phase.clone(),
                    start: head.at,
                    end: head.at,
                    ticks: self.data.time.len()..self.data.time.len(),
                    level: None,
                    speed: None,
                    end_reason: None,
                },
            });
            self.phases.len() - 1
        });
        self.phases.get_mut(at)
    }

    pub(super) fn load(&mut self, tail: &Tail, row: usize) {
        let load = &tail.load;
        let number = |value: Option<u32>| value.map_or(f64::NAN, f64::from);
        self.data.queued.push(number(load.queued));
        self.data.active.push(number(load.active));
        let speed = load.speed.map(|speed| ("speed", speed));
        let metrics = load.metrics.iter().map(|(name, value)| (name.as_str(), *value));
        for (name, value) in metrics.chain(speed) {
            put_named(&mut self.data.load_metrics, name, row, value);
        }
    }

    /// Metrics as figures, and the checks of the tick's interval.
    pub(super) fn watched(
        &mut self,
        figures: BTreeMap<String, f64>,
        health: BTreeMap<String, Vec<HealthCheck>>,
        row: usize,
    ) {
        for (name, value) in figures {
            put_named(&mut self.data.metrics, &name, row, value);
        }
        for (name, checks) in health {
            let checks: Vec<(usize, HealthCheck)> =
                checks.into_iter().map(|check| (row, check)).collect();
            let all = &mut self.data.health;
            let room = all.len() < MAX_NAMES;
            match all.iter_mut().find(|series| series.name == name) {
                Some(series) => series.checks.extend(checks),
                None if room => all.push(HealthSeries { name, checks }),
                None => {}
            }
        }
    }

    pub(super) fn gap(&mut self, source: SourceKind, reason: String) {
        let full = self.gaps.len() >= MAX_NAMES;
        let key = (source.name().to_string(), reason);
        if full && !self.gaps.contains_key(&key) {
            return;
        }
        *self.gaps.entry(key).or_default() += 1;
    }

    /// The finished scenario.
    pub(super) fn finish(self, budget: &mut Budget) -> Result<ScenarioData, TooSparse> {
        let mut data = self.data;
        let rows = data.time.len();
        data.containers = self.table.finish(budget, rows)?;
        data.devices = self.devices.finish(budget, rows)?;
        data.host = self.host.finish(budget, rows)?;
        data.runner = self.runner.finish(budget, rows)?;
        data.gaps = self
            .gaps
            .into_iter()
            .map(|((source, reason), count)| (source, reason, count))
            .collect();
        for (_, column) in data.load_metrics.iter_mut().chain(&mut data.metrics) {
            column.resize(rows, f64::NAN);
        }
        for column in [&mut data.queued, &mut data.active] {
            if column.iter().all(|value| value.is_nan()) {
                column.clear();
            }
        }
        let sampled = self.phases.into_iter().filter(|span| span.sampled);
        data.phases = sampled.map(|span| span.phase).collect();
        data.phases.sort_by(|a, b| a.start.total_cmp(&b.start));
        Ok(data)
    }
}

/// Sets a cell of a column that is found by its name; beyond [`MAX_NAMES`] names nothing is kept.
fn put_named(all: &mut Vec<(String, Vec<f64>)>, name: &str, row: usize, value: f64) {
    let known = all.iter().position(|(known, _)| known == name);
    if known.is_none() && all.len() < MAX_NAMES {
        all.push((name.to_string(), Vec::new()));
    }
    let at = known.unwrap_or(all.len().saturating_sub(1));
    if let Some((_, column)) = all.get_mut(at).filter(|(known, _)| known == name) {
        column.resize(row, f64::NAN);
        column.push(value);
    }
}
