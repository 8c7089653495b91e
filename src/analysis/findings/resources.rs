//! Descriptors, sockets, threads and disk space that grow.

use crate::analysis::analyze::Analysis;
use crate::analysis::containers::ContainerAnalysis;
use crate::analysis::leak::Verdict;
use crate::analysis::resources::ResourceVerdict;
use crate::model::units::{fixed, signed};

use super::{Finding, FindingKind, Severity};

pub(super) fn find(analysis: &Analysis) -> Vec<Finding> {
    let all = analysis.containers.iter().flat_map(|c| c.resources.iter().map(move |r| (c, r)));
    all.filter(|(_, r)| r.verdict == Verdict::Leak).map(|(c, r)| leak(c, r)).collect()
}

fn leak(container: &ContainerAnalysis, found: &ResourceVerdict) -> Finding {
    let (kind, severity) = match found.is_handle() {
        true => (FindingKind::ResourceLeak, Severity::Critical),
        false => (FindingKind::DiskGrowth, Severity::Warning),
    };
    let mut message = format!("{} grows {}", container.name, rate(found));
    if let Some(text) = until_limit(found) {
        message.push_str(&format!("; {text}"));
    }
    Finding::about(kind, severity, &container.name, message)
        .with(found.per_hour, Some(found.threshold_per_hour))
}

/// `+240 descriptors an hour (232 .. 249) in open_fds`.
#[must_use]
pub fn rate(found: &ResourceVerdict) -> String {
    let (Some(rate), Some(low), Some(high)) = (found.per_hour, found.ci_low, found.ci_high) else {
        return format!("at an unknown rate in {}", found.resource);
    };
    let (unit, resource) = (&found.unit, &found.resource);
    let (rate, low, high) = (signed(rate, 0), fixed(low, 0), fixed(high, 0));
    format!("{rate} {unit} an hour ({low} .. {high}) in {resource}")
}

fn until_limit(found: &ResourceVerdict) -> Option<String> {
    let (soonest, latest) = found.hours_to_limit?;
    let limit = found.limit?;
    let span = match latest {
        Some(latest) if latest - soonest >= 0.1 => format!("{soonest:.1} to {latest:.1} h"),
        Some(_) => format!("{soonest:.1} h"),
        None => format!("{soonest:.1} h at the earliest"),
    };
    Some(format!("at that rate its limit of {limit:.0} {} is reached in {span}", found.unit))
}
