//! The main job on real containers: the demo stack, whose truth is known.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use runner::stack::compose::{Tool, caller};
use runner::stack::engine::Engine;
use serde_json::Value;

use crate::harness::{
    Ran, Site, alone, in_repository, json, lives, signal, wait_for, wait_until_quiet,
};
use crate::support::left_out;

/// The demo's image, where a local engine and a compose tool answer.
fn image() -> Option<String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
    let made: Result<String, String> = runtime.block_on(async {
        let engine = Engine::connect().await.map_err(|e| e.message)?;
        if engine.is_remote() {
            return Err("the engine is remote".to_string());
        }
        let caller = caller(engine.endpoint(), &runner::config::Compose::default());
        Tool::detect(&caller, &Tool::candidates()).await.map_err(|e| e.message)?;
        let exe = Path::new(env!("CARGO_BIN_EXE_runner"));
        let image = runner::demo::image::ensure(engine.client(), exe, |_| {}).await;
        image.map(|image| image.reference).map_err(|e| e.to_string())
    });
    match made {
        Ok(reference) => Some(reference),
        Err(why) => {
            left_out("docker", &why);
            None
        }
    }
}

/// Containers of a project, running or not.
fn containers_of(project: &str) -> Vec<String> {
    let filter = format!("label=com.docker.compose.project={project}");
    let output = Command::new("docker").args(["ps", "-aq", "--filter", &filter]).output();
    let text = String::from_utf8_lossy(&output.expect("docker").stdout).into_owned();
    text.lines().map(str::to_string).collect()
}

fn events(run: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(run.join("events.jsonl")).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Waits until the stack is up and a phase has begun.
#[track_caller]
fn wait_for_phase(run: &Path) {
    let started = |e: &Value| e["event"] == "phase_start";
    wait_for("phase", Duration::from_secs(180), || events(run).iter().any(started).then_some(()));
}

fn the_run(site: &Site) -> PathBuf {
    let runs = site.runs();
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs[0].clone()
}

/// A config of the demo stack that only waits, with provocations switched on.
fn waiting_config(project: &str, image: &str, wait: &str) -> String {
    let compose = in_repository("compose/demo.yml");
    format!(
        r#"
project = "{project}"
scenarios = ["wait"]
[stack]
kind = "compose"
file = "{}"
profiles = ["core"]
reset = "volumes"
env = {{ RUNNER_DEMO_IMAGE = "{image}", RUNNER_DEMO_DEBUG = "1" }}
[[scenario]]
name = "wait"
stop_on_oom = false
[[scenario.phase]]
name = "waiting"
interval = "500ms"
until = "{wait}"
"#,
        compose.display()
    )
}

/// The demo; once more where the machine gave in before any container did, which says nothing about
/// the demo (other machines share this one's cores, or something else was busy).
fn demo_on_a_quiet_machine() -> (Site, Ran) {
    for attempt in 0.. {
        wait_until_quiet();
        let site = Site::new();
        let ran = site.run(&["run"]);
        let host_bound = ran.err.contains("host-bound");
        if !host_bound || attempt == 2 {
            return (site, ran);
        }
        println!("the machine gave in first: the demo is run again");
    }
    unreachable!("the last attempt returns")
}

#[test]
fn the_demo_finds_the_planted_leak_and_the_container_that_gives_in_and_accuses_nobody_else() {
    let _alone = alone();
    if image().is_none() {
        return;
    }
    let (site, ran) = demo_on_a_quiet_machine();
    let ran = ran.expect_code(0);
    let run = the_run(&site);
    let summary = json(&run.join("summary.json"));
    assert_eq!(summary["status"], "passed", "{}", ran.err);

    let leak = &summary["containers"]["stream-processor"]["leak"];
    assert_eq!(leak["verdict"], "leak");
    let slope = leak["slope_mb_per_min"].as_f64().expect("a slope");
    assert!((36.0..=44.0).contains(&slope), "40 MB/min was planted, {slope} found");
    let (low, high) = (leak["ci_low"].as_f64(), leak["ci_high"].as_f64());
    assert!(low < Some(slope) && high > Some(slope), "{leak}");
    for honest in ["simulation", "cache", "store"] {
        assert_eq!(summary["containers"][honest]["leak"]["verdict"], "ok", "{honest}: {summary}");
    }

    let stress = &summary["stress"];
    assert_eq!(stress["trigger"]["container"], "stream-processor");
    assert_eq!(stress["trigger"]["metric"], "cpu");
    let level = stress["max_level"].as_u64().expect("a level");
    assert!((90..=130).contains(&level), "{level}");
    assert_eq!(summary["speed"]["max_speed_achieved"], 8.0);
    for container in summary["containers"].as_object().expect("containers").values() {
        assert_eq!((&container["oom_kills"], &container["restarts"]), (&0.into(), &0.into()));
    }

    let results = json(&run.join("results.json"));
    let names: Vec<&str> = results["scenarios"]
        .as_array()
        .expect("scenarios")
        .iter()
        .filter_map(|s| s["scenario_name"].as_str())
        .collect();
    assert_eq!(names, ["baseline", "stress_test", "duration_leak", "speed_scaling"]);
    for name in ["report.html", "report.md", "charts/overview/cpu_heatmap.png", "run.json"] {
        assert!(run.join(name).is_file(), "{name} is missing");
    }
    assert!(ran.err.contains("stream-processor"), "{}", ran.err);
    assert!(containers_of("runner-demo").is_empty(), "containers were left");

    // Analyzed again: nothing measured changes, and what is written is the same.
    let kept = ["results.json", "samples.jsonl", "summary.json", "report.md", "report.html"];
    let read = || kept.map(|name| std::fs::read(run.join(name)).expect(name));
    let before = read();
    site.run(&["analyze", &run.display().to_string()]).expect_code(0);
    for ((name, before), after) in kept.iter().zip(before).zip(read()) {
        assert!(before == after, "{name} differs after analyze");
    }
}

#[test]
fn oom_kills_of_a_main_process_and_of_a_child_and_a_crash_are_told_apart_and_counted_once() {
    let _alone = alone();
    let Some(image) = image() else { return };
    let site = Site::new();
    let project = "runner-test-oom";
    site.write("runner.toml", &waiting_config(project, &image, "22s"));
    let mut child = site.start(&["run"]);
    let run = wait_for("run folder", Duration::from_secs(60), || site.runs().pop());
    wait_for_phase(&run);
    post(&run, "stream-processor", "/debug/oom?mb_per_s=200");
    post(&run, "cache", "/debug/crash?code=3");
    post(&run, "store", "/debug/child-oom");
    let status = child.wait().expect("an end");
    // An OOM kill in a scenario that should not have one is a finding.
    assert_eq!(status.code(), Some(1), "{}", site.log());
    let summary = json(&run.join("summary.json"));
    let counts = |name: &str| {
        let c = &summary["containers"][name];
        (c["oom_kills"].as_u64(), c["restarts"].as_u64(), c["crashes"].as_u64())
    };
    assert_eq!(counts("stream-processor"), (Some(1), Some(1), Some(0)), "{summary}");
    assert_eq!(counts("cache"), (Some(0), Some(1), Some(1)), "{summary}");
    assert_eq!(counts("store"), (Some(1), Some(0), Some(0)), "{summary}");
    assert_eq!(counts("simulation"), (Some(0), Some(0), Some(0)), "{summary}");
    let last_words = std::fs::read_dir(run.join("containers")).expect("last words").count();
    assert!(last_words >= 2, "the last words of two that died: {last_words}");
    assert!(containers_of(project).is_empty(), "containers were left");
}

#[test]
fn a_killed_run_can_be_analyzed_and_its_left_overs_are_removed_by_the_next_one() {
    let _alone = alone();
    let Some(image) = image() else { return };
    let site = Site::new();
    let project = "runner-test-kill";
    site.write("runner.toml", &waiting_config(project, &image, "60s"));
    let mut child = site.start(&["run"]);
    let run = wait_for("run folder", Duration::from_secs(60), || site.runs().pop());
    let samples = run.join("samples.jsonl");
    let lines = || std::fs::read_to_string(&samples).unwrap_or_default().lines().count();
    wait_for("six ticks", Duration::from_secs(180), || (lines() >= 6).then_some(()));
    child.kill().expect("kill -9");
    child.wait().expect("an end");
    let measured = lines();
    assert!(!containers_of(project).is_empty(), "kill -9 cannot take anything down");

    site.run(&["analyze", &run.display().to_string(), "--no-charts"]);
    let results = json(&run.join("results.json"));
    assert_eq!(results["recovered"], true);
    // The first tick is there to give rates to the second.
    let samples = results["scenarios"][0]["samples"].as_array().expect("samples").len();
    assert_eq!(samples, measured - 1);

    // The next run removes what the dead one left, and Ctrl-C saves what it measured.
    let mut child = site.start(&["run"]);
    let run = wait_for("second run folder", Duration::from_secs(30), || {
        let runs = site.runs();
        (runs.len() == 2).then(|| runs[1].clone())
    });
    wait_for_phase(&run);
    std::thread::sleep(Duration::from_secs(3));
    signal(&child, Signal::SIGINT);
    let status = child.wait().expect("an end");
    assert_eq!(status.code(), Some(130), "{}", site.log());
    let results = json(&run.join("results.json"));
    assert_eq!(results["abort_reason"], "user_interrupt");
    let samples = results["scenarios"][0]["samples"].as_array().expect("samples").len();
    assert!(samples >= 3, "{samples} samples were saved");
    assert!(containers_of(project).is_empty(), "containers were left");
}

#[test]
fn a_stack_that_somebody_else_started_is_not_touched() {
    let _alone = alone();
    let Some(image) = image() else { return };
    let site = Site::new();
    let project = "runner-test-foreign";
    let config = waiting_config(project, &image, "2s");
    site.write("runner.toml", &config);
    let compose = in_repository("compose/demo.yml").display().to_string();
    let by_hand = |args: &[&str]| {
        let mut command = compose_tool();
        command.args(["-p", project, "-f", &compose, "--profile", "core"]).args(args);
        let done = command.env("RUNNER_DEMO_IMAGE", &image).output().expect("the compose tool");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    by_hand(&["up", "-d"]);
    let before = containers_of(project);
    let ran = site.run(&["run"]);
    let after = containers_of(project);
    by_hand(&["down", "-v"]);
    assert_eq!(before, after, "somebody's containers were remade");
    let ran = Ran { ..ran }.expect_code(3);
    assert!(ran.err.contains("take_over"), "{}", ran.err);
}

/// A folder for PATH with a compose tool that does `odd`, a branch of a `case` over the words of a
/// call, and is else the one that is there.
fn path_with_odd_tool(site: &Site, odd: &str) -> String {
    let real = compose_tool();
    let mut words = vec![real.get_program().to_string_lossy().into_owned()];
    words.extend(real.get_args().map(|word| word.to_string_lossy().into_owned()));
    let found = Command::new("sh").args(["-c", &format!("command -v {}", words[0])]).output();
    words[0] = String::from_utf8_lossy(&found.expect("sh").stdout).trim().to_string();
    let tool = format!(
        "#!/bin/sh\nfor word in \"$@\"; do case $word in\n{odd}\nesac; done\nexec {} \"$@\"\n",
        words.join(" ")
    );
    // Without the plugin, so that the program is taken.
    for (name, text) in [("docker-compose", tool.as_str()), ("docker", "#!/bin/sh\nexit 1\n")] {
        let file = site.write(&format!("bin/{name}"), text);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(file, mode).expect("executable");
    }
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{}:{path}", site.path().join("bin").display())
}

#[test]
fn a_stack_that_is_not_taken_down_exits_4_and_stands_in_summary_and_report() {
    let _alone = alone();
    let Some(image) = image() else { return };
    let site = Site::new();
    let project = "runner-test-left-up";
    site.write("runner.toml", &waiting_config(project, &image, "2s"));
    let path = path_with_odd_tool(&site, "down) echo it went wrong >&2; exit 1;;");
    let mut command = site.command(&["run", "--no-charts"]);
    let ran = Ran::from(command.env("PATH", path).output().expect("the program starts"));
    let left = containers_of(project);
    // The next run replaces what is left, and takes it down.
    site.run(&["run", "--no-charts"]).expect_code(0);
    assert!(!left.is_empty() && containers_of(project).is_empty(), "{left:?}");
    let ran = ran.expect_code(4);
    assert!(ran.err.contains("it went wrong"), "{}", ran.err);
    let run = site.runs().remove(0);
    let summary = json(&run.join("summary.json"));
    assert_eq!(summary["status"], "failed");
    assert_eq!(summary["findings"][0]["kind"], "unfinished", "{}", summary["findings"]);
    let report = std::fs::read_to_string(run.join("report.md")).expect("a report");
    assert!(report.contains("the stack was not taken down"), "{report}");
}

#[test]
fn a_signal_is_heard_while_the_compose_tool_hangs_and_a_second_one_ends_the_tool_too() {
    let _alone = alone();
    let Some(image) = image() else { return };
    let site = Site::new();
    let project = "runner-test-hangs";
    site.write("runner.toml", &waiting_config(project, &image, "2s"));
    let hang = |word: &str| {
        let pid = site.path().join(format!("{word}.pid")).display().to_string();
        // Deaf to SIGTERM, as a tool that waits for an engine can be.
        let odd = format!("{word}) trap '' TERM; echo $$ > {pid}; while :; do sleep 1; done;;");
        let path = path_with_odd_tool(&site, &odd);
        let log = std::fs::File::create(site.path().join("log.txt")).expect("a log");
        let mut command = site.command(&["run", "--no-charts"]);
        let child = command.env("PATH", path).stderr(log).spawn().expect("the program starts");
        let pid = wait_for("hanging tool", Duration::from_secs(180), || {
            std::fs::read_to_string(&pid).ok().filter(|text| text.ends_with('\n'))
        });
        (child, pid)
    };
    let (mut child, tool) = hang("version");
    signal(&child, Signal::SIGINT);
    assert_eq!(child.wait().expect("an end").code(), Some(130), "{}", site.log());
    assert!(site.log().contains("SIGINT heard while looking for"), "{}", site.log());
    // It was killed; on a busy machine it may take a moment to die of it.
    wait_for("end of the tool", Duration::from_secs(30), || (!lives(&tool)).then_some(()));

    let (mut child, tool) = hang("down");
    signal(&child, Signal::SIGTERM);
    let told = || site.log().contains("SIGTERM heard: waiting for the stack").then_some(());
    wait_for("a line", Duration::from_secs(30), told);
    assert!(lives(&tool) && child.try_wait().expect("a child").is_none());
    signal(&child, Signal::SIGINT);
    assert_eq!(child.wait().expect("an end").code(), Some(130), "{}", site.log());
    wait_for("end of the tool", Duration::from_secs(30), || (!lives(&tool)).then_some(()));
    site.run(&["run", "--no-charts"]).expect_code(0);
    assert!(containers_of(project).is_empty(), "containers were left");
}

/// The compose tool that is there.
fn compose_tool() -> Command {
    let plugin = Command::new("docker").args(["compose", "version", "--short"]).output();
    let has_plugin = plugin
        .is_ok_and(|o| o.status.success() && o.stdout.first().is_some_and(u8::is_ascii_digit));
    if has_plugin {
        let mut command = Command::new("docker");
        command.arg("compose");
        return command;
    }
    Command::new("docker-compose")
}

/// A provocation through the loopback port that the run's journal names.
fn post(run: &Path, service: &str, path: &str) {
    let of_service = |e: &&Value| e["event"] == "container" && e["name"] == service;
    let events = events(run);
    let container = events.iter().rfind(of_service).expect("the container in events.jsonl");
    let address = container["ports"]["8000"].as_str().expect("its port");
    let mut stream = TcpStream::connect(address).expect("a connection");
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("a request");
    // A service that dies of it may not answer.
    let _ = stream.read(&mut [0; 64]);
}

#[test]
fn hooks_reach_into_containers_and_what_they_said_lies_in_the_run_folder() {
    let _alone = alone();
    let Some(image) = image() else { return };
    let site = Site::new();
    let project = format!("runner-hooks-{}", std::process::id());
    let mut config = waiting_config(&project, &image, "2s");
    config.push_str(
        r#"
[[hook]]
name = "version"
phase = "waiting"
when = "before"
container = "cache"
exec = ["/runner", "--version"]
[[hook]]
name = "health"
when = "after"
http = "GET simulation:8000/health"
[[hook]]
name = "missing"
when = "after"
container = "cache"
exec = ["/no/such/program"]
"#,
    );
    site.write("hooks.toml", &config);
    let ran = site.run(&["run", "-c", "hooks.toml", "--no-charts"]).expect_code(0);
    let run = the_run(&site);
    let hooks: Vec<Value> =
        events(&run).into_iter().filter(|event| event["event"] == "hook").collect();
    let said = |name: &str| {
        let hook = hooks.iter().find(|hook| hook["hook"] == name).expect("it ran");
        let file = hook["file"].as_str().map(|file| run.join(file));
        (hook["ok"] == true, file.map(|file| std::fs::read_to_string(file).expect("its output")))
    };
    let version = format!("runner {}", env!("CARGO_PKG_VERSION"));
    let (ok, text) = said("version");
    assert!(ok && text.expect("output").contains(&version), "{}", ran.err);
    let (ok, text) = said("health");
    assert!(ok && text.expect("output").contains("\"ok\""), "{}", ran.err);
    assert!(!said("missing").0);
    assert!(ran.err.contains("hook missing failed"), "{}", ran.err);
    let report = std::fs::read_to_string(run.join("report.html")).expect("a report");
    assert!(report.contains("<a href=\"hooks/version-"), "the output is linked");
    assert_eq!(containers_of(&project), Vec::<String>::new());
}
