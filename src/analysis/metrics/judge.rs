//! Whether a metric reached a limit of its own, and whether it grows under a steady load.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::column;
use crate::analysis::dataset::{Dataset, ScenarioData};
use crate::analysis::settings::Settings;
use crate::analysis::slope::{BlockRule, Trend, trend};
use crate::analysis::stats::mean;
use crate::config::MetricRule;
use crate::model::units::apart;

/// A limit that the rolling mean of a metric reached in a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reached {
    /// Key of the scenario.
    pub scenario: String,
    /// It is the smallest allowed value, not the largest.
    pub is_min: bool,
    /// The rolling mean that went furthest.
    pub value: f64,
    /// The limit.
    pub threshold: f64,
}

/// Scenarios that drive the stack to its end on purpose: what is reached there is no finding.
const DRIVEN: [&str; 2] = ["stress_test", "speed_scaling"];

/// Limits that were reached, in the scenarios that do not drive the stack to its end.
pub(super) fn reached(data: &Dataset, rule: &MetricRule, window_s: f64) -> Vec<Reached> {
    let mut all = Vec::new();
    let judged = data.scenarios.iter().filter(|s| !DRIVEN.contains(&s.name.as_str()));
    for scenario in judged {
        let Some(values) = column(scenario, &rule.name) else { continue };
        let Some((low, high)) = rolling_extremes(&scenario.time, values, window_s) else {
            continue;
        };
        let one = |is_min, value, threshold| Reached {
            scenario: scenario.name.clone(),
            is_min,
            value,
            threshold,
        };
        all.extend(rule.max.filter(|max| high >= *max).map(|max| one(false, high, max)));
        all.extend(rule.min.filter(|min| low <= *min).map(|min| one(true, low, min)));
    }
    all
}

/// Smallest and largest mean over the ticks of a window, of what is there; the same windows as
/// those of thresholds: a tick that lies a window's length back takes no part.
fn rolling_extremes(time: &[f64], values: &[f64], window_s: f64) -> Option<(f64, f64)> {
    let mut extremes: Option<(f64, f64)> = None;
    let mut first = 0;
    for (row, now) in time.iter().enumerate().take(values.len()) {
        while first < row && time[first] <= now - window_s {
            first += 1;
        }
        if let Some(mean) = mean(values[first..=row].iter().copied()) {
            let (low, high) = extremes.unwrap_or((mean, mean));
            extremes = Some((low.min(mean), high.max(mean)));
        }
    }
    extremes
}

/// Whether a metric grows under a steady load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// The verdict.
    pub verdict: GrowthVerdict,
    /// Why there is no other.
    pub reason: Option<String>,
    /// Growth a minute, in the metric's unit (Theil-Sen over block medians).
    pub per_min: Option<f64>,
    /// Lower end of its interval.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// Confidence level of the interval.
    pub ci_level: f64,
    /// The threshold, a minute.
    pub threshold: f64,
    /// Time that was judged, minutes.
    pub minutes: Option<f64>,
}

/// What is said about growth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrowthVerdict {
    /// The estimate reaches the threshold, and the interval stays clear of a quarter of it.
    Grows,
    /// The whole interval lies below the threshold.
    Steady,
    /// Neither.
    Inconclusive,
    /// Too little was measured.
    InsufficientData,
}

impl GrowthVerdict {
    /// As people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            GrowthVerdict::Grows => "grows",
            GrowthVerdict::Steady => "steady",
            GrowthVerdict::Inconclusive => "inconclusive",
            GrowthVerdict::InsufficientData => "no verdict",
        }
    }
}

/// The verdict over the ticks of a steady load; absent where none was asked for.
pub(super) fn growth(
    scenario: &ScenarioData,
    rows: &Range<usize>,
    rule: &MetricRule,
    settings: &Settings,
) -> Option<Growth> {
    let threshold = rule.leak_per_min?;
    let leak = &settings.leak;
    let none = |reason: String| Growth {
        verdict: GrowthVerdict::InsufficientData,
        reason: Some(reason),
        per_min: None,
        ci_low: None,
        ci_high: None,
        ci_level: leak.ci_level,
        threshold,
        minutes: None,
    };
    let Some(values) = column(scenario, &rule.name) else {
        return Some(none("it was not measured under load".to_string()));
    };
    let trimmed = rows.start + (rows.len() as f64 * leak.trim).floor() as usize;
    let rows = trimmed.min(values.len())..rows.end.min(values.len());
    let (time, values) = (scenario.time.get(rows.clone())?, values.get(rows)?);
    let block = BlockRule::wanted(leak.block_seconds);
    let Some(found) = trend(time, values, block, leak.ci_level, resolution(values)) else {
        return Some(none("too few values were read under load".to_string()));
    };
    if found.minutes < leak.min_minutes {
        let (minutes, needed) = apart(found.minutes, leak.min_minutes, 1);
        return Some(none(format!(
            "{minutes} minutes under load were judged, {needed} are needed"
        )));
    }
    Some(Growth {
        verdict: verdict(&found, threshold),
        reason: None,
        per_min: Some(found.slope),
        ci_low: Some(found.ci_low),
        ci_high: Some(found.ci_high),
        minutes: Some(found.minutes),
        ..none(String::new())
    })
}

/// As for the CPU slope: the estimate reaches the threshold, the interval is clear of a quarter.
fn verdict(found: &Trend, threshold: f64) -> GrowthVerdict {
    if found.slope >= threshold && found.ci_low > threshold / 4.0 {
        GrowthVerdict::Grows
    } else if found.ci_high < threshold {
        GrowthVerdict::Steady
    } else {
        GrowthVerdict::Inconclusive
    }
}

/// The smallest step between neighbouring values: the figure is not known more finely.
fn resolution(values: &[f64]) -> f64 {
    let known: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    let steps = known.windows(2).map(|w| (w[1] - w[0]).abs()).filter(|step| *step > 0.0);
    steps.reduce(f64::min).unwrap_or(0.0)
}
