//! Health latency: thresholds, states over time, and what they were in each scenario.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::analysis::dataset::Dataset;
use crate::analysis::stats::Summary;
use crate::config::HealthRule;
use crate::model::HealthCheck;

/// The scenario that thresholds are calibrated from.
const IDLE: &str = "baseline";

/// Fewer checks that were answered are no base for a 95th percentile.
pub const LEAST_BASELINE: usize = 10;

/// Factors on the baseline's 95th percentile.
const DEGRADED: f64 = 1.25;
const UNHEALTHY: f64 = 1.5;

/// How a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// It answers; there are no thresholds to judge it by.
    Answering,
    /// It answers below its thresholds.
    Healthy,
    /// Its rolling mean is at or above the lower threshold.
    Degraded,
    /// Its rolling mean is at or above the upper threshold.
    Unhealthy,
    /// It did not answer, or with an error.
    Failing,
}

impl HealthState {
    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            HealthState::Answering => "answering",
            HealthState::Healthy => "healthy",
            HealthState::Degraded => "degraded",
            HealthState::Unhealthy => "unhealthy",
            HealthState::Failing => "failing",
        }
    }
}

/// Where thresholds come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The config.
    Given,
    /// The baseline scenario of this run.
    Calibrated,
}

/// Thresholds of the rolling mean, ms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HealthLimits {
    /// From here degraded.
    pub degraded_ms: f64,
    /// From here unhealthy.
    pub unhealthy_ms: f64,
    /// Where they come from.
    pub origin: Origin,
}

/// Latency of the idle service.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Checks that were answered.
    pub checks: usize,
    /// Median, ms.
    pub p50_ms: f64,
    /// 95th percentile, ms.
    pub p95_ms: f64,
}

impl Baseline {
    /// Of the latencies of an idle service; none where there are none.
    #[must_use]
    pub fn of(ms: impl IntoIterator<Item = f64>) -> Option<Baseline> {
        let s = Summary::of(ms)?;
        Some(Baseline { checks: s.count, p50_ms: s.p50, p95_ms: s.p95 })
    }
}

impl HealthLimits {
    /// The thresholds of a check: as given, else calibrated.
    ///
    /// # Errors
    /// Why there are none, with the remedy.
    pub fn of(rule: &HealthRule, baseline: Option<&Baseline>) -> Result<HealthLimits, String> {
        if let (Some(degraded_ms), Some(unhealthy_ms)) = (rule.degraded_ms, rule.unhealthy_ms) {
            return Ok(HealthLimits { degraded_ms, unhealthy_ms, origin: Origin::Given });
        }
        let give = "or give degraded and unhealthy";
        let Some(idle) = baseline else {
            return Err(format!(
                "no check was answered in a baseline to calibrate from; run that scenario, {give}"
            ));
        };
        if idle.checks < LEAST_BASELINE {
            return Err(format!(
                "the baseline has {} answered checks, {LEAST_BASELINE} are needed to calibrate \
                 from; lower the interval, lengthen the baseline, {give}",
                idle.checks
            ));
        }
        Ok(HealthLimits {
            degraded_ms: (idle.p95_ms * DEGRADED).max(rule.floor_ms),
            unhealthy_ms: (idle.p95_ms * UNHEALTHY).max(rule.floor_ms * UNHEALTHY / DEGRADED),
            origin: Origin::Calibrated,
        })
    }
}

/// Follows the checks of one service.
#[derive(Debug, Clone)]
pub struct Track {
    limits: Option<HealthLimits>,
    window_s: f64,
    recent: VecDeque<(f64, f64)>,
}

impl Track {
    /// With these thresholds, or with none.
    #[must_use]
    pub fn new(limits: Option<HealthLimits>, window_s: f64) -> Track {
        Track { limits, window_s, recent: VecDeque::new() }
    }

    /// The state after a check. A check that failed says so at once and takes no part in the mean.
    pub fn check(&mut self, check: &HealthCheck) -> HealthState {
        while self.recent.front().is_some_and(|(at, _)| *at <= check.at - self.window_s) {
            self.recent.pop_front();
        }
        let Some(ms) = check.ms else { return HealthState::Failing };
        self.recent.push_back((check.at, ms));
        match (self.limits, self.mean_ms()) {
            (Some(limits), Some(mean)) if mean >= limits.unhealthy_ms => HealthState::Unhealthy,
            (Some(limits), Some(mean)) if mean >= limits.degraded_ms => HealthState::Degraded,
            (Some(_), _) => HealthState::Healthy,
            (None, _) => HealthState::Answering,
        }
    }

    /// Mean latency over the window, ms.
    #[must_use]
    pub fn mean_ms(&self) -> Option<f64> {
        let sum: f64 = self.recent.iter().map(|(_, ms)| ms).sum();
        (!self.recent.is_empty()).then(|| sum / self.recent.len() as f64)
    }
}

/// A health check over the whole run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HealthAnalysis {
    /// What it is and what it is judged by.
    pub rule: HealthRule,
    /// Latency in the baseline scenario, where it ran.
    pub baseline: Option<Baseline>,
    /// Thresholds, where there are any.
    pub limits: Option<HealthLimits>,
    /// Why there are none.
    pub no_limits: Option<String>,
    /// What it was in each scenario.
    pub scenarios: Vec<HealthScenario>,
}

/// A health check in one scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HealthScenario {
    /// Key of the scenario.
    pub scenario: String,
    /// Checks.
    pub checks: usize,
    /// Of these, without an answer or with an error.
    pub failures: usize,
    /// Median latency, ms; absent where none was answered.
    pub p50_ms: Option<f64>,
    /// 95th percentile, ms.
    pub p95_ms: Option<f64>,
    /// Longest, ms.
    pub max_ms: Option<f64>,
    /// The worst state.
    pub worst: HealthState,
    /// The highest rolling mean, ms.
    pub worst_mean_ms: Option<f64>,
    /// Share of checks after which it was degraded, percent.
    pub degraded_percent: f64,
    /// Share of checks after which it was unhealthy, percent.
    pub unhealthy_percent: f64,
    /// Share of checks that failed, percent.
    pub failing_percent: f64,
}

impl HealthAnalysis {
    /// The scenario with the worst state; of several the one that was longest in it.
    #[must_use]
    pub fn worst(&self) -> Option<&HealthScenario> {
        let share = |s: &HealthScenario| match s.worst {
            HealthState::Failing => s.failing_percent,
            HealthState::Unhealthy => s.unhealthy_percent,
            HealthState::Degraded => s.degraded_percent,
            HealthState::Healthy | HealthState::Answering => 0.0,
        };
        let order = |a: &&HealthScenario, b: &&HealthScenario| {
            a.worst.cmp(&b.worst).then(share(a).total_cmp(&share(b)))
        };
        self.scenarios.iter().max_by(order)
    }

    /// Shares of all its checks, percent: degraded, unhealthy, failing.
    #[must_use]
    pub fn shares(&self) -> Option<[f64; 3]> {
        let all: usize = self.scenarios.iter().map(|s| s.checks).sum();
        let share = |of: fn(&HealthScenario) -> f64| {
            self.scenarios.iter().map(|s| of(s) * s.checks as f64).sum::<f64>() / all as f64
        };
        (all > 0).then(|| {
            [
                share(|s| s.degraded_percent),
                share(|s| s.unhealthy_percent),
                share(|s| s.failing_percent),
            ]
        })
    }
}

pub(super) fn analyze(data: &Dataset, rule: &HealthRule) -> HealthAnalysis {
    let checks = |name: &str| {
        let scenario = data.scenarios.iter().find(|s| s.name == name)?;
        scenario.health.iter().find(|series| series.name == rule.name)
    };
    let baseline = checks(IDLE)
        .and_then(|idle| Baseline::of(idle.checks.iter().filter_map(|(_, check)| check.ms)));
    let limits = HealthLimits::of(rule, baseline.as_ref());
    let (limits, no_limits) = match limits {
        Ok(limits) => (Some(limits), None),
        Err(why) => (None, Some(why)),
    };
    let of = |scenario: &crate::analysis::ScenarioData| {
        let series = scenario.health.iter().find(|series| series.name == rule.name)?;
        // The base of a threshold is not judged by it.
        let own = limits.filter(|l| l.origin == Origin::Given || scenario.name != IDLE);
        let all: Vec<&HealthCheck> = series.checks.iter().map(|(_, check)| check).collect();
        one(&scenario.name, &all, &mut Track::new(own, rule.window_s))
    };
    HealthAnalysis {
        rule: rule.clone(),
        baseline,
        limits,
        no_limits,
        scenarios: data.scenarios.iter().filter_map(of).collect(),
    }
}

fn one(name: &str, checks: &[&HealthCheck], track: &mut Track) -> Option<HealthScenario> {
    let latency = Summary::of(checks.iter().filter_map(|check| check.ms));
    let mut worst_mean_ms: Option<f64> = None;
    let mut states = Vec::with_capacity(checks.len());
    for check in checks {
        states.push(track.check(check));
        if let (Some(_), Some(mean)) = (check.ms, track.mean_ms()) {
            worst_mean_ms = Some(worst_mean_ms.map_or(mean, |worst| worst.max(mean)));
        }
    }
    let share = |state| {
        let count = states.iter().filter(|s| **s == state).count();
        100.0 * count as f64 / states.len().max(1) as f64
    };
    Some(HealthScenario {
        scenario: name.to_string(),
        checks: checks.len(),
        failures: checks.iter().filter(|check| check.ms.is_none()).count(),
        p50_ms: latency.map(|l| l.p50),
        p95_ms: latency.map(|l| l.p95),
        max_ms: latency.map(|l| l.max),
        worst: *states.iter().max()?,
        worst_mean_ms,
        degraded_percent: share(HealthState::Degraded),
        unhealthy_percent: share(HealthState::Unhealthy),
        failing_percent: share(HealthState::Failing),
    })
}
