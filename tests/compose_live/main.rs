//! The compose and attach stacks against a real engine with the compose tool that is there.
//!
//! They need a local engine, a compose tool and an image whose program can serve and fail; without
//! an image each says that it is left out, unless `RUNNER_REQUIRE` contains `docker`.
#![cfg(feature = "app")]

mod meant;
mod site;
#[path = "../support/mod.rs"]
mod support;

use std::process::Command;
use std::time::Duration;

use runner::config::{Reset, StackConfig, StackKind};
use runner::model::{Health, RunState, StackEventKind};
use runner::session::ports::Stack;
use runner::stack::attach::AttachStack;
use runner::stack::engine::Engine;
use runner::stack::holder::Holder;
use site::{Image, Site, docker, image, list, two_services};

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_remakes_containers_and_volumes_and_a_down_leaves_nothing() {
    let Some(image) = image() else { return };
    let site = Site::new("reset", &two_services(&image, true));
    let mut stack = site.open(&site.config(Reset::Volumes), "20261121_000001").await;
    println!("{}", stack.describe());

    let first = stack.reset(stack.consent()).await.expect("ready");
    println!("{}", first.what);
    let names: Vec<&str> = first.containers.iter().map(|c| c.name.as_str()).collect();
    let explicit = format!("explicit-{}", std::process::id());
    assert_eq!(names, ["api", explicit.as_str()]);
    let api = &first.containers[0];
    assert_eq!((api.state, api.health), (RunState::Running, Health::Healthy));
    assert_eq!(api.limits.memory_bytes, Some(64 << 20));
    assert_eq!(api.limits.cpus, Some(0.5));
    assert!(api.pid.is_some() && api.started_at.is_some());
    assert!(!api.one_shot && first.containers[1].one_shot);
    let address = stack.address("api", 8000).expect("published");
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    assert_eq!(stack.address("api", 9), None);

    let volumes = site.volumes();
    assert_eq!(volumes.len(), 1);
    let second = stack.reset(stack.consent()).await.expect("ready again");
    println!("{}", second.what);
    assert_ne!(second.containers[0].id, api.id);
    assert_eq!(second.containers[0].incarnation, api.incarnation + 1);
    assert!(second.what.starts_with("down -v, up -d"), "{}", second.what);

    let words = stack.last_words("api").await;
    assert!(words.log.contains(image.said), "{}", words.log);
    assert!(words.health.is_some_and(|h| h.contains("exit 0")));

    println!("{}", stack.down().await.expect("down"));
    assert_eq!(site.containers(), Vec::<String>::new());
    assert_eq!(site.networks(), Vec::<String>::new());
    assert_eq!(site.volumes(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_started_by_hand_is_foreign_until_taken_over() {
    let Some(image) = image() else { return };
    let site = Site::new("foreign", &two_services(&image, false));
    site.by_hand(&["up", "-d"]);
    let before = site.containers();
    let mut stack = site.open(&site.config(Reset::Volumes), "20261121_000002").await;
    let error = stack.reset(stack.consent()).await.expect_err("it is foreign");
    println!("{error}");
    for word in ["api", "worker", "data", "take_over = true"] {
        assert!(error.message.contains(word), "{error}");
    }
    assert!(error.environment);
    assert_eq!(site.containers(), before, "nothing was touched");
    drop(stack);

    // Without consent to a reset it is looked at, and left.
    let mut stack = site.open(&site.config(Reset::Never), "20261121_000003").await;
    let report = stack.reset(stack.consent()).await.expect("it runs");
    println!("{}", report.what);
    stack.down().await.expect("nothing to do");
    assert_eq!(site.containers(), before, "nothing was touched");
    drop(stack);

    let mut config = site.config(Reset::Volumes);
    config.take_over = true;
    let mut stack = site.open(&config, "20261121_000004").await;
    println!("{}", stack.reset(stack.consent()).await.expect("taken over").what);
    assert!(site.containers().iter().all(|id| !before.contains(id)));
    stack.down().await.expect("down");
    assert_eq!(site.containers(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn left_overs_of_a_dead_run_are_replaced_and_a_living_one_is_refused() {
    let Some(image) = image() else { return };
    let site = Site::new("left", &two_services(&image, false));
    let config = site.config(Reset::Containers);
    let mut stack = site.open(&config, "20261121_000005").await;
    let first = stack.reset(stack.consent()).await.expect("ready").containers;
    drop(stack);
    // This process lives, and the containers are of another run of it: that run still goes on.
    let mut other = site.open(&config, "20261121_000006").await;
    let error = other.reset(other.consent()).await.expect_err("it goes on");
    println!("{error}");
    assert!(error.message.contains("run 20261121_000005"), "{error}");
    drop(other);

    // The same containers, made by a process that is no more.
    let mut dead = Holder::me().expect("/proc");
    dead.start += 1;
    let labels = format!(
        "    labels: {{runner.project: '{0}', runner.run: '20261121_000000', runner.pid: '{dead}'}}\n",
        site.project
    );
    let text = std::fs::read_to_string(site.file()).expect("the file");
    let labelled = text.replace("    restart:", &format!("{labels}    restart:"));
    std::fs::write(site.file(), labelled).expect("a file");
    site.by_hand(&["up", "-d"]);
    std::fs::write(site.file(), text).expect("a file");
    let mut next = site.open(&config, "20261121_000007").await;
    let report = next.reset(next.consent()).await.expect("replaced");
    println!("{}", report.what);
    assert!(report.what.starts_with("down, up -d"), "{}", report.what);
    assert!(report.containers.iter().all(|c| first.iter().all(|f| f.id != c.id)));
    assert_eq!(site.volumes().len(), 1, "volumes stay");
    next.down().await.expect("down");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_tell_a_kill_a_death_and_a_start_and_count_the_lives() {
    let Some(image) = image() else { return };
    let site = Site::new("events", &two_services(&image, false));
    let mut stack = site.open(&site.config(Reset::Volumes), "20261121_000007").await;
    let before = stack.reset(stack.consent()).await.expect("ready").containers;
    while tokio::time::timeout(Duration::from_millis(300), stack.next_event()).await.is_ok() {}
    let api = before.iter().find(|c| c.name == "api").expect("api");
    let pid = api.pid.expect("it runs").to_string();
    assert!(Command::new("kill").args(["-9", &pid]).status().expect("kill").success());
    let mut seen = Vec::new();
    loop {
        let event = tokio::time::timeout(Duration::from_secs(20), stack.next_event())
            .await
            .expect("an event");
        println!("{event:?}");
        assert_eq!(event.name, "api");
        let started = event.kind == StackEventKind::Start;
        seen.push(event.kind);
        if started {
            break;
        }
    }
    assert_eq!(seen[0], StackEventKind::Die { exit_code: Some(137) });
    let begun = std::time::Instant::now();
    let after = stack.containers().await.expect("containers");
    println!("after an event: {:?}", begun.elapsed());
    let begun = std::time::Instant::now();
    stack.containers().await.expect("containers");
    println!("without an event: {:?}", begun.elapsed());
    let again = after.iter().find(|c| c.name == "api").expect("api");
    assert_eq!(again.id, api.id);
    assert_eq!(again.incarnation, api.incarnation + 1);
    assert_ne!(again.started_at, api.started_at);
    assert_eq!(again.restart_count, 1);
    let worker = |all: &[runner::model::Container]| {
        all.iter().find(|c| c.name == "worker").map(|c| c.incarnation)
    };
    assert_eq!(worker(&after), worker(&before));
    stack.down().await.expect("down");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_gets_ready_is_named_with_the_reason() {
    let Some(image) = image() else { return };
    let Image { reference, .. } = &image;
    let (fail, code, words) = &image.fail;
    let mut check = image.bad_check.clone();
    check.insert(0, "CMD".into());
    let services = format!(
        "
services:
  sick:
    image: {reference}
    entrypoint: {}
    healthcheck: {{test: {}, interval: 1s, retries: 1}}
  failed:
    image: {reference}
    entrypoint: {}
  once:
    image: {reference}
    entrypoint: {}
",
        list(&image.serve),
        list(&check),
        list(fail),
        list(&image.done),
    );
    let site = Site::new("sick", &services);
    let mut stack = site.open(&site.config(Reset::Volumes), "20261121_000008").await;
    let error = stack.reset(stack.consent()).await.expect_err("not ready");
    println!("{error}");
    assert!(error.message.contains(&format!("failed: ended with exit code {code}")), "{error}");
    assert!(error.message.contains(words), "{error}");
    assert!(!error.message.contains("once:"), "{error}");
    stack.down().await.expect("down");
    assert_eq!(site.containers(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attached_stack_is_watched_and_left_alone() {
    let Some(image) = image() else { return };
    let site = Site::new("attach", &two_services(&image, false));
    site.by_hand(&["up", "-d"]);
    let before = site.containers();
    let engine = Engine::connect().await.expect("an engine");
    let config = StackConfig {
        kind: StackKind::Attach { project: Some(site.project.clone()), containers: vec![] },
        ..site.config(Reset::Never)
    };
    let mut stack = AttachStack::open_with(&config, engine.clone()).expect("a stack");
    let report = stack.reset(Reset::Never).await.expect("running");
    println!("{}", report.what);
    assert!(report.what.ends_with("2 of 2 running"), "{}", report.what);
    let worker = report.containers.iter().find(|c| c.name == "worker").expect("worker");
    docker(&["kill", &worker.id]);
    let by_id = StackConfig {
        kind: StackKind::Attach { project: None, containers: before.clone() },
        ..config.clone()
    };
    let mut by_id = AttachStack::open_with(&by_id, engine).expect("a stack");
    let report = by_id.reset(Reset::Never).await.expect("one is running");
    println!("{}", report.what);
    assert!(report.what.ends_with("not running: worker (exited with 137)"), "{}", report.what);
    println!("{}", stack.down().await.expect("nothing"));
    assert_eq!(site.containers(), before);
}
