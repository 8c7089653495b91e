//! Metrics and health checks in summary.json.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Baseline, Growth, HealthAnalysis, HealthLimits, HealthScenario, MetricAnalysis};
use super::{MetricPhase, Reached};
use crate::config::MetricKind;
use crate::model::units::round_to;

/// A metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricSummary {
    /// Unit of its figures; a counter's are a second.
    pub unit: String,
    /// A value, or a total that became a rate.
    pub kind: MetricKind,
    /// The container that it tells about.
    pub container: Option<String>,
    /// What it was in each phase.
    pub phases: Vec<MetricPhase>,
    /// Limits that its rolling mean reached.
    pub reached: Vec<Reached>,
    /// Whether it grows, where that was asked.
    pub growth: Option<Growth>,
}

/// A health check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HealthSummary {
    /// The container that it tells about.
    pub container: Option<String>,
    /// Latency of the idle service.
    pub baseline: Option<Baseline>,
    /// Thresholds, and whether they were given or calibrated.
    pub limits: Option<HealthLimits>,
    /// Why there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_limits: Option<String>,
    /// What it was in each scenario.
    pub scenarios: Vec<HealthScenario>,
}

fn rounded(value: f64) -> f64 {
    round_to(value, 6)
}

/// Metrics by name.
#[must_use]
pub fn metrics(all: &[MetricAnalysis]) -> BTreeMap<String, MetricSummary> {
    let one = |m: &MetricAnalysis| {
        let mut phases = m.phases.clone();
        for phase in &mut phases {
            for value in [&mut phase.min, &mut phase.median, &mut phase.p95, &mut phase.max] {
                *value = rounded(*value);
            }
        }
        let growth = m.growth.clone().map(|mut growth| {
            for value in
                [&mut growth.per_min, &mut growth.ci_low, &mut growth.ci_high, &mut growth.minutes]
            {
                *value = value.map(rounded);
            }
            growth
        });
        let reached = m.reached.iter().cloned();
        let summary = MetricSummary {
            unit: m.rule.figure_unit(),
            kind: m.rule.kind,
            container: m.rule.container.clone(),
            phases,
            reached: reached.map(|r| Reached { value: rounded(r.value), ..r }).collect(),
            growth,
        };
        (m.rule.name.clone(), summary)
    };
    all.iter().map(one).collect()
}

/// Health checks by name; milliseconds and percent to 3 places.
#[must_use]
pub fn health(all: &[HealthAnalysis]) -> BTreeMap<String, HealthSummary> {
    let ms = |value: f64| round_to(value, 3);
    let one = |h: &HealthAnalysis| {
        let mut scenarios = h.scenarios.clone();
        for scenario in &mut scenarios {
            for value in [
                &mut scenario.p50_ms,
                &mut scenario.p95_ms,
                &mut scenario.max_ms,
                &mut scenario.worst_mean_ms,
            ] {
                *value = value.map(ms);
            }
            for value in [
                &mut scenario.degraded_percent,
                &mut scenario.unhealthy_percent,
                &mut scenario.failing_percent,
            ] {
                *value = ms(*value);
            }
        }
        let summary = HealthSummary {
            container: h.rule.container.clone(),
            baseline: h.baseline.map(|b| Baseline {
                p50_ms: ms(b.p50_ms),
                p95_ms: ms(b.p95_ms),
                ..b
            }),
            limits: h.limits.map(|l| HealthLimits {
                degraded_ms: ms(l.degraded_ms),
                unhealthy_ms: ms(l.unhealthy_ms),
                ..l
            }),
            no_limits: h.no_limits.clone(),
            scenarios,
        };
        (h.rule.name.clone(), summary)
    };
    all.iter().map(one).collect()
}
