//! GPU memory that grows, and clocks that were held back.

use crate::analysis::analyze::Analysis;
use crate::analysis::gpu::GpuAnalysis;
use crate::analysis::leak::Verdict;

use super::{Finding, FindingKind, Severity, rate};

/// Samples with a throttling reason below this share are no finding, percent.
const SELDOM: f64 = 5.0;

pub(super) fn find(analysis: &Analysis) -> Vec<Finding> {
    let of = |gpu: &GpuAnalysis| [leak(gpu), growth(analysis, gpu), throttled(gpu)];
    analysis.gpus.iter().flat_map(of).flatten().collect()
}

fn leak(gpu: &GpuAnalysis) -> Option<Finding> {
    let leak = gpu.leak.as_ref()?;
    let (kind, severity, verb) = match leak.verdict {
        Verdict::Leak => (FindingKind::GpuLeak, Severity::Critical, "grows"),
        Verdict::Suspect => (FindingKind::GpuSuspect, Severity::Warning, "grows"),
        Verdict::Inconclusive => (FindingKind::GpuSuspect, Severity::Warning, "may grow:"),
        _ => return None,
    };
    let message = format!("{} GPU memory {verb} {}", gpu.name, rate(leak));
    let finding = Finding::about(kind, severity, &gpu.name, message);
    Some(finding.with(leak.slope_mb_per_min, Some(leak.threshold_mb_per_min)))
}

/// By the bound that the config sets, whatever the course of the growth. A device whose containers
/// are known is judged through them.
fn growth(analysis: &Analysis, gpu: &GpuAnalysis) -> Option<Finding> {
    let bound = analysis.settings.leak.gpu_growth_mb?;
    gpu.leak.as_ref()?;
    let grown = gpu.growth_mb.filter(|grown| *grown >= bound)?;
    let message = format!("{} GPU memory grew by {grown:.0} MB under load", gpu.name);
    let finding = Finding::about(FindingKind::GpuGrowth, Severity::Critical, &gpu.name, message);
    Some(finding.with(Some(grown), Some(bound)))
}

/// Heat and brakes; a power cap is how GPUs are run.
fn throttled(gpu: &GpuAnalysis) -> Option<Finding> {
    let told = ["hardware thermal slowdown", "software thermal slowdown", "power brake"];
    let often = |(why, share): &&(String, f64)| told.contains(&why.as_str()) && *share >= SELDOM;
    let (why, share) = gpu.throttled.iter().find(often)?;
    let message = format!("{} was slowed down in {share:.0} % of samples: {why}", gpu.name);
    let finding = Finding::about(FindingKind::GpuThrottled, Severity::Warning, &gpu.name, message);
    Some(finding.with(Some(*share), Some(SELDOM)))
}
