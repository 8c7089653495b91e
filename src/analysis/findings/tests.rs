use std::collections::BTreeMap;

use crate::analysis::dataset::{Columns, Dataset, Format, OomEvent, Phase, ScenarioData, Series};
use crate::analysis::settings::Settings;
use crate::analysis::{Analysis, FindingKind, Status, analyze};
use crate::config::{Accept, StressLimits};
use crate::model::Figure;
use crate::model::units::MB;

/// A run of one minute under load and 20 s of cooldown, MB by container and time.
type Shape = fn(f64) -> f64;

fn run(mb: &[(&str, Shape)]) -> Dataset {
    let mut scenario = ScenarioData::new("duration_leak");
    scenario.time = (0..80).map(f64::from).collect();
    let phase = |name: &str, ticks: std::ops::Range<usize>| Phase {
        name: name.into(),
        start: ticks.start as f64,
        end: ticks.end as f64,
        ticks,
        level: Some(50),
        speed: None,
        end_reason: None,
    };
    scenario.phases = vec![phase("active", 0..60), phase("cooldown", 60..80)];
    for (name, mb) in mb {
        let mut columns = Columns::new(80);
        for (row, t) in scenario.time.iter().enumerate() {
            columns.set(Figure::AnonBytes, row, mb(*t) * MB);
            columns.set(Figure::MemoryWorkingSetBytes, row, mb(*t) * MB);
            columns.set(Figure::CpuPercent, row, 10.0);
        }
        scenario.containers.push(Series { name: (*name).into(), columns, incarnation: Vec::new() });
    }
    dataset(vec![scenario])
}

fn dataset(scenarios: Vec<ScenarioData>) -> Dataset {
    Dataset {
        provenance: Default::default(),
        format: Format::Runner,
        test_id: "20261121_031455".into(),
        started_at: None,
        completed_at: None,
        abort_reason: None,
        config: serde_json::Value::Null,
        derived_config: serde_json::Value::Null,
        run: serde_json::Value::Null,
        containers: Vec::new(),
        scenarios,
        events: Vec::new(),
    }
}

fn demo() -> Settings {
    let mut settings = Settings::default();
    settings.leak.min_minutes = 0.75;
    settings.leak.block_seconds = Some(4.0);
    settings.expect.leak = vec!["stream".into()];
    settings.expect.leak_mb_per_min = Some(30.0);
    settings
}

fn leaking(t: f64) -> f64 {
    20.0 + 40.0 * t.min(60.0) / 60.0
}

fn steady(_: f64) -> f64 {
    30.0
}

fn kinds(analysis: &Analysis) -> Vec<(FindingKind, bool, bool)> {
    analysis.findings.iter().map(|f| (f.kind, f.expected, f.fails)).collect()
}

#[test]
fn exactly_the_planted_leak_is_a_success() {
    let analysis = analyze(&run(&[("stream", leaking), ("cache", steady)]), &demo());
    assert_eq!(kinds(&analysis), [(FindingKind::Leak, true, false)]);
    assert_eq!(analysis.status, Status::Passed);
    assert!(analysis.findings[0].message.starts_with("stream grows +40.0 MB/min ("));
}

#[test]
fn a_planted_leak_that_is_not_there_fails_and_so_does_another_one() {
    let missed = analyze(&run(&[("stream", steady)]), &demo());
    assert_eq!(kinds(&missed), [(FindingKind::MissedLeak, false, true)]);
    let other = analyze(&run(&[("stream", leaking), ("cache", leaking)]), &demo());
    assert_eq!(kinds(&other), [(FindingKind::Leak, false, true), (FindingKind::Leak, true, false)]);
    assert_eq!(other.status, Status::Failed);
}

#[test]
fn a_run_without_a_steady_load_misses_no_planted_leak() {
    let mut data = run(&[("stream", steady)]);
    data.scenarios[0].phases.clear();
    data.scenarios[0].name = "baseline".into();
    assert_eq!(analyze(&data, &demo()).status, Status::Passed);
}

#[test]
fn an_accepted_finding_fails_again_after_its_date() {
    let mut settings = Settings { expect: Default::default(), ..demo() };
    settings.accept.push(Accept {
        container: "stream".into(),
        finding: "leak".into(),
        until: "2026-11-21".parse().expect("a date"),
        why: "ticket 123".into(),
    });
    let mut data = run(&[("stream", leaking)]);
    let on_time = analyze(&data, &settings);
    assert_eq!(on_time.status, Status::Passed);
    assert_eq!(on_time.findings[0].accepted.as_deref(), Some("ticket 123"));
    data.test_id = "20261122_031455".into();
    assert_eq!(analyze(&data, &settings).status, Status::Failed);
}

#[test]
fn an_oom_kill_fails_the_run_and_a_crash_only_where_it_is_listed() {
    let mut data = run(&[("cache", steady)]);
    data.scenarios[0].oom_events.push(OomEvent {
        container_name: "cache".into(),
        current_restart_count: 1,
        kind: Some("main_oom_killed".into()),
        ..OomEvent::default()
    });
    let settings = Settings { expect: Default::default(), ..demo() };
    let killed = analyze(&data, &settings);
    assert_eq!(kinds(&killed), [(FindingKind::Oom, false, true)]);
    let cache = killed.container("cache").expect("cache");
    assert_eq!((cache.oom_kills, cache.restarts), (1, 1));
    data.scenarios[0].oom_events[0].kind = Some("crash".into());
    assert_eq!(analyze(&data, &settings).status, Status::Passed);
    let strict = Settings { fail_on: vec!["crash".into()], ..settings };
    assert_eq!(analyze(&data, &strict).status, Status::Failed);
}

/// A kill of `cache` at 40 s, at a limit of 48 MB.
fn killed_at_48_mb(mb: Shape, limit_later_mb: f64) -> Dataset {
    let mut data = run(&[("cache", mb)]);
    let scenario = &mut data.scenarios[0];
    scenario.wall = scenario.time.iter().map(|t| 1e9 + t).collect();
    let columns = &mut scenario.containers[0].columns;
    for row in 0..80 {
        let limit = if row <= 40 { 48.0 } else { limit_later_mb };
        columns.set(Figure::MemoryLimitBytes, row, limit * MB);
        columns.set(Figure::MemoryPeakBytes, row, 48.0 * MB);
        columns.set(Figure::MemoryPercent, row, 100.0 * mb(row as f64) / limit);
    }
    scenario.oom_events.push(OomEvent {
        container_name: "cache".into(),
        timestamp: 1e9 + 40.5,
        kind: Some("main_oom_killed".into()),
        ..OomEvent::default()
    });
    data
}

#[test]
fn readings_that_a_kill_cut_off_suggest_no_limit_but_say_that_more_is_needed() {
    let analysis = analyze(&killed_at_48_mb(|_| 20.0, 48.0), &Settings::default());
    let suggested = analysis.container("cache").expect("cache").suggested;
    assert_eq!((suggested.memory_mb, suggested.more_than_mb), (None, Some(48.0)));
    let said = suggested.cut_off().expect("words");
    assert_eq!(said, "more than 48 MB, by how much was not measured");
}

#[test]
fn a_limit_raised_after_the_kill_lets_what_was_measured_then_suggest_one() {
    let raised: Shape = |t| if t <= 40.0 { 40.0 } else { 121.0 };
    let analysis = analyze(&killed_at_48_mb(raised, 256.0), &Settings::default());
    let suggested = analysis.container("cache").expect("cache").suggested;
    assert_eq!((suggested.memory_mb, suggested.more_than_mb), (Some(160), None));
}

#[test]
fn a_percentage_and_its_limit_are_of_one_moment() {
    let falls: Shape = |t| if t <= 40.0 { 46.0 } else { 50.0 };
    let analysis = analyze(&killed_at_48_mb(falls, 256.0), &Settings::default());
    let memory = analysis.findings.iter().find(|f| f.kind == FindingKind::Memory).expect("memory");
    assert_eq!(memory.message, "cache memory reached 95.8 % of its limit of 48 MB");
}

/// A ramp of 10 every 2 s at 1 s ticks; CPU of `stream` by level, percent of one core.
fn ramp(cpu: fn(f64) -> f64) -> ScenarioData {
    let mut scenario = ScenarioData::new("stress_test");
    scenario.time = (0..24).map(f64::from).collect();
    scenario.queued = (0..24).map(|t| f64::from(t / 2) * 10.0).collect();
    let mut columns = Columns::new(24);
    for row in 0..24 {
        columns.set(Figure::CpuPercent, row, cpu(scenario.queued[row]));
        columns.set(Figure::CpuThrottledPercent, row, scenario.queued[row] / 4.0);
    }
    scenario.containers.push(Series { name: "stream".into(), columns, incarnation: vec![] });
    scenario
}

fn stress_settings() -> Settings {
    let window = std::time::Duration::from_secs(4);
    let mut settings = Settings {
        stress: StressLimits { window, ..StressLimits::default() },
        ..Settings::default()
    };
    let stream = settings.containers.entry("stream".into()).or_default();
    stream.effective_cores = Some(0.5);
    settings
}

#[test]
fn the_level_carried_is_the_last_one_whose_own_mean_is_below() {
    let data = dataset(vec![ramp(|level| level * 0.45)]);
    let analysis = analyze(&data, &stress_settings());
    let capacity = analysis.capacity.expect("stress");
    let trigger = capacity.trigger.expect("a trigger");
    // 45 % is reached by level 100 itself; the mean over 4 s comes later.
    assert_eq!((trigger.container.as_str(), trigger.threshold), ("stream", 45.0));
    assert_eq!((capacity.max_level, capacity.sustained_level), (Some(110), Some(90)));
    assert_eq!(capacity.first_throttled_at_level, BTreeMap::from([("stream".into(), 100)]));
    assert_eq!(
        analysis.bottlenecks,
        ["stream CPU 45.0 % >= 45 % (90 % of 0.5 cores) at level 110"]
    );
}

#[test]
fn a_level_shorter_than_a_tick_leaves_the_level_carried_absent() {
    let mut scenario = ramp(|level| level * 0.45);
    scenario.queued = (0..24).map(|t| f64::from(t) * 10.0).collect();
    let analysis = analyze(&dataset(vec![scenario]), &stress_settings());
    assert_eq!(analysis.capacity.expect("stress").sustained_level, None);
}

#[test]
fn nothing_measured_is_aborted() {
    assert_eq!(analyze(&dataset(Vec::new()), &demo()).status, Status::Aborted);
}
