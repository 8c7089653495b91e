//! Hooks on this machine, without an engine.

use std::collections::BTreeMap;

use axum::Router;
use axum::routing::get;

use super::*;
use crate::config::{Call, When};
use crate::model::Health;

fn hook(act: HookAct, timeout: Duration) -> HookConfig {
    HookConfig {
        name: "test".into(),
        scenario: None,
        phase: None,
        when: When::Before,
        act,
        timeout,
        required: false,
    }
}

fn words(text: &[&str]) -> Vec<String> {
    text.iter().map(|word| (*word).to_string()).collect()
}

fn shell(text: &str) -> HookAct {
    HookAct::Command { command: words(&["sh", "-c", text]) }
}

fn web(ports: BTreeMap<u16, String>) -> Container {
    Container {
        id: "1".into(),
        service: Some("web".into()),
        pid: Some(4711),
        health: Health::Healthy,
        ports,
        ..Container::named("web")
    }
}

const LONG: Duration = Duration::from_secs(60);

async fn run(act: HookAct, timeout: Duration) -> HookDone {
    HookRunner::local().run(&hook(act, timeout), &[web(BTreeMap::new())]).await
}

#[tokio::test]
async fn what_a_command_says_is_kept_from_both_streams() {
    let done = run(shell("echo out; echo err >&2"), LONG).await;
    assert_eq!(done.failure, None);
    let text = String::from_utf8_lossy(&done.output).into_owned();
    assert!(text.contains("out\n") && text.contains("err\n"), "{text}");
}

#[tokio::test]
async fn a_code_other_than_0_and_a_missing_program_are_failures_with_their_last_words() {
    let done = run(shell("echo no space left; exit 3"), LONG).await;
    assert_eq!(done.failure.as_deref(), Some("sh ended with code 3: no space left"));
    let act = HookAct::Command { command: words(&["/no/such/program"]) };
    let why = run(act, LONG).await.failure.expect("a failure");
    assert!(why.contains("/no/such/program cannot be started"), "{why}");
}

#[tokio::test]
async fn at_the_limit_a_command_and_its_children_are_ended_and_what_was_said_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let mark = folder.path().join("pid");
    let text = format!("echo begun; sleep 1000 & echo $! > {}; wait", mark.display());
    let done = run(shell(&text), Duration::from_secs(3)).await;
    assert!(done.failure.expect("a failure").contains("did not end within 3 s"));
    assert_eq!(done.output, b"begun\n");
    let pid = std::fs::read_to_string(&mark).expect("the child's pid");
    let stat = format!("/proc/{}/stat", pid.trim());
    for _ in 0..500 {
        // A child that nobody waits for stays as a zombie.
        match std::fs::read_to_string(&stat) {
            Ok(text) if !text.contains(") Z ") => {}
            _ => return,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the child lives on");
}

#[tokio::test]
async fn a_grandchild_that_holds_the_output_open_does_not_hold_up_the_run() {
    let done = run(shell("sleep 1000 & echo done"), LONG).await;
    assert_eq!((done.failure, done.output.as_slice()), (None, &b"done\n"[..]));
}

#[tokio::test]
async fn beside_a_process_service_a_command_is_told_whose_pid_it_is_about() {
    let command = words(&["sh", "-c", "echo $RUNNER_CONTAINER $RUNNER_PID"]);
    let done = run(HookAct::Exec { container: "web".into(), command }, LONG).await;
    assert_eq!(done.output, b"web 4711\n");
    let command = words(&["true"]);
    let why = run(HookAct::Exec { container: "db".into(), command }, LONG).await.failure;
    assert!(why.expect("a failure").contains("there is no container db"));
}

#[tokio::test]
async fn an_answer_is_kept_and_another_status_than_2xx_is_a_failure() {
    let app = Router::new().route("/heap", get(async || "profile"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        let _ = axum::serve(listener, app).await;
    });
    let places = [web(BTreeMap::from([(6060, at)]))];
    let http = |address: &str, path: &str| {
        let act = HookAct::Http { address: address.into(), call: Call::new("GET", path) };
        hook(act, LONG)
    };
    let runner = HookRunner::local();
    let done = runner.run(&http("web:6060", "/heap"), &places).await;
    assert_eq!((done.failure, done.output.as_slice()), (None, &b"profile"[..]));
    let why = runner.run(&http("web:6060", "/no?token=abc"), &places).await.failure;
    let why = why.expect("a failure");
    assert!(why.contains("404") && !why.contains("abc"), "{why}");
    let why = runner.run(&http("web:1", "/heap"), &places).await.failure;
    assert!(why.expect("a failure").contains("not published"));
}
