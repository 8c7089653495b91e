//! GPUs: how busy they are and how much of their memory is in use, over time.

use crate::analysis::ScenarioData;
use crate::model::Figure;
use crate::model::units::bytes_to_mb;
use crate::report::chart::{Panel, Series, Threshold, Timeline};

use super::series::{bands, line};
use super::{Chart, Source, Spec, events};

pub fn charts(source: Source<'_>) -> Vec<Chart> {
    let with_gpus = source.data.scenarios.iter().filter(|s| !s.devices.is_empty());
    // One chart: the longest scenario, which is that under load.
    let longest = with_gpus.max_by_key(|s| s.time.len());
    longest.and_then(|scenario| chart(source, scenario)).into_iter().collect()
}

fn lines(
    scenario: &ScenarioData,
    of: &[crate::analysis::Series],
    figure: Figure,
    factor: impl Fn(f64) -> f64,
) -> Vec<Series> {
    let one = |series: &crate::analysis::Series| {
        let y = series.columns.get(figure)?.iter().map(|v| factor(*v)).collect();
        line(scenario, &series.name, y)
    };
    of.iter().filter_map(one).collect()
}

fn chart(source: Source<'_>, scenario: &ScenarioData) -> Option<Chart> {
    let panel = |label: &str, unit: &str, series: Vec<Series>, thresholds: Vec<Threshold>| {
        let (label, unit) = (label.to_string(), unit.to_string());
        (!series.is_empty()).then_some(Panel { label, unit, series, thresholds })
    };
    let same = |v: f64| v;
    let busy = lines(scenario, &scenario.devices, Figure::GpuPercent, same);
    let memory = lines(scenario, &scenario.devices, Figure::GpuMemoryUsedBytes, bytes_to_mb);
    let shown: Vec<crate::analysis::Series> = scenario
        .containers
        .iter()
        .filter(|s| !source.analysis.settings.ignores(&s.name))
        .cloned()
        .collect();
    let containers = lines(scenario, &shown, Figure::GpuMemoryBytes, bytes_to_mb);
    let mut totals: Vec<f64> =
        source.analysis.gpus.iter().filter_map(|gpu| gpu.memory_mb).collect();
    totals.dedup();
    // Several sizes would be lines that belong to nobody.
    let total = match totals.as_slice() {
        [one] => vec![Threshold { value: *one, name: "all of it".to_string() }],
        _ => Vec::new(),
    };
    let panels: Vec<Panel> = [
        panel("GPU busy", "%", busy, Vec::new()),
        panel("GPU memory", "MB", memory, total),
        panel("of containers", "MB", containers, Vec::new()),
    ]
    .into_iter()
    .flatten()
    .collect();
    if panels.is_empty() {
        return None;
    }
    let marks = events::marks(source.data, scenario);
    Some(Chart {
        folder: "overview",
        name: "gpu_timeline".to_string(),
        spec: Spec::Timeline(Timeline {
            title: "GPUs: work and memory".to_string(),
            subtitle: format!("scenario {} · run {}", scenario.name, source.analysis.test_id),
            panels,
            bands: bands(scenario),
            events: marks.into_iter().map(|mark| mark.event).collect(),
        }),
    })
}
