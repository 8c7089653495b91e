//! The demo without an engine: the same services as local processes.

use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::harness::{Ran, Site, alone, in_repository, json, lives, signal, wait_for};

#[test]
fn without_an_engine_the_demo_runs_as_processes_says_why_and_finds_the_leak() {
    let _alone = alone();
    let site = Site::new();
    // Half the demo's load for 50 s: the leak does not depend on the level.
    // A user's runtime folder is a tmpfs nearly everywhere: what `store` writes must not go there, or
    // it would be memory that grows.
    let runtime = tempfile::tempdir_in("/dev/shm").ok();
    let mut command = site.command(&[
        "run",
        "-s",
        "duration",
        "--agents",
        "50",
        "--set",
        "duration.active=50s",
        "--set",
        "duration.cooldown=5s",
        "--no-charts",
    ]);
    command.env("DOCKER_HOST", "unix:///no/such/docker.sock");
    if let Some(runtime) = &runtime {
        command.env("XDG_RUNTIME_DIR", runtime.path());
    }
    let ran = Ran::from(command.output().expect("the program starts")).expect_code(0);
    assert!(ran.err.contains("as local processes"), "{}", ran.err);
    assert!(ran.err.contains("/no/such/docker.sock"), "{}", ran.err);
    let run = site.runs().pop().expect("a run folder");
    let summary = json(&run.join("summary.json"));
    let leak = &summary["containers"]["stream-processor"]["leak"];
    assert_eq!(leak["verdict"], "leak", "{}", ran.err);
    let slope = leak["slope_mb_per_min"].as_f64().expect("a slope");
    assert!((36.0..=44.0).contains(&slope), "40 MB/min was planted, {slope} found");
    for honest in ["simulation", "cache", "store"] {
        assert_eq!(summary["containers"][honest]["leak"]["verdict"], "ok", "{honest}: {}", ran.err);
    }
    let containers = json(&run.join("run.json"));
    for container in containers["containers"].as_array().expect("containers") {
        let pid = container["pid"].as_i64().expect("a pid");
        let left = std::fs::read_to_string(format!("/proc/{pid}/environ")).unwrap_or_default();
        assert!(!left.contains("DEMO_ROLE"), "process {pid} was left");
    }
}

/// A short isolation of two tasks on the demo's services as local processes: about 50 s. A request
/// keeps 128 KB here: turns of 2 s are short, and a few hundred KB a turn are noise of the allocator.
#[test]
fn a_leak_planted_in_one_endpoint_is_attributed_to_it() {
    let _alone = alone();
    let site = Site::new();
    let config = std::fs::read_to_string(in_repository("config/isolate.toml")).expect("a config");
    let larger = config.replace("checkout=leak:32768", "checkout=leak:131072");
    assert_ne!(larger, config, "the example plants its leak in checkout");
    site.write("isolate.toml", &larger);
    let mut command = site.command(&[
        "run",
        "-c",
        "isolate.toml",
        "--set",
        "isolate.tasks=[\"browse\",\"checkout\"]",
        "--set",
        "isolate.rounds=4",
        "--set",
        "isolate.slot=2s",
        "--set",
        "isolate.rest=2s",
        "--set",
        "isolate.warmup=1s",
        "--set",
        "isolate.interval=250ms",
        "--no-charts",
    ]);
    command.env("DOCKER_HOST", "unix:///no/such/docker.sock");
    let ran = Ran::from(command.output().expect("the program starts")).expect_code(0);
    let run = site.runs().pop().expect("a run folder");
    let summary = json(&run.join("summary.json"));
    let containers = summary["isolate"]["containers"].as_array().expect("containers");
    for container in containers {
        let named = &container["attribution"]["tasks"];
        if container["container"] == "stream-processor" {
            assert_eq!(named[0], "checkout", "{}", ran.err);
        } else {
            assert!(named.is_null(), "{container}");
        }
    }
    let results = json(&run.join("results.json"));
    assert!(results["scenarios"].to_string().contains("\"isolation\""), "it is in results.json");
}

/// Starts a run of one service, as a shell script, that watches for a minute.
fn watching(site: &Site, project: &str, script: &str) -> Child {
    configure(site, project, script);
    site.start(&["run", "--no-charts"])
}

fn configure(site: &Site, project: &str, script: &str) {
    let script = serde_json::to_string(script).expect("a string");
    site.write(
        "runner.toml",
        &format!(
            r#"
project = "{project}-{}"
scenarios = ["watch"]
[stack]
kind = "process"
[[stack.service]]
name = "web"
command = ["sh", "-c", {script}]
[[scenario]]
name = "watch"
[[scenario.phase]]
name = "active"
interval = "500ms"
until = "60s"
"#,
            std::process::id()
        ),
    );
}

/// Waits for three ticks; answers the run folder.
#[track_caller]
fn wait_for_ticks(site: &Site) -> PathBuf {
    wait_for("three ticks", Duration::from_secs(60), || {
        let run = site.runs().pop()?;
        let samples = std::fs::read_to_string(run.join("samples.jsonl")).unwrap_or_default();
        (samples.lines().count() >= 3).then_some(run)
    })
}

#[test]
fn what_a_service_has_started_ends_with_a_runner_that_is_killed() {
    let site = Site::new();
    // In a session of its own and deaf to what can be ignored.
    let script =
        "setsid sh -c 'trap \"\" TERM HUP INT; echo $$ > pid; while :; do sleep 1; done' & wait";
    let mut child = watching(&site, "killed", script);
    let pid = wait_for("a grandchild", Duration::from_secs(60), || {
        let pid = std::fs::read_to_string(site.path().join("pid")).ok()?.trim().to_string();
        (!pid.is_empty()).then_some(pid)
    });
    wait_for_ticks(&site);
    assert!(lives(&pid));
    child.kill().expect("kill -9");
    child.wait().expect("an end");
    wait_for("end of the grandchild", Duration::from_secs(30), || (!lives(&pid)).then_some(()));
}

#[test]
fn a_hangup_ends_in_order_also_when_it_comes_twice_and_stays_ignored_where_it_was() {
    let site = Site::new();
    let mut child = watching(&site, "hangup", "exec sleep 77");
    let run = wait_for_ticks(&site);
    signal(&child, Signal::SIGHUP);
    // As a terminal that closes: from the shell and from the kernel.
    signal(&child, Signal::SIGHUP);
    assert_eq!(child.wait().expect("an end").code(), Some(129), "{}", site.log());
    assert_eq!(json(&run.join("summary.json"))["abort_reason"], "user_interrupt");

    let site = Site::new();
    configure(&site, "nohup", "exec sleep 77");
    let log = std::fs::File::create(site.path().join("log.txt")).expect("a log");
    let program = site.command(&["run", "--no-charts"]);
    let mut child = std::process::Command::new("nohup")
        .arg(program.get_program())
        .args(program.get_args())
        .current_dir(site.path())
        .stderr(log)
        .spawn()
        .expect("nohup");
    let run = wait_for_ticks(&site);
    signal(&child, Signal::SIGHUP);
    let count = || {
        let samples = std::fs::read_to_string(run.join("samples.jsonl")).unwrap_or_default();
        samples.lines().count()
    };
    let before = count();
    let more = || (count() >= before + 3).then_some(());
    wait_for("ticks after the hangup", Duration::from_secs(30), more);
    signal(&child, Signal::SIGTERM);
    assert_eq!(child.wait().expect("an end").code(), Some(143), "{}", site.log());
}

#[test]
fn a_run_folder_that_is_removed_ends_the_run_and_is_told_as_such() {
    let site = Site::new();
    let mut child = watching(&site, "removed", "exec sleep 77");
    let run = wait_for_ticks(&site);
    std::fs::remove_dir_all(&run).expect("removed");
    assert_eq!(child.wait().expect("an end").code(), Some(4), "{}", site.log());
    let log = site.log();
    assert!(log.contains("removed while the run went on: what was measured is lost"), "{log}");
}
