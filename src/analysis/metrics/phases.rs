//! What a metric was in each phase.

use serde::{Deserialize, Serialize};

use super::column;
use crate::analysis::dataset::{Dataset, clip};
use crate::analysis::stats::Summary;

/// A metric in one phase, in its own unit (a counter's a second).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricPhase {
    /// Key of the scenario.
    pub scenario: String,
    /// The phase; absent where a file has none.
    pub phase: Option<String>,
    /// Ticks in which it was known.
    pub count: usize,
    /// Ticks of the phase.
    pub ticks: usize,
    /// Smallest.
    pub min: f64,
    /// Median.
    pub median: f64,
    /// 95th percentile (Hyndman-Fan 7).
    pub p95: f64,
    /// Largest.
    pub max: f64,
}

/// Each phase in which the metric was known at all.
pub(super) fn of(data: &Dataset, name: &str) -> Vec<MetricPhase> {
    let mut all = Vec::new();
    for scenario in &data.scenarios {
        let Some(values) = column(scenario, name) else { continue };
        let whole = (None, 0..values.len());
        let phases = scenario.phases.iter();
        let phases = phases.map(|p| (Some(p.name.clone()), clip(&p.ticks, values.len())));
        let phases: Vec<_> =
            if scenario.phases.is_empty() { vec![whole] } else { phases.collect() };
        for (phase, rows) in phases {
            let ticks = rows.len();
            let Some(summary) = values.get(rows).and_then(|v| Summary::of(v.iter().copied()))
            else {
                continue;
            };
            all.push(MetricPhase {
                scenario: scenario.name.clone(),
                phase,
                count: summary.count,
                ticks,
                min: summary.min,
                median: summary.p50,
                p95: summary.p95,
                max: summary.max,
            });
        }
    }
    all
}
