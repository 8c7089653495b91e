use super::*;
use crate::analysis::leak::Verdict;
use crate::analysis::{FindingKind, Format, Phase, analyze as whole};
use crate::config::StressLimits;
use crate::model::units::MB;

/// Ten minutes under load, a tick each 2 s. `web` holds `held(minutes)` MB of gpu0, where it is
/// known; the device has 1000 MB more in use.
fn run(held: impl Fn(f64) -> f64, known: bool) -> Dataset {
    let mut scenario = ScenarioData::new("duration_leak");
    scenario.time = (0..=300).map(|n| f64::from(n) * 2.0).collect();
    scenario.wall = scenario.time.clone();
    let rows = scenario.time.len();
    let held: Vec<f64> = scenario.time.iter().map(|t| held(t / 60.0) * MB).collect();
    let mut device = Columns::new(rows);
    *device.column_mut(Figure::GpuMemoryUsedBytes) = held.iter().map(|v| v + 1000.0 * MB).collect();
    *device.column_mut(Figure::GpuMemoryTotalBytes) = vec![24_576.0 * MB; rows];
    *device.column_mut(Figure::GpuPercent) = vec![50.0; rows];
    // The power cap always; heat in the second half.
    *device.column_mut(Figure::GpuThrottleReasons) =
        (0..rows).map(|n| if 2 * n > rows { 36.0 } else { 4.0 }).collect();
    let mut web = Columns::new(rows);
    *web.column_mut(Figure::MemoryWorkingSetBytes) = vec![100.0 * MB; rows];
    *web.column_mut(Figure::AnonBytes) = vec![90.0 * MB; rows];
    if known {
        *device.column_mut(Figure::GpuStackMemoryBytes) = held.clone();
        *web.column_mut(Figure::GpuMemoryBytes) = held;
    }
    let series =
        |name: &str, columns| Series { name: name.into(), columns, incarnation: Vec::new() };
    scenario.devices = vec![series("gpu0", device)];
    scenario.containers = vec![series("web", web)];
    scenario.phases = vec![Phase {
        name: "active".into(),
        start: 0.0,
        end: 600.0,
        ticks: 0..rows,
        level: Some(10),
        speed: None,
        end_reason: None,
    }];
    Dataset {
        provenance: Default::default(),
        format: Format::Runner,
        test_id: "20260130_143022".into(),
        started_at: None,
        completed_at: None,
        abort_reason: None,
        config: serde_json::Value::Null,
        derived_config: serde_json::Value::Null,
        run: serde_json::Value::Null,
        containers: Vec::new(),
        scenarios: vec![scenario],
        events: Vec::new(),
    }
}

fn kinds(analysis: &crate::analysis::Analysis) -> Vec<(FindingKind, &str)> {
    let gpu = |kind: &FindingKind| kind.name().starts_with("gpu");
    let findings = analysis.findings.iter().filter(|f| gpu(&f.kind));
    findings.map(|f| (f.kind, f.container.as_deref().unwrap_or_default())).collect()
}

#[test]
fn a_leak_of_gpu_memory_is_its_container_s_where_that_is_known() {
    let analysis = whole(&run(|min| 500.0 + 20.0 * min, true), &Settings::default());
    let [device, web] = analysis.gpus.as_slice() else { panic!("{:?}", analysis.gpus) };
    assert_eq!((device.name.as_str(), device.container), ("gpu0", false));
    assert_eq!(device.leak, None, "it would be told twice");
    let leak = web.leak.as_ref().expect("a verdict");
    assert_eq!((leak.verdict, leak.figure.as_deref()), (Verdict::Leak, Some("gpu_memory")));
    assert!((leak.slope_mb_per_min.expect("a slope") - 20.0).abs() < 0.5, "{leak:?}");
    let (kind, who) = kinds(&analysis)[0];
    assert_eq!((kind, who), (FindingKind::GpuLeak, "web"));
    assert!(analysis.findings[0].fails);
    let memory = analysis.container("web").and_then(|c| c.leak.as_ref());
    assert_ne!(memory.expect("a verdict").verdict, Verdict::Leak, "its other memory does not grow");
}

#[test]
fn without_known_processes_the_device_is_judged() {
    let analysis = whole(&run(|min| 500.0 + 20.0 * min, false), &Settings::default());
    assert_eq!(analysis.gpus.len(), 1);
    assert!(kinds(&analysis).contains(&(FindingKind::GpuLeak, "gpu0")));
    let minutes = analysis.gpus[0].leak.as_ref().and_then(|leak| leak.minutes_to_limit);
    assert!(minutes.is_some_and(|(soonest, _)| soonest > 1000.0), "{minutes:?}");
}

#[test]
fn a_steady_figure_is_no_leak_and_heat_is_told() {
    let analysis = whole(&run(|_| 500.0, true), &Settings::default());
    assert_eq!(kinds(&analysis), [(FindingKind::GpuThrottled, "gpu0")], "{:?}", analysis.gpus);
    let device = &analysis.gpus[0];
    assert_eq!((device.mean_percent, device.peak_memory_mb), (Some(50.0), Some(1500.0)));
    assert_eq!(device.throttled[0].0, "software thermal slowdown");
    assert_eq!(device.throttled[1], ("power cap".to_string(), 100.0));
}

#[test]
fn growth_beyond_the_bound_is_a_finding_however_it_came() {
    let mut settings = Settings::default();
    settings.leak.gpu_growth_mb = Some(500.0);
    // In one step, as when a second model is loaded: no leak by its slope.
    let step = |min: f64| if min < 5.0 { 1000.0 } else { 1600.0 };
    let analysis = whole(&run(step, true), &settings);
    assert!((analysis.gpus[1].growth_mb.expect("growth") - 600.0).abs() < 1e-6);
    assert!(kinds(&analysis).contains(&(FindingKind::GpuGrowth, "web")));
    assert!(!kinds(&analysis).contains(&(FindingKind::GpuGrowth, "gpu0")));
    settings.leak.gpu_growth_mb = Some(601.0);
    assert!(!kinds(&whole(&run(step, true), &settings)).contains(&(FindingKind::GpuGrowth, "web")));
}

#[test]
fn a_threshold_of_its_own_moves_the_scale() {
    let mut settings = Settings::default();
    settings.leak.gpu_leak_mb_per_min = Some(100.0);
    let analysis = whole(&run(|min| 500.0 + 20.0 * min, true), &settings);
    assert_eq!(analysis.gpus[1].leak.as_ref().map(|l| l.verdict), Some(Verdict::Ok));
    assert_eq!(settings.gpu_leak().floor_mb_per_min, 25.0);
}

#[test]
fn a_gpu_that_is_full_is_a_trigger_that_names_it() {
    use crate::analysis::capacity::{HostReading, RollingMeans};
    let mut means = RollingMeans::new(10.0);
    for (at, percent) in [(0.0, 93.0), (2.0, 97.0), (4.0, 98.0)] {
        means.push(at, &[], HostReading::default(), []);
        means.push_devices([("gpu0", 10.0), ("gpu1", percent)]);
    }
    let mut limits = StressLimits::default();
    let trigger = means.judge(&limits, &Default::default()).expect("a trigger");
    assert_eq!((trigger.container.as_str(), trigger.metric.as_str()), ("gpu1", "gpu_memory"));
    assert_eq!((trigger.value, trigger.threshold), (96.0, 95.0));
    assert_eq!(crate::analysis::findings::in_words(&trigger), "gpu1 memory 96.0 % >= 95 %");
    limits.gpu_memory_percent = None;
    assert_eq!(means.judge(&limits, &Default::default()), None);
}
