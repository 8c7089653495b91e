//! Numbers that the driven system tells about itself: metrics and health latencies, described and
//! judged.

mod health;
mod health_watch;
mod judge;
mod phases;
pub mod summary;

pub use health::{
    Baseline, HealthAnalysis, HealthLimits, HealthScenario, HealthState, LEAST_BASELINE, Origin,
    Track,
};
pub use health_watch::HealthWatch;
pub use judge::{Growth, GrowthVerdict, Reached};
pub use phases::MetricPhase;

use std::collections::BTreeMap;

use serde::Serialize;

use super::dataset::{Dataset, ScenarioData};
use super::held::Held;
use super::settings::Settings;
use super::stats::mean;
use crate::config::MetricRule;
use crate::model::HealthCheck;

/// A metric over the whole run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricAnalysis {
    /// What it is and what it is judged by.
    pub rule: MetricRule,
    /// What it was in each phase in which it was read.
    pub phases: Vec<MetricPhase>,
    /// Limits that its rolling mean reached.
    pub reached: Vec<Reached>,
    /// Whether it grows under a steady load; absent where that was not asked, or no scenario held
    /// a load.
    pub growth: Option<Growth>,
}

/// Describes and judges all metrics of a run. `held` is the scenario that held a load, with its
/// ticks.
#[must_use]
pub fn analyze(
    data: &Dataset,
    settings: &Settings,
    held: Option<&Held<'_>>,
) -> Vec<MetricAnalysis> {
    let rules = named(
        settings.metrics.iter().cloned(),
        data.scenarios.iter().flat_map(|s| &s.metrics).map(|(name, _)| name.as_str()),
        |rule| rule.name.as_str(),
        MetricRule::named,
    );
    let one = |rule: MetricRule| MetricAnalysis {
        phases: phases::of(data, &rule.name),
        reached: judge::reached(data, &rule, settings.stress.window.as_secs_f64()),
        growth: held.and_then(|(scenario, rows)| judge::growth(scenario, rows, &rule, settings)),
        rule,
    };
    rules.into_iter().map(one).collect()
}

/// Describes and judges all health checks of a run.
#[must_use]
pub fn analyze_health(data: &Dataset, settings: &Settings) -> Vec<HealthAnalysis> {
    let rules = named(
        settings.health.iter().cloned(),
        data.scenarios.iter().flat_map(|s| &s.health).map(|series| series.name.as_str()),
        |rule| rule.name.as_str(),
        crate::config::HealthRule::named,
    );
    rules.into_iter().map(|rule| health::analyze(data, &rule)).collect()
}

/// The configured rules, and a plain one for each name that was recorded without one.
fn named<'a, T>(
    rules: impl Iterator<Item = T>,
    names: impl Iterator<Item = &'a str>,
    name_of: impl Fn(&T) -> &str,
    plain: impl Fn(&str) -> T,
) -> Vec<T> {
    let mut all: Vec<T> = rules.collect();
    for name in names {
        if !all.iter().any(|rule| name_of(rule) == name) {
            all.push(plain(name));
        }
    }
    all
}

/// The column of a metric in a scenario.
#[must_use]
pub fn column<'a>(scenario: &'a ScenarioData, name: &str) -> Option<&'a [f64]> {
    let mut all = scenario.metrics.iter();
    all.find(|(known, _)| known == name).map(|(_, column)| column.as_slice())
}

/// Mean latencies of the checks of one tick, as `health.NAME`, ms; checks that failed take no part.
#[must_use]
pub fn latencies(health: &BTreeMap<String, Vec<HealthCheck>>) -> BTreeMap<String, f64> {
    let of = |(name, checks): (&String, &Vec<HealthCheck>)| {
        Some((format!("health.{name}"), mean_ms(checks.iter())?))
    };
    health.iter().filter_map(of).collect()
}

/// The same of one row of a scenario.
#[must_use]
pub fn latencies_of(scenario: &ScenarioData, row: usize) -> BTreeMap<String, f64> {
    let of_row = scenario.health.iter().filter_map(|series| {
        Some((format!("health.{}", series.name), mean_ms(series.of_row(row))?))
    });
    of_row.collect()
}

fn mean_ms<'a>(checks: impl Iterator<Item = &'a HealthCheck>) -> Option<f64> {
    mean(checks.filter_map(|check| check.ms))
}

#[cfg(test)]
mod tests;
