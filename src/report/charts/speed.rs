//! Speed scaling: the mean of every step.

use crate::analysis::scenario_stats::PhaseStats;
use crate::report::chart::{StepSeries, Steps};

use super::series::cpu_thresholds;
use super::{Chart, Metric, Source, Spec, order};

pub fn charts(source: Source<'_>) -> Vec<Chart> {
    Metric::BOTH.into_iter().filter_map(|metric| steps(source, metric)).collect()
}

fn steps(source: Source<'_>, metric: Metric) -> Option<Chart> {
    let stats = source.analysis.scenario("speed_scaling")?;
    let phases: Vec<&PhaseStats> =
        stats.phases.iter().filter(|p| p.speed.is_some() && !p.ticks.is_empty()).collect();
    let shown = order::shown(source, metric);
    let mean = |phase: &&PhaseStats, name: &str| {
        let part = phase.containers.iter().find(|part| part.name == name)?;
        match metric {
            Metric::Memory => part.memory_mean_mb,
            Metric::Cpu => part.cpu_mean_percent,
        }
    };
    let one = |name: &str| StepSeries {
        name: name.to_string(),
        values: phases.iter().map(|phase| mean(phase, name)).collect(),
    };
    let series: Vec<StepSeries> = shown
        .iter()
        .map(|c| one(&c.name))
        .filter(|series| series.values.iter().any(Option::is_some))
        .collect();
    if series.is_empty() {
        return None;
    }
    let thresholds = match metric {
        Metric::Memory => Vec::new(),
        Metric::Cpu => {
            let names = shown.iter().map(|c| c.name.as_str());
            cpu_thresholds(source, names, &source.analysis.settings.speed)
        }
    };
    let result = crate::report::console::speed(source.analysis).unwrap_or_default();
    Some(Chart {
        folder: "speed_scaling",
        name: format!("speed_scaling_{}", metric.word()),
        spec: Spec::Steps(Steps {
            title: format!("Speed scaling: mean {} of each step", metric.in_words()),
            subtitle: format!("{result}{}", order::note(source, shown.len())),
            x_label: "speed multiplier (level)".to_string(),
            label: format!("mean {}", metric.in_words()),
            unit: metric.unit().to_string(),
            steps: phases.iter().map(|phase| step_name(phase)).collect(),
            series,
            thresholds,
        }),
    })
}

fn step_name(phase: &PhaseStats) -> String {
    let speed = phase.speed.map_or_else(|| phase.name.clone(), |speed| format!("{speed}×"));
    phase.level.map_or(speed.clone(), |level| format!("{speed} ({level})"))
}
