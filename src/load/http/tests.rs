//! The load against a server on loopback. Counts, never rates: nothing depends on the machine.

use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};

use super::*;
use crate::config::Call;

async fn server() -> String {
    let app = Router::new()
        .route("/a", get(async || "a"))
        .route("/b", post(async |body: String| body))
        .route("/broken", get(async || axum::http::StatusCode::INTERNAL_SERVER_ERROR));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let _ = axum::serve(listener, app).await;
    });
    format!("http://{at}")
}

fn task(name: &str, call: Call, body: Option<&str>) -> HttpTask {
    HttpTask { name: name.into(), call, body: body.map(str::to_string), weight: 1.0 }
}

async fn load() -> Http {
    let tasks = vec![
        task("a", Call::new("GET", "/a"), None),
        task("b", Call::new("POST", "/b"), Some("{\"x\":1}")),
        task("broken", Call::new("GET", "/broken"), None),
    ];
    Http::new(HttpLoad { address: server().await, tasks, ..HttpLoad::default() }).expect("a load")
}

/// Waits until a metric has reached a value.
async fn wait(load: &Http, metric: &str, least: f64) -> LoadReport {
    for _ in 0..3000 {
        let report = load.report().await.expect("a report");
        if report.metrics[metric] >= least {
            return report;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{metric} never reached {least}");
}

#[tokio::test]
async fn all_tasks_have_their_turns_and_failures_are_counted_apart() {
    let load = load().await;
    load.start().await.expect("start");
    load.reach(100).await.expect("reach");
    wait(&load, "requests.a", 5.0).await;
    wait(&load, "requests.b", 5.0).await;
    let report = wait(&load, "failures.broken", 5.0).await;
    assert_eq!(report.metrics["requests.broken"], 0.0);
    assert_eq!(report.metrics["failures.a"], 0.0);
    assert_eq!(report.metrics["causes.500.broken"], report.metrics["failures.broken"]);
    let said = load.trouble().expect("what went wrong");
    assert!(said.contains("/broken: 500 Internal Server Error"), "{said}");
    assert_eq!((report.queued, report.active), (Some(100), Some(100)));
}

#[tokio::test]
async fn one_task_alone_until_the_reset() {
    let load = load().await;
    load.start().await.expect("start");
    load.only(Some("b")).expect("only");
    load.reach(100).await.expect("reach");
    let report = wait(&load, "requests.b", 10.0).await;
    assert_eq!(report.metrics["requests.a"] + report.metrics["failures.broken"], 0.0);
    load.reset().await.expect("reset");
    load.reach(100).await.expect("reach");
    wait(&load, "requests.a", 1.0).await;
    let error = load.only(Some("c")).expect_err("no such task").to_string();
    assert!(error.contains("[[load.task]]"), "{error}");
}

#[tokio::test]
async fn a_pause_drains_and_a_resume_goes_on() {
    let load = load().await;
    load.reach(100).await.expect("reach");
    wait(&load, "requests.a", 3.0).await;
    load.pause().await.expect("pause");
    let report = loop {
        let report = load.report().await.expect("a report");
        if load.drained(&report) {
            break report;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let done = report.metrics["requests.a"];
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(load.report().await.expect("a report").metrics["requests.a"], done);
    load.resume().await.expect("resume");
    wait(&load, "requests.a", done + 3.0).await;
}

#[tokio::test]
async fn a_service_that_is_not_published_is_named_with_the_remedy() {
    let tasks = vec![task("a", Call::new("GET", "/a"), None)];
    let config = HttpLoad { address: "web:8000".into(), tasks, ..HttpLoad::default() };
    let load = Http::new(config).expect("a load");
    let error = load.start().await.expect_err("nowhere to go").to_string();
    assert!(error.contains("web:8000") && error.contains("publish"), "{error}");
    let base = server().await;
    let at = base.trim_start_matches("http://").to_string();
    load.relocate(&move |name, port| (name == "web" && port == 8000).then(|| at.clone()));
    load.probe().await.expect("it answers");
}

/// A load of one task whose requests go to a place where `answer` is all that is ever said.
async fn failing(answer: Option<&'static str>) -> Http {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    if let Some(answer) = answer {
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                let mut asked = [0; 1024];
                let _ = stream.read(&mut asked).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
    }
    let tasks = vec![task("t", Call::new("GET", "/x"), None)];
    let address = format!("http://{at}");
    let load = Http::new(HttpLoad { address, tasks, ..HttpLoad::default() }).expect("a load");
    load.reach(100).await.expect("reach");
    load
}

#[tokio::test]
async fn failures_are_told_by_their_cause() {
    let cases = [
        (None, "connection refused"),
        (Some("HTTP/1.1 404 Not Found\r\nContent-Length: 8\r\n\r\nno\u{7} such"), "404"),
        (Some("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf of it"), "connection broke"),
        (Some("\u{1}\u{2}garbage\r\n\r\n"), "connection broke"),
        (
            Some(
                "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            ),
            "302",
        ),
    ];
    for (answer, cause) in cases {
        let load = failing(answer).await;
        let report = wait(&load, "failures.t", 3.0).await;
        assert_eq!(report.metrics["requests.t"], 0.0, "{cause}");
        let counted = report.metrics.get(&format!("causes.{cause}.t"));
        assert_eq!(counted, report.metrics.get("failures.t"), "{cause}: {:?}", report.metrics);
    }
}
