use super::*;
use crate::analysis::Settings;
use crate::analysis::{FindingKind, Format, Status, Summary, analyze};
use crate::config::Accept;

/// Its name, where it begins, and what it rises by at each tick.
type Counter<'a> = (&'a str, f64, &'a dyn Fn(usize) -> f64);

/// A scenario of a tick a second; a column is what its counter rises by at each of them.
fn scenario(name: &str, seconds: usize, counters: &[Counter<'_>]) -> ScenarioData {
    let mut data = ScenarioData::new(name);
    data.time = (0..seconds).map(|t| t as f64).collect();
    data.queued = vec![10.0; seconds];
    for (name, start, step) in counters {
        let sum = |sum: &mut f64, row| {
            *sum += step(row);
            Some(*sum)
        };
        data.load_metrics.push(((*name).to_string(), (0..seconds).scan(*start, sum).collect()));
    }
    data
}

fn run(scenarios: Vec<ScenarioData>) -> Dataset {
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

fn failed(data: &Dataset, settings: &Settings) -> Vec<(String, bool)> {
    let analysis = analyze(data, settings);
    let mine = analysis.findings.iter().filter(|f| f.kind == FindingKind::LoadFailed);
    mine.map(|f| (f.message.clone(), f.fails)).collect()
}

#[test]
fn counters_that_go_on_over_scenarios_are_counted_to_each_of_them() {
    let first = scenario("a", 10, &[("requests.t", 0.0, &|_| 10.0), ("failures.t", 0.0, &|_| 1.0)]);
    let second =
        scenario("b", 10, &[("requests.t", 100.0, &|_| 5.0), ("failures.t", 10.0, &|_| 0.0)]);
    let found = load(&run(vec![first, second]), None);
    let counts: Vec<_> =
        found.scenarios.iter().map(|s| (s.tasks[0].answered, s.tasks[0].failed)).collect();
    assert_eq!(counts, [(100, 10), (50, 0)]);
    assert_eq!((found.tasks()[0].all(), found.tasks()[0].failed), (160, 10));
}

#[test]
fn a_task_that_fails_altogether_is_a_finding_that_names_it_with_its_cause() {
    let data = run(vec![scenario(
        "soak",
        30,
        &[
            ("requests.ok", 0.0, &|_| 300.0),
            ("failures.ok", 0.0, &|_| 0.0),
            ("requests.typo", 0.0, &|_| 0.0),
            ("failures.typo", 0.0, &|_| 10.0),
            ("causes.404.typo", 0.0, &|_| 10.0),
        ],
    )]);
    let found = failed(&data, &Settings::default());
    let wanted = "typo: 100 of 100 requests failed within 10 s (404); 300 of 300 in all";
    assert_eq!(found, [(wanted.to_string(), true)]);
    assert_eq!(analyze(&data, &Settings::default()).status, Status::Failed);
    let mut settings = Settings::default();
    settings.accept.push(Accept {
        container: "typo".into(),
        finding: "load_failed".into(),
        until: chrono::NaiveDate::from_ymd_opt(2027, 1, 1).expect("a day"),
        why: "known".into(),
    });
    assert!(!failed(&data, &settings)[0].1, "accepted");
}

#[test]
fn fewer_than_half_or_too_few_answers_are_no_finding() {
    let of = |answered: f64, failures: f64, seconds| {
        let (answers, failing) = (move |_: usize| answered, move |_: usize| failures);
        let counters: [Counter<'_>; 2] =
            [("requests.t", 0.0, &answers), ("failures.t", 0.0, &failing)];
        failed(&run(vec![scenario("soak", seconds, &counters)]), &Settings::default()).len()
    };
    assert_eq!(of(6.0, 4.0, 30), 0);
    assert_eq!(of(5.0, 5.0, 30), 1);
    assert_eq!(of(0.0, 1.0, 30), 0, "10 answers in 10 s");
}

#[test]
fn what_fails_above_the_level_that_stress_found_to_be_carried_is_its_result_and_no_finding() {
    let failing = |row: usize| if row >= 20 { 40.0 } else { 0.0 };
    let answered = |row: usize| if row >= 20 { 0.0 } else { 20.0 };
    let counters: [Counter<'_>; 2] =
        [("requests.t", 0.0, &answered), ("failures.t", 0.0, &failing)];
    let mut stress = scenario("stress_test", 40, &counters);
    stress.queued[20..].fill(40.0);
    stress.queued[..20].fill(20.0);
    let data = run(vec![stress.clone()]);
    let capacity = analyze(&data, &Settings::default()).capacity.expect("stress ran");
    assert_eq!(capacity.sustained_level, Some(20));
    assert_eq!(failed(&data, &Settings::default()), []);
    // From the lowest level on: it is no matter of how much load there is.
    for (name, column) in &mut stress.load_metrics {
        let step = if name == "requests.t" { 0.0 } else { 20.0 };
        *column = (0..40).map(|row| step * row as f64).collect();
    }
    assert_eq!(failed(&run(vec![stress]), &Settings::default()).len(), 1);
}

#[test]
fn calls_that_ask_for_agents_are_counted_apart_and_a_recording_without_counts_has_none() {
    let calls = scenario(
        "soak",
        5,
        &[
            ("calls.big.cars", 0.0, &|_| 1.0),
            ("failures.big.cars", 0.0, &|_| 1.0),
            ("causes.503.big.cars", 0.0, &|_| 1.0),
        ],
    );
    let found = load(&run(vec![calls]), None);
    let task = &found.scenarios[0].tasks[0];
    assert_eq!(
        (task.task.as_str(), task.unit, task.answered, task.failed),
        ("big.cars", Unit::Call, 5, 5)
    );
    assert_eq!(task.in_words(), "5 of 10 calls failed (503)");
    let old = run(vec![scenario("soak", 30, &[("real_time_ratio", 0.0, &|_| 1.0)])]);
    assert_eq!(load(&old, None), LoadAnalysis::default());
    let analysis = analyze(&old, &Settings::default());
    assert_eq!(Summary::of(&analysis).load, None);
    assert_eq!(failed(&old, &Settings::default()), []);
}

#[test]
fn the_summary_has_what_was_counted_and_no_latency() {
    let data = run(vec![scenario(
        "soak",
        4,
        &[
            ("requests.t", 0.0, &|_| 3.0),
            ("failures.t", 0.0, &|_| 1.0),
            ("causes.connection refused.t", 0.0, &|_| 1.0),
        ],
    )]);
    let summary = Summary::of(&analyze(&data, &Settings::default()));
    let wanted = serde_json::json!({
        "total_requests": 16, "total_failures": 4, "error_rate": 25.0,
        "endpoints": {"t": {"requests": 16, "failures": 4, "error_rate": 25.0,
            "causes": {"connection refused": 4}}},
    });
    assert_eq!(serde_json::to_value(&summary.load).expect("json"), wanted);
}
