//! The last minute before each OOM kill: what the memory was made of, and the limit.

use crate::analysis::ScenarioData;
use crate::analysis::forensics::{MINUTE, OomKill, Victim, minute_before, parts};
use crate::model::Figure;
use crate::model::units::bytes_to_mb;
use crate::report::chart::{Band, Event, EventKind, Panel, Series, Threshold, Timeline};

use super::{Chart, Source, Spec};

/// Kills that are drawn; the others are in summary.json.
const MOST: usize = 12;

pub fn charts(source: Source<'_>) -> Vec<Chart> {
    let mut all: Vec<Chart> = Vec::new();
    for kill in &source.analysis.oom_kills {
        let scenario = source.data.scenarios.iter().find(|s| s.name == kill.scenario);
        let number = all.len() + 1;
        if number > MOST {
            break;
        }
        all.extend(scenario.and_then(|scenario| chart(scenario, kill, number)));
    }
    all
}

fn chart(scenario: &ScenarioData, kill: &OomKill, number: usize) -> Option<Chart> {
    let lines = lines(scenario, kill)?;
    let limit = kill.limit_mb.map(|value| Threshold { value, name: "limit".to_string() });
    let what = match kill.victim {
        Some(Victim::Main) => "OOM kill: main process",
        Some(Victim::Child) => "OOM kill: child process",
        None => "OOM kill or restart",
    };
    Some(Chart {
        folder: "oom",
        name: format!("oom_kill_{number}"),
        spec: Spec::Timeline(Timeline {
            title: format!("The last minute of {} before an OOM kill", kill.container),
            subtitle: kill.describe().unwrap_or_default(),
            panels: vec![Panel {
                label: "memory".to_string(),
                unit: "MB".to_string(),
                series: lines,
                thresholds: limit.into_iter().collect(),
            }],
            // Some room behind the kill, so that its mark is within the chart.
            bands: vec![Band { from: MINUTE, to: MINUTE + 1.5, name: String::new() }],
            events: vec![Event { at: MINUTE, name: what.to_string(), kind: EventKind::OomKill }],
        }),
    })
}

/// All that was charged, then its parts; none where too little was read for a line.
fn lines(scenario: &ScenarioData, kill: &OomKill) -> Option<Vec<Series>> {
    let series = scenario.series(&kill.container)?;
    let rows = minute_before(scenario, series, kill.at)?;
    // Two points make a line.
    if rows.len() < 2 {
        return None;
    }
    let times = scenario.wall.get(rows.clone())?;
    let x: Vec<f64> = times.iter().map(|t| t - (kill.at - MINUTE)).collect();
    let line = |name: &str, y: Vec<f64>| {
        let measured = y.iter().any(|v| v.is_finite());
        let series = || Series { name: name.into(), x: x.clone(), y, gap_after: f64::INFINITY };
        measured.then(series)
    };
    let mb = |figure: Figure| -> Option<Vec<f64>> {
        let column = series.columns.get(figure)?.get(rows.clone())?;
        Some(column.iter().map(|bytes| bytes_to_mb(*bytes)).collect())
    };
    let total =
        [("usage", Figure::MemoryUsageBytes), ("working set", Figure::MemoryWorkingSetBytes)];
    let total = total.into_iter().find_map(|(name, figure)| line(name, mb(figure)?));
    // A part that is nothing all the time is no line worth reading.
    let there = parts(&series.columns).into_iter().filter_map(|part| {
        let mb = part.mb.get(rows.clone())?;
        mb.iter().any(|v| *v >= 0.05).then(|| line(part.name, mb.to_vec()))?
    });
    let lines: Vec<Series> = total.into_iter().chain(there).collect();
    (!lines.is_empty()).then_some(lines)
}
