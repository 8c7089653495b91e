//! The compose stack driven through fake tools: what is done, and what is believed.

mod site;

use std::path::Path;

use serde_json::{Value, json};
use site::Site;

use super::fixtures::{VERSIONS, call};
use super::*;
use crate::config::Reset;
use crate::stack::engine::Endpoint;

#[tokio::test]
async fn with_every_tool_a_run_is_up_then_down_and_up_again_then_down() {
    for version in VERSIONS {
        let site = Site::new(version);
        let mut stack = site.open(&site.config(Reset::Volumes)).await.expect("a stack");
        assert!(stack.describe().contains(version), "{}", stack.describe());
        let first = stack.reset(Reset::Volumes).await.unwrap_or_else(|e| panic!("{version}: {e}"));
        assert!(first.what.starts_with("up -d, "), "{version}: {}", first.what);
        let second = stack.reset(Reset::Volumes).await.unwrap_or_else(|e| panic!("{version}: {e}"));
        assert!(second.what.starts_with("down -v, up -d, "), "{version}: {}", second.what);
        let names: Vec<_> = second.containers.iter().map(|c| c.name.as_str()).collect();
        assert!(names.starts_with(&["api"]) || names.starts_with(&["db"]), "{names:?}");
        assert!(names.ends_with(&["web", "web-2"]), "{names:?}");
        assert!(second.containers.iter().all(|c| c.incarnation == 1));
        assert_eq!(stack.down().await.expect("down"), "down -v");
        assert_eq!(
            stack.down().await.expect("nothing"),
            "nothing to take down: this run made nothing"
        );
        let expected = ["-", "-", "up -d", "down -v", "up -d", "down -v"];
        assert_eq!(site.actions(), expected, "{version}");
        assert!(!site.calls().iter().any(|c| c.contains("orphans")));
    }
}

#[tokio::test]
async fn the_tool_is_led_to_our_engine_and_away_from_orphans() {
    let site = Site::new("2.40.3");
    site.reset(Reset::Volumes).await.expect("ready");
    let env = std::fs::read_to_string(site.path("env")).expect("noted");
    assert!(env.contains(&format!("DOCKER_HOST={}", site.engine.endpoint.host)), "{env}");
    assert!(env.contains("COMPOSE_REMOVE_ORPHANS=false"), "{env}");
    let up = site.calls().pop().expect("a call");
    let dir = site.dir.path().display();
    let labels = format!("{dir}/demo-{}.labels.yml", std::process::id());
    assert_eq!(
        up,
        format!("-p demo --project-directory {dir} -f {dir}/compose.yml -f {labels} up -d")
    );
    assert!(!Path::new(&labels).exists(), "the generated file goes with the stack");
}

#[tokio::test]
async fn without_the_plugin_there_is_no_tool_although_it_exits_with_0() {
    let site = Site::new("none");
    site.answer("version", &call("none", "down-v"));
    let error = site.open(&site.config(Reset::Volumes)).await.expect_err("no tool");
    assert!(error.environment && error.message.contains("no compose tool"), "{error}");
    assert!(error.message.contains("docker-compose-plugin"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_invalid_is_refused_with_the_tool_s_reason() {
    for version in VERSIONS {
        let site = Site::new(version);
        site.answer("config", &call(version, "bad-unknown-service-key-config"));
        let error = site.open(&site.config(Reset::Volumes)).await.expect_err("invalid");
        assert!(error.environment && error.message.contains("imagee"), "{version}: {error}");
    }
    // 1.29 answers an unknown option with exit 0, usage on stderr, and nothing.
    let site = Site::new("1.29.2");
    site.answer("config", &call("1.29.2", "config-format-json"));
    assert!(site.open(&site.config(Reset::Volumes)).await.is_err());
}

#[tokio::test]
async fn an_up_that_did_nothing_is_not_believed() {
    let site = Site::new("2.40.3");
    site.idle("up");
    let error = site.reset(Reset::Volumes).await.expect_err("nothing is there");
    assert!(error.environment);
    for word in ["db: has no container", "web: has no container", "ready_timeout"] {
        assert!(error.message.contains(word), "{error}");
    }
}

#[tokio::test]
async fn a_stack_that_lost_what_its_files_say_is_not_measured() {
    for version in VERSIONS {
        let site = Site::new(version);
        site.lose_volumes();
        let error = site.reset(Reset::Volumes).await.expect_err("another stack");
        assert!(error.environment, "{version}");
        for word in ["not the one of the compose files", "nothing mounted at /data", "demo_dbdata"]
        {
            assert!(error.message.contains(word), "{version}: {error}");
        }
    }
}

#[tokio::test]
async fn a_down_that_left_something_is_not_believed() {
    let site = Site::new("2.40.3");
    let mut stack = site.open(&site.config(Reset::Volumes)).await.expect("a stack");
    stack.reset(Reset::Volumes).await.expect("ready");
    site.idle("down");
    let error = stack.reset(Reset::Volumes).await.expect_err("it is still there");
    assert!(!error.environment, "it broke on the way");
    for word in ["demo-db-1", "demo_back", "demo_dbdata"] {
        assert!(error.message.contains(word), "{error}");
    }
}

#[tokio::test]
async fn a_failed_up_gives_the_reason_and_the_remedy() {
    for version in VERSIONS {
        let site = Site::new(version);
        site.idle("up");
        site.answer("up", &call(version, "bad-port-taken-up"));
        let error = site.reset(Reset::Volumes).await.expect_err("the port is taken");
        assert!(error.message.contains("18099"), "{version}: {error}");
        assert!(error.message.contains("a host port is taken"), "{version}: {error}");
    }
}

#[tokio::test]
async fn a_foreign_stack_is_only_touched_with_consent() {
    let site = Site::new("2.40.3");
    site.foreign();
    let error = site.reset(Reset::Volumes).await.expect_err("it is foreign");
    for word in ["demo-db-1", "demo_dbdata", "take_over = true"] {
        assert!(error.message.contains(word), "{error}");
    }
    let error = site.reset(Reset::Never).await.expect_err("web is missing");
    assert!(error.message.contains("web: has no container"), "{error}");
    let touched = |actions: Vec<String>| actions.iter().any(|a| a != "-" && a != "config");
    assert!(!touched(site.actions()), "{:?}", site.calls());

    let mut config = site.config(Reset::Volumes);
    config.take_over = true;
    let mut stack = site.open(&config).await.expect("a stack");
    let report = stack.reset(Reset::Volumes).await.expect("taken over");
    assert!(report.what.starts_with("down -v, up -d"), "{}", report.what);
}

#[tokio::test]
async fn without_consent_an_absent_stack_is_brought_up_and_a_present_one_left() {
    let site = Site::new("2.40.3");
    let config = site.config(Reset::Never);
    let mut stack = site.open(&config).await.expect("a stack");
    let first = stack.reset(Reset::Never).await.expect("brought up");
    assert!(first.what.starts_with("up -d"), "{}", first.what);
    let second = stack.reset(Reset::Never).await.expect("left");
    assert!(second.what.contains("left as it is"), "{}", second.what);
    assert_eq!(second.containers, first.containers);
    // What this run made goes, the volumes stay: nobody consented to lose them.
    assert_eq!(stack.down().await.expect("down"), "down");
}

#[tokio::test]
async fn containers_that_are_not_ours_keep_the_stack_up_at_the_end() {
    let site = Site::new("2.40.3");
    let mut stack = site.open(&site.config(Reset::Volumes)).await.expect("a stack");
    stack.reset(Reset::Volumes).await.expect("ready");
    let text = std::fs::read_to_string(site.path("world")).expect("up");
    let mut world: Value = serde_json::from_str(&text).expect("JSON");
    world["services"]["extra"] = json!({"labels": {}});
    std::fs::write(site.path("world"), world.to_string()).expect("a file");
    let error = stack.down().await.expect_err("extra is not ours");
    assert!(error.message.contains("demo-extra-1"), "{error}");
    assert!(!site.actions().contains(&"down -v".to_owned()));
}

#[tokio::test]
async fn two_runs_of_one_project_exclude_each_other() {
    let site = Site::new("2.40.3");
    let config = site.config(Reset::Volumes);
    let _first = site.open(&config).await.expect("a stack");
    let error = site.open(&config).await.expect_err("it is locked");
    assert!(error.message.contains("run 20261121_031455"), "{error}");
}

/// The lock does not reach a run of another user: the containers say whose they are.
#[tokio::test]
async fn of_two_runs_that_a_lock_does_not_part_only_the_one_whose_containers_stand_goes_on() {
    let site = Site::new("2.40.3");
    let config = site.config(Reset::Volumes);
    let mut first = site.open_as(&config, "first", "a").await.expect("a stack");
    first.reset(Reset::Volumes).await.expect("ready");
    assert_eq!(first.lost(), None);
    let mut second = site.open_as(&config, "second", "b").await.expect("its own lock");
    // As the later `up` of two that both found the project empty.
    second.made = true;
    second.project.up(Duration::from_secs(30)).await.expect("up");
    assert_eq!(second.own_containers().await.expect("all are its own").len(), 3);

    let error = first.own_containers().await.expect_err("they are the second run's");
    assert!(error.environment && error.message.contains("(run second, pid "), "{error}");
    first.tracker.look_anew();
    first.containers().await.expect("looked at");
    assert!(first.lost().is_some_and(|who| who.contains("run second")));
    let said = first.down().await.expect("nothing of its own is left");
    assert!(said.contains("another run"), "{said}");
    assert_eq!(second.down().await.expect("down"), "down -v");
}

#[tokio::test]
async fn a_remote_engine_needs_its_own_consent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let app = axum::Router::new().route(
        "/version",
        axum::routing::get(|| async {
            axum::Json(json!({"Version": "29.0", "ApiVersion": "1.52"}))
        }),
    );
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let endpoint = Endpoint::new(format!("tcp://127.0.0.1:{port}"), "DOCKER_HOST");
    let engine = Engine::connect_to(endpoint).await.expect("it answers");
    let error = may_use(&engine, false).expect_err("remote");
    assert!(error.message.contains("allow_remote = true"), "{error}");
    assert!(may_use(&engine, true).is_ok());
    server.abort();
}

#[test]
fn an_absent_file_is_named() {
    let compose = Compose { files: vec!["/nowhere/compose.yml".into()], ..Compose::default() };
    let error = files_are_there(&compose).expect_err("absent");
    assert!(error.message.contains("/nowhere/compose.yml"), "{error}");
    assert!(files_are_there(&Compose::default()).is_err());
}
