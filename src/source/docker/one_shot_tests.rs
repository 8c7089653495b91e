//! One-shot readings against a fake engine that says which version it is.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::{StreamExt, stream};
use tokio::net::UnixListener;
use tokio::time::{Instant, sleep};

use super::client_tests::{container, frame, reason};
use super::{Delivery, DockerSource, EngineAddress};
use crate::model::{Container, Figure, Gap};
use crate::session::ports::{Reading, RunClock, Source};

const HOST_MEMORY: u64 = 8_000_000_000;

#[derive(Clone)]
struct Engine {
    version: &'static str,
    /// What it does with one-shot calls.
    habit: Habit,
    asked: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Habit {
    AtOnce,
    Slow,
    Refuses,
}

async fn info(State(engine): State<Engine>) -> String {
    format!("{{\"MemTotal\":{HOST_MEMORY},\"ServerVersion\":\"{}\"}}", engine.version)
}

async fn stats(
    State(engine): State<Engine>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    engine.asked.lock().expect("asked").push(format!("{id} {query}"));
    if id == "unknown" {
        let message = r#"{"message":"No such container: unknown"}"#;
        return (StatusCode::NOT_FOUND, message).into_response();
    }
    if id == "hangs" {
        std::future::pending::<()>().await;
    }
    let one_shot = query.contains("one-shot=true");
    match engine.habit {
        Habit::Slow if one_shot => sleep(Duration::from_millis(800)).await,
        Habit::Refuses if one_shot => {
            let message = r#"{"message":"invalid parameter"}"#;
            return (StatusCode::BAD_REQUEST, message).into_response();
        }
        _ => {}
    }
    let frame = stream::iter([Ok::<_, Infallible>(frame(chrono::TimeDelta::zero(), 1000))]);
    if one_shot {
        return Body::from_stream(frame).into_response();
    }
    Body::from_stream(frame.chain(stream::pending())).into_response()
}

fn source(version: &'static str, habit: Habit) -> (DockerSource, Engine, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("engine.sock");
    let engine = Engine { version, habit, asked: Arc::default() };
    let app = Router::new()
        .route("/info", get(info))
        .route("/containers/{id}/stats", get(stats))
        .with_state(engine.clone());
    let listener = UnixListener::bind(&path).expect("socket");
    tokio::spawn(async move { axum::serve(listener, app).await });
    let address = EngineAddress::parse(&format!("unix://{}", path.display())).expect("address");
    (DockerSource::new(RunClock::start(), &address).expect("source"), engine, folder)
}

async fn read(source: &mut DockerSource, ids: &[&str]) -> Vec<Result<Reading, Gap>> {
    let targets: Vec<Container> = ids.iter().map(|id| container(id)).collect();
    source.read(&targets, Instant::now() + Duration::from_secs(4)).await
}

#[tokio::test]
async fn an_engine_that_answers_at_once_is_asked_when_a_tick_needs_it() {
    let (mut source, engine, _folder) = source("28.5.2", Habit::AtOnce);
    let names: Vec<String> = (0..40).map(|n| format!("c{n}")).collect();
    let ids: Vec<&str> = names.iter().map(String::as_str).collect();
    for _ in 0..2 {
        let answers = read(&mut source, &ids).await;
        assert_eq!(answers.len(), 40);
        for (answer, name) in answers.iter().zip(&ids) {
            let reading = answer.as_ref().expect("a reading");
            assert_eq!(reading.container, *name);
            assert_eq!(reading.figures.get(Figure::MemoryLimitBytes), Some(1000.0));
        }
    }
    assert_eq!(source.delivery(), Delivery::OneShot);
    let asked = engine.asked.lock().expect("asked").clone();
    assert_eq!(asked.len(), 80, "a call a container and reading, no streams");
    assert!(asked.iter().all(|a| a.ends_with("stream=false&one-shot=true")), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_container_that_hangs_costs_its_own_figures_only() {
    let (mut source, _engine, _folder) = source("29.0.0", Habit::AtOnce);
    let mut ids = vec!["hangs"; 9];
    ids.extend(["unknown", "good"]);
    let answers = read(&mut source, &ids).await;
    assert!(reason(&answers[0]).contains("did not answer within"), "{:?}", answers[0]);
    assert!(reason(&answers[9]).contains("No such container: unknown"), "{:?}", answers[9]);
    assert!(answers[10].is_ok(), "{:?}", answers[10]);
    assert_eq!(source.delivery(), Delivery::OneShot, "a slow container is no slow engine");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_slower_than_its_version_promises_is_read_by_streams() {
    let (mut source, engine, _folder) = source("25.0.17", Habit::Slow);
    for round in 0..3 {
        assert!(read(&mut source, &["a", "b"]).await.iter().all(Result::is_ok));
        assert_eq!(source.delivery() == Delivery::OneShot, round < 2, "{round}");
    }
    assert_eq!(source.delivery(), Delivery::Streams);
    read(&mut source, &["a", "b"]).await;
    let last = engine.asked.lock().expect("asked").last().cloned();
    assert!(last.is_some_and(|asked| asked.ends_with("stream=true")));
}

#[tokio::test]
async fn an_engine_that_refuses_one_shots_is_read_by_streams() {
    let (mut source, _engine, _folder) = source("26.1.0", Habit::Refuses);
    for _ in 0..3 {
        let answer = read(&mut source, &["a"]).await.remove(0);
        assert!(reason(&answer).contains("400 Bad Request invalid parameter"), "{answer:?}");
    }
    assert_eq!(source.delivery(), Delivery::Streams);
    assert!(read(&mut source, &["a"]).await.remove(0).is_ok());
}

#[tokio::test]
async fn an_older_engine_is_read_by_streams() {
    let (mut source, engine, _folder) = source("20.10.24+dfsg1", Habit::AtOnce);
    assert!(read(&mut source, &["a"]).await.remove(0).is_ok());
    assert_eq!(source.delivery(), Delivery::Streams);
    assert_eq!(engine.asked.lock().expect("asked")[0], "a stream=true");
}
