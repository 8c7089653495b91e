//! `[[metric]]` and `[[health]]`: numbers that the driven system tells about itself.

use std::time::Duration;

use super::expand::Environment;
use super::load::headers;
use super::range::{ANY, POSITIVE};
use super::section::Section;
use super::values;
use crate::config::{
    Aggregate, Endpoint, HealthConfig, HealthRule, MetricConfig, MetricKind, MetricRule, Pick,
    Selector,
};

const METRIC_ADDRESS: &str = "orders:8000/stats";
const HEALTH_ADDRESS: &str = "orders:8000/health";

pub(super) fn metrics(root: &Section<'_>, environment: Environment<'_>) -> Vec<MetricConfig> {
    let mut names: Vec<String> = Vec::new();
    let metrics = root.sections("metric", |s| {
        let name = s.required_text("name", "queue_depth");
        check_name(s, &name, &names, "metrics");
        names.push(name.clone());
        let (address, _) = endpoint(s, METRIC_ADDRESS);
        let kinds = [("gauge", MetricKind::Gauge), ("counter", MetricKind::Counter)];
        let rule = MetricRule {
            name,
            unit: s.text("unit", ""),
            kind: s.choice("kind", &kinds, MetricKind::Gauge),
            container: s.maybe_text("container", "orders"),
            max: s.find("max").and_then(|node| s.number_of("max", node, ANY, 1000.0)),
            min: s.find("min").and_then(|node| s.number_of("min", node, ANY, 0.8)),
            leak_per_min: s.switchable("leak_per_min", None, POSITIVE, 5.0),
        };
        if rule.min.zip(rule.max).is_some_and(|(min, max)| min >= max) {
            s.wrong("min", "it is not below max", "lower min or raise max");
        }
        let (interval, timeout) = times(s);
        MetricConfig {
            rule,
            address,
            pick: pick(s),
            interval,
            timeout,
            headers: headers(s, environment),
        }
    });
    metrics.unwrap_or_default()
}

pub(super) fn health(root: &Section<'_>, environment: Environment<'_>) -> Vec<HealthConfig> {
    let mut names: Vec<String> = Vec::new();
    let checks = root.sections("health", |s| {
        let (address, service) = endpoint(s, HEALTH_ADDRESS);
        let name = s.maybe_text("name", "orders").or_else(|| service.clone());
        if name.is_none() && !address.is_empty() {
            s.missing("name", "write name = \"orders\"");
        }
        let name = name.unwrap_or_default();
        check_name(s, &name, &names, "health checks");
        names.push(name.clone());
        let ms = |key: &'static str, example| {
            s.maybe_time(key, Duration::from_millis(example), false).map(millis)
        };
        let window = Duration::from_secs(10);
        let rule = HealthRule {
            name,
            container: s.maybe_text("container", "orders").or(service),
            degraded_ms: ms("degraded", 200),
            unhealthy_ms: ms("unhealthy", 500),
            floor_ms: millis(s.time_or_zero("floor", Duration::ZERO)),
            window_s: s.time("window", window).as_secs_f64(),
        };
        check_thresholds(s, &rule);
        let (interval, timeout) = times(s);
        HealthConfig { rule, address, interval, timeout, headers: headers(s, environment) }
    });
    checks.unwrap_or_default()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn check_thresholds(s: &Section<'_>, rule: &HealthRule) {
    match (rule.degraded_ms, rule.unhealthy_ms) {
        (Some(degraded), Some(unhealthy)) if degraded > unhealthy => {
            s.wrong("degraded", "it is above unhealthy", "lower degraded or raise unhealthy");
        }
        (Some(_), None) => s.missing("unhealthy", "write unhealthy = \"500ms\" beside degraded"),
        (None, Some(_)) => s.missing("degraded", "write degraded = \"200ms\" beside unhealthy"),
        _ => {}
    }
}

/// Interval and time limit; an answer that takes longer than the interval would delay the next.
fn times(s: &Section<'_>) -> (Duration, Duration) {
    let interval = s.time("interval", Duration::from_secs(2));
    let limit = Duration::from_secs(2).min(interval);
    let timeout = s.time("timeout", limit);
    if timeout > interval {
        s.wrong("timeout", "it is longer than the interval", "lower timeout or raise interval");
    }
    (interval, timeout)
}

fn check_name(s: &Section<'_>, name: &str, earlier: &[String], what: &str) {
    if name.is_empty() {
        return;
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    if !name.chars().all(allowed) {
        let remedy = "use letters, digits, _, -, . and :";
        s.wrong("name", format!("{name:?} is no usable name"), remedy);
    } else if earlier.iter().any(|other| other == name) {
        let what = format!("two {what} are named {name:?}");
        s.wrong("name", what, "give each a name of its own");
    }
}

/// The address as typed, and the service that it names.
fn endpoint(s: &Section<'_>, example: &str) -> (String, Option<String>) {
    if !s.has("address") {
        s.missing("address", format!("write address = {example:?}"));
        return (String::new(), None);
    }
    let Some(text) = s.maybe_text("address", example) else {
        return (String::new(), None);
    };
    match Endpoint::parse(&text) {
        Ok(endpoint) => {
            let service = endpoint.service().map(str::to_string);
            (text, service)
        }
        Err(wanted) => {
            // Not shown: a URL may hold credentials.
            s.wrong(
                "address",
                format!("expected {wanted}"),
                format!("write address = {example:?}"),
            );
            (String::new(), None)
        }
    }
}

fn pick(s: &Section<'_>) -> Pick {
    const POINTER: &str = "/queue/depth";
    const SERIES: &str = "kafka_lag{topic=\"orders\"}";
    let pointer = s.maybe_text("pointer", POINTER);
    let series = s.maybe_text("series", SERIES);
    let words = [
        ("one", Aggregate::One),
        ("sum", Aggregate::Sum),
        ("max", Aggregate::Max),
        ("min", Aggregate::Min),
        ("avg", Aggregate::Avg),
    ];
    let aggregate = s.choice("aggregate", &words, Aggregate::One);
    match (pointer, series) {
        (Some(pointer), None) => {
            if !pointer.starts_with('/') {
                let what = format!("expected a JSON pointer, found {pointer:?}");
                s.wrong("pointer", what, format!("write pointer = {POINTER:?}"));
            }
            if s.has("aggregate") {
                s.wrong("aggregate", "it is for series only", "remove it");
            }
            Pick::Pointer(pointer)
        }
        (None, Some(text)) => {
            let selector = Selector::parse(&text).unwrap_or_else(|what| {
                s.wrong("series", what, format!("write series = '{SERIES}'"));
                Selector { name: String::new(), matchers: Vec::new() }
            });
            Pick::Series { selector, aggregate }
        }
        (both, _) => {
            if both.is_some() {
                s.wrong("series", "there is a pointer too", "keep one of the two");
            } else if !s.has("pointer") && !s.has("series") {
                let remedy = format!("write pointer = {POINTER:?} or series = '{SERIES}'");
                s.missing("pointer", remedy);
            }
            Pick::Pointer(String::new())
        }
    }
}

/// Names in `metric_below` and `metric_above` must be those of a metric or of a health check.
pub(super) fn check_limits(root: &Section<'_>, metrics: &[MetricConfig], health: &[HealthConfig]) {
    let names = metrics.iter().map(|m| m.rule.name.clone());
    let checks = health.iter().map(|h| format!("health.{}", h.rule.name));
    let known: Vec<String> = names.chain(checks).collect();
    for key in ["stress", "speed"] {
        root.section(key, |s| of_scenario(s, &known));
    }
    root.sections("scenario", |s| of_scenario(s, &known));
}

fn of_scenario(s: &Section<'_>, known: &[String]) {
    s.all_known();
    s.section("limits", |limits| {
        limits.all_known();
        for key in ["metric_below", "metric_above"] {
            limits.section(key, |names| {
                for (name, _) in names.entries() {
                    check_limit(names, name, known);
                }
            });
        }
    });
}

fn check_limit(s: &Section<'_>, name: &str, known: &[String]) {
    if known.iter().any(|one| one == name) {
        return;
    }
    let words: Vec<&str> = known.iter().map(String::as_str).collect();
    let remedy = match (values::nearest(name, &words), words.as_slice()) {
        (Some(word), _) => format!("did you mean {word}?"),
        (None, []) => "write a [[metric]] of that name".to_string(),
        (None, words) => format!("known: {}", words.join(", ")),
    };
    s.wrong(name, format!("there is no metric {name:?}"), remedy);
}

#[cfg(test)]
#[path = "metric_tests.rs"]
mod tests;
