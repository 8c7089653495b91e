//! The source on every recorded host as its root, against what the containers were made with.

use std::path::Path;

use serde_json::Value;

use super::CgroupSource;
use super::tests::{read, target};
use crate::config::SourcesConfig;
use crate::model::{Container, Figure, FigureSet};
use crate::session::ports::RunClock;

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).expect("recording")).expect("JSON")
}

fn number(dir: &Path, file: &str) -> Option<f64> {
    std::fs::read_to_string(dir.join(file)).ok()?.trim().parse::<u64>().ok().map(|n| n as f64)
}

/// Running containers of a recorded host, with the truth about each.
fn targets(root: &Path) -> Vec<(Container, Value)> {
    let truth = json(&root.join("truth.json"));
    let shot = json(&root.join("cgroup/snapshot-info.json"));
    let mut all = Vec::new();
    for (name, seen) in shot["containers"].as_object().expect("containers") {
        let pid = seen["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()).unwrap_or(0);
        let there = root.join(format!("host/proc/{pid}/cgroup")).exists();
        if pid > 0 && seen["cgroup_present"] == true && there {
            let truth = truth["containers"][name].clone();
            let id = truth["id"].as_str().expect("id").to_owned();
            all.push((target(name, &id, pid), truth));
        }
    }
    all
}

/// The engine writes a limit of CPU as a quota over its period.
fn check(set: &str, truth: &Value, figures: &FigureSet, root: &Path) {
    let name = format!("{set}, {}", truth["name"]);
    let config = &truth["host_config"];
    let memory = config["Memory"].as_f64().filter(|bytes| *bytes > 0.0);
    assert_eq!(figures.get(Figure::MemoryLimitBytes), memory, "{name}");
    let cores = config["NanoCpus"].as_f64().map(|nano| nano / 1e9);
    if figures.get(Figure::CpuLimitCores).is_some() {
        assert_eq!(figures.get(Figure::CpuLimitCores), cores, "{name}");
    }
    let group = truth["cgroup"].as_str().expect("cgroup").trim_start_matches('/');
    let v2 = root.join("cgroup/snapshot").join(group);
    let v1 = root.join("cgroup/snapshot/memory").join(group);
    let usage = number(&v2, "memory.current").or(number(&v1, "memory.usage_in_bytes"));
    assert!(usage.is_some(), "{name}: no usage under {}", v2.display());
    assert_eq!(figures.get(Figure::MemoryUsageBytes), usage, "{name}");
    for figure in [
        Figure::CpuUsageNs,
        Figure::AnonBytes,
        Figure::ShmemBytes,
        Figure::KernelBytes,
        Figure::OomKills,
        Figure::Pids,
        Figure::MajorFaults,
    ] {
        assert!(figures.get(figure).is_some(), "{name}: {figure} is absent");
    }
    let pressure = figures.get(Figure::PsiMemoryFullUs).is_some();
    assert_eq!(pressure, set.contains("cgroup2"), "{name}");
}

#[tokio::test]
async fn every_recorded_host_is_read_as_its_containers_were_made() {
    let Some(shared) = crate::testing::shared() else { return };
    let (mut hosts, mut containers) = (0, 0);
    for set in std::fs::read_dir(shared.join("fixtures")).expect("fixtures").flatten() {
        let (root, set) = (set.path(), set.file_name().to_string_lossy().into_owned());
        if !root.join("cgroup/snapshot-info.json").exists() {
            continue;
        }
        let config = SourcesConfig {
            cgroup_root: root.join("cgroup/snapshot"),
            proc_root: root.join("host/proc"),
            ..SourcesConfig::default()
        };
        let mut source = CgroupSource::open(&config, RunClock::start()).expect("groups");
        let (targets, truth): (Vec<_>, Vec<_>) = targets(&root).into_iter().unzip();
        let mut read_well = 0;
        for (answer, truth) in read(&mut source, &targets).await.iter().zip(&truth) {
            // A container that restarted between two of the recorder's reads has no files.
            let Ok(reading) = answer else { continue };
            // The copy is not atomic: one that was on its way down is no witness.
            if reading.figures.get(Figure::MemoryUsageBytes).is_some() {
                check(&set, truth, &reading.figures, &root);
                read_well += 1;
            }
        }
        assert!(read_well >= 1, "{set}: no container");
        hosts += 1;
        containers += read_well;
    }
    assert!(hosts >= 9 && containers >= 50, "only {containers} containers of {hosts} hosts");
}
