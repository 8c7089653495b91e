use std::path::Path;

use crate::analysis::leak::{PartGrowth, Verdict};
use crate::analysis::resources::ResourceVerdict;
use crate::analysis::{Analysis, Dataset, Settings, analyze, findings};
use crate::report::fixture;

use super::{Screen, last_screen};

fn screen_of(data: &Dataset, settings: &Settings, demo: bool, seconds: Option<f64>) -> String {
    shown(data, &analyze(data, settings), demo, seconds)
}

fn shown(data: &Dataset, analysis: &Analysis, demo: bool, seconds: Option<f64>) -> String {
    let path = format!("results/{}/report.html", data.test_id);
    last_screen(&Screen {
        data,
        analysis,
        report_path: Path::new(&path),
        demo,
        wall_seconds: seconds,
    })
    .to_string()
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

/// The demo, its findings made anew after a change.
fn changed(change: impl Fn(&mut Analysis)) -> (Dataset, Analysis) {
    let data = fixture::demo();
    let mut analysis = analyze(&data, &fixture::settings(false));
    change(&mut analysis);
    analysis.findings = findings::find(&analysis, None);
    (data, analysis)
}

fn grown(resource: &str, unit: &str) -> ResourceVerdict {
    ResourceVerdict {
        resource: resource.into(),
        unit: unit.into(),
        verdict: Verdict::Leak,
        reason: None,
        per_hour: Some(300.0),
        ci_low: Some(290.0),
        ci_high: Some(310.0),
        threshold_per_hour: 60.0,
        level: Some(400.0),
        limit: None,
        hours_to_limit: None,
    }
}

fn container<'a>(
    analysis: &'a mut Analysis,
    name: &str,
) -> &'a mut crate::analysis::ContainerAnalysis {
    analysis.containers.iter_mut().find(|c| c.name == name).expect("of the demo")
}

#[track_caller]
fn line<'t>(text: &'t str, label: &str) -> &'t str {
    let line = text.lines().find(|line| line.split("  ").next() == Some(label));
    line.unwrap_or_else(|| panic!("no {label}:\n{text}"))
}

#[test]
fn who_loses_descriptors_or_fills_a_disk_does_not_stand_under_ok() {
    let (data, analysis) = changed(|analysis| {
        container(analysis, "cache").resources = vec![grown("open_fds", "descriptors")];
        container(analysis, "store").resources = vec![grown("log_bytes", "MB")];
    });
    let text = shown(&data, &analysis, false, None);
    let ok = line(&text, "ok");
    assert!(!ok.contains("cache") && !ok.contains("store") && ok.contains("simulation"), "{text}");
    assert!(text.contains("fails     cache grows +300 descriptors an hour"), "{text}");
    assert!(line(&text, "grows").contains("store grows +300 MB an hour"), "{text}");
}

#[test]
fn no_leak_and_no_suspect_is_hidden_behind_a_number() {
    for verdict in [Verdict::Leak, Verdict::Suspect] {
        let (data, analysis) = changed(|analysis| {
            let one = container(analysis, "stream-processor").clone();
            analysis.containers = (1..=40)
                .map(|n| {
                    let mut one = one.clone();
                    one.name = format!("worker-{n:02}");
                    one.leak.as_mut().expect("judged").verdict = verdict;
                    one
                })
                .collect();
        });
        let text = shown(&data, &analysis, false, None);
        for n in 1..=40 {
            assert!(
                text.contains(&format!("worker-{n:02}")),
                "{verdict:?}, worker-{n:02}:\n{text}"
            );
        }
    }
}

#[test]
fn a_metric_that_never_had_a_value_is_one_line_that_says_why_and_no_gaps() {
    let mut data = fixture::demo();
    let of_metric = |why: &str, n| ("metric".to_string(), format!("metric depth: {why}"), n);
    data.scenarios[0].gaps = vec![of_metric("HTTP 404", 130), of_metric("no answer", 2)];
    let text = screen_of(&data, &fixture::settings(true), false, None);
    assert!(text.contains("metric depth never had one: HTTP 404"), "{text}");
    assert!(!text.contains("gap"), "{text}");

    let rows = data.scenarios[0].time.len();
    data.scenarios[0].metrics = vec![("depth".into(), vec![1.0; rows])];
    let text = screen_of(&data, &fixture::settings(true), false, None);
    assert!(text.contains("132 gaps") && !text.contains("never had"), "{text}");
}

#[test]
fn a_remedy_fits_what_grows() {
    let remedy = |change: &dyn Fn(&mut crate::analysis::ContainerAnalysis)| {
        let (data, analysis) = changed(|analysis| {
            analysis.containers.retain(|c| c.name == "stream-processor");
            change(container(analysis, "stream-processor"));
        });
        line(&shown(&data, &analysis, false, None), "remedy").to_string()
    };
    let of_part = |part: &str| {
        remedy(&|c| {
            let leak = c.leak.as_mut().expect("judged");
            let part = PartGrowth { part: part.into(), per_min: 40.0, share_percent: Some(99.0) };
            leak.parts = vec![part];
        })
    };
    let of_resource = |resource: &str| {
        remedy(&|c| {
            c.leak.as_mut().expect("judged").verdict = Verdict::Ok;
            c.resources = vec![grown(resource, "things")];
        })
    };
    assert!(of_part("heap").contains("profile"));
    let files = of_part("shared_memory");
    assert!(files.contains("tmpfs") && !files.contains("profile what"), "{files}");
    assert!(of_part("kernel").contains("sockets, pipes and files"));
    for (resource, words) in [
        ("open_fds", "files and connections"),
        ("sockets", "connections"),
        ("pids", "threads and processes"),
    ] {
        assert!(of_resource(resource).contains(words), "{}", of_resource(resource));
    }
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
    let wanted = "no level carried; at 10 load failures 100.0 % > 5 %";
    assert!(said.contains(wanted), "{said}");
    stress_trigger(&mut data, "load", "failed");
    let said = screen_of(&data, &fixture::settings(true), true, None);
    assert!(said.contains("no level carried; at 110 load failures 100.0 %"), "{said}");
}

fn stress_trigger(data: &mut Dataset, container: &str, metric: &str) {
    data.scenarios[1].metadata = serde_json::json!({"max_level": 110, "trigger":
        {"container": container, "metric": metric, "value": 100.0, "threshold": 5.0}});
}

#[test]
fn a_task_that_fails_is_named_with_its_cause() {
    let mut data = fixture::demo();
    let soak = &mut data.scenarios[2];
    let rows = soak.time.len();
    let rising = |step: f64| (0..rows).map(|row| step * row as f64).collect::<Vec<f64>>();
    soak.load_metrics = vec![
        ("requests.login".into(), rising(97.0)),
        ("failures.login".into(), rising(3.0)),
        ("causes.503.login".into(), rising(3.0)),
    ];
    let said = screen_of(&data, &fixture::settings(true), true, None);
    assert!(said.contains("\nload      login: 252 of 8400 requests failed (503)\n"), "{said}");
    assert!(said.starts_with("passed"), "{said}");
    soak_fails(&mut data);
    let said = screen_of(&data, &fixture::settings(true), true, None);
    assert!(said.contains("\nfails     login: 1000 of 1000 requests failed within 10 s"), "{said}");
    assert!(said.contains("path and body of login"), "{said}");
}

/// All requests of its one task fail.
fn soak_fails(data: &mut Dataset) {
    for (name, column) in &mut data.scenarios[2].load_metrics {
        let step = if name == "requests.login" { 0.0 } else { 100.0 };
        *column = (0..column.len()).map(|row| step * row as f64).collect();
    }
}

#[test]
fn a_load_that_failed_is_told_in_the_driven_systems_own_words() {
    let mut data = fixture::demo();
    data.abort_reason = Some("load_failed".into());
    let error = "not done when phase spawn ended, after 5 s: GET http://x/health: 500: boom";
    data.events.push(crate::model::Event {
        at: 1.0,
        t: 1.0,
        kind: crate::model::EventKind::Load {
            action: "reach".into(),
            task: None,
            value: Some(20.0),
            queued: None,
            error: Some(error.into()),
        },
    });
    let said = screen_of(&data, &fixture::settings(true), false, None);
    assert!(said.contains(&format!("the load could not be driven: reach 20: {error}")), "{said}");
    data.events.clear();
    let stress = &mut data.scenarios[1];
    stress.load_metrics = vec![
        ("requests.t".into(), vec![0.0; stress.time.len()]),
        ("failures.t".into(), vec![9.0; stress.time.len()]),
        ("causes.connection refused.t".into(), vec![9.0; stress.time.len()]),
    ];
    let said = screen_of(&data, &fixture::settings(true), false, None);
    let wanted =
        "nothing was answered in stress_test: t: 9 of 9 requests failed (connection refused)";
    assert!(said.contains(wanted), "{said}");
}
