//! Made-up runs of the demo stack, whose figures are known.

use std::path::Path;

use serde_json::json;

use crate::analysis::{
    Columns, Dataset, Format, HealthSeries, OomEvent, Phase, ScenarioData, Series, Settings,
};
use crate::config::{ContainerConfig, HealthRule, MetricKind, MetricRule};
use crate::model::units::MB;
use crate::model::{Figure, HealthCheck};

pub const NAMES: [&str; 4] = ["simulation", "cache", "store", "stream-processor"];
const LIMITS_MB: [f64; 4] = [256.0, 128.0, 128.0, 192.0];

/// What a container shows: MB and percent of one core by time and level.
type Figures = fn(usize, f64, f64) -> (f64, f64);

/// Seconds, level and speed of a phase.
type Part = (&'static str, usize, f64, Option<f64>);

pub fn settings(planted: bool) -> Settings {
    let mut settings = Settings::default();
    settings.leak.min_minutes = 0.75;
    settings.leak.block_seconds = Some(4.0);
    settings.stress.window = std::time::Duration::from_secs(4);
    if planted {
        settings.expect.leak = vec!["stream-processor".into()];
        settings.expect.leak_mb_per_min = Some(30.0);
    }
    for (name, cores) in [("simulation", 1.0), ("cache", 0.5), ("store", 0.5)] {
        let own = ContainerConfig { effective_cores: Some(cores), ..ContainerConfig::default() };
        settings.containers.insert(name.into(), own);
    }
    let own = ContainerConfig { effective_cores: Some(0.5), ..ContainerConfig::default() };
    settings.containers.insert("stream-processor".into(), own);
    settings
}

/// A demo run as it should be.
pub fn demo() -> Dataset {
    let steady: Figures = |container, t, level| {
        let wave = (t * 2.1 + container as f64).sin() * 0.2;
        let mb = [40.0, 60.0, 30.0, 50.0][container] + wave;
        (mb, 0.5 + level * [0.4, 0.05, 0.05, 0.42][container])
    };
    let leaking: Figures = |container, t, level| {
        let wave = (t * 2.1 + container as f64).sin() * 0.2;
        let leaked = if container == 3 { t.min(60.0) * 40.0 / 60.0 } else { 0.0 };
        let mb = [40.0, 60.0, 30.0, 50.0][container] + wave + leaked;
        (mb, 0.5 + level * [0.4, 0.05, 0.05, 0.42][container])
    };
    let ramp: Vec<Part> = (0..12).map(|n| ("load", 3, f64::from(n) * 10.0, None)).collect();
    let mut stress = scenario("stress_test", 20.0, &ramp, steady);
    stress.phases = vec![phase("load", 20.0, 0..36, None, None)];
    stress.metadata = json!({
        "max_level": 110,
        "trigger": {"container": "stream-processor", "metric": "cpu", "value": 45.9,
                    "threshold": 45.0, "cores": 0.5},
    });
    let duration =
        [("active", 60, 55.0, None), ("drain", 5, 20.0, None), ("cooldown", 20, 0.0, None)];
    let steps = [("2x", 8, 27.0, Some(2.0)), ("4x", 8, 13.0, Some(4.0)), ("8x", 8, 6.0, Some(8.0))];
    dataset(vec![
        scenario("baseline", 3.0, &[("baseline", 10, 0.0, None)], steady),
        stress,
        scenario("duration_leak", 70.0, &duration, leaking),
        scenario("speed_scaling", 165.0, &steps, steady),
    ])
}

/// The same, ended by an OOM kill in stress.
pub fn killed() -> Dataset {
    let mut data = demo();
    data.scenarios.truncate(2);
    data.abort_reason = Some("stress_test_oom".into());
    if let Some(stress) = data.scenarios.last_mut() {
        stress.aborted = true;
        stress.metadata = json!({"max_level": 110, "trigger": null});
        stress.oom_events.push(OomEvent {
            container_name: "stream-processor".into(),
            timestamp: 1_795_236_590.0,
            current_restart_count: 1,
            kind: Some("main_oom_killed".into()),
            ..OomEvent::default()
        });
    }
    data
}

fn dataset(scenarios: Vec<ScenarioData>) -> Dataset {
    Dataset {
        provenance: Default::default(),
        format: Format::Runner,
        test_id: "20261121_031455".into(),
        started_at: Some("2026-11-21T03:14:55Z".into()),
        completed_at: Some("2026-11-21T03:18:09Z".into()),
        abort_reason: None,
        config: json!({"origin": "built-in demo"}),
        derived_config: json!(null),
        run: json!({
            "runner_version": "0.1.0",
            "host": {"hostname": "builder", "cores": 2, "memory_bytes": 8_589_934_592u64,
                     "cpu_model": "Some CPU", "kernel": "6.1.0"},
            "engine": {"version": "28.0.1", "compose_tool": "docker compose 2.40.3",
                       "cgroup_version": "2"},
            "sources": {"cpu_usage_ns": "cgroup", "anon_bytes": "cgroup"},
        }),
        containers: Vec::new(),
        scenarios,
        events: Vec::new(),
    }
}

fn phase(
    name: &str,
    start: f64,
    ticks: std::ops::Range<usize>,
    level: Option<u32>,
    speed: Option<f64>,
) -> Phase {
    let length = ticks.len() as f64;
    Phase { name: name.into(), start, end: start + length, ticks, level, speed, end_reason: None }
}

fn scenario(name: &str, start: f64, parts: &[Part], figures: Figures) -> ScenarioData {
    let rows: usize = parts.iter().map(|(_, ticks, ..)| ticks).sum();
    let mut data = ScenarioData::new(name);
    data.time = (0..rows).map(|t| start + t as f64).collect();
    data.wall = data.time.iter().map(|t| 1_795_236_551.0 + t).collect();
    let mut row = 0;
    for (name, ticks, level, speed) in parts {
        let range = row..row + ticks;
        data.phases.push(phase(name, start + row as f64, range, Some(*level as u32), *speed));
        data.queued.extend(std::iter::repeat_n(*level, *ticks));
        row += ticks;
    }
    data.runner = Columns::new(rows);
    for at in 0..rows {
        data.runner.set(Figure::RunnerCpuPercent, at, 0.6);
        data.runner.set(Figure::RunnerRssBytes, at, 14.0 * MB);
    }
    for (n, name) in NAMES.iter().enumerate() {
        let mut columns = Columns::new(rows);
        for at in 0..rows {
            let (mb, cpu) = figures(n, at as f64, data.queued[at]);
            columns.set(Figure::AnonBytes, at, mb * MB);
            columns.set(Figure::MemoryWorkingSetBytes, at, (mb + 4.0) * MB);
            columns.set(Figure::MemoryLimitBytes, at, LIMITS_MB[n] * MB);
            columns.set(Figure::MemoryPercent, at, 100.0 * (mb + 4.0) / LIMITS_MB[n]);
            columns.set(Figure::CpuPercent, at, cpu);
        }
        data.containers.push(Series { name: (*name).into(), columns, incarnation: Vec::new() });
    }
    data
}

/// An idle and a loaded scenario with two metrics and two health checks; one metric never answers.
pub fn watched() -> (Dataset, Settings) {
    let steady: Figures = |_, _, level| (40.0, 0.5 + 0.1 * level);
    let mut idle = scenario("baseline", 0.0, &[("idle", 20, 0.0, None)], steady);
    let parts = [("active", 300, 50.0, None), ("cooldown", 60, 0.0, None)];
    let mut soak = scenario("soak", 100.0, &parts, steady);
    for data in [&mut idle, &mut soak] {
        let loaded = |row: usize| data.queued[row] > 0.0;
        let rows = 0..data.time.len();
        let depth = |row: usize| match row {
            40..45 => f64::NAN,
            row if loaded(row) => 20.0 + row as f64 / 2.0,
            _ => 2.0,
        };
        let rate = |row: usize| if loaded(row) { 48.5 } else { 0.0 };
        data.metrics = vec![
            ("queue_depth".into(), rows.clone().map(depth).collect()),
            ("orders_total".into(), rows.clone().map(rate).collect()),
        ];
        let ms = |row: usize| match row {
            100..103 => None,
            row if loaded(row) && row >= 60 => Some(4.0 + row as f64 / 50.0),
            row => Some(3.0 + (row % 5) as f64 / 10.0),
        };
        let check = |row: usize| (row, HealthCheck { at: data.time[row] - 0.5, ms: ms(row) });
        let checks = rows.map(check).collect();
        data.health = vec![HealthSeries { name: "orders".into(), checks }];
    }
    let mut settings = settings(false);
    let metric = |name: &str, unit: &str| MetricRule {
        unit: unit.into(),
        container: Some("simulation".into()),
        ..MetricRule::named(name)
    };
    settings.metrics = vec![
        MetricRule { max: Some(150.0), leak_per_min: Some(5.0), ..metric("queue_depth", "jobs") },
        MetricRule { kind: MetricKind::Counter, ..metric("orders_total", "orders") },
        MetricRule { leak_per_min: Some(1.0), ..MetricRule::named("silent") },
    ];
    settings.health = vec![HealthRule::named("orders"), HealthRule::named("unasked")];
    (dataset(vec![idle, soak]), settings)
}

/// A file of the replaced framework.
pub fn predecessor(name: &str) -> Dataset {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("tests/fixtures/predecessor").join(name);
    crate::store::input::read(&crate::store::input::Input::Results(path)).expect("fixture").dataset
}
