//! The load against a control API that is good, slow, broken or not there.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode as Status, header};
use axum::response::IntoResponse;
use tokio::net::TcpListener;

use super::*;
use crate::config::Address;
use fake::{Fake, good};

mod fake;

fn agents(change: impl FnOnce(&mut AgentsLoad)) -> Agents {
    let mut config = AgentsLoad::default();
    change(&mut config);
    Agents::new(config).unwrap().with_up_limit(Duration::ZERO)
}

#[tokio::test]
async fn a_level_is_reached_in_batches_and_only_what_lacks_is_added() {
    let fake = Fake::good().await;
    let load = fake.load();
    load.reach(150).await.unwrap();
    load.reach(150).await.unwrap();
    load.reach(160).await.unwrap();
    load.reach(20).await.unwrap();
    let spawn = |kind: &str, count: u32| {
        format!("POST /agents/{kind}?mode=immediate {{\"count\":{count}}}")
    };
    let wanted = [
        spawn("drivers", 100),
        spawn("drivers", 50),
        spawn("riders", 150),
        spawn("drivers", 10),
        spawn("riders", 10),
    ];
    assert_eq!(fake.asked(), wanted);
    assert_eq!(load.report().await.unwrap().queued, Some(160));
}

#[tokio::test]
async fn a_batch_that_failed_is_asked_for_again_and_no_other() {
    let fake = Fake::with(|call, before| {
        (call.contains("riders") && before == 1)
            .then(|| (Status::INTERNAL_SERVER_ERROR, "boom").into_response())
    })
    .await;
    let load = fake.load();
    let error = load.reach(5).await.unwrap_err().to_string();
    assert!(error.contains("500") && error.contains("boom"), "{error}");
    assert!(error.contains("POST http://127.0.0.1"), "{error}");
    load.reach(5).await.unwrap();
    let kinds: Vec<bool> = fake.asked().iter().map(|call| call.contains("riders")).collect();
    assert_eq!(kinds, [false, true, true]);
    let metrics = load.report().await.unwrap().metrics;
    assert_eq!((metrics["calls.drivers"], metrics["failures.drivers"]), (1.0, 0.0));
    assert_eq!((metrics["calls.riders"], metrics["failures.riders"]), (1.0, 1.0));
    assert_eq!(metrics["causes.500.riders"], 1.0);
}

#[tokio::test]
async fn a_report_is_three_calls_and_knows_the_drained_state_without_case() {
    let fake = Fake::good().await;
    let load = fake.load();
    let report = load.report().await.unwrap();
    assert_eq!(fake.asked().len(), 3);
    assert_eq!((report.active, report.speed), (Some(8), Some(2.0)));
    let metrics = [("active_trips", 3.0), ("pending", 3.0), ("real_time_ratio", 0.75)];
    let metrics: BTreeMap<String, f64> = metrics.map(|(k, v)| (k.to_string(), v)).into();
    assert_eq!(report.metrics, metrics);
    assert!(load.drained(&report));
    assert!(!load.drained(&LoadReport::default()));
}

#[tokio::test]
async fn a_report_without_its_side_calls_lacks_only_their_numbers() {
    let fake = Fake::with(|call, _| match call {
        "GET /metrics/performance" => Some(Status::NOT_FOUND.into_response()),
        "GET /agents/spawn-status" => Some("<html>".into_response()),
        _ => None,
    })
    .await;
    let load = fake.load();
    let report = load.report().await.unwrap();
    assert_eq!(report.active, Some(8));
    assert_eq!(report.metrics.keys().collect::<Vec<_>>(), ["active_trips"]);
    // What is not there is not asked for again.
    load.report().await.unwrap();
    assert_eq!(fake.asked().len(), 5);
}

#[tokio::test]
async fn a_report_does_not_wait_for_a_spawn_under_way() {
    let (taken, release) =
        (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let notes = (taken.clone(), release.clone());
    let app = Router::new().fallback(move |request: Request| {
        let (taken, release) = notes.clone();
        async move {
            let call = format!("{} {}", request.method(), request.uri());
            if call.starts_with("POST") {
                taken.notify_one();
                release.notified().await;
            }
            good(&call)
        }
    });
    let server = tokio::spawn(async move {
        let _ = axum::serve(listener, app).await;
    });
    let mut config = AgentsLoad { address: format!("http://{at}"), ..AgentsLoad::default() };
    config.spawn.truncate(1);
    let load = Arc::new(Agents::new(config).unwrap());
    let reaching = tokio::spawn({
        let load = load.clone();
        async move { load.reach(3).await }
    });
    taken.notified().await;
    assert_eq!(load.report().await.unwrap().queued, Some(0));
    release.notify_one();
    reaching.await.unwrap().unwrap();
    assert_eq!(load.report().await.unwrap().queued, Some(3));
    server.abort();
}

#[tokio::test]
async fn start_waits_for_health_and_starts_what_stands_still() {
    let fake = Fake::with(|call, before| {
        (call == "GET /health" && before < 2).then(|| Status::SERVICE_UNAVAILABLE.into_response())
    })
    .await;
    let load = fake.load().with_up_limit(Duration::from_secs(20));
    load.start().await.unwrap();
    let wanted = [
        "GET /health",
        "GET /health",
        "GET /health",
        "GET /simulation/status",
        "POST /simulation/start",
    ];
    assert_eq!(fake.asked(), wanted);
}

#[tokio::test]
async fn what_a_start_waits_for_is_told_while_it_waits() {
    let fake = Fake::with(|call, _| {
        (call == "GET /health")
            .then(|| (Status::INTERNAL_SERVER_ERROR, "boom\u{7}\nmore").into_response())
    })
    .await;
    let load = Arc::new(fake.load().with_up_limit(Duration::from_secs(600)));
    assert_eq!(load.trouble(), None);
    let starting = tokio::spawn({
        let load = load.clone();
        async move { load.start().await }
    });
    let said = loop {
        match load.trouble() {
            Some(said) => break said,
            None => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    assert!(said.contains("/health: 500") && said.contains("boom  more"), "{said}");
    starting.abort();
}

#[tokio::test]
async fn start_leaves_what_runs_alone() {
    let fake = Fake::with(|call, _| {
        let running = json!({"state": "running", "drivers_total": 4});
        call.contains("status").then(|| axum::Json(running).into_response())
    })
    .await;
    let load = fake.load();
    load.start().await.unwrap();
    assert_eq!(fake.asked(), ["GET /health", "GET /simulation/status"]);
}

#[tokio::test]
async fn a_fresh_system_or_a_reset_begins_to_count_anew() {
    let fake = Fake::with(|call, _| {
        let fresh = json!({"state": "STOPPED", "drivers_total": 0});
        call.contains("status").then(|| axum::Json(fresh).into_response())
    })
    .await;
    let load = fake.load();
    load.reach(5).await.unwrap();
    load.start().await.unwrap();
    assert_eq!(load.queued(), 0);
    load.reach(5).await.unwrap();
    load.reset().await.unwrap();
    assert_eq!(load.queued(), 0);
    assert_eq!(fake.asked().last().unwrap(), "POST /simulation/reset");
}

#[tokio::test]
async fn speed_pause_resume_and_stop_are_the_calls_of_the_config() {
    let fake = Fake::good().await;
    let load = fake.load();
    load.speed(8.0).await.unwrap();
    load.speed(0.5).await.unwrap();
    load.pause().await.unwrap();
    load.resume().await.unwrap();
    load.stop().await.unwrap();
    let wanted = [
        "PUT /simulation/speed {\"multiplier\":8}",
        "PUT /simulation/speed {\"multiplier\":0.5}",
        "POST /simulation/pause",
        "POST /simulation/start",
        "POST /simulation/stop",
    ];
    assert_eq!(fake.asked(), wanted);
}

#[tokio::test]
async fn headers_are_sent_and_a_refusal_names_the_header() {
    let fake = Fake::good().await;
    let pause = crate::config::Call::new("POST", "/needs-key?token=hidden");
    let load = agents(|config| {
        config.address = format!("http://{}", fake.at);
        config.pause = pause.clone();
    });
    let error = load.pause().await.unwrap_err().to_string();
    assert!(error.contains("401") && error.contains("X-API-Key"), "{error}");
    assert!(!error.contains("hidden"), "{error}");
    let load = agents(|config| {
        config.address = format!("http://{}", fake.at);
        config.pause = pause;
        config.headers.insert("X-API-Key".to_string(), "s3cret".to_string());
    });
    load.pause().await.unwrap();
}

#[tokio::test]
async fn nothing_there_is_told_with_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    let load = agents(|config| config.address = format!("http://user:s3cret@{at}"));
    let error = load.start().await.unwrap_err().to_string();
    assert!(error.contains("load.address") && error.contains(&at.to_string()), "{error}");
    assert!(!error.contains("s3cret"), "{error}");
}

#[tokio::test]
async fn a_connection_that_is_dropped_is_an_error_with_a_remedy() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let load = agents(|config| config.address = format!("http://{at}"));
    let error = load.reach(1).await.unwrap_err().to_string();
    assert!(error.contains("did the service restart"), "{error}");
    assert_eq!(load.queued(), 0);
    server.abort();
}

#[tokio::test]
async fn no_answer_in_time_is_told_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let load = agents(|config| {
        config.address = format!("http://{at}");
        config.timeout = Duration::from_millis(100);
    });
    // The listener takes the connection into its backlog and never answers.
    let error = load.report().await.unwrap_err().to_string();
    assert!(error.contains("no answer in time"), "{error}");
}

#[tokio::test]
async fn a_wrong_place_is_recognised_by_its_answers() {
    let fake = Fake::with(|call, _| match call {
        "GET /simulation/status" => Some("<!doctype html>\n<p>hello".into_response()),
        "POST /simulation/pause" => Some((Status::NOT_FOUND, "no\u{7}\nsuch page").into_response()),
        "POST /simulation/reset" => Some(vec![b'x'; 5 << 20].into_response()),
        _ => None,
    })
    .await;
    let load = fake.load();
    let error = load.report().await.unwrap_err().to_string();
    assert!(error.contains("not JSON") && error.contains("<!doctype html> <p>hello"), "{error}");
    let error = load.pause().await.unwrap_err().to_string();
    assert!(error.contains("404") && error.contains("no  such page; correct the path"), "{error}");
    let error = load.reset().await.unwrap_err().to_string();
    assert!(error.contains("above 4 MB"), "{error}");
}

#[tokio::test]
async fn a_redirect_is_followed_on_the_same_host_only() {
    let elsewhere = Fake::good().await;
    let away = format!("http://{}/health", elsewhere.at);
    let fake = Fake::with(move |call, _| {
        let to = |place: &str| {
            let place = [(header::LOCATION, place.to_string())];
            Some((Status::TEMPORARY_REDIRECT, place).into_response())
        };
        match call {
            "GET /health" => to("/health/"),
            "POST /simulation/pause" => to(&away),
            _ => None,
        }
    })
    .await;
    let load = fake.load();
    load.health().await.unwrap();
    let error = load.pause().await.unwrap_err().to_string();
    assert!(error.contains("redirects to other hosts"), "{error}");
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn a_service_is_looked_up_again_when_its_port_moves() {
    let fake = Fake::good().await;
    let load = agents(|config| config.address = "simulation:8000".to_string());
    let error = load.pause().await.unwrap_err().to_string();
    assert!(error.contains("service simulation port 8000 is not published"), "{error}");
    let at = fake.at.to_string();
    load.relocate(&|service, port| (service == "simulation" && port == 8000).then(|| at.clone()));
    load.pause().await.unwrap();
    load.relocate(&|_, _| None);
    assert!(load.pause().await.is_err());
    assert!(matches!(Address::parse("simulation:8000"), Ok(Address::Service { .. })));
}
