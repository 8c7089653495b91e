//! Metrics and health checks: numbers that the driven system tells about itself.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Address, Selector, mask, seconds};

/// A number in a JSON answer or an exposition page: `[[metric]]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricConfig {
    /// What it is and what it is judged by.
    #[serde(flatten)]
    pub rule: MetricRule,
    /// Where it is read: `service:port/path` or a URL.
    #[serde(serialize_with = "mask::serialize")]
    pub address: String,
    /// Which number of the answer it is.
    #[serde(flatten)]
    pub pick: Pick,
    /// How often it is read.
    #[serde(serialize_with = "seconds")]
    pub interval: Duration,
    /// Time limit of one read.
    #[serde(serialize_with = "seconds")]
    pub timeout: Duration,
    /// Headers of the request, credentials included: never recorded.
    #[serde(skip)]
    pub headers: BTreeMap<String, String>,
}

/// What a metric is and what it is judged by: the part of it that analysis needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricRule {
    /// Its name in files, charts and thresholds.
    pub name: String,
    /// Its unit as people read it; a counter's figures are in this unit a second.
    #[serde(default)]
    pub unit: String,
    /// A value at a moment, or a total that becomes a rate.
    #[serde(default)]
    pub kind: MetricKind,
    /// The container that it tells about; absent: the run as a whole.
    #[serde(default)]
    pub container: Option<String>,
    /// A rolling mean at or above this is a finding.
    #[serde(default)]
    pub max: Option<f64>,
    /// A rolling mean at or below this is a finding.
    #[serde(default)]
    pub min: Option<f64>,
    /// Growth of at least this under a steady load is a finding, unit a minute.
    #[serde(default)]
    pub leak_per_min: Option<f64>,
}

impl MetricRule {
    /// A gauge of the run without a unit, judged by nothing.
    #[must_use]
    pub fn named(name: &str) -> MetricRule {
        MetricRule {
            name: name.to_string(),
            unit: String::new(),
            kind: MetricKind::Gauge,
            container: None,
            max: None,
            min: None,
            leak_per_min: None,
        }
    }

    /// The unit of its figures: a counter's are a second.
    #[must_use]
    pub fn figure_unit(&self) -> String {
        match self.kind {
            MetricKind::Gauge => self.unit.clone(),
            MetricKind::Counter => format!("{}/s", self.unit),
        }
    }
}

/// Whether a metric is a value or a total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricKind {
    /// A value at a moment.
    #[default]
    Gauge,
    /// A total that only grows: its figure is the growth a second.
    Counter,
}

/// Which number of an answer is meant.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// RFC 6901 JSON pointer into a JSON answer.
    Pointer(String),
    /// Series of a Prometheus text exposition page.
    Series {
        /// A name with label matchers: `kafka_lag{topic="x"}`.
        selector: Selector,
        /// What is made of several series that match.
        aggregate: Aggregate,
    },
}

/// What is made of several series that match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Exactly one must match.
    One,
    /// Their sum.
    Sum,
    /// The largest.
    Max,
    /// The smallest.
    Min,
    /// Their mean.
    Avg,
}

/// A service's health check: `[[health]]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HealthConfig {
    /// What it is and what it is judged by.
    #[serde(flatten)]
    pub rule: HealthRule,
    /// What is asked with GET: `service:port/path` or a URL.
    #[serde(serialize_with = "mask::serialize")]
    pub address: String,
    /// How often it is asked.
    #[serde(serialize_with = "seconds")]
    pub interval: Duration,
    /// Time limit of one check; without an answer by then it failed.
    #[serde(serialize_with = "seconds")]
    pub timeout: Duration,
    /// Headers of the request, credentials included: never recorded.
    #[serde(skip)]
    pub headers: BTreeMap<String, String>,
}

/// What a health check is and what it is judged by: the part of it that analysis needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HealthRule {
    /// Its name in files, charts and thresholds: by default the service of its address.
    pub name: String,
    /// The container that it tells about.
    #[serde(default)]
    pub container: Option<String>,
    /// A rolling mean at or above this is degraded, ms; absent: calibrated from the baseline.
    #[serde(default)]
    pub degraded_ms: Option<f64>,
    /// A rolling mean at or above this is unhealthy, ms; absent: calibrated from the baseline.
    #[serde(default)]
    pub unhealthy_ms: Option<f64>,
    /// Calibrated thresholds are not below this (degraded) and 1.2 times this (unhealthy), ms.
    #[serde(default)]
    pub floor_ms: f64,
    /// Length of the rolling window, seconds.
    #[serde(default = "default_window_s")]
    pub window_s: f64,
}

/// Length of the rolling window of health checks where none is configured.
#[must_use]
pub fn default_window_s() -> f64 {
    10.0
}

impl HealthRule {
    /// A check whose thresholds come from the baseline.
    #[must_use]
    pub fn named(name: &str) -> HealthRule {
        HealthRule {
            name: name.to_string(),
            container: None,
            degraded_ms: None,
            unhealthy_ms: None,
            floor_ms: 0.0,
            window_s: default_window_s(),
        }
    }
}

/// Where something is asked: an address and the path behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// A service and its port, or a URL (without its path).
    pub address: Address,
    /// Path and query, with its leading `/`; empty where a URL has none.
    pub path: String,
}

impl Endpoint {
    /// Reads `service:port/path` or `http://host:port/path`.
    ///
    /// # Errors
    /// What is wrong, in words that follow "expected".
    pub fn parse(text: &str) -> Result<Endpoint, &'static str> {
        const WANTED: &str = "an address: service:port/path or http://host:port/path";
        let text = text.trim();
        let front = text.find("://").map_or(0, |at| at + 3);
        let rest = text.get(front..).unwrap_or_default();
        let end = rest.find(['/', '?', '#']).map_or(text.len(), |at| front + at);
        let (base, path) = text.split_at(end);
        let path = path.split('#').next().unwrap_or_default();
        let usable = !path.chars().any(|c| c.is_whitespace() || c.is_control());
        let address = Address::parse(base).map_err(|_| WANTED)?;
        let path = if path.starts_with('?') { format!("/{path}") } else { path.to_string() };
        usable.then_some(Endpoint { address, path }).ok_or(WANTED)
    }

    /// The service whose port it is, where it is one's.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        match &self.address {
            Address::Service { name, .. } => Some(name),
            Address::Url(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_address_and_a_path() {
        let service = Address::Service { name: "web".into(), port: 8000 };
        let url = |text: &str| Address::Url(text.to_string());
        for (text, address, path) in [
            ("web:8000/metrics", service.clone(), "/metrics"),
            ("web:8000", service.clone(), ""),
            ("web:8000/", service.clone(), "/"),
            ("web:8000?x=1", service.clone(), "/?x=1"),
            ("web:8000/a/?b=c/d#e", service, "/a/?b=c/d"),
            ("http://h:1/metrics/", url("http://h:1"), "/metrics/"),
            ("https://u:p@h/x?q=http://y", url("https://u:p@h"), "/x?q=http://y"),
            ("http://[::1]:9/x", url("http://[::1]:9"), "/x"),
            ("localhost:80/x", url("http://localhost:80"), "/x"),
        ] {
            assert_eq!(
                Endpoint::parse(text),
                Ok(Endpoint { address, path: path.into() }),
                "{text}"
            );
        }
        for text in ["", "/metrics", "web/metrics", "web:8000/a b", "ftp://h/x", "http:///x"] {
            assert!(Endpoint::parse(text).is_err(), "{text}");
        }
    }
}
