//! Sources that were read side by side and do not say the same.

use crate::analysis::analyze::Analysis;
use crate::analysis::provenance::judge::APART_PERCENT;
use crate::analysis::provenance::{Agreement, Verdict};
use crate::model::units::signed;

use super::{Finding, FindingKind, Severity};

pub(super) fn find(analysis: &Analysis) -> Vec<Finding> {
    let told =
        |a: &&Agreement| a.verdict == Verdict::Differ && !analysis.settings.ignores(&a.container);
    analysis.provenance.agreement.iter().filter(told).map(finding).collect()
}

fn finding(found: &Agreement) -> Finding {
    let Agreement { figure, container, first, second, pairs, .. } = found;
    let size = found.median_percent.abs();
    let more = if found.median_percent > 0.0 { "more" } else { "less" };
    let message = format!("{container} {figure}: {second} says {size:.1} % {more} than {first}");
    let interval = found.low_percent.zip(found.high_percent);
    let interval = interval.map(|(low, high)| {
        format!(
            "median of {pairs} pairs {} % (95 % interval {} to {} %)",
            signed(found.median_percent, 1),
            signed(low, 1),
            signed(high, 1)
        )
    });
    let mut finding =
        Finding::about(FindingKind::Disagreement, Severity::Warning, container, message);
    finding.evidence = interval.into_iter().collect();
    finding.with(Some(size), Some(APART_PERCENT))
}
