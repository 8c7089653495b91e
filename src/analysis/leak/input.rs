//! What a leak verdict may rest on.

use std::ops::Range;

use crate::analysis::dataset::{Columns, Phase, ScenarioData, Series, clip};
use crate::model::Figure;
use crate::model::units::{PAGE_MB, bytes_to_mb};

use super::figure::{LeakFigure, choose};

/// One container over one scenario, with the phase under load marked in it. Columns are as long as
/// `time`; what came before and after (idle, drain, cooldown, further cycles) is there for
/// procedures that compare.
#[derive(Debug, Clone, PartialEq)]
pub struct LeakInput<'a> {
    /// Seconds, ascending.
    pub time: &'a [f64],
    /// The figure judged.
    pub figure: LeakFigure,
    /// Step in which the figure is known, MB: a page, or the rounding of the file it came from.
    pub resolution_mb: f64,
    /// Load level at each tick; empty where unknown.
    pub load: &'a [f64],
    /// Incarnation at each tick; empty where it never changed.
    pub incarnation: &'a [u32],
    /// Working set at each tick, MB; empty where it was not measured.
    pub working_set_mb: Vec<f64>,
    /// The memory limit, MB; absent where there is none.
    pub limit_mb: Option<f64>,
    /// All phases of the scenario.
    pub phases: &'a [Phase],
    /// The ticks under load.
    pub active: Range<usize>,
    /// All that was measured of the container.
    pub columns: &'a Columns,
    /// Work done, where the load counts it.
    pub work: Option<Work>,
    /// Age of the container when the phase under load began, minutes; absent where its start is not
    /// known.
    pub age_minutes: Option<f64>,
    /// In which unit rates are told.
    pub unit: Unit,
}

/// A unit of growth, for words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unit {
    /// `MB/min`, `descriptors/h`.
    pub name: &'static str,
    /// How many of them are one of the figure's own a minute.
    pub scale: f64,
}

impl Unit {
    /// MB a minute.
    pub const MB_PER_MIN: Unit = Unit { name: "MB/min", scale: 1.0 };
}

/// Units of work, counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// `request`, `job`.
    pub unit: &'static str,
    /// Total at each tick; NaN where unknown.
    pub total: Vec<f64>,
}

impl<'a> LeakInput<'a> {
    /// From a container's series; none where it has no memory figure. `active` is clipped to the
    /// series.
    #[must_use]
    pub fn new(
        scenario: &'a ScenarioData,
        series: &'a Series,
        active: Range<usize>,
    ) -> Option<LeakInput<'a>> {
        let figure = choose(&series.columns)?;
        let len = scenario.time.len().min(figure.mb.len());
        let mb = |figure| -> Vec<f64> {
            let column = series.columns.get(figure).unwrap_or_default();
            column.iter().map(|v| bytes_to_mb(*v)).collect()
        };
        let limits = series.columns.get(Figure::MemoryLimitBytes);
        let limit = limits.unwrap_or_default().iter().rev().find(|v| v.is_finite() && **v > 0.0);
        let own = scenario.container_loads.iter().find(|(name, _)| *name == series.name);
        let load = own
            .map(|(_, load)| load)
            .into_iter()
            .chain([&scenario.active, &scenario.queued])
            .find(|load| load.iter().any(|v| v.is_finite()));
        Some(LeakInput {
            time: &scenario.time[..len],
            resolution_mb: resolution(&figure.mb),
            figure,
            load: load.map_or(&[], Vec::as_slice),
            incarnation: &series.incarnation,
            working_set_mb: mb(Figure::MemoryWorkingSetBytes),
            limit_mb: limit.map(|v| bytes_to_mb(*v)),
            phases: &scenario.phases,
            active: clip(&active, len),
            columns: &series.columns,
            work: work(scenario, &series.name),
            age_minutes: None,
            unit: Unit::MB_PER_MIN,
        })
    }
}

/// A tenth of a MB where all values are such tenths (the replaced framework's files), else a page.
fn resolution(mb: &[f64]) -> f64 {
    let is_tenths = |v: &f64| (v * 10.0 - (v * 10.0).round()).abs() < 1e-6;
    let mut measured = mb.iter().filter(|v| v.is_finite()).take(100).peekable();
    if measured.peek().is_some() && measured.all(is_tenths) { 0.1 } else { PAGE_MB }
}

/// Load metrics that count work, by the beginning of their names (`requests.login`), and their unit.
const COUNTERS: [(&str, &str); 2] = [("requests", "request"), ("jobs", "job")];

/// The counters of one unit, added up: the container's own (`requests.web` of `web`) where they are
/// counted apart.
fn work(scenario: &ScenarioData, container: &str) -> Option<Work> {
    let own = COUNTERS.iter().find_map(|(prefix, unit)| {
        let name = format!("{prefix}.{container}");
        let (_, total) = scenario.load_metrics.iter().find(|(known, _)| *known == name)?;
        Some(Work { unit, total: total.clone() })
    });
    own.or_else(|| work_of_all(scenario))
}

fn work_of_all(scenario: &ScenarioData) -> Option<Work> {
    COUNTERS.iter().find_map(|(prefix, unit)| {
        let is_it = |name: &str| {
            name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let mut total: Vec<f64> = Vec::new();
        for (_, values) in scenario.load_metrics.iter().filter(|(name, _)| is_it(name)) {
            match total.is_empty() {
                true => total = values.clone(),
                false => total.iter_mut().zip(values).for_each(|(sum, v)| *sum += v),
            }
        }
        (!total.is_empty()).then_some(Work { unit, total })
    })
}
