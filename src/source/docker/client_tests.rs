//! The streams against a fake engine on a Unix socket that stalls, sends garbage and hangs up.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream;
use tokio::net::UnixListener;
use tokio::time::{Instant, sleep};

use super::client::STALL;
use super::{DockerSource, EngineAddress};
use crate::model::{Container, Figure, Gap};
use crate::session::ports::{Reading, RunClock, Source};

const HOST_MEMORY: u64 = 8_000_000_000;
/// How long a test waits for something that is bound to happen.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Default)]
struct Engine {
    opened: Arc<Mutex<HashMap<String, u32>>>,
    open: Arc<Mutex<HashMap<String, i32>>>,
}

/// Counts a connection as open until it is dropped.
struct Open(Engine, String);

impl Drop for Open {
    fn drop(&mut self) {
        *self.0.open.lock().expect("open").entry(self.1.clone()).or_default() -= 1;
    }
}

pub(super) fn frame(ahead: chrono::TimeDelta, limit: u64) -> Bytes {
    let read = (chrono::Utc::now() + ahead).to_rfc3339();
    Bytes::from(format!(
        "{{\"read\":\"{read}\",\"cpu_stats\":{{\"cpu_usage\":{{\"total_usage\":5}}}},\
         \"memory_stats\":{{\"usage\":7,\"limit\":{limit},\"stats\":{{\"inactive_file\":0}}}}}}\n"
    ))
}

/// What the fake engine sends for a container of that name: the first line, then the others.
fn line(id: &str, first: bool, times: u32) -> Bytes {
    match id {
        "garbage" => Bytes::from_static(b"<html>not a frame</html>\n"),
        "garbled" if times == 1 => Bytes::from_static(b"{\"read\": 20\n"),
        "stopped" => Bytes::from_static(b"{\"read\":\"0001-01-01T00:00:00Z\"}\n"),
        "endless" => Bytes::from(vec![b'x'; (1 << 20) + 1]),
        "limited" => frame(chrono::TimeDelta::zero(), 1000),
        "other-clock" => frame(chrono::TimeDelta::hours(1), HOST_MEMORY),
        "recovers" if first => Bytes::from_static(b"{}\n"),
        _ => frame(chrono::TimeDelta::zero(), HOST_MEMORY),
    }
}

async fn stats(State(engine): State<Engine>, Path(id): Path<String>) -> Response {
    let times = {
        let mut opened = engine.opened.lock().expect("opened");
        let times = opened.entry(id.clone()).or_default();
        *times += 1;
        *times
    };
    if id == "unknown" {
        let message = r#"{"message":"No such container: unknown"}"#;
        return (StatusCode::NOT_FOUND, message).into_response();
    }
    *engine.open.lock().expect("open").entry(id.clone()).or_default() += 1;
    let open = Open(engine, id);
    let lines = stream::unfold((open, true), move |(open, first)| async move {
        match open.1.as_str() {
            "ends" if !first => return None,
            "stalls" if !first => std::future::pending().await,
            "silent" => std::future::pending().await,
            _ if !first => sleep(Duration::from_millis(20)).await,
            _ => {}
        }
        let line = line(&open.1, first, times);
        Some((Ok::<_, Infallible>(line), (open, false)))
    });
    Body::from_stream(lines).into_response()
}

async fn info() -> String {
    format!("{{\"MemTotal\":{HOST_MEMORY}}}")
}

/// A source on a fake engine; the folder holds the socket.
fn source(stall: Duration) -> (DockerSource, Engine, RunClock, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("engine.sock");
    let engine = Engine::default();
    let app = Router::new()
        .route("/info", get(info))
        .route("/containers/{id}/stats", get(stats))
        .with_state(engine.clone());
    let listener = UnixListener::bind(&path).expect("socket");
    tokio::spawn(async move { axum::serve(listener, app).await });
    let clock = RunClock::start();
    let address = EngineAddress::parse(&format!("unix://{}", path.display())).expect("address");
    let source = DockerSource::new(clock, &address).expect("source");
    (source.with_stall(stall), engine, clock, folder)
}

pub(super) fn container(id: &str) -> Container {
    Container { incarnation: 3, ..Container::named(id) }
}

async fn read(source: &mut DockerSource, ids: &[&str]) -> Vec<Result<Reading, Gap>> {
    let targets: Vec<Container> = ids.iter().map(|id| container(id)).collect();
    let deadline = Instant::now() + Duration::from_secs(2);
    source.read(&targets, deadline).await
}

/// Reads until `done` says so.
async fn read_until(
    source: &mut DockerSource,
    id: &str,
    done: impl Fn(&Result<Reading, Gap>) -> bool,
) {
    let start = Instant::now();
    loop {
        let answer = read(source, &[id]).await.remove(0);
        if done(&answer) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "the last answer: {answer:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

pub(super) fn reason(answer: &Result<Reading, Gap>) -> &str {
    answer.as_ref().err().map_or("", |gap| &gap.reason)
}

#[tokio::test]
async fn a_stream_that_misbehaves_costs_its_own_figures_only() {
    let (mut source, _engine, clock, _folder) = source(Duration::from_secs(10));
    let ids = ["good", "garbage", "stopped", "unknown", "silent", "endless"];
    let answers = read(&mut source, &ids).await;
    let good = answers[0].as_ref().expect("a reading");
    assert_eq!((good.container.as_str(), good.incarnation), ("good", 3));
    assert_eq!(good.figures.get(Figure::MemoryWorkingSetBytes), Some(7.0));
    let age = clock.now() - good.at;
    assert!((0.0..5.0).contains(&age), "{age}");
    for (answer, why) in answers[1..].iter().zip([
        "cannot be understood",
        "does not run",
        "No such container: unknown",
        "has sent no frame yet",
        "a line beyond 1 MiB",
    ]) {
        let gap = answer.as_ref().expect_err("a gap");
        assert!(gap.reason.contains(why), "{}", gap.reason);
        assert!(gap.container.is_some());
    }
}

#[tokio::test]
async fn a_stalled_stream_is_opened_anew() {
    let (mut source, engine, _clock, _folder) = source(Duration::from_millis(200));
    read_until(&mut source, "stalls", Result::is_ok).await;
    read_until(&mut source, "stalls", |a| reason(a).contains("sent nothing")).await;
    read_until(&mut source, "stalls", Result::is_ok).await;
    assert!(engine.opened.lock().expect("opened")["stalls"] >= 2);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_sends_nothing_for_more_than_5_s_is_opened_anew() {
    let (mut source, engine, clock, _folder) = source(STALL);
    read_until(&mut source, "stalls", Result::is_ok).await;
    let began = clock.now();
    read_until(&mut source, "stalls", |a| reason(a).contains("sent nothing for 5 s")).await;
    let silent = clock.now() - began;
    assert!((4.0..7.0).contains(&silent), "{silent}");
    read_until(&mut source, "stalls", Result::is_ok).await;
    assert_eq!(engine.opened.lock().expect("opened")["stalls"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_never_says_anything_is_opened_less_and_less_often() {
    let (mut source, engine, _clock, _folder) = source(STALL);
    read(&mut source, &["silent"]).await;
    sleep(Duration::from_secs(120)).await;
    let opened = engine.opened.lock().expect("opened")["silent"];
    assert!((3..=8).contains(&opened), "{opened}");
}

#[tokio::test]
async fn a_stream_with_a_frame_that_is_none_is_opened_anew() {
    let (mut source, engine, _clock, _folder) = source(Duration::from_secs(10));
    read_until(&mut source, "garbled", |a| reason(a).contains("cannot be understood")).await;
    read_until(&mut source, "garbled", Result::is_ok).await;
    assert_eq!(engine.opened.lock().expect("opened")["garbled"], 2);
}

#[tokio::test]
async fn a_stream_that_the_engine_ends_is_opened_anew_and_its_last_frame_is_not_kept() {
    let (mut source, engine, _clock, _folder) = source(Duration::from_secs(10));
    read_until(&mut source, "ends", |a| reason(a).contains("ended the stats stream")).await;
    let start = Instant::now();
    while engine.opened.lock().expect("opened")["ends"] < 3 {
        assert!(start.elapsed() < PATIENCE);
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_frame_without_figures_is_followed_by_one_with_them() {
    let (mut source, engine, _clock, _folder) = source(Duration::from_secs(10));
    read_until(&mut source, "recovers", Result::is_ok).await;
    assert_eq!(engine.opened.lock().expect("opened")["recovers"], 1);
}

#[tokio::test]
async fn streams_follow_the_targets() {
    let (mut source, engine, _clock, _folder) = source(Duration::from_secs(10));
    let open = |id: &str| engine.open.lock().expect("open").get(id).copied();
    assert!(read(&mut source, &["a", "b"]).await.iter().all(Result::is_ok));
    assert_eq!((open("a"), open("b")), (Some(1), Some(1)));
    assert!(read(&mut source, &["b", "c"]).await.iter().all(Result::is_ok));
    let start = Instant::now();
    while open("a") != Some(0) {
        assert!(start.elapsed() < PATIENCE, "the stream of a gone container stays open");
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((open("b"), open("c")), (Some(1), Some(1)));
    assert_eq!(engine.opened.lock().expect("opened")["b"], 1);
}

#[tokio::test]
async fn a_frame_from_before_the_restart_is_not_a_reading_of_the_new_life() {
    let (mut source, _engine, _clock, _folder) = source(Duration::from_secs(10));
    let mut target = container("good");
    let deadline = Instant::now() + Duration::from_secs(2);
    target.started_at = Some((chrono::Utc::now() + chrono::TimeDelta::hours(1)).to_rfc3339());
    let answer = source.read(&[target.clone()], deadline).await.remove(0);
    assert!(reason(&answer).contains("since the restart"), "{answer:?}");
    target.started_at = Some("0001-01-01T00:00:00Z".into());
    assert!(source.read(&[target], deadline).await.remove(0).is_ok());
}

#[tokio::test]
async fn a_limit_is_a_limit_only_below_the_machine_s_memory() {
    let (mut source, _engine, _clock, _folder) = source(Duration::from_secs(10));
    let answers = read(&mut source, &["good", "limited"]).await;
    let limit = |at: usize| {
        let reading = answers[at].as_ref().expect("a reading");
        reading.figures.get(Figure::MemoryLimitBytes)
    };
    assert_eq!((limit(0), limit(1)), (None, Some(1000.0)));
}

#[tokio::test]
async fn frames_of_an_engine_with_another_clock_are_dated_by_their_arrival() {
    let (mut source, _engine, clock, _folder) = source(Duration::from_secs(10));
    let answers = read(&mut source, &["other-clock"]).await;
    let at = answers[0].as_ref().expect("a reading").at;
    assert!((clock.now() - at).abs() < 5.0, "{at}");
}

#[tokio::test]
async fn no_engine_is_a_gap_with_the_reason() {
    let clock = RunClock::start();
    let address = EngineAddress::parse("/nonexistent/engine.sock").expect("address");
    let mut source = DockerSource::new(clock, &address).expect("source");
    let answer = read(&mut source, &["a"]).await.remove(0);
    assert!(reason(&answer).contains("No such file"), "{answer:?}");
}

#[test]
fn addresses_are_read_as_docker_host_writes_them() {
    let parse = EngineAddress::parse;
    assert_eq!(
        parse("unix:///var/run/docker.sock"),
        Ok(EngineAddress::Unix("/var/run/docker.sock".into()))
    );
    assert_eq!(
        parse("tcp://10.0.0.1:2375/"),
        Ok(EngineAddress::Http("http://10.0.0.1:2375".into()))
    );
    assert!(parse("ssh://me@host").expect_err("error").contains("ssh://me@host"));
}
