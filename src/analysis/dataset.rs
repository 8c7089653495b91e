//! The input of the analysis: a run as columns, whatever file it came from.
//!
//! Store readers fill it (own journal and results, the predecessor's results, series CSV); rates
//! are already made. Inside a column an absent value is NaN, so that columns stay dense; outside
//! of it absence is `None`.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::provenance::Provenance;
use crate::model::{Container, Event, Figure, HealthCheck};

/// Which kind of file a dataset was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Our run folder or results.json.
    Runner,
    /// Our journal, without a results.json: the run was killed.
    Journal,
    /// A results.json of the replaced framework.
    Predecessor,
    /// A series CSV.
    SeriesCsv,
}

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// What it was read from.
    pub format: Format,
    /// Name of the run.
    pub test_id: String,
    /// RFC 3339, or as the file says it.
    pub started_at: Option<String>,
    /// RFC 3339, or as the file says it; absent for a run that was killed.
    pub completed_at: Option<String>,
    /// Why the run was aborted, where it was (`stress_test_oom`, `user_interrupt`, ...).
    pub abort_reason: Option<String>,
    /// The recorded configuration.
    pub config: Value,
    /// What was derived between scenarios (`duration_agent_count`, ...).
    pub derived_config: Value,
    /// run.json as a whole, where there is one (host, engine, sources, plan).
    pub run: Value,
    /// Containers as last recorded, by key order of first sight.
    pub containers: Vec<Container>,
    /// The scenarios, in order.
    pub scenarios: Vec<ScenarioData>,
    /// The journal's events, where there is a journal.
    pub events: Vec<Event>,
    /// Where figures came from; empty where the file does not say.
    pub provenance: Provenance,
}

impl Dataset {
    /// Whether a level is so many agents: not where the recorded load is one of requests.
    #[must_use]
    pub fn level_is_agents(&self) -> bool {
        self.config.pointer("/load/http").is_none()
    }
}

/// One scenario of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioData {
    /// Key (`baseline`, `stress_test`, `duration_leak`, `speed_scaling`, or a custom name).
    pub name: String,
    /// Resolved parameters.
    pub params: Value,
    /// RFC 3339, or as the file says it.
    pub started_at: Option<String>,
    /// RFC 3339, or as the file says it.
    pub completed_at: Option<String>,
    /// Length, seconds.
    pub duration_seconds: Option<f64>,
    /// It did not run to its own end.
    pub aborted: bool,
    /// Why not.
    pub abort_reason: Option<String>,
    /// Its phases in order; ticks outside of any phase are possible (settling).
    pub phases: Vec<Phase>,
    /// Time of each tick, seconds on one axis for the whole run, ascending.
    pub time: Vec<f64>,
    /// Unix seconds of each tick.
    pub wall: Vec<f64>,
    /// The containers' columns, each as long as `time`.
    pub containers: Vec<Series>,
    /// The GPUs' columns by key, each as long as `time`.
    pub devices: Vec<Series>,
    /// Host figures, as long as `time`.
    pub host: Columns,
    /// Figures of the runner itself, as long as `time`.
    pub runner: Columns,
    /// Level asked for at each tick; NaN where unknown. Empty where the file has none.
    pub queued: Vec<f64>,
    /// Level that was there at each tick; likewise.
    pub active: Vec<f64>,
    /// Load of single containers at each tick, where it is not the same for all; empty in a run.
    pub container_loads: Vec<(String, Vec<f64>)>,
    /// Other load metrics, by name; columns as long as `time`.
    pub load_metrics: Vec<(String, Vec<f64>)>,
    /// Metrics of the config, by name: gauges as read, counters a second; columns as long as
    /// `time`.
    pub metrics: Vec<(String, Vec<f64>)>,
    /// Health checks of the config, by name.
    pub health: Vec<HealthSeries>,
    /// OOM kills and restarts as results.json records them.
    pub oom_events: Vec<OomEvent>,
    /// The scenario's own record (trigger, phase stamps, steps).
    pub metadata: Value,
    /// Gaps: how many a source had, by source and reason.
    pub gaps: Vec<(String, String, u64)>,
}

/// The checks of one service within a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthSeries {
    /// The check's name in the config.
    pub name: String,
    /// Its checks in order, each with the row of the tick that took it; their times are on the axis
    /// of [`ScenarioData::time`].
    pub checks: Vec<(usize, HealthCheck)>,
}

impl HealthSeries {
    /// The checks that the tick of a row took.
    pub fn of_row(&self, row: usize) -> impl Iterator<Item = &HealthCheck> {
        let first = self.checks.partition_point(|(at, _)| *at < row);
        let rest = self.checks.get(first..).unwrap_or_default().iter();
        rest.take_while(move |(at, _)| *at == row).map(|(_, check)| check)
    }
}

/// A phase of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// Its name (`active`, `drain`, `cooldown`, `4x`, ...).
    pub name: String,
    /// Time it began, on the axis of [`ScenarioData::time`].
    pub start: f64,
    /// Time it ended.
    pub end: f64,
    /// Its ticks.
    pub ticks: Range<usize>,
    /// Level asked for.
    pub level: Option<u32>,
    /// Speed multiplier.
    pub speed: Option<f64>,
    /// What ended it, where that is known.
    pub end_reason: Option<String>,
}

/// Whether a phase of that name is one under a steady load: `active`, and `active_2` and so on of
/// further cycles.
#[must_use]
pub fn is_active(phase: &str) -> bool {
    phase == "active" || phase.starts_with("active_")
}

/// A range within 0..len: a damaged file's phases may reach beyond its ticks.
#[must_use]
pub(crate) fn clip(rows: &Range<usize>, len: usize) -> Range<usize> {
    let end = rows.end.min(len);
    rows.start.min(end)..end
}

/// One container's columns within a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The container's key.
    pub name: String,
    /// Its figures (gauges as read, rates as made).
    pub columns: Columns,
    /// Incarnation at each tick; empty where it never changed.
    pub incarnation: Vec<u32>,
}

/// Dense columns of figures; NaN inside means absent.
///
/// A column may be shared: with hundreds of containers most limits and many counters never change,
/// and one run of the same value serves them all. Writing to a shared column copies it first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Columns {
    len: usize,
    partial: bool,
    columns: Vec<(Figure, Arc<Vec<f64>>)>,
}

impl Columns {
    /// Columns of `len` rows, none yet.
    #[must_use]
    pub fn new(len: usize) -> Columns {
        Columns { len, ..Columns::default() }
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Only the figures of [`super::needs`] were read; others may have been recorded.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.partial
    }

    /// Says that only the figures of [`super::needs`] were read.
    pub(crate) fn set_partial(&mut self) {
        self.partial = true;
    }

    /// The column of a figure; NaN inside means absent at that row.
    #[must_use]
    pub fn get(&self, figure: Figure) -> Option<&[f64]> {
        debug_assert!(
            !self.partial || super::needs::is_needed(figure),
            "{figure} is used but not in analysis/needs.rs: it would be absent in large runs"
        );
        self.columns.iter().find(|(f, _)| *f == figure).map(|(_, column)| column.as_slice())
    }

    /// The value at a row, where it was measured.
    #[must_use]
    pub fn at(&self, figure: Figure, row: usize) -> Option<f64> {
        self.get(figure).and_then(|column| column.get(row)).copied().filter(|v| v.is_finite())
    }

    /// The column to write to, made of NaN when it is new.
    pub fn column_mut(&mut self, figure: Figure) -> &mut Vec<f64> {
        let at = match self.columns.iter().position(|(f, _)| *f == figure) {
            Some(at) => at,
            None => {
                self.columns.push((figure, Arc::new(vec![f64::NAN; self.len])));
                self.columns.len() - 1
            }
        };
        Arc::make_mut(&mut self.columns[at].1)
    }

    /// Takes a column that may be shared, as long as the others.
    pub(crate) fn insert(&mut self, figure: Figure, column: Arc<Vec<f64>>) {
        self.columns.retain(|(known, _)| *known != figure);
        self.columns.push((figure, column));
    }

    /// Sets a value; a row beyond the end makes all columns longer.
    pub fn set(&mut self, figure: Figure, row: usize, value: f64) {
        if row >= self.len {
            self.resize(row + 1);
        }
        if let Some(cell) = self.column_mut(figure).get_mut(row) {
            *cell = value;
        }
    }

    /// Makes all columns `len` rows long, new ones absent.
    pub fn resize(&mut self, len: usize) {
        self.len = len;
        for (_, column) in &mut self.columns {
            if column.len() != len {
                Arc::make_mut(column).resize(len, f64::NAN);
            }
        }
    }

    /// Which figures have a column.
    pub fn figures(&self) -> impl Iterator<Item = Figure> + '_ {
        self.columns.iter().map(|(figure, _)| *figure)
    }
}

/// An entry of `oom_events` in results.json: the predecessor's keys, and what we know beyond them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct OomEvent {
    /// The container's key.
    pub container_name: String,
    /// Unix seconds.
    pub timestamp: f64,
    /// The same as text.
    #[serde(default)]
    pub timestamp_iso: String,
    /// Restarts before.
    #[serde(default)]
    pub previous_restart_count: u64,
    /// Restarts after.
    #[serde(default)]
    pub current_restart_count: u64,
    /// `main_oom_killed`, `child_oom_killed`; absent in the predecessor's files, whose entries may
    /// be plain restarts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

impl ScenarioData {
    /// An empty scenario of that name.
    #[must_use]
    pub fn new(name: &str) -> ScenarioData {
        ScenarioData {
            name: name.to_string(),
            params: Value::Null,
            started_at: None,
            completed_at: None,
            duration_seconds: None,
            aborted: false,
            abort_reason: None,
            phases: Vec::new(),
            time: Vec::new(),
            wall: Vec::new(),
            containers: Vec::new(),
            devices: Vec::new(),
            host: Columns::default(),
            runner: Columns::default(),
            queued: Vec::new(),
            active: Vec::new(),
            container_loads: Vec::new(),
            load_metrics: Vec::new(),
            metrics: Vec::new(),
            health: Vec::new(),
            oom_events: Vec::new(),
            metadata: Value::Null,
            gaps: Vec::new(),
        }
    }

    /// The series of a container.
    #[must_use]
    pub fn series(&self, name: &str) -> Option<&Series> {
        self.containers.iter().find(|series| series.name == name)
    }

    /// The first phase of that name.
    #[must_use]
    pub fn phase(&self, name: &str) -> Option<&Phase> {
        self.phases.iter().find(|phase| phase.name == name)
    }
}
