//! `init` and `check` on compose files, with the compose tool and the engine that are there. Nothing is
//! started.

use runner::stack::compose::{Tool, caller};
use runner::stack::engine::Engine;
use serde_json::Value;

use crate::harness::Site;
use crate::support::left_out;

/// The compose tool, where one and a local engine answer.
fn tool() -> Option<Tool> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
    let found: Result<Tool, String> = runtime.block_on(async {
        let engine = Engine::connect().await.map_err(|e| e.message)?;
        if engine.is_remote() {
            return Err("the engine is remote".to_string());
        }
        let caller = caller(engine.endpoint(), &runner::config::Compose::default());
        Tool::detect(&caller, &Tool::candidates()).await.map_err(|e| e.message)
    });
    found.map_err(|why| left_out("docker", &why)).ok()
}

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../fixtures/compose/", $name))
    };
}

/// The row of this name in what `check` says.
fn row(site: &Site, args: &[&str], name: &str) -> Option<Value> {
    let args: Vec<&str> = ["check", "--json"].iter().chain(args).copied().collect();
    let ran = site.run(&args);
    let said: Value = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {}", ran.err));
    let rows = said["rows"].as_array().expect("rows");
    rows.iter().find(|row| row["name"] == name).cloned()
}

fn detail(row: Option<Value>) -> String {
    row.expect("the row")["detail"].as_str().expect("a detail").to_string()
}

#[test]
fn check_is_not_ready_where_up_would_fail() {
    if tool().is_none_or(|tool| !tool.is_v1()) {
        // The plugins refuse the file itself.
        return;
    }
    let site = Site::new();
    site.write("compose.yml", fixture!("refused/compose.yml"));
    site.run(&["init"]).expect_code(0);
    let ran = site.run(&["check"]).expect_code(3);
    for said in [
        "container_name model is wanted by one, two",
        "host port 11434 is wanted by one, two",
        "there is no network not_made_yet",
        "will be pulled",
    ] {
        assert!(ran.err.contains(said), "{said}:\n{}", ran.err);
    }
    assert_eq!(row(&site, &[], "images").expect("a row")["status"], "note");
    let remedy = row(&site, &[], "external").expect("a row")["remedy"].to_string();
    assert!(remedy.contains("`docker network create not_made_yet`"), "{remedy}");
}

#[test]
fn profiles_that_exclude_each_other_are_left_to_their_owner_and_each_alone_is_no_clash() {
    if tool().is_none() {
        return;
    }
    let site = Site::new();
    site.write("compose.yml", fixture!("exclusive/compose.yml"));
    site.run(&["init"]).expect_code(0);
    let written = std::fs::read_to_string(site.path().join("runner.toml")).expect("a config");
    assert!(written.contains("cpu and gpu exclude each other: both want container_name model"));
    let ran = site.run(&["check"]).expect_code(3);
    assert!(ran.err.contains("stack.profiles"), "{}", ran.err);
    let one = ["--set", "stack.profiles=gpu"];
    assert!(detail(row(&site, &one, "compose file")).ends_with(": model-gpu"));
    assert_eq!(row(&site, &one, "clashes"), None);
}

#[test]
fn init_says_of_extended_and_interpolated_services_what_check_says() {
    if tool().is_none() {
        return;
    }
    let site = Site::new();
    site.write("compose.yml", fixture!("extends/compose.yml"));
    site.write("base.yml", fixture!("extends/base.yml"));
    site.run(&["init"]).expect_code(0);
    let written = std::fs::read_to_string(site.path().join("runner.toml")).expect("a config");
    assert_eq!(
        detail(row(&site, &[], "limits")),
        "no memory limit: dns, quiet\nno health check: dns, pinned, quiet"
    );
    for said in [
        "growth only: dns, quiet.",
        "running is ready: dns, pinned, quiet.",
        "worker may use 1.5 cores",
        "pinned may use 2 cores",
    ] {
        assert!(written.contains(said), "{said}:\n{written}");
    }
    assert!(!written.contains("dns:53"), "{written}");
    // One check every thirty seconds: the disabled one is none.
    assert!(detail(row(&site, &[], "health checks")).starts_with("2 a minute"));
}

#[test]
fn a_file_that_is_newer_than_the_tool_is_not_called_wrong() {
    let Some(tool) = tool() else { return };
    let site = Site::new();
    site.write("compose.yml", fixture!("newer/compose.yml"));
    site.run(&["init"]).expect_code(0);
    let file = row(&site, &[], "compose file").expect("a row");
    if !tool.is_v1() {
        assert_eq!(file["status"], "ok", "{file}");
        return;
    }
    let (what, remedy) = (file["detail"].to_string(), file["remedy"].to_string());
    assert!(what.contains("is older than the compose file"), "{what}");
    assert!(what.contains("`healthcheck.start_interval`"), "{what}");
    assert!(remedy.contains("install the plugin"), "{remedy}");
}

#[test]
fn the_override_and_the_included_files_are_seen_by_init_and_check() {
    if tool().is_none() {
        return;
    }
    let site = Site::new();
    site.write("docker-compose.yml", "services: {web: {image: demo/busybox:1}}\n");
    site.write("docker-compose.override.yml", "services: {web: {mem_limit: 64m, cpus: 2}}\n");
    site.run(&["init", "docker-compose.yml"]).expect_code(0);
    let written = std::fs::read_to_string(site.path().join("runner.toml")).expect("a config");
    assert!(written.contains("docker-compose.override.yml"), "{written}");
    assert!(written.contains("web may use 2 cores"), "{written}");
    assert!(detail(row(&site, &[], "compose file")).contains("docker-compose.override.yml"));
    assert_eq!(detail(row(&site, &[], "limits")), "no health check: web");

    let site = Site::new();
    site.write("compose.yml", "include:\n  - path: shop/compose.yml\n");
    site.write("shop/compose.yml", "services: {shop: {image: x, cpus: 2}}\n");
    site.run(&["init"]).expect_code(0);
    let written = std::fs::read_to_string(site.path().join("runner.toml")).expect("a config");
    assert!(written.contains("shop may use 2 cores"), "{written}");
}
