use std::path::Path;

use crate::analysis::{Dataset, Settings, analyze};
use crate::report::fixture;

use super::{Screen, last_screen};

fn screen_of(data: &Dataset, settings: &Settings, demo: bool, seconds: Option<f64>) -> String {
    let analysis = analyze(data, settings);
    let path = format!("results/{}/report.html", data.test_id);
    last_screen(&Screen {
        data,
        analysis: &analysis,
        report_path: Path::new(&path),
        demo,
        wall_seconds: seconds,
    })
}

#[test]
fn the_demo_ends_with_the_agreed_screen() {
    let text = screen_of(&fixture::demo(), &fixture::settings(true), true, Some(194.0));
    insta::assert_snapshot!(text);
}

#[test]
fn a_leak_that_nobody_planted_fails_the_run_and_names_the_remedy() {
    let text = screen_of(&fixture::demo(), &fixture::settings(false), false, None);
    insta::assert_snapshot!(text);
}

#[test]
fn an_oom_kill_in_stress_is_named_with_its_remedy() {
    let text = screen_of(&fixture::killed(), &fixture::settings(true), true, Some(40.0));
    insta::assert_snapshot!(text);
}

#[test]
fn a_file_of_the_replaced_framework_gets_the_same_screen() {
    let data = fixture::predecessor("full.results.json.gz");
    insta::assert_snapshot!(screen_of(&data, &Settings::default(), false, None));
}

#[test]
fn an_interrupted_file_says_so() {
    let data = fixture::predecessor("interrupt.results.json.gz");
    insta::assert_snapshot!(screen_of(&data, &Settings::default(), false, None));
}

#[test]
fn a_planted_leak_that_was_not_found_is_named() {
    let mut settings = fixture::settings(true);
    settings.expect.leak.push("cache".into());
    let text = screen_of(&fixture::demo(), &settings, true, Some(194.0));
    assert!(text.starts_with("failed "), "{text}");
    assert!(text.contains("\nfails     cache was expected to leak"), "{text}");
    assert!(text.contains("\nremedy  "), "{text}");
}

#[test]
fn a_bound_of_the_host_is_not_blamed_on_a_container() {
    let mut data = fixture::demo();
    data.scenarios[1].metadata = serde_json::json!({"max_level": 110, "trigger":
        {"container": "host", "metric": "cpu", "value": 95.0, "threshold": 90.0}});
    let text = screen_of(&data, &fixture::settings(true), true, Some(194.0));
    assert!(text.contains("host-bound: no container reached its limit (host CPU 95.0 %"), "{text}");
}

#[test]
fn a_name_from_outside_cannot_steer_the_terminal() {
    let mut data = fixture::demo();
    for series in data.scenarios.iter_mut().flat_map(|s| &mut s.containers) {
        series.name = series.name.replace("cache", "ca\u{1b}[2Jche\n");
    }
    let text = screen_of(&data, &fixture::settings(true), true, Some(194.0));
    assert!(!text.contains('\u{1b}') && text.contains("ca [2Jche "), "{text}");
}

#[test]
fn a_service_that_answers_nothing_is_not_said_to_carry_a_level() {
    let mut data = fixture::demo();
    let stress = &mut data.scenarios[1];
    let failures = stress.queued.iter().scan(0.0, |sum, level| {
        *sum += level;
        Some(*sum)
    });
    stress.load_metrics = vec![
        ("requests.t".into(), vec![0.0; stress.queued.len()]),
        ("failures.t".into(), failures.collect()),
    ];
    stress.metadata = serde_json::json!({"max_level": 110, "trigger": null});
    let said = screen_of(&data, &fixture::settings(true), true, None);
    let wanted = "no level carried; at 10 100.0 % of the load's requests failed > 5 %";
    assert!(said.contains(wanted), "{said}");
    stress_trigger(&mut data, "load", "failed");
    let said = screen_of(&data, &fixture::settings(true), true, None);
    assert!(said.contains("no level carried; at 110 100.0 % of the load's"), "{said}");
}

fn stress_trigger(data: &mut Dataset, container: &str, metric: &str) {
    data.scenarios[1].metadata = serde_json::json!({"max_level": 110, "trigger":
        {"container": container, "metric": metric, "value": 100.0, "threshold": 5.0}});
}
