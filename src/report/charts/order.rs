//! Who comes first in a chart: the worst.

use crate::analysis::leak::Verdict;
use crate::analysis::{Analysis, ContainerAnalysis};

use super::{Metric, Source, WORST};

/// Containers, the worst first: by memory those that leak, then those nearest to their limit; by
/// CPU those nearest to their cores.
pub fn worst<'a>(source: Source<'a>, metric: Metric) -> Vec<&'a ContainerAnalysis> {
    let analysis: &'a Analysis = source.analysis;
    let mut all: Vec<&ContainerAnalysis> = analysis.containers.iter().collect();
    let key = |c: &ContainerAnalysis| match metric {
        Metric::Memory => memory(c),
        Metric::Cpu => (0, c.peak_cpu_percent.unwrap_or(0.0) / c.cores.max(1e-3)),
    };
    all.sort_by(|a, b| {
        let (left, right) = (key(a), key(b));
        right.0.cmp(&left.0).then(right.1.total_cmp(&left.1)).then(a.name.cmp(&b.name))
    });
    all
}

/// The same, as many as lines are drawn.
pub fn shown<'a>(source: Source<'a>, metric: Metric) -> Vec<&'a ContainerAnalysis> {
    let mut all = worst(source, metric);
    if !source.options.all {
        all.truncate(WORST);
    }
    all
}

/// ` · worst 48 of 200`, where some are left out.
pub fn note(source: Source<'_>, shown: usize) -> String {
    let all = source.analysis.containers.len();
    if shown < all { format!(" · worst {shown} of {all} containers") } else { String::new() }
}

fn memory(container: &ContainerAnalysis) -> (u8, f64) {
    let leak = container.leak.as_ref();
    let slope = leak.and_then(|l| l.slope_mb_per_min).unwrap_or(f64::NEG_INFINITY);
    let share = || match (container.peak_memory_mb, container.limit_mb) {
        (Some(peak), Some(limit)) if limit > 0.0 => peak / limit,
        _ => 0.0,
    };
    match leak.map(|leak| leak.verdict) {
        Some(Verdict::Leak) => (4, slope),
        Some(Verdict::Suspect) => (3, slope),
        Some(Verdict::Inconclusive) => (2, slope),
        Some(Verdict::Ok) => (1, slope),
        Some(Verdict::InsufficientData) | None => (0, share()),
    }
}
