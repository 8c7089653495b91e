use serde_json::json;

use super::*;
use crate::stack::engine::fake::{FakeEngine, container};

fn config(kind: StackKind) -> StackConfig {
    StackConfig {
        kind,
        reset: crate::config::Reset::Volumes,
        take_over: true,
        allow_remote: false,
        ready_timeout: std::time::Duration::from_secs(1),
    }
}

fn project() -> StackKind {
    StackKind::Attach { project: Some("demo".into()), containers: vec![] }
}

fn containers(names: &[&str]) -> StackKind {
    StackKind::Attach { project: None, containers: names.iter().map(|n| (*n).to_owned()).collect() }
}

#[tokio::test]
async fn a_reset_only_says_what_is_there_and_who_does_not_run() {
    let dir = tempfile::tempdir().expect("a folder");
    let fake = FakeEngine::start(dir.path(), |_| {});
    let mut stack =
        AttachStack::open_with(&config(project()), fake.connect().await).expect("a stack");
    let error = stack.reset(Reset::Never).await.expect_err("nothing runs");
    assert!(error.environment && error.message.contains("`demo`"), "{error}");
    {
        let mut world = fake.world.lock().expect("a world");
        let started = "2026-11-21T00:00:00Z";
        world.containers.insert("1".into(), container("1", "web", json!({}), started));
        let mut db = container("2", "db", json!({}), started);
        db["State"] = json!({"Status": "exited", "ExitCode": 3});
        world.containers.insert("2".into(), db);
    }
    let report = stack.reset(Reset::Never).await.expect("web runs");
    assert_eq!(
        report.what,
        "attached to compose project `demo`: 1 of 2 running; not running: db (exited with 3)"
    );
    assert!(stack.down().await.expect("left").contains("left running"));
}

#[tokio::test]
async fn a_name_that_no_container_has_is_an_error() {
    let dir = tempfile::tempdir().expect("a folder");
    let fake = FakeEngine::start(dir.path(), |_| {});
    let started = "2026-11-21T00:00:00Z";
    let web = container("web", "web", json!({}), started);
    fake.world.lock().expect("a world").containers.insert("web".into(), web);
    let kind = containers(&["web", "typo"]);
    let mut stack = AttachStack::open_with(&config(kind), fake.connect().await).expect("a stack");
    let error = stack.reset(Reset::Never).await.expect_err("there is no typo");
    assert!(error.message.contains("no container is called typo"), "{error}");
    let none = AttachStack::open_with(&config(containers(&[])), fake.connect().await);
    assert!(none.is_err_and(|e| e.environment));
}
