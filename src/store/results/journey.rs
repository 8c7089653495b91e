//! Promises about a whole run: journal to results.json and back. The run was killed, so that all of
//! its record has to follow from its samples.

use serde_json::{Value, json};

use super::*;
use crate::analysis::Dataset;
use crate::model::{
    Event, EventKind, Figure, FigureSet, HealthCheck, Kind, LoadReport, Measured, Part, Sample,
    SourceKind, Tick, Watched,
};
use crate::store::RunFolder;
use crate::store::journal::{Journal, RunFile, read_journal};

/// Scenario, phase, ticks, level, speed.
const PLAN: &[(&str, &str, u32, u32, Option<f64>)] = &[
    ("baseline", "idle", 3, 0, None),
    ("stress_test", "ramp", 4, 10, None),
    ("duration_leak", "active", 5, 20, None),
    ("duration_leak", "drain", 2, 20, None),
    ("duration_leak", "cooldown", 4, 0, None),
    ("speed_scaling", "2x", 3, 10, Some(2.0)),
    ("speed_scaling", "4x", 3, 5, Some(4.0)),
];

struct Recording {
    journal: Journal,
    at: f64,
    seq: u64,
}

impl Recording {
    fn event(&mut self, kind: EventKind) {
        let (at, t) = (self.at, 1_769_783_422.0 + self.at);
        self.journal.event(&Event { at, t, kind }).expect("event");
    }

    fn tick(&mut self, scenario: &str, phase: &str, index: u32, level: u32, priming: bool) {
        self.at += 1.0;
        self.seq += 1;
        let at = self.at;
        let sample = |name: &str, limit: Option<f64>| {
            let mut figures: FigureSet = [
                (Figure::CpuUsageNs, at * 3.3e8),
                (Figure::MemoryWorkingSetBytes, 1e7 + at * 4096.0),
                (Figure::AnonBytes, 9e6 + at),
            ]
            .into_iter()
            .collect();
            figures.set_some(Figure::MemoryLimitBytes, limit);
            Sample {
                name: name.into(),
                incarnation: 0,
                parts: vec![Part { source: SourceKind::Cgroup, at: at + 0.002, figures }],
            }
        };
        let mut samples = vec![sample("web", Some(2e8)), sample("db", None)];
        if self.seq == 4 {
            samples.pop();
        }
        let tick = Tick {
            seq: self.seq,
            at,
            t: 1_769_783_422.0 + at,
            scenario: scenario.into(),
            phase: phase.into(),
            phase_index: index,
            priming,
            late_s: None,
            samples,
            host: [(Figure::HostLoad1, 0.5)].into_iter().collect(),
            devices: [0, 1].map(|n| (format!("gpu{n}"), gpu(at * f64::from(n)))).into(),
            runner: [(Figure::RunnerCpuNs, at * 1e6)].into_iter().collect(),
            load: LoadReport { queued: Some(level), ..LoadReport::default() },
            watched: watched(at),
            gaps: Vec::new(),
        };
        self.journal.tick(&tick).expect("tick");
    }
}

/// The second one uses ever more memory.
fn gpu(used_mb: f64) -> FigureSet {
    let used = used_mb * 1_048_576.0;
    [
        (Figure::GpuPercent, 37.0),
        (Figure::GpuMemoryUsedBytes, used),
        (Figure::GpuMemoryTotalBytes, 24.0 * 1_073_741_824.0),
    ]
    .into_iter()
    .collect()
}

/// A gauge that is silent now and then, a counter, and checks of which some fail.
fn watched(at: f64) -> Watched {
    let reading = |value| Measured { value, at: at - 0.25, life: 0 };
    let mut watched = Watched::default();
    if !(at as u64).is_multiple_of(3) {
        watched.gauges.insert("depth".into(), reading(at / 3.0));
    }
    watched.counters.insert("jobs".into(), reading(7.0 * at));
    let check = |at: f64, fails: bool| HealthCheck { at, ms: (!fails).then_some(at / 7.0) };
    let checks = vec![check(at - 0.5, (at as u64).is_multiple_of(4)), check(at - 0.1, false)];
    watched.health.insert("web".into(), checks);
    watched
}

/// Records the plan and reads it back.
fn killed_run() -> Dataset {
    let folder = tempfile::tempdir().expect("tempdir");
    let run = RunFile {
        engine: json!({"version": "20.10.24"}),
        ..RunFile::new("20260130_143022", "2026-01-30T14:30:22Z")
    };
    let journal = Journal::create(&RunFolder::at(folder.path()), &run).expect("create");
    let mut recording = Recording { journal, at: 0.0, seq: 0 };
    let mut before = "";
    let mut index = 0;
    for &(scenario, phase, ticks, level, speed) in PLAN {
        if scenario != before {
            recording
                .event(EventKind::ScenarioStart { scenario: scenario.into(), params: json!({}) });
            recording.tick(scenario, phase, 0, 0, true);
            (before, index) = (scenario, 0);
        }
        recording.event(EventKind::PhaseStart {
            scenario: scenario.into(),
            phase: phase.into(),
            index,
            interval_s: 1.0,
            planned_s: None,
            level: Some(level),
            speed,
            sampled: true,
        });
        for tick in 0..ticks {
            let level = if scenario == "stress_test" { level * (tick + 1) } else { level };
            recording.tick(scenario, phase, index, level, false);
        }
        recording.event(EventKind::PhaseEnd {
            scenario: scenario.into(),
            phase: phase.into(),
            index,
            reason: "after".into(),
        });
        index += 1;
    }
    recording.journal.finish().expect("finish");
    let (data, damage) = read_journal(folder.path()).expect("read");
    assert_eq!(damage, []);
    data
}

fn written(data: &Dataset) -> (Value, Results) {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("results.json");
    write_results(&path, data, &Extras::default()).expect("write");
    let text = std::fs::read(&path).expect("read");
    let value = serde_json::from_slice(&text).expect("valid JSON");
    (value, read_results(&path).expect("readable"))
}

#[test]
fn a_killed_run_has_every_key_that_the_predecessors_reader_needs() {
    let (value, _) = written(&killed_run());
    let top = [
        "test_id",
        "started_at",
        "completed_at",
        "config",
        "scenarios",
        "analysis",
        "abort_reason",
    ];
    for key in top {
        assert!(value.get(key).is_some(), "{key}");
    }
    let scenario = [
        "scenario_name",
        "scenario_params",
        "started_at",
        "completed_at",
        "duration_seconds",
        "samples",
        "oom_events",
        "aborted",
        "abort_reason",
        "metadata",
    ];
    let four = ["memory_used_mb", "memory_limit_mb", "memory_percent", "cpu_percent"];
    for one in value["scenarios"].as_array().expect("list") {
        assert!(scenario.iter().all(|key| one.get(key).is_some()), "{}", one["scenario_name"]);
        assert!(one["started_at"].is_string() && one["completed_at"].is_string());
        for sample in one["samples"].as_array().expect("list") {
            assert!(sample["timestamp"].is_f64() && sample["timestamp_iso"].is_string());
            for container in sample["containers"].as_object().expect("map").values() {
                assert!(four.iter().all(|key| container[key].is_f64()), "{container}");
            }
        }
    }
    let first = &value["scenarios"][0]["samples"][0]["containers"];
    assert_eq!(first["db"]["memory_limit_mb"], json!(0.0));
    assert_eq!(first["db"].get("memory_limit_bytes"), None);
    assert_eq!(first["web"]["cpu_percent"], json!(33.0));
}

#[test]
fn the_record_of_a_killed_run_follows_from_its_samples() {
    let (value, _) = written(&killed_run());
    let stress = &value["scenarios"][1];
    assert_eq!(stress["metadata"]["drivers_queued"], json!(40));
    assert_eq!(stress["metadata"]["total_agents_queued"], json!(80));
    assert_eq!(stress["metadata"]["batch_count"], json!(4));
    let last = &stress["samples"][3];
    assert_eq!(last["agents_queued"], json!({"drivers": 40, "riders": 40, "total": 80}));
    let mut http = killed_run();
    http.config = json!({"load": {"http": {"address": "web:8000"}}});
    let stress = &written(&http).0["scenarios"][1];
    for key in ["drivers_queued", "riders_queued", "total_agents_queued"] {
        assert_eq!(stress["metadata"].get(key), None, "a request is no agent");
    }
    assert_eq!(stress["samples"][3].get("agents_queued"), None);
    assert_eq!(stress["samples"][3]["load"]["queued"], json!(40));
    assert!(last["rolling_averages"]["web"]["cpu_percent"].is_f64());
    let duration = &value["scenarios"][2]["metadata"];
    assert_eq!(duration["phase_sample_counts"], json!({"active": 5, "drain": 2, "cooldown": 4}));
    assert_eq!(duration["drain_duration_seconds"], json!(2.0));
    let stamps = duration["phase_timestamps"].as_object().expect("stamps");
    assert_eq!(stamps.len(), 6);
    let steps = &value["scenarios"][3]["metadata"];
    assert_eq!((&steps["total_steps"], &steps["max_speed_achieved"]), (&json!(2), &json!(4)));
    assert_eq!(steps["step_results"][1]["sample_count"], json!(3));
    assert_eq!(value["engine"], json!({"version": "20.10.24"}));
}

#[test]
fn results_json_gives_back_what_the_journal_gave() {
    let before = killed_run();
    let (_, back) = written(&before);
    assert_eq!(back.damage, []);
    for (a, b) in before.scenarios.iter().zip(&back.dataset.scenarios) {
        assert_eq!(
            (&a.name, &a.time, &a.phases, &a.queued),
            (&b.name, &b.time, &b.phases, &b.queued)
        );
        for series in &a.containers {
            let other = b.series(&series.name).expect("series");
            for figure in series.columns.figures() {
                for row in 0..a.time.len() {
                    let (x, y) = (series.columns.at(figure, row), other.columns.at(figure, row));
                    let near = |x: f64, y: f64| match figure.row().kind {
                        Kind::Rate => (x - y).abs() < 1e-4,
                        Kind::Gauge | Kind::Counter => x == y,
                    };
                    let same = x.zip(y).map_or(x == y, |(x, y)| near(x, y));
                    assert!(same, "{figure} of {} in row {row}: {x:?} {y:?}", series.name);
                }
            }
        }
        assert_eq!(shown(&a.metrics), shown(&b.metrics));
        assert_eq!(a.metrics.len(), 2);
        assert_eq!(a.health, b.health);
        let rows: Vec<usize> = a.health[0].checks.iter().map(|(row, _)| *row).collect();
        assert_eq!(rows, (0..a.time.len()).flat_map(|row| [row, row]).collect::<Vec<_>>());
        assert_eq!(a.host.at(Figure::HostLoad1, 0), b.host.at(Figure::HostLoad1, 0));
    }
}

/// Columns as text: NaN is like NaN.
fn shown(metrics: &[(String, Vec<f64>)]) -> Vec<String> {
    metrics.iter().map(|(name, column)| format!("{name} {column:?}")).collect()
}

#[test]
fn metrics_and_checks_are_figures_of_their_scenario() {
    let data = killed_run();
    for scenario in &data.scenarios {
        let column = |name| crate::analysis::metrics::column(scenario, name).expect(name);
        // The priming tick gives the counter its first reading: every sampled tick has a rate.
        assert!(column("jobs").iter().all(|rate| (rate - 7.0).abs() < 1e-9), "{}", scenario.name);
        for (at, depth) in scenario.time.iter().zip(column("depth")) {
            let known = !(*at as u64).is_multiple_of(3);
            assert_eq!(depth.is_finite(), known, "{at}");
        }
        assert_eq!(scenario.health[0].checks.len(), 2 * scenario.time.len());
    }
}
