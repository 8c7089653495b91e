//! Metrics and health checks: what each says now, or why it says nothing.

use std::time::Instant;

use super::row::{Row, Status, within};
use crate::config::{Address, Config, Endpoint, HealthConfig, MetricConfig};
use crate::model::Container;
use crate::source::custom::fetch::Request;
use crate::source::custom::pick::Answer;
use crate::source::custom::watch::url;

/// A row for each metric and each health check; `up`: the stack is there.
pub async fn rows(config: &Config, containers: &[Container], up: bool) -> Vec<Row> {
    if config.metrics.is_empty() && config.health.is_empty() {
        return Vec::new();
    }
    let client = match crate::source::http::client() {
        Ok(client) => client,
        Err(error) => return vec![Row::error("metrics", &error)],
    };
    let mut rows = Vec::new();
    let mut asked: Vec<(&MetricConfig, Result<Vec<u8>, String>)> = Vec::new();
    for metric in &config.metrics {
        let name = format!("metric {}", metric.rule.name);
        let place = match place(&metric.address, containers, up) {
            Ok(place) => place,
            Err(row) => {
                rows.push(Row { name, ..row });
                continue;
            }
        };
        let same = asked.iter().position(|(other, _)| {
            (&other.address, &other.headers) == (&metric.address, &metric.headers)
        });
        let at = match same {
            Some(at) => at,
            None => {
                let request = Request::new(client.clone(), &metric.headers, metric.timeout);
                let answer = match within(&name, request.get(&place)).await {
                    Ok(answer) => answer,
                    Err(row) => Err(row.detail),
                };
                asked.push((metric, answer));
                asked.len() - 1
            }
        };
        rows.push(settled(metric_row(&name, metric, &asked[at].1), &metric.address, up));
    }
    for check in &config.health {
        rows.push(health_row(check, &client, containers, up).await);
    }
    rows
}

/// The URL to ask, or a row (without its name) that says why there is none.
fn place(address: &str, containers: &[Container], up: bool) -> Result<String, Row> {
    let endpoint = Endpoint::parse(address)
        .map_err(|wanted| Row::failed("", format!("expected {wanted}"), "correct the address"))?;
    if !up && matches!(endpoint.address, Address::Service { .. }) {
        return Err(Row::not_up("", "its service is down"));
    }
    url(&endpoint, containers)
        .map_err(|why| Row::failed("", why, "correct the address, or publish the port"))
}

fn metric_row(name: &str, metric: &MetricConfig, answer: &Result<Vec<u8>, String>) -> Row {
    let body = match answer {
        Ok(body) => body,
        Err(why) => return Row::failed(name, why, "look whether the address is right and answers"),
    };
    match Answer::new(body).number(&metric.pick) {
        Ok(value) => {
            let of = metric.rule.container.as_deref().map(|c| format!(" of {c}"));
            let kind = match metric.rule.kind {
                crate::config::MetricKind::Gauge => "",
                crate::config::MetricKind::Counter => " in total (a run gives its rate)",
            };
            let unit = match metric.rule.unit.as_str() {
                "" => String::new(),
                unit => format!(" {unit}"),
            };
            Row::ok(name, format!("{value}{unit}{kind}{}", of.unwrap_or_default()))
        }
        Err(miss) => Row::failed(name, miss.reason, miss.remedy),
    }
}

async fn health_row(
    check: &HealthConfig,
    client: &reqwest::Client,
    containers: &[Container],
    up: bool,
) -> Row {
    let name = format!("health {}", check.rule.name);
    let place = match place(&check.address, containers, up) {
        Ok(place) => place,
        Err(row) => return Row { name, ..row },
    };
    let request = Request::new(client.clone(), &check.headers, check.timeout);
    // The first request opens the connection, as none but the first does in a run.
    let begun = match within(&name, request.get(&place)).await {
        Ok(Ok(_)) => Instant::now(),
        Ok(Err(why)) => {
            let remedy = "look whether the address is right and the service is well";
            return settled(Row::failed(&name, why, remedy), &check.address, up);
        }
        Err(row) => return row,
    };
    match within(&name, request.get(&place)).await {
        Ok(Ok(_)) => {
            let ms = begun.elapsed().as_secs_f64() * 1000.0;
            Row::ok(&name, format!("{ms:.1} ms, {}", thresholds(check)))
        }
        Ok(Err(why)) => Row::failed(&name, why, "it answered once: look at its log"),
        Err(row) => row,
    }
}

fn thresholds(check: &HealthConfig) -> String {
    match (check.rule.degraded_ms, check.rule.unhealthy_ms) {
        (Some(degraded), Some(unhealthy)) => {
            format!("degraded from {degraded} ms, unhealthy from {unhealthy} ms")
        }
        _ => "thresholds are calibrated by the baseline of each run".to_string(),
    }
}

/// A run goes on without a metric, so it is a note; one of a stack that is down may come with it.
fn settled(row: Row, address: &str, up: bool) -> Row {
    if row.status != Status::Failed || up {
        return row.into_note();
    }
    let what = format!("{}: {}", crate::config::mask::masked(address), row.detail);
    Row::not_up(&row.name, &what)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::config::{HealthRule, MetricRule, Pick};

    fn config(at: &str) -> Config {
        let metric = |name: &str, address: String, pointer: &str| MetricConfig {
            rule: MetricRule { unit: "jobs".into(), ..MetricRule::named(name) },
            address,
            pick: Pick::Pointer(pointer.into()),
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(20),
            headers: BTreeMap::new(),
        };
        let health = |name: &str, address: String| HealthConfig {
            rule: HealthRule::named(name),
            address,
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(20),
            headers: BTreeMap::new(),
        };
        let mut config = Config::minimal("shop");
        config.metrics = vec![
            metric("depth", format!("http://{at}/stats"), "/depth"),
            metric("typo", format!("http://{at}/stats"), "/dept"),
            metric("gone", format!("http://{at}/nowhere"), "/depth"),
            metric("service", "web:80/stats".into(), "/depth"),
        ];
        config.health =
            vec![health("web", format!("http://{at}/stats")), health("db", "db:80/".into())];
        config
    }

    #[tokio::test]
    async fn each_says_what_it_reads_or_why_not() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let asked = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
        let count = std::sync::Arc::clone(&asked);
        let stats = move || {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            async { axum::Json(serde_json::json!({"depth": 12})) }
        };
        let app = axum::Router::new().route("/stats", axum::routing::get(stats));
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        let rows = rows(&config(&at), &[], true).await;
        server.abort();
        let row = |name: &str| rows.iter().find(|row| row.name == name).expect(name);
        assert_eq!(row("metric depth").detail, "12 jobs");
        assert_eq!(row("metric depth").status, Status::Ok);
        assert_eq!(row("metric typo").remedy.as_deref(), Some("its numbers are /depth"));
        assert_eq!(row("metric gone").detail, "HTTP 404");
        assert_eq!(row("metric service").detail, "there is no service web");
        assert!(row("health web").detail.contains("calibrated"), "{rows:?}");
        assert_eq!(row("health db").status, Status::Failed);
        // One request for both metrics of an address, two for the health check.
        assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 3);
        assert!(rows.iter().filter(|r| r.name.starts_with("metric")).count() == 4);
    }

    #[tokio::test]
    async fn of_a_stack_that_is_down_nothing_is_expected() {
        let mut config = config("127.0.0.1:9");
        config.metrics.retain(|m| m.rule.name == "service");
        config.health.retain(|h| h.rule.name == "db");
        let rows = rows(&config, &[], false).await;
        assert!(rows.iter().all(|row| row.status == Status::NotUp), "{rows:?}");
    }
}
