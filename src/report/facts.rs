//! What was measured, by what, and what it cost: the facts around the figures.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::analysis::stats::mean;
use crate::analysis::{Dataset, ScenarioData};
use crate::model::Figure;
use crate::model::units::bytes_to_mb;

use super::words;

/// Length of a run, seconds: by its own stamps, else from the first tick to the last.
#[must_use]
pub fn seconds(data: &Dataset) -> Option<f64> {
    let stamps = data.started_at.as_deref().zip(data.completed_at.as_deref());
    let by_stamps = stamps.and_then(|(from, to)| Some(parse(to)? - parse(from)?));
    by_stamps.filter(|s| *s >= 0.0).or_else(|| {
        let all = || data.scenarios.iter().flat_map(|s| s.time.iter().copied());
        let (first, last) = (all().reduce(f64::min)?, all().reduce(f64::max)?);
        Some(last - first)
    })
}

/// RFC 3339, or the same without a zone, as seconds.
fn parse(text: &str) -> Option<f64> {
    let with_zone = chrono::DateTime::parse_from_rfc3339(text).map(|t| t.naive_utc());
    let time = with_zone.or_else(|_| text.parse::<chrono::NaiveDateTime>()).ok()?;
    Some(time.and_utc().timestamp_millis() as f64 / 1000.0)
}

/// How many gaps there were. A metric that never had a value has none: see [`silent`].
#[must_use]
pub fn gap_count(data: &Dataset) -> u64 {
    let silent = silent(data);
    let gaps = data.scenarios.iter().flat_map(|s| &s.gaps);
    gaps.filter(|gap| !is_of(&silent, &gap.1)).map(|(_, _, count)| count).sum()
}

/// Metrics that never had a value, each with the commonest reason.
#[must_use]
pub fn silent(data: &Dataset) -> BTreeMap<&str, &str> {
    let is_known = |name: &str| {
        let metrics = data.scenarios.iter().flat_map(|s| &s.metrics);
        metrics.filter(|(of, _)| of == name).any(|(_, values)| values.iter().any(|v| v.is_finite()))
    };
    let mut counts: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for (_, reason, count) in data.scenarios.iter().flat_map(|s| &s.gaps) {
        if let Some((name, why)) = of_metric(reason).filter(|(name, _)| !is_known(name)) {
            *counts.entry(name).or_default().entry(why).or_default() += count;
        }
    }
    let mut silent = BTreeMap::new();
    for (name, whys) in counts {
        if let Some((why, _)) = whys.into_iter().max_by_key(|(_, count)| *count) {
            silent.insert(name, why);
        }
    }
    silent
}

/// `metric NAME: WHY`, as the ticker writes it.
fn of_metric(reason: &str) -> Option<(&str, &str)> {
    reason.strip_prefix("metric ")?.split_once(": ")
}

fn is_of(silent: &BTreeMap<&str, &str>, reason: &str) -> bool {
    of_metric(reason).is_some_and(|(name, _)| silent.contains_key(name))
}

/// `0.6 % CPU, 14 MB`: what measuring cost, mean CPU and most memory; absent where not measured.
#[must_use]
pub fn own_cost(data: &Dataset) -> Option<String> {
    let all = |figure| {
        let columns = data.scenarios.iter().filter_map(move |s| s.runner.get(figure));
        columns.flatten().copied().filter(|v| v.is_finite())
    };
    let cpu = mean(all(Figure::RunnerCpuPercent)).map(|percent| format!("{percent:.1} % CPU"));
    let memory = all(Figure::RunnerRssBytes).reduce(f64::max);
    let memory = memory.map(|bytes| format!("{:.0} MB", bytes_to_mb(bytes)));
    let parts: Vec<String> = cpu.into_iter().chain(memory).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Ticks of a scenario that came more than half an interval late, by the median interval of their
/// phase.
#[must_use]
pub fn late_ticks(scenario: &ScenarioData) -> usize {
    let late = |time: &[f64]| {
        let mut steps: Vec<f64> = time.windows(2).map(|w| w[1] - w[0]).collect();
        steps.sort_by(f64::total_cmp);
        let usual = steps.get(steps.len() / 2).copied().unwrap_or(0.0);
        steps.iter().filter(|step| **step > 1.5 * usual).count()
    };
    let rows = |phase: &crate::analysis::Phase| scenario.time.get(phase.ticks.clone());
    scenario.phases.iter().filter_map(rows).map(late).sum()
}

/// Rows of the table "what was measured": a word and what is known about it.
#[must_use]
pub fn measured(data: &Dataset) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    let mut row = |name, text: Option<String>| {
        rows.extend(text.filter(|t| !t.is_empty()).map(|text| (name, text)));
    };
    row("Started", data.started_at.clone());
    row("Lasted", seconds(data).map(words::duration));
    row("Host", host(&data.run));
    row("Engine", engine(&data.run));
    row("Sources", sources(&data.run));
    row("Samples", samples(data));
    row("Config", text(&data.config, &["origin"]));
    row("Runner", text(&data.run, &["runner_version"]).map(|v| format!("version {v}")));
    row("Runner's own cost", own_cost(data));
    row("Gaps", gaps(data));
    let silent = silent(data).into_iter().map(|(name, why)| format!("metric {name}: {why}"));
    row("Never had a value", Some(silent.collect::<Vec<_>>().join("; ")));
    rows
}

fn text(value: &Value, path: &[&str]) -> Option<String> {
    let found = path.iter().try_fold(value, |value, key| value.get(key))?;
    match found {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn host(run: &Value) -> Option<String> {
    let memory = run.get("host")?.get("memory_bytes").and_then(Value::as_f64);
    let parts = [
        text(run, &["host", "hostname"]),
        text(run, &["host", "cores"]).map(|cores| format!("{cores} cores")),
        memory.map(|bytes| format!("{:.1} GB", bytes_to_mb(bytes) / 1024.0)),
        text(run, &["host", "cpu_model"]),
        text(run, &["host", "kernel"]).map(|kernel| format!("Linux {kernel}")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    Some(parts.join(", "))
}

fn engine(run: &Value) -> Option<String> {
    let parts = [
        text(run, &["engine", "kind"]),
        text(run, &["engine", "version"]).map(|v| format!("Docker Engine {v}")),
        text(run, &["engine", "compose_tool"]),
        text(run, &["engine", "cgroup_version"]).map(|v| format!("cgroup v{v}")),
        text(run, &["engine", "storage_driver"]),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    Some(parts.join(", "))
}

/// `cgroup (26 figures), engine (1)`.
fn sources(run: &Value) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for source in run.get("sources")?.as_object()?.values().filter_map(Value::as_str) {
        *counts.entry(source).or_default() += 1;
    }
    let parts: Vec<String> = counts
        .into_iter()
        .map(|(name, n)| format!("{name} ({})", words::counted(n as u64, "figure", "figures")))
        .collect();
    Some(parts.join(", "))
}

fn samples(data: &Dataset) -> Option<String> {
    let ticks: usize = data.scenarios.iter().map(|s| s.time.len()).sum();
    let samples: usize = data.scenarios.iter().map(|s| s.time.len() * s.containers.len()).sum();
    let late: usize = data.scenarios.iter().map(late_ticks).sum();
    let late = if late > 0 { format!(", {late} of them late") } else { String::new() };
    Some(format!("{ticks} ticks{late}; {samples} container samples"))
}

fn gaps(data: &Dataset) -> Option<String> {
    let silent = silent(data);
    let all = data.scenarios.iter().flat_map(|s| s.gaps.iter().map(move |gap| (&s.name, gap)));
    let all = all.filter(|(_, gap)| !is_of(&silent, &gap.1));
    let mut lines: Vec<String> =
        all.map(|(name, (source, why, n))| format!("{n} of {source} in {name}: {why}")).collect();
    if lines.len() > GAPS {
        let more = lines.len() - GAPS;
        lines.truncate(GAPS);
        lines.push(format!("and {more} more kinds"));
    }
    Some(if lines.is_empty() { "none".to_string() } else { lines.join("; ") })
}

/// Kinds of gaps that are named.
const GAPS: usize = 8;
