//! Stress: figures while load grows, and each container's peak against its threshold.

use crate::analysis::capacity::Capacity;
use crate::analysis::{ContainerAnalysis, ScenarioData};
use crate::model::Figure;
use crate::report::chart::{BarRow, Bars, Panel, Series, Threshold, Timeline};

use super::series::{bands, cpu_threshold, cpu_thresholds, line, of};
use super::{Chart, Metric, Source, Spec, events, order};

pub fn charts(source: Source<'_>) -> Vec<Chart> {
    let scenario =
        source.data.scenarios.iter().find(|s| s.name == "stress_test" && !s.time.is_empty());
    let Some((scenario, capacity)) = scenario.zip(source.analysis.capacity.as_ref()) else {
        return Vec::new();
    };
    let timelines = Metric::BOTH.into_iter().filter_map(|m| timeline(source, scenario, m));
    let comparisons = Metric::BOTH.into_iter().filter_map(|m| comparison(source, capacity, m));
    timelines.chain(comparisons).collect()
}

fn timeline(source: Source<'_>, scenario: &ScenarioData, metric: Metric) -> Option<Chart> {
    let shown = order::shown(source, metric);
    let lines: Vec<Series> = shown.iter().filter_map(|c| of(scenario, &c.name, metric)).collect();
    if lines.is_empty() {
        return None;
    }
    let mut panels = match metric {
        Metric::Cpu => {
            let names = shown.iter().map(|c| c.name.as_str());
            let thresholds = cpu_thresholds(source, names, &source.analysis.settings.stress);
            vec![panel("CPU", "%", lines, thresholds)]
        }
        Metric::Memory => {
            let names: Vec<&str> = lines.iter().map(|l| l.name.as_str()).collect();
            let percent = of_limit(source, scenario, &names);
            let all = percent.as_ref().is_some_and(|panel| panel.series.len() == lines.len());
            // MB beside it where a container has no limit.
            let mb = (!all).then(|| panel("memory", "MB", lines, Vec::new()));
            percent.into_iter().chain(mb).collect()
        }
    };
    let queued = line(scenario, "load (level)", scenario.queued.clone()).map(stepped);
    panels.extend(queued.map(|level| panel("load", "level", vec![level], Vec::new())));
    let result = crate::report::console::capacity(source.analysis).unwrap_or_default();
    Some(Chart {
        folder: "stress",
        name: format!("stress_timeline_{}", metric.word()),
        spec: Spec::Timeline(Timeline {
            title: format!("Stress: {} while load grows", metric.in_words()),
            subtitle: format!("{result}{}", order::note(source, shown.len())),
            panels,
            bands: bands(scenario),
            events: events::marks(source.data, scenario).into_iter().map(|m| m.event).collect(),
        }),
    })
}

/// A level holds until the next one: the line goes across, then up.
fn stepped(series: Series) -> Series {
    let (mut x, mut y) = (Vec::new(), Vec::new());
    let mut before = None;
    for (at, level) in series.x.iter().zip(&series.y) {
        if let Some(before) = before.filter(|before| before != level) {
            x.push(*at);
            y.push(before);
        }
        x.push(*at);
        y.push(*level);
        before = Some(*level);
    }
    Series { x, y, ..series }
}

fn panel(label: &str, unit: &str, series: Vec<Series>, thresholds: Vec<Threshold>) -> Panel {
    Panel { label: label.to_string(), unit: unit.to_string(), series, thresholds }
}

/// Memory against the limits, where there are any.
fn of_limit(source: Source<'_>, scenario: &ScenarioData, names: &[&str]) -> Option<Panel> {
    let percent = |name: &&str| {
        let column = scenario.series(name)?.columns.get(Figure::MemoryPercent)?;
        line(scenario, name, column.to_vec())
    };
    let series: Vec<Series> = names.iter().filter_map(percent).collect();
    let threshold = source.analysis.settings.stress.memory_percent;
    let thresholds = vec![Threshold { value: threshold, name: "threshold".to_string() }];
    (!series.is_empty()).then(|| panel("memory", "% of limit", series, thresholds))
}

fn comparison(source: Source<'_>, capacity: &Capacity, metric: Metric) -> Option<Chart> {
    let worst = order::worst(source, metric);
    let rows: Vec<BarRow> = worst.iter().filter_map(|c| bar_row(source, metric, c)).collect();
    if rows.is_empty() {
        return None;
    }
    let stopped = match capacity.max_level {
        Some(level) => format!(" · load ended at level {level}"),
        None => String::new(),
    };
    Some(Chart {
        folder: "stress",
        name: format!("stress_comparison_{}", metric.word()),
        spec: Spec::Bars(Bars {
            title: format!("Stress: peak {} by container", metric.in_words()),
            subtitle: format!(
                "highest single sample against the threshold of the rolling mean{stopped}"
            ),
            label: metric.title().to_string(),
            unit: metric.unit().to_string(),
            groups: vec!["baseline mean".to_string(), "stress peak".to_string()],
            rows,
        }),
    })
}

/// A container's mean before any load, and its peak against its threshold.
fn bar_row(source: Source<'_>, metric: Metric, container: &ContainerAnalysis) -> Option<BarRow> {
    let (analysis, name) = (source.analysis, &container.name);
    let settings = &analysis.settings;
    let summary = |scenario| metric.summary(analysis.scenario(scenario)?.container(name)?);
    let peak = summary("stress_test")?.max;
    let threshold = match metric {
        Metric::Memory => {
            let own = settings.container(name).memory_percent;
            let percent = own.unwrap_or(settings.stress.memory_percent);
            container.limit_mb.map(|limit| limit * percent / 100.0)
        }
        Metric::Cpu => Some(cpu_threshold(source, name, &settings.stress).value),
    };
    let idle = summary("baseline").map(|summary| summary.mean);
    Some(BarRow { name: name.clone(), values: vec![idle, Some(peak)], threshold })
}
