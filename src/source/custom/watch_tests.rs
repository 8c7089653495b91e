//! Endpoints that behave, hang, lie and move.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::response::{Html, Redirect};
use axum::routing::get;
use serde_json::json;

use super::watch::{Watch, url};
use crate::config::{
    Config, Endpoint, HealthConfig, HealthRule, MetricConfig, MetricKind, MetricRule, Pick,
    Selector,
};
use crate::model::{Container, Gap, RunState, Watched};
use crate::session::ports::RunClock;

const INTERVAL: Duration = Duration::from_millis(500);

fn metric(name: &str, path: &str, pick: Pick) -> MetricConfig {
    MetricConfig {
        rule: MetricRule::named(name),
        address: format!("orders:8000{path}"),
        pick,
        interval: INTERVAL,
        timeout: Duration::from_secs(20),
        headers: BTreeMap::from([("X-Key".to_string(), "s3cret".to_string())]),
    }
}

fn at(name: &str, path: &str, pointer: &str) -> MetricConfig {
    metric(name, path, Pick::Pointer(pointer.to_string()))
}

fn health(name: &str, path: &str, timeout: Duration) -> HealthConfig {
    HealthConfig {
        rule: HealthRule::named(name),
        address: format!("orders:8000{path}"),
        interval: INTERVAL,
        timeout,
        headers: BTreeMap::new(),
    }
}

/// A service with endpoints of every kind; answers where it is and counts the asks of `/stats`.
async fn service() -> (String, Arc<AtomicU32>) {
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let stats = move |headers: axum::http::HeaderMap| {
        let n = count.fetch_add(1, Ordering::Relaxed);
        let key = headers.get("x-key").is_some_and(|key| key == "s3cret");
        async move { axum::Json(json!({"depth": 12, "asked": n, "name": "x", "key": u8::from(key)})) }
    };
    let app = Router::new()
        .route("/stats", get(stats))
        .route("/metrics", get(async || "lag{topic=\"a\"} 3\nlag{topic=\"b\"} 5\n"))
        .route("/html", get(async || Html("<!doctype html><h1>Please log in</h1>")))
        .route("/huge", get(async || "x".repeat(10 << 20)))
        .route("/loop", get(async || Redirect::temporary("/loop")))
        .route("/hang", get(async || std::future::pending::<&str>().await))
        .route("/broken", get(async || (axum::http::StatusCode::INTERNAL_SERVER_ERROR, "no")));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let address = listener.local_addr().expect("address").to_string();
    tokio::spawn(async move {
        let _ = axum::serve(listener, app).await;
    });
    (address, asked)
}

fn orders(at: &str, incarnation: u32) -> Container {
    Container {
        id: "a".into(),
        engine_name: "orders-1".into(),
        service: Some("orders".into()),
        incarnation,
        ports: [(8000, at.to_string())].into_iter().collect(),
        ..Container::named("orders")
    }
}

/// Takes until it is as wanted; a machine that is busy only makes it later.
async fn until(
    watch: &Watch,
    clock: RunClock,
    containers: &[Container],
    wanted: impl Fn(&Watched, &[Gap]) -> bool,
) -> (Watched, Vec<Gap>) {
    let mut last = Default::default();
    for _ in 0..6000 {
        last = watch.take(clock.now(), containers);
        if wanted(&last.0, &last.1) {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never as wanted: {last:?}");
}

fn has(gaps: &[Gap], words: &str) -> bool {
    gaps.iter().any(|gap| gap.reason.contains(words))
}

#[tokio::test]
async fn each_endpoint_costs_its_own_figures_only() {
    let (address, asked) = service().await;
    let selector = Selector::parse("lag{topic=\"b\"}").expect("selector");
    let series = Pick::Series { selector, aggregate: crate::config::Aggregate::One };
    let mut hung = at("hung", "/hang", "/a");
    hung.timeout = Duration::from_millis(200);
    let mut config = Config::minimal("shop");
    config.metrics = vec![
        at("depth", "/stats", "/depth"),
        at("asked", "/stats", "/asked"),
        at("key", "/stats", "/key"),
        at("text", "/stats", "/name"),
        at("typo", "/stats", "/dept"),
        metric("lag", "/metrics", series),
        at("html", "/html", "/a"),
        at("huge", "/huge", "/a"),
        at("loop", "/loop", "/a"),
        at("broken", "/broken", "/a"),
        hung,
    ];
    let clock = RunClock::start();
    let watch = Watch::start(&config, clock).expect("start").expect("there are metrics");
    assert_eq!(watch.take(clock.now(), &[]), (Watched::default(), Vec::new()));
    assert_eq!(asked.load(Ordering::Relaxed), 0, "nothing is asked before the stack is there");
    let containers = [orders(&address, 0)];
    watch.moved(&containers);
    // A read that is slow here makes a value stale now and then; all are there at once sooner or
    // later.
    let (watched, gaps) = until(&watch, clock, &containers, |watched, gaps| {
        watched.gauges.len() == 4 && gaps.len() == 7 && has(gaps, "hung: no answer within 0.2 s")
    })
    .await;
    let value = |name: &str| watched.gauges[name].value;
    assert_eq!((value("depth"), value("lag"), value("key")), (12.0, 5.0, 1.0));
    // Three metrics of one address come from one answer.
    assert_eq!(watched.gauges["depth"].at, watched.gauges["asked"].at);
    assert!(value("asked") < f64::from(asked.load(Ordering::Relaxed)));
    for words in [
        "text: /name is text, not a number",
        "typo: there is no /dept in the answer",
        "html: the answer is not JSON",
        "huge: the answer is larger than 4194304 bytes",
        "loop: HTTP 307: a redirect that is not followed",
        "broken: HTTP 500",
    ] {
        assert!(has(&gaps, words), "{words}: {gaps:#?}");
    }
}

#[tokio::test]
async fn health_is_a_time_or_a_failure_never_zero() {
    let (address, _) = service().await;
    let mut config = Config::minimal("shop");
    config.health = vec![
        health("well", "/stats", Duration::from_secs(20)),
        health("broken", "/broken", Duration::from_secs(20)),
        health("hung", "/hang", Duration::from_millis(100)),
    ];
    let clock = RunClock::start();
    let watch = Watch::start(&config, clock).expect("start").expect("there are checks");
    let containers = [orders(&address, 0)];
    watch.moved(&containers);
    let mut seen: BTreeMap<String, Vec<Option<f64>>> = BTreeMap::new();
    let mut reasons: Vec<String> = Vec::new();
    for _ in 0..6000 {
        let (watched, gaps) = watch.take(clock.now(), &containers);
        for (name, checks) in watched.health {
            seen.entry(name).or_default().extend(checks.iter().map(|check| check.ms));
        }
        reasons.extend(gaps.into_iter().map(|gap| gap.reason));
        if seen.len() == 3 && seen.values().all(|checks| checks.len() >= 2) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(seen["well"].iter().all(|ms| ms.is_some_and(|ms| ms > 0.0)), "{seen:?}");
    assert!(seen["broken"].iter().all(Option::is_none), "{seen:?}");
    assert!(seen["hung"].iter().all(Option::is_none), "{seen:?}");
    assert!(reasons.iter().any(|why| why == "health broken: HTTP 500"), "{reasons:?}");
    assert!(reasons.iter().any(|why| why == "health hung: no answer within 0.1 s"), "{reasons:?}");
}

#[tokio::test]
async fn a_service_that_moves_is_followed_and_its_lives_are_told_apart() {
    let (first, _) = service().await;
    let (second, _) = service().await;
    let mut total = at("total", "/stats", "/asked");
    total.rule.kind = MetricKind::Counter;
    let mut config = Config::minimal("shop");
    config.metrics = vec![total];
    let clock = RunClock::start();
    let watch = Watch::start(&config, clock).expect("start").expect("there is a metric");
    watch.moved(&[orders(&first, 0)]);
    let before = [orders(&first, 0)];
    let told = |watched: &Watched, _: &[Gap]| watched.counters.contains_key("total");
    let (watched, _) = until(&watch, clock, &before, told).await;
    assert_eq!(watched.counters["total"].life, 0);
    // It restarted at another port: a tick tells.
    let after = [orders(&second, 1)];
    let (watched, _) = until(&watch, clock, &after, |watched, _| {
        watched.counters.get("total").is_some_and(|total| total.value < 1.0)
    })
    .await;
    assert_eq!(watched.counters["total"].life, 1);
    // It is gone.
    let gone = Container { ports: Default::default(), state: RunState::Exited, ..orders("", 1) };
    until(&watch, clock, &[gone], |watched, gaps| {
        watched.counters.is_empty() && has(gaps, "orders does not publish port 8000")
    })
    .await;
}

#[test]
fn a_url_is_made_of_what_is_published() {
    let containers = [orders("127.0.0.1:32768", 0)];
    let of = |text: &str| url(&Endpoint::parse(text).expect(text), &containers);
    assert_eq!(of("orders:8000/a?b=c"), Ok("http://127.0.0.1:32768/a?b=c".to_string()));
    assert_eq!(of("http://h:1/x"), Ok("http://h:1/x".to_string()));
    assert_eq!(of("orders:9/x"), Err("orders does not publish port 9".to_string()));
    assert_eq!(of("web:8000"), Err("there is no service web".to_string()));
}

#[tokio::test]
async fn a_config_without_metrics_asks_nobody() {
    assert!(Watch::start(&Config::minimal("x"), RunClock::start()).expect("start").is_none());
}
