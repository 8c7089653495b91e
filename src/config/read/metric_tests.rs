use std::path::Path;

use super::*;
use crate::config::{Config, ConfigText, read};

fn config(text: &str) -> Result<Config, Vec<String>> {
    let input = ConfigText {
        text,
        origin: "runner.toml",
        base_dir: Path::new("."),
        set: &[],
        environment: &|name| (name == "TOKEN").then(|| "s3cret".to_string()),
    };
    let start = "project = \"shop\"\n[stack]\nkind = \"attach\"\nproject = \"theirs\"\n";
    let text = format!("{start}{text}");
    read(&ConfigText { text: &text, ..input })
        .map_err(|problems| problems.0.iter().map(ToString::to_string).collect())
}

const METRICS: &str = r#"
[[metric]]
name = "queue_depth"
unit = "jobs"
address = "orders:8000/stats"
pointer = "/queue/depth"
max = 1000
leak_per_min = 5
headers = { Authorization = "Bearer ${TOKEN}" }
[[metric]]
name = "lag"
address = "http://u:p@127.0.0.1:9308/metrics?token=abc"
series = 'kafka_lag{topic="orders"}'
aggregate = "sum"
kind = "counter"
container = "kafka"
interval = "1s"
[[health]]
address = "orders:8000/health"
interval = "500ms"
[[health]]
name = "db"
address = "http://127.0.0.1:5/ready"
degraded = "200ms"
unhealthy = "1s"
[stress.limits]
metric_above = { queue_depth = 500, "health.db" = 100 }
"#;

#[test]
fn metrics_and_health_checks_are_read_with_their_defaults() {
    let config = config(METRICS).expect("a config");
    let [depth, lag] = config.metrics.as_slice() else { panic!("two metrics") };
    assert_eq!(depth.pick, Pick::Pointer("/queue/depth".into()));
    assert_eq!((depth.rule.max, depth.rule.leak_per_min), (Some(1000.0), Some(5.0)));
    assert_eq!(depth.headers["Authorization"], "Bearer s3cret");
    assert_eq!((depth.interval.as_secs(), depth.timeout.as_secs()), (2, 2));
    assert_eq!(depth.rule.container, None);
    let Pick::Series { selector, aggregate } = &lag.pick else { panic!("a series") };
    assert_eq!(selector.to_string(), "kafka_lag{topic=\"orders\"}");
    assert_eq!((*aggregate, lag.rule.kind), (Aggregate::Sum, MetricKind::Counter));
    assert_eq!(lag.timeout.as_secs(), 1, "no longer than the interval");
    let [orders, db] = config.health.as_slice() else { panic!("two checks") };
    assert_eq!((orders.rule.name.as_str(), orders.timeout.as_millis()), ("orders", 500));
    assert_eq!(orders.rule.container.as_deref(), Some("orders"));
    assert_eq!((db.rule.degraded_ms, db.rule.unhealthy_ms), (Some(200.0), Some(1000.0)));
    assert_eq!(config.stress.limits.metric_above["health.db"], 100.0);
}

#[test]
fn what_is_recorded_has_no_credentials_and_gives_the_rules_back() {
    let config = config(METRICS).expect("a config");
    let recorded = serde_json::to_value(&config).expect("write");
    let text = recorded.to_string();
    assert!(!text.contains("s3cret") && !text.contains("u:p@") && !text.contains("abc"), "{text}");
    assert_eq!(recorded["metrics"][1]["series"]["selector"], "kafka_lag{topic=\"orders\"}");
    for (n, metric) in config.metrics.iter().enumerate() {
        let rule: MetricRule =
            serde_json::from_value(recorded["metrics"][n].clone()).expect("rule");
        assert_eq!(rule, metric.rule);
    }
    for (n, check) in config.health.iter().enumerate() {
        let rule: HealthRule = serde_json::from_value(recorded["health"][n].clone()).expect("rule");
        assert_eq!(rule, check.rule);
    }
}

#[test]
fn every_mistake_is_told_with_its_place_and_remedy() {
    let broken = r#"
[[metric]]
name = "queue depth"
address = "orders/stats"
pointer = "queue"
aggregate = "sum"
[[metric]]
name = "lag"
address = "kafka:9308/metrics"
series = 'lag{topic=orders}'
interval = "1s"
timeout = "2s"
min = 5
max = 1
[[metric]]
name = "lag"
address = "kafka:9308/metrics"
[[metric]]
name = "both"
address = "kafka:9308/metrics"
pointer = "/a"
series = "b"
[[health]]
address = "http://127.0.0.1:80/health"
degraded = "2s"
[[health]]
name = "db"
address = "db:1/"
degraded = "2s"
unhealthy = "1s"
[stress.limits]
metric_above = { lags = 1 }
[[scenario]]
name = "soak"
[scenario.limits]
metric_below = { "health.dbs" = 1 }
[[scenario.phase]]
name = "active"
until = "1m"
"#;
    let found = config(broken).expect_err("mistakes").join("\n");
    for words in [
        "metric#1.name: \"queue depth\" is no usable name; use letters",
        "metric#1.address: expected an address: service:port/path",
        "metric#1.pointer: expected a JSON pointer, found \"queue\"; write pointer = \"/queue/depth\"",
        "metric#1.aggregate: it is for series only; remove it",
        "metric#2.series: the value of a label is not quoted",
        "metric#2.timeout: it is longer than the interval",
        "metric#2.min: it is not below max",
        "metric#3.name: two metrics are named \"lag\"",
        "metric#3.pointer: missing; write pointer = \"/queue/depth\" or series = ",
        "metric#4.series: there is a pointer too; keep one of the two",
        "health#1.name: missing",
        "health#1.unhealthy: missing",
        "health#2.degraded: it is above unhealthy",
        "stress.limits.metric_above.lags: there is no metric \"lags\"; did you mean lag?",
        "scenario#1.limits.metric_below.health.dbs: there is no metric \"health.dbs\"; did you mean health.db?",
    ] {
        assert!(found.contains(words), "{words}\n--\n{found}");
    }
    assert_eq!(found.lines().count(), 15, "{found}");
}
