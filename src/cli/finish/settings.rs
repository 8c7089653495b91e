//! What a recorded run is judged by: its own configuration, and what is set over it.

use serde_json::Value;

use crate::analysis::{Dataset, Format, Settings};
use crate::config::{SeriesConfig, StressLimits, judgement};

/// The settings of a recorded run, with `--set key=value` over them.
///
/// # Errors
/// All problems of the overrides, one a line.
pub fn of_recorded(data: &Dataset, overrides: &[String]) -> Result<Settings, String> {
    // Only our own files record a configuration of our own kind.
    let ours = matches!(data.format, Format::Runner | Format::Journal);
    let recorded = if ours { &data.config } else { &Value::Null };
    let judged =
        judgement(recorded, "the recorded config", overrides).map_err(|e| e.to_string())?;
    Ok(Settings {
        thresholds: judged.thresholds,
        leak: judged.leak,
        resources: judged.resources,
        stress: limits(recorded, "/stress/limits"),
        throughput: recorded
            .pointer("/stress/throughput")
            .and_then(Value::as_str)
            .map(str::to_string),
        speed: limits(recorded, "/speed/limits"),
        containers: judged.containers,
        metrics: rules(recorded, "metrics"),
        health: rules(recorded, "health"),
        host_cores: data.run.pointer("/host/cores").and_then(Value::as_f64),
        expect: judged.expect,
        expect_oom: expect_oom(recorded),
        accept: judged.accept,
        fail_on: judged.fail_on,
    })
}

/// How a series CSV is to be read: what is set, for such a file records nothing.
///
/// # Errors
/// All problems of the overrides, one a line.
pub fn of_series(overrides: &[String]) -> Result<SeriesConfig, String> {
    let set = |typed: &&String| typed.trim_start().starts_with("series.");
    let own: Vec<String> = overrides.iter().filter(set).cloned().collect();
    let judged = judgement(&Value::Null, "the command line", &own).map_err(|e| e.to_string())?;
    Ok(judged.series)
}

fn limits(recorded: &Value, pointer: &str) -> StressLimits {
    let value = recorded.pointer(pointer).cloned().unwrap_or(Value::Null);
    serde_json::from_value(value).unwrap_or_default()
}

/// The rules of a recorded list; one that cannot be read is left out, its figures stay.
fn rules<T: serde::de::DeserializeOwned>(recorded: &Value, key: &str) -> Vec<T> {
    let list = recorded.get(key).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|rule| serde_json::from_value(rule.clone()).ok()).collect()
}

fn expect_oom(recorded: &Value) -> Vec<String> {
    let custom = recorded.get("custom").and_then(Value::as_array).into_iter().flatten();
    let expecting = custom.filter(|s| s.get("expect_oom") == Some(&Value::Bool(true)));
    expecting.filter_map(|s| Some(s.get("name")?.as_str()?.to_string())).collect()
}
