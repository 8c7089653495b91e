use serde_json::json;

use super::fake::{FakeEngine, container};
use super::*;
use crate::model::{StackEvent, StackEventKind};

fn labels(service: &str) -> serde_json::Value {
    json!({
        "com.docker.compose.project": "demo",
        "com.docker.compose.service": service,
        "com.docker.compose.container-number": "1",
    })
}

fn message(nano: i64, action: &str) -> serde_json::Value {
    json!({"Type": "container", "Action": action, "timeNano": nano,
           "Actor": {"ID": "1", "Attributes": {"name": "demo-web-1", "exitCode": "137"}}})
}

#[test]
fn recorded_events_of_engines_20_10_and_29_are_read() {
    let path = format!("{}/tests/fixtures/engine/events.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("a recording");
    let read: Vec<StackEvent> = text
        .lines()
        .filter_map(|line| events::parse(&serde_json::from_str(line).expect("an event")))
        .collect();
    let count = |kind: fn(&StackEventKind) -> bool| read.iter().filter(|e| kind(&e.kind)).count();
    assert_eq!(count(|k| *k == StackEventKind::Oom), 2);
    assert_eq!(count(|k| *k == StackEventKind::Start), 2);
    assert_eq!(count(|k| *k == StackEventKind::Stop), 2);
    assert_eq!(count(|k| *k == StackEventKind::Restart), 2);
    assert_eq!(count(|k| matches!(k, StackEventKind::Die { exit_code: Some(_) })), 2);
    assert_eq!(count(|k| matches!(k, StackEventKind::Kill { signal: Some(_) })), 2);
    assert_eq!(count(|k| matches!(k, StackEventKind::Health { status } if status == "healthy")), 2);
    // Checks and `top` are not events of the stack.
    assert_eq!(read.len(), 22);
    assert!(read.iter().all(|e| e.t > 1e9 && e.id.len() == 64 && !e.name.starts_with("demo-")));
}

#[tokio::test]
async fn after_an_event_only_its_container_is_looked_at() {
    let dir = tempfile::tempdir().expect("a folder");
    let fake = FakeEngine::start(dir.path(), |_| {});
    let world = fake.world.clone();
    let web = |started: &str| container("1", "demo-web-1", labels("web"), started);
    {
        let mut world = world.lock().expect("a world");
        world.containers.insert("1".into(), web("2026-11-21T00:00:00Z"));
        let db = container("2", "demo_db_1", labels("db"), "2026-11-21T00:00:00Z");
        world.containers.insert("2".into(), db);
        world.streams = vec![vec![], vec![message(5_000_000_000, "start")]];
    }
    let mut tracker = Tracker::start(fake.connect().await, Selection::Project("demo".into()));
    let first = tracker.containers().await.expect("containers");
    let names: Vec<_> = first.iter().map(|c| (c.name.as_str(), c.incarnation)).collect();
    assert_eq!(names, [("db", 0), ("web", 0)]);
    while tracker.next_event().await.kind != StackEventKind::Start {}
    tracker.containers().await.expect("everything is looked at after the gap");

    world.lock().expect("a world").containers.insert("1".into(), web("2026-11-21T00:01:00Z"));
    world.lock().expect("a world").asked.clear();
    tracker.mark("1");
    let after = tracker.containers().await.expect("containers");
    let lives: Vec<u32> = after.iter().map(|c| c.incarnation).collect();
    assert_eq!(lives, [0, 1], "another start is another life");
    tracker.containers().await.expect("containers");
    let asked = world.lock().expect("a world").asked.clone();
    assert_eq!(asked, ["/containers/1/json"], "one look in two calls");
}

#[tokio::test]
async fn a_recreated_container_is_another_life_of_its_name() {
    let dir = tempfile::tempdir().expect("a folder");
    let fake = FakeEngine::start(dir.path(), |_| {});
    let mut tracker = Tracker::start(fake.connect().await, Selection::Project("demo".into()));
    let mut lives = Vec::new();
    for id in ["1", "2", "3"] {
        let started = "2026-11-21T00:00:00Z";
        let web = container(id, "demo-web-1", labels("web"), started);
        fake.world.lock().expect("a world").containers = [(id.to_owned(), web)].into();
        tracker.look_anew();
        let now = tracker.containers().await.expect("containers");
        lives.extend(now.iter().map(|c| (c.id.clone(), c.incarnation)));
    }
    assert_eq!(lives, [("1".into(), 0), ("2".into(), 1), ("3".into(), 2)]);
}

#[tokio::test]
async fn two_containers_with_one_key_are_both_kept() {
    let dir = tempfile::tempdir().expect("a folder");
    let fake = FakeEngine::start(dir.path(), |_| {});
    let started = "2026-11-21T00:00:00Z";
    let mut old = container("1", "0123456789ab_demo-web-1", labels("web"), started);
    old["Created"] = json!("2026-11-20T00:00:00Z");
    let mut new = container("2", "demo-web-1", labels("web"), started);
    new["Created"] = json!("2026-11-21T00:00:00Z");
    fake.world.lock().expect("a world").containers = [("1".into(), old), ("2".into(), new)].into();
    let mut tracker = Tracker::start(fake.connect().await, Selection::Project("demo".into()));
    let all = tracker.containers().await.expect("containers");
    let names: Vec<_> = all.iter().map(|c| (c.name.as_str(), c.id.as_str())).collect();
    assert_eq!(names, [("0123456789ab_demo-web-1", "1"), ("web", "2")]);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_hangs_costs_an_error() {
    let dir = tempfile::tempdir().expect("a folder");
    let socket = dir.path().join("s");
    let _listener = tokio::net::UnixListener::bind(&socket).expect("a socket");
    let endpoint = Endpoint::new(format!("unix://{}", socket.display()), "DOCKER_HOST");
    let error = Engine::connect_to(endpoint).await.expect_err("nobody answers");
    assert!(error.environment);
    assert!(error.message.contains("did not answer within 10 s"), "{error}");
}
