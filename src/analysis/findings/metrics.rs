//! Metrics that reached a limit of their own or grow, and services that answer slowly or not.

use crate::analysis::analyze::Analysis;
use crate::analysis::metrics::{
    GrowthVerdict, HealthAnalysis, HealthScenario, HealthState, MetricAnalysis,
};
use crate::model::units::fixed;

use super::{Finding, FindingKind, Severity};

pub(super) fn find(analysis: &Analysis) -> Vec<Finding> {
    let ignored = |container: &Option<String>| {
        container.as_ref().is_some_and(|c| analysis.settings.ignores(c))
    };
    let metrics = analysis.metrics.iter().filter(|m| !ignored(&m.rule.container));
    let mut all: Vec<Finding> =
        metrics.flat_map(|metric| limits(metric).into_iter().chain(growth(metric))).collect();
    let checks = analysis.health.iter().filter(|h| !ignored(&h.rule.container));
    all.extend(checks.filter_map(health));
    all
}

/// A finding about a container, or about the run as a whole.
fn about(
    kind: FindingKind,
    severity: Severity,
    container: &Option<String>,
    text: String,
) -> Finding {
    let finding = Finding::about(kind, severity, "", text);
    Finding { container: container.clone(), ..finding }
}

fn limits(metric: &MetricAnalysis) -> Vec<Finding> {
    let rule = &metric.rule;
    let unit = metric.rule.figure_unit();
    let finding = |reached: &crate::analysis::metrics::Reached| {
        let (word, sign) = if reached.is_min { ("min", "<=") } else { ("max", ">=") };
        let text = format!(
            "metric {}: rolling mean {} {unit} {sign} {word} {}",
            rule.name,
            figure(reached.value),
            figure(reached.threshold)
        );
        about(FindingKind::Metric, Severity::Critical, &rule.container, text.replace("  ", " "))
            .with(Some(reached.value), Some(reached.threshold))
            .in_scenario(&reached.scenario)
    };
    metric.reached.iter().map(finding).collect()
}

fn growth(metric: &MetricAnalysis) -> Option<Finding> {
    let growth = metric.growth.as_ref()?;
    let (rule, unit) = (&metric.rule, metric.rule.figure_unit());
    let unit = if unit.is_empty() { "/min".to_string() } else { format!(" {unit}/min") };
    let (per_min, low, high) = (growth.per_min?, growth.ci_low?, growth.ci_high?);
    if growth.verdict != GrowthVerdict::Grows {
        return None;
    }
    let text = format!(
        "metric {} grows {}{unit} ({} .. {}) under a steady load",
        rule.name,
        figure(per_min),
        figure(low),
        figure(high)
    );
    let finding = about(FindingKind::MetricGrowth, Severity::Critical, &rule.container, text);
    Some(finding.with(Some(per_min), Some(growth.threshold)))
}

/// The worst scenario of a service that was not always well.
fn health(check: &HealthAnalysis) -> Option<Finding> {
    let worst = check.worst()?;
    let name = &check.rule.name;
    let (severity, text, value, threshold) = match worst.worst {
        HealthState::Answering | HealthState::Healthy => return None,
        HealthState::Failing => (Severity::Critical, failing(name, worst), None, None),
        HealthState::Unhealthy => {
            let limit = check.limits.map(|l| l.unhealthy_ms);
            (Severity::Warning, slow(name, worst, limit), worst.worst_mean_ms, limit)
        }
        HealthState::Degraded => {
            let limit = check.limits.map(|l| l.degraded_ms);
            (Severity::Warning, slow(name, worst, limit), worst.worst_mean_ms, limit)
        }
    };
    let finding = about(FindingKind::Health, severity, &check.rule.container, text);
    Some(finding.with(value, threshold).in_scenario(&worst.scenario))
}

fn failing(name: &str, worst: &HealthScenario) -> String {
    let also = match worst.unhealthy_percent {
        share if share > 0.0 => format!("; unhealthy in {share:.0} % of checks"),
        _ => String::new(),
    };
    format!("health {name}: {} of {} checks failed{also}", worst.failures, worst.checks)
}

fn slow(name: &str, worst: &HealthScenario, limit: Option<f64>) -> String {
    let share = match worst.worst {
        HealthState::Unhealthy => worst.unhealthy_percent,
        _ => worst.degraded_percent,
    };
    let mean = worst.worst_mean_ms.zip(limit).map(|(mean, limit)| {
        format!(" (rolling mean up to {mean:.1} ms, threshold {limit:.1} ms)")
    });
    let state = worst.worst.name();
    format!("health {name}: {state} in {share:.0} % of checks{}", mean.unwrap_or_default())
}

/// A number with as many decimals as tell something.
#[must_use]
pub fn figure(value: f64) -> String {
    let digits = match value.abs() {
        v if v >= 1e15 => return format!("{value:.3e}"),
        v if v >= 1000.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 0.01 || v == 0.0 => 3,
        _ => return format!("{value:.2e}"),
    };
    let text = fixed(value, digits);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_string()
    } else {
        text
    }
}
