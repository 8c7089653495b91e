//! Memory and CPU near their ends, CPU that grows, and what stopped stress and speed.
//!
//! Stress and speed drive the stack to its end on purpose: how high a container came there is no
//! finding, what stopped it is one, as information.

use crate::analysis::analyze::Analysis;
use crate::analysis::containers::ContainerAnalysis;
use crate::analysis::dataset::is_active;
use crate::analysis::scenario_stats::ScenarioStats;
use crate::model::Figure;
use crate::model::event::Trigger;
use crate::model::units::{fixed, signed};

use super::{Finding, FindingKind, Severity};

pub(super) fn find(analysis: &Analysis) -> Vec<Finding> {
    let driven = ["stress_test", "speed_scaling"];
    let mut all = Vec::new();
    for scenario in analysis.scenarios.iter().filter(|s| !driven.contains(&s.name.as_str())) {
        for container in &analysis.containers {
            all.extend(memory(analysis, scenario, container));
            all.extend(cpu(analysis, scenario, container));
            all.extend(cpu_slope(analysis, scenario, container));
        }
    }
    all.extend(stress(analysis));
    all.extend(speed(analysis));
    all
}

/// Warning or critical, and the threshold that was reached.
fn grade(value: f64, warning: f64, critical: f64) -> Option<(Severity, f64)> {
    if value >= critical {
        Some((Severity::Critical, critical))
    } else {
        (value >= warning).then_some((Severity::Warning, warning))
    }
}

fn memory(
    analysis: &Analysis,
    scenario: &ScenarioStats,
    container: &ContainerAnalysis,
) -> Option<Finding> {
    let thresholds = &analysis.settings.thresholds;
    let stats = scenario.container(&container.name)?;
    let value = stats.get(Figure::MemoryPercent)?.max;
    let (severity, threshold) =
        grade(value, thresholds.memory_warning_percent, thresholds.memory_critical_percent)?;
    let limit = stats.limit_then_mb.or(container.limit_mb);
    let limit = limit.map(|mb| format!(" of {mb:.0} MB")).unwrap_or_default();
    let message = format!("{} memory reached {value:.1} % of its limit{limit}", container.name);
    let finding = Finding::about(FindingKind::Memory, severity, &container.name, message);
    Some(finding.with(Some(value), Some(threshold)).in_scenario(&scenario.name))
}

/// By the 95th percentile: a single sample at its end is no shortage.
fn cpu(
    analysis: &Analysis,
    scenario: &ScenarioStats,
    container: &ContainerAnalysis,
) -> Option<Finding> {
    let thresholds = &analysis.settings.thresholds;
    let value = scenario.container(&container.name)?.cpu_percent()?.p95;
    let share = value / container.cores;
    let (severity, threshold) =
        grade(share, thresholds.cpu_warning_percent, thresholds.cpu_critical_percent)?;
    let message = format!(
        "{} CPU at {value:.1} % (p95), {share:.0} % of its {} cores",
        container.name, container.cores
    );
    let finding = Finding::about(FindingKind::Cpu, severity, &container.name, message);
    Some(finding.with(Some(share), Some(threshold)).in_scenario(&scenario.name))
}

/// Flagged where the estimate reaches the threshold and the interval stays clear of a quarter of
/// it, as for leaks.
fn cpu_slope(
    analysis: &Analysis,
    scenario: &ScenarioStats,
    container: &ContainerAnalysis,
) -> Option<Finding> {
    let threshold = analysis.settings.thresholds.cpu_slope_percent_per_min;
    let phase = scenario.phases.iter().find(|phase| is_active(&phase.name))?;
    let part = phase.containers.iter().find(|part| part.name == container.name)?;
    let trend = part.cpu_trend?;
    (trend.slope >= threshold && trend.ci_low > threshold / 4.0).then(|| {
        let message = format!(
            "{} CPU grows {} %/min ({} .. {}) under a steady load",
            container.name,
            signed(trend.slope, 1),
            fixed(trend.ci_low, 1),
            fixed(trend.ci_high, 1)
        );
        Finding::about(FindingKind::CpuSlope, Severity::Warning, &container.name, message)
            .with(Some(trend.slope), Some(threshold))
            .in_scenario(&scenario.name)
    })
}

fn stress(analysis: &Analysis) -> Option<Finding> {
    let capacity = analysis.capacity.as_ref()?;
    let trigger = capacity.trigger.as_ref()?;
    let level = capacity.max_level.map(|level| format!(" at level {level}")).unwrap_or_default();
    let text = match capacity.bottleneck() {
        Some(text) if trigger.container == "host" => format!("{text}; {}", in_words(trigger)),
        _ => in_words(trigger),
    };
    let message = format!("stress ended{level}: {text}");
    Some(reached(trigger, message).in_scenario("stress_test"))
}

fn speed(analysis: &Analysis) -> Option<Finding> {
    let step = analysis.speed.as_ref()?.steps.iter().rfind(|step| step.trigger.is_some())?;
    let trigger = step.trigger.as_ref()?;
    let message = format!("speed scaling ended at {}x: {}", step.multiplier, in_words(trigger));
    Some(reached(trigger, message).in_scenario("speed_scaling"))
}

fn reached(trigger: &Trigger, message: String) -> Finding {
    Finding::about(FindingKind::Threshold, Severity::Info, &trigger.container, message)
        .with(Some(trigger.value), Some(trigger.threshold))
}

/// `stream-processor CPU 45.9 % >= 45 % (90 % of 0.5 cores)`.
#[must_use]
pub fn in_words(trigger: &Trigger) -> String {
    let metric = match trigger.metric.as_str() {
        "cpu" => "CPU",
        "psi_memory" => "memory stalls",
        "gpu_memory" => "memory",
        other => other,
    };
    let sign = if trigger.value < trigger.threshold { "<=" } else { ">=" };
    let cores = trigger
        .cores
        .filter(|cores| *cores > 0.0)
        .map(|cores| format!(" ({:.0} % of {cores} cores)", trigger.threshold / cores));
    if is_failed_load(trigger) {
        let (value, threshold) = (trigger.value, trigger.threshold);
        return format!("load failures {value:.1} % > {threshold} %");
    }
    if let of @ ("load" | "metric") = trigger.container.as_str() {
        return format!("{of}: {metric} {:.3} {sign} {:.3}", trigger.value, trigger.threshold);
    }
    format!(
        "{} {metric} {:.1} % {sign} {:.0} %{}",
        trigger.container,
        trigger.value,
        trigger.threshold,
        cores.unwrap_or_default()
    )
}

/// Whether it is the share of the load's requests that failed.
#[must_use]
pub fn is_failed_load(trigger: &Trigger) -> bool {
    trigger.container == "load" && trigger.metric == "failed"
}
