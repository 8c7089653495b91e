//! A real Prometheus that scrapes a recorded page of cAdvisor, served with values that go on: what
//! the program reads is compared with what was served.
//!
//! Needs the program `prometheus` (Debian's package); without it each test says that it is left
//! out, unless `RUNNER_REQUIRE` contains `prometheus`.
#![cfg(feature = "app")]
#![allow(clippy::unwrap_used, reason = "a test over pages of known form")]

mod page;
mod server;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use runner::config::PrometheusConfig;
use runner::model::{Container, Figure};
use runner::session::ports::{RunClock, Source};
use runner::source::cadvisor::CadvisorAddress;
use runner::source::prometheus::PrometheusSource;
use serde_json::Value;
use server::Site;

/// Pages that must have been stored before anything is compared.
const PAGES: usize = 14;

/// The figures that are compared, with the metric and the factor between them.
const COMPARED: [(Figure, &str, f64); 7] = [
    (Figure::AnonBytes, "container_memory_rss", 1.0),
    (Figure::MemoryWorkingSetBytes, "container_memory_working_set_bytes", 1.0),
    (Figure::CacheBytes, "container_memory_cache", 1.0),
    (Figure::CpuUsageNs, "container_cpu_usage_seconds_total", 1e9),
    (Figure::NetRxBytes, "container_network_receive_bytes_total", 1.0),
    (Figure::IoReadBytes, "container_fs_reads_bytes_total", 1.0),
    (Figure::MemoryLimitBytes, "container_spec_memory_limit_bytes", 1.0),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_gives_back_what_was_served_live_and_as_a_window() {
    let Some(mut site) = Site::start().await else { return };
    site.stored(PAGES).await;
    live(&site).await;
    let ran = window(&site, site.path(), "name!=\"\"");
    let (out, err) = texts(&ran);
    // One container was killed for memory and started again: a finding that fails a run.
    assert_eq!(ran.status.code(), Some(1), "{out}\n{err}");
    compare(&site, &run_folder(site.path()));
    let summary: Value = serde_json::from_str(&out).unwrap();
    let leaky = &summary["containers"]["fx-demo-leaky-1"];
    assert_eq!((&leaky["oom_kills"], &leaky["restarts"]), (&Value::from(1), &Value::from(1)));
    assert_eq!(summary["containers"]["fx-demo-steady-1"]["restarts"], 0);
    assert!(leaky["leak"]["verdict"].is_string(), "{summary}");

    let wrong = window(&site, &site.path().join("wrong"), "name=~\"[\"");
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
    assert!(texts(&wrong).1.contains("bad_data"), "{wrong:?}");
    let nobody = window(&site, &site.path().join("nobody"), "name=\"nobody\"");
    assert_eq!(nobody.status.code(), Some(2), "{nobody:?}");
    assert!(texts(&nobody).1.contains("no container in"), "{nobody:?}");
}

fn texts(ran: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&ran.stdout), text(&ran.stderr))
}

fn window(site: &Site, out: &Path, matchers: &str) -> Output {
    let (from, to) = site.window_ms();
    let seconds = |ms: i64| format!("{}", ms as f64 / 1e3);
    Command::new(env!("CARGO_BIN_EXE_runner"))
        .args(["analyze", "--no-charts", "--json", "--prometheus", &site.prometheus])
        .args(["--from", &seconds(from), "--to", &seconds(to), "--match", matchers, "--out"])
        .arg(out)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn run_folder(out: &Path) -> std::path::PathBuf {
    let mut runs: Vec<_> = std::fs::read_dir(out)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("samples.jsonl").is_file())
        .collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs.remove(0)
}

/// Every reading in the run folder was served at that time with that value, and none is missing.
fn compare(site: &Site, folder: &Path) {
    let text = std::fs::read_to_string(folder.join("samples.jsonl")).unwrap();
    let (from, _) = site.window_ms();
    let (mut readings, mut compared) = (0, 0);
    for line in text.lines() {
        let tick: Value = serde_json::from_str(line).unwrap();
        let figures: Vec<&str> = texts_of(&tick["parts"][0]["figures"]);
        for sample in tick["samples"].as_array().unwrap() {
            let name = sample[0].as_str().unwrap();
            // [part, time, figures in the order of the part]
            let part = sample[2].as_array().unwrap();
            let at_ms = from + (part[1].as_f64().unwrap() * 1e3).round() as i64;
            readings += 1;
            for (figure, metric, factor) in COMPARED {
                let served = site.served(name, metric, at_ms);
                let column = figures.iter().position(|known| *known == figure.name());
                let read = column.and_then(|at| part.get(2 + at)?.as_f64());
                match (served.filter(|v| figure != Figure::MemoryLimitBytes || *v > 0.0), read) {
                    (Some(served), Some(read)) => {
                        let (served, near) = (served * factor, 1e-9 * served.abs() * factor);
                        assert!((served - read).abs() <= near, "{name} {metric}: {served} {read}");
                        compared += 1;
                    }
                    (None, None) => {}
                    (served, read) => panic!("{name} {metric} at {at_ms}: {served:?} {read:?}"),
                }
            }
        }
    }
    assert_eq!(readings, site.stored_readings(), "readings");
    assert!(compared > 4 * PAGES, "{compared}");
    let run: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("run.json")).unwrap()).unwrap();
    assert_eq!(run["engine"]["kind"], "prometheus");
    assert_eq!(run["host"]["cores"], 2.0);
    let mut names: Vec<&str> =
        run["containers"].as_array().unwrap().iter().filter_map(|c| c["name"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["leaky", "nettysrv", "pagecache", "steady"].map(|name| format!("fx-demo-{name}-1"))
    );
}

fn texts_of(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

/// The source during a run: the newest sample of each, one query for all.
async fn live(site: &Site) {
    let clock = RunClock::start();
    let handle = CadvisorAddress::default();
    handle.set(Some(&site.prometheus));
    let mut source = PrometheusSource::new(clock, &PrometheusConfig::default(), handle).unwrap();
    let targets: Vec<Container> = site.ids().into_iter().map(container).collect();
    let limit = tokio::time::Instant::now() + Duration::from_secs(60);
    let answers = source.read(&targets, limit).await;
    let readings: Vec<_> = answers.into_iter().filter_map(Result::ok).collect();
    assert!(!readings.is_empty());
    for reading in &readings {
        let wall = clock.wall() - clock.now() + reading.at;
        let at_ms = (wall * 1e3).round() as i64;
        for (figure, metric, factor) in COMPARED.into_iter().take(3) {
            let served = site.served_near(&reading.container, metric, at_ms);
            assert_eq!(reading.figures.get(figure), served.map(|v| v * factor), "{metric}");
        }
    }
}

fn container((name, id): (String, String)) -> Container {
    Container { id, ..Container::named(&name) }
}
