//! Engines behind TLS and SSH: the same fake engine, reached through a relay.

use std::path::Path;

use serde_json::json;

use super::fake::{FakeEngine, container};
use super::*;
use crate::model::StackEventKind;
use crate::net::relay::TlsFiles;
use crate::net::relay::testing::{Authority, Door, ssh_that, ssh_to};
use crate::session::ports::unix_now;

fn fake(dir: &Path) -> FakeEngine {
    let fake = FakeEngine::start(dir, |_| {});
    let labels = json!({"com.docker.compose.project": "demo",
        "com.docker.compose.service": "web", "com.docker.compose.container-number": "1"});
    let mut world = fake.world.lock().expect("a world");
    let web = container("1", "demo-web-1", labels, "2026-11-21T00:00:00Z");
    world.containers.insert("1".into(), web);
    let nano = ((unix_now() + 60.0) * 1e9) as i64;
    world.streams = vec![vec![json!({"Type": "container", "Action": "start", "timeNano": nano,
        "Actor": {"ID": "1", "Attributes": {"name": "demo-web-1"}}})]];
    drop(world);
    fake
}

/// Lists, hears an event and ends.
async fn works(engine: Engine) {
    assert!(engine.is_remote());
    assert!(engine.reached_at().starts_with("unix://"), "{}", engine.reached_at());
    let mut tracker = Tracker::start(engine, Selection::Project("demo".into()));
    let found = tracker.containers().await.expect("containers");
    assert_eq!(found[0].name, "web");
    assert_eq!(tracker.next_event().await.kind, StackEventKind::Start);
}

#[tokio::test]
async fn an_engine_behind_tls_is_used_like_any_other() {
    let dir = tempfile::tempdir().expect("a folder");
    let fake = fake(dir.path());
    let authority = Authority::new();
    let certs = dir.path().join("certs");
    authority.write_ca(&certs);
    authority.write_cert(&certs, &["127.0.0.1"]);
    let socket = fake.endpoint.socket().expect("a socket");
    let door = Door::tls(socket, &certs, Some(&authority)).await;
    let host = format!("tcp://127.0.0.1:{}", door.port);
    let tls = Some(TlsFiles::of(&certs, true));
    let endpoint = Endpoint { tls, ..Endpoint::new(host.clone(), "docker context `far`") };
    let engine = Engine::connect_to(endpoint).await.expect("an engine");
    assert_eq!(engine.facts().protection, Some("TLS"));
    assert_eq!((engine.facts().host.as_str(), engine.facts().remote), (host.as_str(), true));
    works(engine).await;

    let other = dir.path().join("other");
    Authority::new().write_ca(&other);
    let tls = Some(TlsFiles::of(&other, true));
    let endpoint = Endpoint { tls, ..Endpoint::new(host, "DOCKER_HOST") };
    let error = Engine::connect_to(endpoint).await.expect_err("another authority");
    assert!(error.environment);
    assert!(error.message.contains("(from DOCKER_HOST) does not answer: the engine's"), "{error}");
    assert!(error.message.contains("use the ca.pem that belongs to this engine"), "{error}");
}

#[tokio::test]
async fn an_engine_behind_tls_without_certificates_says_which_are_missing() {
    let dir = tempfile::tempdir().expect("a folder");
    let tls = Some(TlsFiles::of(dir.path(), true));
    let endpoint = Endpoint { tls, ..Endpoint::new("tcp://build:2376", "DOCKER_HOST") };
    let error = Engine::connect_to(endpoint).await.expect_err("no certificates");
    assert!(error.environment);
    assert!(error.message.contains("there is no ca.pem in"), "{error}");
}

#[tokio::test]
async fn an_engine_behind_ssh_is_used_like_any_other() {
    let dir = tempfile::tempdir().expect("a folder");
    let fake = fake(dir.path());
    let door = Door::plain(fake.endpoint.socket().expect("a socket")).await;
    let ssh = ssh_to(dir.path(), door.port);
    let endpoint = Endpoint::new("ssh://me@build:2222", "DOCKER_HOST");
    let engine = Engine::connect_with(endpoint, &ssh).await.expect("an engine");
    assert_eq!(engine.facts().protection, Some("SSH"));
    works(engine).await;
    let calls = std::fs::read_to_string(dir.path().join("calls")).expect("noted");
    assert!(calls.lines().all(|c| c.ends_with("-- build docker system dial-stdio")), "{calls}");
}

#[tokio::test]
async fn an_ssh_that_is_missing_or_has_no_key_or_no_docker_says_so() {
    let dir = tempfile::tempdir().expect("a folder");
    for (said, code, remedy) in [
        ("me@build: Permission denied (publickey).", 255, "use a key"),
        ("bash: line 1: docker: command not found", 127, "the docker client is needed there"),
        ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", 1, "must run"),
    ] {
        let script = format!("cat >/dev/null & echo '{said}' >&2; exit {code}");
        let ssh = ssh_that(dir.path(), &script);
        let endpoint = Endpoint::new("ssh://me@build", "DOCKER_HOST");
        let error = Engine::connect_with(endpoint, &ssh).await.expect_err("no engine");
        assert!(error.environment);
        assert!(error.message.contains(said) && error.message.contains(remedy), "{error}");
    }
    // Known before anything is asked.
    let endpoint = Endpoint::new("ssh://me@build", "DOCKER_HOST");
    let missing = dir.path().join("no-ssh");
    let error = Engine::connect_with(endpoint, &missing).await.expect_err("no ssh");
    assert!(error.message.contains("install the OpenSSH client"), "{error}");
}
