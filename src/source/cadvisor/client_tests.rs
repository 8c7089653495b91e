//! The client against a fake cAdvisor that is slow, refuses calls, and moves.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::{CadvisorAddress, CadvisorSource};
use crate::model::{Container, Figure, Gap, StackEventKind};
use crate::session::ports::{Reading, RunClock, Source};

const ID: &str = "3c06f19d67ce64ca7f38af41d123c994cec8497b7ca2a74a756a1a0b004112ae";

/// What the fake does with a call.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    Answers(u64),
    AnswersWithoutQuota(u64),
    Refuses,
    Hangs,
}

struct Behaviour {
    forced: Does,
    unforced: Does,
    v1: Does,
    calls: Vec<String>,
}

type Fake = Arc<Mutex<Behaviour>>;

fn fake(forced: Does, unforced: Does, v1: Does) -> Fake {
    Arc::new(Mutex::new(Behaviour { forced, unforced, v1, calls: Vec::new() }))
}

async fn act(does: Does) -> Response {
    match does {
        Does::Answers(usage) | Does::AnswersWithoutQuota(usage) => {
            let now = chrono::Utc::now().to_rfc3339();
            let quota = match does {
                Does::Answers(_) => "\"quota\":50000,",
                _ => "",
            };
            format!(
                "{{\"/docker/{ID}\":{{\"spec\":{{\"cpu\":{{{quota}\"period\":100000}},\
                 \"memory\":{{\"limit\":4000}}}},\"stats\":[{{\"timestamp\":\"{now}\",\
                 \"memory\":{{\"usage\":{usage}}}}}]}}}}"
            )
            .into_response()
        }
        Does::Refuses => {
            let text = "failed to get container \"/docker\"\nmore";
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
        Does::Hangs => std::future::pending().await,
    }
}

async fn v2(State(fake): State<Fake>, RawQuery(query): RawQuery) -> Response {
    let forced = query.unwrap_or_default().contains("max_age=0s");
    let does = {
        let mut fake = fake.lock().expect("fake");
        let call = if forced { "forced" } else { "unforced" };
        fake.calls.push(call.into());
        if forced { fake.forced } else { fake.unforced }
    };
    act(does).await
}

async fn v1(State(fake): State<Fake>, body: String) -> Response {
    let does = {
        let mut fake = fake.lock().expect("fake");
        fake.calls.push(format!("v1 {body}"));
        fake.v1
    };
    act(does).await
}

/// A kill of this run (twice), one of yesterday, and one of a container that nobody knows.
async fn events(RawQuery(query): RawQuery) -> String {
    let query = query.unwrap_or_default();
    assert!(query.contains("oom_kill_events=true") && query.contains("start_time="), "{query}");
    let now = "2099-01-01T00:00:00Z";
    let kill = |id: &str, t: &str| {
        format!(
            "{{\"container_name\":\"/docker/{id}\",\"timestamp\":\"{t}\",\"event_type\":\"oomKill\",\
             \"event_data\":{{\"oom\":{{\"pid\":7,\"process_name\":\"svc\"}}}}}}"
        )
    };
    let other = ID.replace('3', "4");
    let kills = [kill(ID, now), kill(ID, now), kill(ID, "2020-01-01T00:00:00Z"), kill(&other, now)];
    format!("[{}]", kills.join(","))
}

/// Serves the fake on a port of its own; answers its base URL.
async fn serve(fake: &Fake) -> String {
    let app = Router::new()
        .route("/api/v2.1/stats", get(v2))
        .route("/api/v1.3/docker/", post(v1))
        .route("/api/v1.3/events", get(events))
        .route("/api/v2.1/machine", get(|| async { r#"{"num_cores":2,"memory_capacity":5000}"# }))
        .with_state(Arc::clone(fake));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
    let address = listener.local_addr().expect("address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/")
}

async fn source(fake: &Fake) -> (CadvisorSource, CadvisorAddress) {
    let address = CadvisorAddress::default();
    address.set(Some(&serve(fake).await));
    let source = CadvisorSource::new(RunClock::start(), address.clone());
    (source.expect("source"), address)
}

fn container(id: &str) -> Container {
    Container { id: id.into(), incarnation: 2, ..Container::named("web") }
}

async fn read(source: &mut CadvisorSource, target: Container) -> Result<Reading, Gap> {
    let deadline = Instant::now() + Duration::from_secs(3);
    source.read(&[target], deadline).await.remove(0)
}

async fn usage(source: &mut CadvisorSource) -> Option<f64> {
    let reading = read(source, container(ID)).await.expect("a reading");
    reading.figures.get(Figure::MemoryUsageBytes)
}

fn calls(fake: &Fake) -> Vec<String> {
    std::mem::take(&mut fake.lock().expect("fake").calls)
}

#[tokio::test]
async fn fresh_figures_are_asked_for_and_nothing_else() {
    let fake = fake(Does::Answers(1), Does::Answers(2), Does::Answers(3));
    let (mut source, _) = source(&fake).await;
    let reading = read(&mut source, container(ID)).await.expect("a reading");
    assert_eq!(reading.figures.get(Figure::MemoryUsageBytes), Some(1.0));
    assert_eq!(reading.figures.get(Figure::MemoryLimitBytes), Some(4000.0));
    assert_eq!((reading.container.as_str(), reading.incarnation), ("web", 2));
    assert_eq!(calls(&fake), ["forced", r#"v1 {"num_stats":1}"#]);
    read(&mut source, container(ID)).await.expect("a reading");
    assert_eq!(calls(&fake), ["forced"]);
}

#[tokio::test]
async fn where_forcing_takes_too_long_the_figures_at_hand_serve_and_forcing_rests() {
    let fake = fake(Does::Hangs, Does::Answers(2), Does::Answers(3));
    let (mut source, _) = source(&fake).await;
    assert_eq!(usage(&mut source).await, Some(2.0));
    assert_eq!(calls(&fake)[..2], ["forced", "unforced"]);
    assert_eq!(usage(&mut source).await, Some(2.0));
    assert_eq!(calls(&fake), ["unforced"]);
}

#[tokio::test]
async fn v1_3_serves_where_v2_1_refuses_and_is_asked_for_one_sample_only() {
    let fake = fake(Does::Refuses, Does::Refuses, Does::Answers(3));
    let (mut source, _) = source(&fake).await;
    assert_eq!(usage(&mut source).await, Some(3.0));
    let v1 = r#"v1 {"num_stats":1}"#;
    assert_eq!(calls(&fake), ["forced", "unforced", v1, v1]);
    assert_eq!(usage(&mut source).await, Some(3.0));
    assert_eq!(calls(&fake), [v1]);
}

#[tokio::test]
async fn when_nothing_answers_the_gap_says_what_cadvisor_said() {
    let fake = fake(Does::Refuses, Does::Refuses, Does::Refuses);
    let (mut source, _) = source(&fake).await;
    let gap = read(&mut source, container(ID)).await.expect_err("a gap");
    assert!(gap.reason.contains("500"), "{}", gap.reason);
    assert!(gap.reason.ends_with("failed to get container \"/docker\""), "{}", gap.reason);
}

#[tokio::test]
async fn a_hanging_cadvisor_keeps_the_deadline() {
    let fake = fake(Does::Hangs, Does::Hangs, Does::Hangs);
    let (mut source, _) = source(&fake).await;
    let answer = tokio::time::timeout(Duration::from_secs(30), read(&mut source, container(ID)));
    let gap = answer.await.expect("it came back").expect_err("a gap");
    assert_eq!(gap.reason, "cAdvisor did not answer in time");
}

#[tokio::test]
async fn the_address_can_come_change_and_go() {
    let first = fake(Does::Answers(1), Does::Answers(1), Does::Answers(1));
    let second = fake(Does::Answers(2), Does::Answers(2), Does::Answers(2));
    let address = CadvisorAddress::default();
    let mut source = CadvisorSource::new(RunClock::start(), address.clone()).expect("source");
    let gap = read(&mut source, container(ID)).await.expect_err("a gap");
    assert!(gap.reason.contains("address is not known"), "{}", gap.reason);
    address.set(Some(&serve(&first).await));
    assert_eq!(usage(&mut source).await, Some(1.0));
    address.set(Some(&serve(&second).await));
    assert_eq!(usage(&mut source).await, Some(2.0));
    address.set(None);
    assert!(read(&mut source, container(ID)).await.is_err());
}

#[tokio::test]
async fn a_container_of_another_id_or_an_earlier_life_has_no_reading() {
    let fake = fake(Does::Answers(1), Does::Answers(1), Does::Answers(1));
    let (mut source, _) = source(&fake).await;
    let other = container(&ID.replace('3', "4"));
    let gap = read(&mut source, other).await.expect_err("a gap");
    assert_eq!(gap.reason, "cAdvisor does not know this container");
    let mut restarted = container(ID);
    restarted.started_at = Some((chrono::Utc::now() + chrono::TimeDelta::hours(1)).to_rfc3339());
    let gap = read(&mut source, restarted).await.expect_err("a gap");
    assert_eq!(gap.reason, "cAdvisor has no figures since the restart yet");
}

#[tokio::test]
async fn the_cpu_limit_is_asked_for_once_and_again_after_a_restart() {
    let fake = fake(Does::AnswersWithoutQuota(1), Does::Refuses, Does::Answers(3));
    let (mut source, _) = source(&fake).await;
    let v1 = r#"v1 {"num_stats":1}"#;
    let mut target = container(ID);
    let mut asked = Vec::new();
    for incarnation in [2, 2, 3] {
        target.incarnation = incarnation;
        let reading = read(&mut source, target.clone()).await.expect("a reading");
        assert_eq!(reading.figures.get(Figure::CpuLimitCores), Some(0.5));
        assert_eq!(reading.figures.get(Figure::MemoryUsageBytes), Some(1.0));
        asked.push(calls(&fake).iter().filter(|call| *call == v1).count());
    }
    assert_eq!(asked, [1, 0, 1]);
}

#[tokio::test]
async fn a_refused_question_about_limits_costs_only_the_limit_and_is_not_repeated_each_tick() {
    let fake = fake(Does::AnswersWithoutQuota(1), Does::Refuses, Does::Refuses);
    let (mut source, _) = source(&fake).await;
    for _ in 0..3 {
        let reading = read(&mut source, container(ID)).await.expect("a reading");
        assert_eq!(reading.figures.get(Figure::CpuLimitCores), None);
    }
    assert_eq!(calls(&fake).iter().filter(|call| call.starts_with("v1")).count(), 1);
}

#[tokio::test]
async fn kills_of_known_containers_in_this_run_are_told_once() {
    let fake = fake(Does::Answers(1), Does::Answers(1), Does::Answers(1));
    let (mut source, _) = source(&fake).await;
    let mut told = Vec::new();
    // The first call begins to ask; what it finds is there some time later.
    for _ in 0..200 {
        told.extend(source.aside(&[container(ID)]).events);
        if !told.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].name.as_str(), told[0].id.as_str()), ("web", ID));
    let kind = StackEventKind::KernelOom { process: Some("svc".into()), pid: Some(7) };
    assert_eq!(told[0].kind, kind);
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(source.aside(&[container(ID)]).events, []);
}

#[tokio::test]
async fn call_times_and_ages_are_measured() {
    let fake = fake(Does::Refuses, Does::Answers(2), Does::Answers(3));
    let (mut source, _) = source(&fake).await;
    let found = source.diagnose(Duration::from_secs(10)).await.expect("a diagnosis");
    assert_eq!((found.forced, found.ages.len()), (None, 1));
    assert!(found.ages[0] < 60.0);
}
