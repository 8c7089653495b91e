//! The demo without an engine: the same services as local processes.

use crate::harness::{Ran, Site, alone, in_repository, json};

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
