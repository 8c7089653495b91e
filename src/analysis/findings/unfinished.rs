//! What was left undone at the end of the run.

use crate::analysis::analyze::Analysis;

use super::{Finding, FindingKind, Severity};

pub(super) fn find(analysis: &Analysis) -> Vec<Finding> {
    let finding = |message: &String| {
        let kind = FindingKind::Unfinished;
        let mut finding = Finding::about(kind, Severity::Critical, "", message.clone());
        finding.container = None;
        finding
    };
    analysis.unfinished.iter().map(|left| finding(&left.message)).collect()
}
