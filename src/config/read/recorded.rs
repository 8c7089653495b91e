//! The part of a recorded config that a later analysis may change: `analyze --set leak.trim=0.2`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::judge;
use super::problem::{Log, Place, Problems};
use super::section::Section;
use super::tree::{self, Node, Table, Value};
use crate::config::{
    Accept, Config, ContainerConfig, Expect, LeakConfig, ResourceConfig, SeriesConfig, Thresholds,
};

/// What results are judged by, whenever they are analysed.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Judgement {
    /// What is known about single containers, by key.
    pub containers: BTreeMap<String, ContainerConfig>,
    /// Thresholds of the analysis.
    pub thresholds: Thresholds,
    /// Thresholds of the leak verdict.
    pub leak: LeakConfig,
    /// Growth of what leaks beside memory.
    pub resources: ResourceConfig,
    /// How a series CSV is read.
    pub series: SeriesConfig,
    /// Planted findings.
    pub expect: Expect,
    /// Known findings.
    pub accept: Vec<Accept>,
    /// Verdicts and findings that fail a run beside the default ones.
    pub fail_on: Vec<String>,
}

/// Its keys in a config.
const KEYS: [&str; 8] =
    ["containers", "thresholds", "leak", "resources", "series", "expect", "accept", "fail_on"];

impl From<&Config> for Judgement {
    fn from(config: &Config) -> Judgement {
        Judgement {
            containers: config.containers.clone(),
            thresholds: config.thresholds.clone(),
            leak: config.leak.clone(),
            resources: config.resources.clone(),
            series: config.series,
            expect: config.expect.clone(),
            accept: config.accept.clone(),
            fail_on: config.fail_on.clone(),
        }
    }
}

/// Reads the judgement out of a recorded [`Config`] (`null` where there is none) and lays
/// `--set key=value` over it. Only the keys of a judgement can be set: what was measured is past.
///
/// # Errors
/// Every problem at once.
pub fn judgement(
    recorded: &serde_json::Value,
    origin: &str,
    set: &[String],
) -> Result<Judgement, Problems> {
    let log = Log::new(origin);
    let mut table = Table::new();
    for key in KEYS {
        if let Some(node) = recorded.get(key).and_then(node) {
            table.insert(key.to_string(), (Place::File, node));
        }
    }
    for typed in set {
        tree::set(&mut table, typed, &log);
    }
    let judgement = Section::root(&table, &log).finished(|root| Judgement {
        containers: judge::containers(root),
        thresholds: judge::thresholds(root),
        leak: judge::leak(root),
        resources: judge::resources(root),
        series: judge::series(root),
        expect: judge::expect(root),
        accept: judge::accept(root),
        fail_on: judge::fail_on(root),
    });
    let problems = log.into_problems();
    if problems.is_empty() { Ok(judgement) } else { Err(Problems(problems)) }
}

/// A JSON value as a node; `null` is absent.
fn node(value: &serde_json::Value) -> Option<Node> {
    use serde_json::Value as Json;
    let value = match value {
        Json::Null => return None,
        Json::Bool(value) => Value::Boolean(*value),
        Json::Number(number) => match number.as_i64() {
            Some(value) => Value::Integer(value),
            None => Value::Float(number.as_f64()?),
        },
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) => Value::List(items.iter().filter_map(node).collect()),
        Json::Object(map) => Value::Table(
            map.iter()
                .filter_map(|(key, value)| Some((key.clone(), (Place::File, node(value)?))))
                .collect(),
        ),
    };
    Some(Node { place: Place::File, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let mut config = Config::minimal("demo");
        config.leak.min_minutes = 0.75;
        config.leak.block_seconds = Some(4.0);
        config.expect.leak = vec!["stream-processor".to_string()];
        config.accept = vec![Accept {
            container: "cache".to_string(),
            finding: "leak".to_string(),
            until: chrono::NaiveDate::from_ymd_opt(2026, 12, 31).unwrap(),
            why: "known".to_string(),
        }];
        let cores = ContainerConfig { effective_cores: Some(1.0), ..ContainerConfig::default() };
        config.containers.insert("simulation".to_string(), cores);
        config
    }

    #[test]
    fn a_recorded_config_gives_the_judgement_it_was_recorded_with() {
        let config = config();
        let recorded = serde_json::to_value(&config).unwrap();
        let read = judgement(&recorded, "run.json", &[]).unwrap();
        assert_eq!(read, Judgement::from(&config));
    }

    #[test]
    fn without_a_record_the_defaults_judge() {
        let read = judgement(&serde_json::Value::Null, "results.json", &[]).unwrap();
        assert_eq!(read, Judgement::default());
    }

    #[test]
    fn set_changes_what_judges_and_nothing_that_was_measured() {
        let recorded = serde_json::to_value(config()).unwrap();
        let set = ["leak.leak_mb_per_min=2".to_string()];
        let read = judgement(&recorded, "run.json", &set).unwrap();
        assert_eq!(read.leak.leak_mb_per_min, 2.0);
        assert_eq!(read.leak.min_minutes, 0.75);
        let set = ["stress.batch=5".to_string()];
        let problems = judgement(&recorded, "run.json", &set).unwrap_err();
        assert!(problems.to_string().contains("--set stress.batch: stress: unknown key"));
    }
}
