//! Leaks, suspects, and planted leaks that were not found.

use std::collections::BTreeMap;

use crate::analysis::analyze::Analysis;
use crate::analysis::containers::ContainerAnalysis;
use crate::analysis::leak::{LeakVerdict, PartGrowth, Verdict};
use crate::model::units::{fixed, signed};

use super::{Finding, FindingKind, Severity};

pub(super) fn find(analysis: &Analysis) -> Vec<Finding> {
    let mut all: Vec<Finding> =
        analysis.containers.iter().filter_map(|c| of_container(analysis, c)).collect();
    all.extend(unjudged(analysis));
    all.extend(missed(analysis));
    all
}

fn of_container(analysis: &Analysis, container: &ContainerAnalysis) -> Option<Finding> {
    let leak = container.leak.as_ref()?;
    let (kind, severity) = match leak.verdict {
        Verdict::Leak => (FindingKind::Leak, Severity::Critical),
        Verdict::Suspect => (FindingKind::Suspect, Severity::Warning),
        Verdict::Inconclusive => (FindingKind::Inconclusive, Severity::Warning),
        Verdict::Ok | Verdict::InsufficientData => return None,
    };
    let mut message = format!("{} grows {}", container.name, rate(leak));
    if leak.verdict == Verdict::Inconclusive {
        message = format!("{} may grow: {}", container.name, rate(leak));
    }
    if let Some(figure) = &leak.figure {
        message.push_str(&format!(" in {figure}"));
    }
    if let Some(text) = until_limit(container).filter(|_| leak.verdict == Verdict::Leak) {
        message.push_str(&format!("; {text}"));
    }
    if let Some(reason) = leak.reason.as_ref().filter(|_| leak.verdict != Verdict::Leak) {
        message.push_str(&format!(": {reason}"));
    }
    message.push_str(&what_grows(leak));
    let mut finding = Finding::about(kind, severity, &container.name, message)
        .with(leak.slope_mb_per_min, Some(leak.threshold_mb_per_min));
    finding.expected = leak.verdict == Verdict::Leak && is_planted(analysis, container);
    Some(finding)
}

/// `+40.2 MB/min (39.1 .. 41.0, approximate)`.
#[must_use]
pub fn rate(leak: &LeakVerdict) -> String {
    let (Some(slope), Some(low), Some(high)) = (leak.slope_mb_per_min, leak.ci_low, leak.ci_high)
    else {
        return "at an unknown rate".to_string();
    };
    let digits = if slope.abs() >= 10.0 { 1 } else { 2 };
    let approximate = if leak.approximate { ", approximate" } else { "" };
    let (low, high) = (fixed(low, digits), fixed(high, digits));
    format!("{} MB/min ({low} .. {high}{approximate})", signed(slope, digits))
}

/// `; heap 96 %, kernel 4 %`, for an accusation.
fn what_grows(leak: &LeakVerdict) -> String {
    if !matches!(leak.verdict, Verdict::Leak | Verdict::Suspect) {
        return String::new();
    }
    let one = |part: &PartGrowth| match part.share_percent {
        Some(share) if share >= 1.0 => {
            Some(format!("{} {share:.0} %", part.part.replace('_', " ")))
        }
        Some(_) => None,
        None => Some(format!("{} {} a minute", fixed(part.per_min, 1), part.part)),
    };
    let parts: Vec<String> = leak.parts.iter().filter_map(one).collect();
    if parts.is_empty() { String::new() } else { format!("; of what grows: {}", parts.join(", ")) }
}

/// What an acquittal is worth: `a leak below 1.4 MB/min could hide`.
#[must_use]
pub fn could_hide(leak: &LeakVerdict) -> Option<String> {
    let least = leak.detectable_mb_per_min.filter(|_| leak.verdict == Verdict::Ok)?;
    Some(format!("a leak below {least:.1} MB/min could hide"))
}

/// The same where even a leak as fast as the threshold could hide: an acquittal that is worth less
/// than was asked for.
#[must_use]
pub fn too_much_could_hide(leak: &LeakVerdict) -> Option<String> {
    let least = leak.detectable_mb_per_min?;
    could_hide(leak).filter(|_| least > leak.threshold_mb_per_min)
}

/// When the limit is reached, in words.
#[must_use]
pub fn until_limit(container: &ContainerAnalysis) -> Option<String> {
    let (soonest, latest) = container.leak.as_ref()?.minutes_to_limit?;
    let limit = container.limit_mb?;
    let span = match latest {
        Some(latest) if latest - soonest >= 1.0 => format!("{soonest:.0} to {latest:.0} min"),
        Some(_) => format!("{soonest:.0} min"),
        None => format!("{soonest:.0} min at the earliest"),
    };
    Some(format!("at that rate its limit of {limit:.0} MB is reached in {span}"))
}

fn is_planted(analysis: &Analysis, container: &ContainerAnalysis) -> bool {
    let expect = &analysis.settings.expect;
    let slope = container.leak.as_ref().and_then(|leak| leak.slope_mb_per_min);
    expect.leak.contains(&container.name)
        && expect.leak_mb_per_min.is_none_or(|least| slope.is_some_and(|slope| slope >= least))
}

/// Containers without a verdict, one finding a reason.
fn unjudged(analysis: &Analysis) -> Vec<Finding> {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for container in &analysis.containers {
        let leak = container.leak.as_ref();
        let leak = leak.filter(|leak| leak.verdict == Verdict::InsufficientData);
        if let Some(reason) = leak.and_then(|leak| leak.reason.as_deref()) {
            reasons.entry(reason).or_default().push(&container.name);
        }
    }
    let finding = |(reason, names): (&str, Vec<&str>)| {
        let (container, who) = match names.as_slice() {
            [one] => (one.to_string(), (*one).to_string()),
            many => (String::new(), format!("{} containers", many.len())),
        };
        let message = format!("no leak verdict for {who}: {reason}");
        let mut finding =
            Finding::about(FindingKind::InsufficientData, Severity::Info, &container, message);
        finding.container = finding.container.filter(|name| !name.is_empty());
        finding
    };
    reasons.into_iter().map(finding).collect()
}

/// Planted leaks that were not found. A run without a phase under steady load could not find any.
fn missed(analysis: &Analysis) -> Vec<Finding> {
    if analysis.containers.iter().all(|container| container.leak.is_none()) {
        return Vec::new();
    }
    let expect = &analysis.settings.expect;
    let is_missed = |name: &&String| {
        analysis.container(name).is_none_or(|container| {
            let verdict = container.leak.as_ref().map(|leak| leak.verdict);
            verdict != Some(Verdict::Leak) || !is_planted(analysis, container)
        })
    };
    let finding = |name: &String| {
        let leak = analysis.container(name).and_then(|container| container.leak.as_ref());
        let found = match leak {
            Some(leak) => format!("the verdict is {}, {}", leak.verdict, rate(leak)),
            None => "it was not measured".to_string(),
        };
        let message = format!("{name} was expected to leak: {found}");
        Finding::about(FindingKind::MissedLeak, Severity::Critical, name, message)
            .with(leak.and_then(|leak| leak.slope_mb_per_min), expect.leak_mb_per_min)
    };
    expect.leak.iter().filter(is_missed).map(finding).collect()
}
