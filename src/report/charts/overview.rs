//! Heatmaps: every container in every scenario.

use crate::analysis::scenario_stats::ScenarioStats;
use crate::report::chart::Heatmap;

use super::{Chart, Metric, Source, Spec, order};

pub fn charts(source: Source<'_>) -> Vec<Chart> {
    Metric::BOTH.into_iter().filter_map(|metric| heatmap(source, metric)).collect()
}

fn heatmap(source: Source<'_>, metric: Metric) -> Option<Chart> {
    let scenarios: Vec<_> = source.analysis.scenarios.iter().filter(|s| s.ticks > 0).collect();
    let mean = |scenario: &ScenarioStats, name: &str| {
        Some(metric.summary(scenario.container(name)?)?.mean)
    };
    let rows = order::worst(source, metric);
    let values: Vec<Vec<Option<f64>>> = rows
        .iter()
        .map(|container| scenarios.iter().map(|s| mean(s, &container.name)).collect())
        .collect();
    values.iter().flatten().flatten().next()?;
    let what = match metric {
        Metric::Memory => "mean working set, MB; those that grow first",
        Metric::Cpu => "mean, percent of one core; nearest to its cores first",
    };
    Some(Chart {
        folder: "overview",
        name: format!("{}_heatmap", metric.word()),
        spec: Spec::Heatmap(Heatmap {
            title: format!("{} by container and scenario", metric.title()),
            subtitle: format!("{what} · run {}", source.analysis.test_id),
            unit: metric.unit().to_string(),
            rows: rows.iter().map(|c| c.name.clone()).collect(),
            columns: scenarios.iter().map(|s| s.name.clone()).collect(),
            values,
        }),
    })
}
