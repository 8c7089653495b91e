use crate::analysis::dataset::{Dataset, Format, HealthSeries, Phase, ScenarioData};
use crate::analysis::findings::FindingKind;
use crate::analysis::settings::Settings;
use crate::analysis::{Analysis, Summary, analyze};
use crate::config::{HealthRule, MetricRule};
use crate::model::{HealthCheck, Tick};

use super::*;

/// A scenario of one phase with a tick a second, a metric and a health check each tick.
fn scenario(
    name: &str,
    phase: &str,
    seconds: usize,
    start: f64,
    value: impl Fn(f64) -> f64,
    ms: impl Fn(f64) -> Option<f64>,
) -> ScenarioData {
    let mut data = ScenarioData::new(name);
    data.time = (0..seconds).map(|s| start + s as f64).collect();
    data.wall = data.time.clone();
    data.metrics = vec![("depth".into(), (0..seconds).map(|s| value(s as f64)).collect())];
    let check = |s: usize| (s, HealthCheck { at: start + s as f64, ms: ms(s as f64) });
    data.health =
        vec![HealthSeries { name: "web".into(), checks: (0..seconds).map(check).collect() }];
    data.phases = vec![Phase {
        name: phase.into(),
        start,
        end: start + seconds as f64,
        ticks: 0..seconds,
        level: None,
        speed: None,
        end_reason: None,
    }];
    data
}

fn run(scenarios: Vec<ScenarioData>) -> Dataset {
    Dataset {
        provenance: Default::default(),
        format: Format::Runner,
        test_id: "20261121_031455".into(),
        started_at: None,
        completed_at: Some("2026-11-21T03:18:09Z".into()),
        abort_reason: None,
        config: serde_json::Value::Null,
        derived_config: serde_json::Value::Null,
        run: serde_json::Value::Null,
        containers: Vec::new(),
        scenarios,
        events: Vec::new(),
    }
}

fn settings(metric: MetricRule, health: HealthRule) -> Settings {
    let mut settings =
        Settings { metrics: vec![metric], health: vec![health], ..Settings::default() };
    settings.leak.min_minutes = 2.0;
    settings
}

fn idle() -> ScenarioData {
    // 20 checks of 1 to 20 ms: p50 10.5, p95 19.05 (Hyndman-Fan 7).
    scenario("baseline", "idle", 20, 0.0, |_| 1.0, |s| Some(s + 1.0))
}

fn kinds(analysis: &Analysis) -> Vec<FindingKind> {
    analysis.findings.iter().map(|f| f.kind).collect()
}

#[test]
fn a_metric_is_described_by_phase_and_gaps_take_no_part() {
    let value = |s: f64| if s < 10.0 { f64::NAN } else { s };
    let data = run(vec![scenario("soak", "active", 110, 0.0, value, |_| None)]);
    let analysis = analyze(&data, &Settings::default());
    let phase = &analysis.metrics[0].phases[0];
    assert_eq!((phase.count, phase.ticks), (100, 110));
    assert_eq!((phase.min, phase.median, phase.max), (10.0, 59.5, 109.0));
    assert!((phase.p95 - 104.05).abs() < 1e-9);
    // Without a rule it is described and judged by nothing.
    assert_eq!(analysis.metrics[0].rule, MetricRule::named("depth"));
    assert!(analysis.metrics[0].growth.is_none());
}

#[test]
fn a_limit_is_one_of_the_rolling_mean_and_not_of_stress() {
    let spike = |s: f64| if s == 50.0 { 1000.0 } else { 10.0 };
    let high = |s: f64| if s >= 50.0 { 120.0 } else { 10.0 };
    let rule = MetricRule { max: Some(110.0), min: Some(10.0), ..MetricRule::named("depth") };
    let judge = |name: &str, value: &dyn Fn(f64) -> f64| {
        let data = run(vec![scenario(name, "active", 100, 0.0, value, |_| Some(1.0))]);
        analyze(&data, &settings(rule.clone(), HealthRule::named("web")))
    };
    let spiked = judge("soak", &spike);
    // 10 s window: nine times 10 and once 1000 are 109.
    let found: Vec<_> = spiked.metrics[0].reached.iter().map(|r| (r.is_min, r.value)).collect();
    assert_eq!(found, [(true, 10.0)]);
    let high_run = judge("soak", &high);
    assert!(high_run.metrics[0].reached.iter().any(|r| !r.is_min && r.value == 120.0));
    let finding = high_run.findings.iter().find(|f| f.message.contains("max")).expect("a finding");
    assert_eq!(finding.message, "metric depth: rolling mean 120 >= max 110");
    assert!(finding.fails && finding.kind == FindingKind::Metric);
    assert!(judge("stress_test", &high).metrics[0].reached.is_empty());
}

#[test]
fn growth_is_told_with_its_interval() {
    let rule =
        MetricRule { leak_per_min: Some(5.0), unit: "jobs".into(), ..MetricRule::named("depth") };
    let judge = |value: &dyn Fn(f64) -> f64, seconds| {
        let data = run(vec![scenario("soak", "active", seconds, 0.0, value, |_| Some(1.0))]);
        analyze(&data, &settings(rule.clone(), HealthRule::named("web")))
    };
    let wave = |s: f64| (s * 0.7).sin();
    let grows = judge(&|s| 10.0 * s / 60.0 + wave(s), 1200);
    let growth = grows.metrics[0].growth.as_ref().expect("growth");
    assert_eq!(growth.verdict, GrowthVerdict::Grows);
    let (low, high) = growth.ci_low.zip(growth.ci_high).expect("an interval");
    assert!(low <= 10.0 && 10.0 <= high && high - low < 2.0, "{growth:?}");
    assert!(kinds(&grows).contains(&FindingKind::MetricGrowth));
    let text = &grows.findings[0].message;
    assert!(text.starts_with("metric depth grows ") && text.contains("jobs/min ("), "{text}");

    let steady = judge(&|s| 40.0 + wave(s), 1200);
    assert_eq!(steady.metrics[0].growth.as_ref().map(|g| g.verdict), Some(GrowthVerdict::Steady));
    let short = judge(&|s| 10.0 * s / 60.0, 100);
    let growth = short.metrics[0].growth.as_ref().expect("growth");
    assert_eq!((growth.verdict, growth.per_min), (GrowthVerdict::InsufficientData, None));
    let silent = judge(&|_| f64::NAN, 1200);
    let growth = silent.metrics[0].growth.as_ref().expect("growth");
    assert_eq!(growth.verdict, GrowthVerdict::InsufficientData);
    assert!(kinds(&steady).is_empty() && kinds(&short).is_empty());
}

#[test]
fn thresholds_are_calibrated_from_the_baseline_and_said() {
    let slow = |s: f64| Some(if s < 50.0 { 5.0 } else { 26.0 });
    let data = run(vec![idle(), scenario("soak", "active", 100, 100.0, |_| 1.0, slow)]);
    let analysis = analyze(&data, &settings(MetricRule::named("depth"), HealthRule::named("web")));
    let health = &analysis.health[0];
    let baseline = health.baseline.expect("a baseline");
    assert_eq!((baseline.checks, baseline.p50_ms), (20, 10.5));
    let limits = health.limits.expect("limits");
    assert!((limits.degraded_ms - 19.05 * 1.25).abs() < 1e-9);
    assert!((limits.unhealthy_ms - 19.05 * 1.5).abs() < 1e-9);
    assert_eq!(limits.origin, Origin::Calibrated);
    let [idle, soak] = health.scenarios.as_slice() else { panic!("two scenarios") };
    assert_eq!(idle.worst, HealthState::Answering, "the base is not judged by itself");
    // The mean of ten checks reaches 23.8 ms with the ninth slow one.
    assert_eq!((soak.worst, soak.degraded_percent), (HealthState::Degraded, 42.0));
    assert_eq!((soak.unhealthy_percent, soak.failing_percent), (0.0, 0.0));
    assert_eq!(kinds(&analysis), [FindingKind::Health]);
    assert!(!analysis.findings[0].fails);
    assert_eq!(
        analysis.findings[0].message,
        "health web: degraded in 42 % of checks (rolling mean up to 26.0 ms, threshold 23.8 ms)"
    );
    let summary = Summary::of(&analysis);
    let text = serde_json::to_string(&summary.health).expect("write");
    assert!(
        text.contains(r#""degraded_ms":23.813,"unhealthy_ms":28.575,"origin":"calibrated""#),
        "{text}"
    );
    let back: Summary =
        serde_json::from_str(&serde_json::to_string(&summary).expect("write")).expect("read");
    assert_eq!(back, summary);
}

#[test]
fn without_a_base_there_are_no_thresholds_and_it_is_said() {
    let soak = || scenario("soak", "active", 50, 100.0, |_| 1.0, |s| (s > 9.0).then_some(500.0));
    let short = scenario("baseline", "idle", 9, 0.0, |_| 1.0, |_| Some(1.0));
    for (scenarios, why) in [
        (vec![soak()], "no check was answered in a baseline"),
        (vec![short, soak()], "the baseline has 9 answered checks, 10 are needed"),
    ] {
        let analysis = analyze(&run(scenarios), &Settings::default());
        let health = &analysis.health[0];
        assert_eq!(health.limits, None);
        assert!(health.no_limits.as_ref().is_some_and(|text| text.contains(why)), "{health:?}");
        let soak = health.scenarios.last().expect("soak");
        // Failures need no threshold, and have no latency.
        assert_eq!((soak.failures, soak.worst), (10, HealthState::Failing));
        assert_eq!((soak.failing_percent, soak.p50_ms), (20.0, Some(500.0)));
        assert_eq!(analysis.findings[0].message, "health web: 10 of 50 checks failed");
    }
}

#[test]
fn given_thresholds_and_a_floor_are_kept() {
    let given =
        HealthRule { degraded_ms: Some(5.0), unhealthy_ms: Some(10.0), ..HealthRule::named("web") };
    let limits = HealthLimits::of(&given, None).expect("given");
    assert_eq!(
        (limits.degraded_ms, limits.unhealthy_ms, limits.origin),
        (5.0, 10.0, Origin::Given)
    );
    let floor = HealthRule { floor_ms: 50.0, ..HealthRule::named("web") };
    let baseline = Baseline { checks: 10, p50_ms: 1.0, p95_ms: 2.0 };
    let limits = HealthLimits::of(&floor, Some(&baseline)).expect("calibrated");
    assert_eq!((limits.degraded_ms, limits.unhealthy_ms), (50.0, 60.0));
}

/// A tick of the live run with one check.
fn tick(scenario: &str, at: f64, ms: Option<f64>, priming: bool) -> Tick {
    let health = [("web".to_string(), vec![HealthCheck { at, ms }])].into_iter().collect();
    Tick {
        seq: 0,
        at,
        t: at,
        scenario: scenario.into(),
        phase: "p".into(),
        phase_index: 0,
        priming,
        late_s: None,
        samples: Vec::new(),
        host: Default::default(),
        runner: Default::default(),
        load: Default::default(),
        devices: Default::default(),
        watched: crate::model::Watched { health, ..Default::default() },
        gaps: Vec::new(),
    }
}

#[test]
fn the_live_watch_warns_of_what_the_analysis_finds() {
    let mut watch = HealthWatch::new([HealthRule::named("web")]);
    let mut said = Vec::new();
    for s in 0..20 {
        said.extend(watch.tick(&tick("baseline", f64::from(s), Some(f64::from(s) + 1.0), false)));
    }
    assert_eq!(said, [""; 0]);
    // A priming tick is no result.
    assert!(watch.tick(&tick("soak", 99.0, None, true)).is_empty());
    for s in 100..160 {
        let ms = match s {
            ..120 => Some(5.0),
            120..140 => Some(26.0),
            140..155 => Some(90.0),
            _ => None,
        };
        said.extend(watch.tick(&tick("soak", f64::from(s), ms, false)));
    }
    assert_eq!(said.len(), 3, "{said:?}");
    assert_eq!(
        said[0],
        "health web: degraded, mean 23.9 ms >= 23.8 ms, calibrated from the baseline"
    );
    assert!(said[1].starts_with("health web: unhealthy, mean "), "{said:?}");
    assert_eq!(said[2], "health web: failing");
    // In the next scenario it is told anew.
    assert_eq!(watch.tick(&tick("speed", 200.0, None, false)), ["health web: failing"]);
}

#[test]
fn a_metric_and_a_latency_stop_a_phase_as_other_thresholds_do() {
    use crate::analysis::capacity::{HostReading, RollingMeans};
    let mut limits = crate::config::StressLimits::default();
    limits.metric_above.insert("depth".into(), 100.0);
    limits.metric_below.insert("health.web".into(), 1.0);
    let mut means = RollingMeans::new(10.0);
    let mut judge = |at: f64, depth: f64, ms: f64| {
        means.push(at, &[], HostReading::default(), []);
        means.push_metrics([("depth", depth), ("health.web", ms)]);
        means.judge(&limits, &Default::default())
    };
    assert_eq!(judge(1.0, 80.0, 5.0), None);
    let trigger = judge(2.0, 130.0, f64::NAN).expect("the mean is 105");
    assert_eq!((trigger.container.as_str(), trigger.metric.as_str()), ("metric", "depth"));
    assert_eq!((trigger.value, trigger.threshold), (105.0, 100.0));
    assert_eq!(crate::analysis::findings::in_words(&trigger), "metric: depth 105.000 >= 100.000");
}
