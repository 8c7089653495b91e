//! Writes results.json, streamed: the samples of a long run are never in memory as a tree.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::metadata;
use super::samples::{container_samples, write_samples};
use crate::analysis::{Dataset, ScenarioData};
use crate::model::Event;
use crate::store::atomic;
use crate::store::error::StoreError;
use crate::store::journal::SCHEMA_VERSION;
use crate::store::run_folder::SAMPLES;

/// Container samples that are inline unless the configuration says otherwise.
pub const INLINE_SAMPLES: usize = 500_000;

/// What goes into results.json beside the dataset, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Extras {
    /// Keys of the top level (`analysis`, `derived_config`, `recovered`); they replace what the
    /// dataset gives.
    pub top: Map<String, Value>,
    /// Keys of a scenario's metadata (`phase_analysis`, `leak_analysis`, ...), by scenario.
    pub metadata: BTreeMap<String, Map<String, Value>>,
    /// Up to this many container samples are inline; above, samples.jsonl is named instead.
    pub inline_samples: usize,
    /// Window of the rolling averages in stress, seconds.
    pub rolling_window_s: f64,
}

impl Default for Extras {
    fn default() -> Extras {
        Extras {
            top: Map::new(),
            metadata: BTreeMap::new(),
            inline_samples: INLINE_SAMPLES,
            rolling_window_s: 10.0,
        }
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Samples of single containers, over all scenarios.
    pub container_samples: usize,
    /// Whether they are in the file; otherwise it names samples.jsonl, which the run should say.
    pub inline: bool,
}

/// Writes the results of a run to `path`, whole or not at all.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write_results(path: &Path, data: &Dataset, extras: &Extras) -> Result<Written, StoreError> {
    let count = data.scenarios.iter().map(container_samples).sum();
    // Columns of which some were not read are not all that results.json would hold.
    let mut series = data.scenarios.iter().flat_map(|scenario| &scenario.containers);
    let whole = !series.any(|series| series.columns.is_partial());
    let inline = whole && count <= extras.inline_samples;
    let written = Written { container_samples: count, inline };
    atomic::write_with(path, |out| Writer { out, extras }.results(data, written))?;
    Ok(written)
}

struct Writer<'a, W: Write> {
    out: &'a mut W,
    extras: &'a Extras,
}

impl<W: Write> Writer<'_, W> {
    fn results(&mut self, data: &Dataset, written: Written) -> io::Result<()> {
        self.out.write_all(b"{\n")?;
        for (key, value) in head(data, &self.extras.top) {
            self.entry(&key, &value)?;
            self.out.write_all(b",\n")?;
        }
        self.out.write_all(b"\"scenarios\": [")?;
        for (index, scenario) in data.scenarios.iter().enumerate() {
            self.out.write_all(if index > 0 { b",\n" } else { b"\n" })?;
            self.scenario(data, scenario, written)?;
        }
        self.out.write_all(b"\n]")?;
        for (key, value) in tail(data, &self.extras.top) {
            self.out.write_all(b",\n")?;
            self.entry(&key, &value)?;
        }
        self.out.write_all(b"\n}\n")
    }

    fn scenario(
        &mut self,
        data: &Dataset,
        scenario: &ScenarioData,
        written: Written,
    ) -> io::Result<()> {
        let or_run = |stamp: &Option<String>| stamp.clone().or_else(|| data.started_at.clone());
        self.out.write_all(b"{\n")?;
        self.next("scenario_name", &scenario.name)?;
        self.next("scenario_params", &object(&scenario.params))?;
        self.next("started_at", &or_run(&scenario.started_at))?;
        let end = scenario.completed_at.clone();
        self.next("completed_at", &end.or_else(|| or_run(&scenario.started_at)))?;
        self.next("duration_seconds", &duration(scenario))?;
        self.out.write_all(b"\"samples\": [")?;
        if written.inline {
            let agents = data.level_is_agents();
            write_samples(self.out, scenario, self.extras.rolling_window_s, agents)?;
            self.out.write_all(b"],\n")?;
        } else {
            self.out.write_all(b"],\n")?;
            self.next("samples_file", &SAMPLES)?;
            self.next("sample_count", &scenario.time.len())?;
        }
        self.next("oom_events", &scenario.oom_events)?;
        self.next("aborted", &scenario.aborted)?;
        self.next("abort_reason", &scenario.abort_reason)?;
        self.next("phases", &metadata::phases(scenario))?;
        self.next("gaps", &gaps(std::slice::from_ref(scenario)))?;
        let more = self.extras.metadata.get(&scenario.name);
        self.entry("metadata", &metadata::merged(data, scenario, more))?;
        self.out.write_all(b"\n}")
    }

    fn next<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> io::Result<()> {
        self.entry(key, value)?;
        self.out.write_all(b",\n")
    }

    fn entry<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> io::Result<()> {
        serde_json::to_writer(&mut *self.out, key)?;
        self.out.write_all(b": ")?;
        serde_json::to_writer_pretty(&mut *self.out, value)?;
        Ok(())
    }
}

/// Keys before the scenarios.
fn head(data: &Dataset, top: &Map<String, Value>) -> Map<String, Value> {
    let run = |key: &str| data.run.get(key).cloned().unwrap_or(Value::Null);
    let last = data.scenarios.iter().rev().find_map(|s| s.completed_at.clone());
    let completed = data.completed_at.clone().or(last);
    let mut head = Map::new();
    let mut add = |key: &str, value: Value| {
        head.insert(key.to_string(), top.get(key).cloned().unwrap_or(value));
    };
    add("schema_version", json!(SCHEMA_VERSION));
    add("test_id", json!(data.test_id));
    add("started_at", json!(data.started_at));
    add("completed_at", json!(completed.or_else(|| data.started_at.clone())));
    add("runner_version", run("runner_version"));
    add("config", object(&data.config));
    if top.contains_key("derived_config") || data.derived_config.is_object() {
        add("derived_config", data.derived_config.clone());
    }
    add("host", run("host"));
    add("engine", run("engine"));
    add("sources", run("sources"));
    add("devices", run("devices"));
    add("containers", json!(data.containers));
    head.retain(|_, value| !value.is_null());
    head
}

/// Keys behind the scenarios.
fn tail(data: &Dataset, top: &Map<String, Value>) -> Map<String, Value> {
    let mut tail = Map::new();
    tail.insert("gaps".into(), json!(gaps(&data.scenarios)));
    tail.insert("events".into(), json!(event_counts(&data.events)));
    if let Some(reason) = &data.abort_reason {
        tail.insert("aborted".into(), json!(true));
        tail.insert("abort_reason".into(), json!(reason));
    }
    tail.insert("analysis".into(), json!({"scenario_summaries": []}));
    let before = head(data, top);
    for (key, value) in top {
        if !before.contains_key(key) && key != "scenarios" {
            tail.insert(key.clone(), value.clone());
        }
    }
    tail
}

fn object(value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        value => value.clone(),
    }
}

fn duration(scenario: &ScenarioData) -> f64 {
    let sampled = || Some(scenario.time.last()? - scenario.time.first()?);
    scenario.duration_seconds.or_else(sampled).unwrap_or(0.0)
}

/// Gaps by source and reason, with how many there were.
fn gaps(scenarios: &[ScenarioData]) -> Vec<Value> {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (source, reason, count) in scenarios.iter().flat_map(|s| &s.gaps) {
        *counts.entry((source, reason)).or_default() += count;
    }
    let one =
        |((source, reason), count)| json!({"source": source, "reason": reason, "count": count});
    counts.into_iter().map(one).collect()
}

/// How often each kind of event happened; those of containers as `stack.<action>`.
fn event_counts(events: &[Event]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for event in events {
        let Ok(value) = serde_json::to_value(event) else {
            continue;
        };
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let name = match (text("event"), text("action")) {
            (Some("stack"), Some(action)) => format!("stack.{action}"),
            (Some(name), _) => name.to_string(),
            (None, _) => continue,
        };
        *counts.entry(name).or_default() += 1;
    }
    counts
}
