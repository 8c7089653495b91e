//! The replaced framework's own files: what it computed must be what we compute from its samples.

mod loader;

use serde_json::Value;

use crate::analysis::leak::Verdict;
use crate::analysis::*;

use loader::load;

fn full() -> (Value, Dataset, Analysis) {
    let (file, data) = load("full.results.json.gz");
    let analysis = analyze(&data, &Settings::default());
    (file, data, analysis)
}

/// Every number of `theirs` is that of `ours`, to 1e-6.
fn assert_same(theirs: &Value, ours: &Value, place: &str) {
    match (theirs, ours) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, value) in a {
                let other = b.get(key).unwrap_or_else(|| panic!("{place}.{key} is missing"));
                assert_same(value, other, &format!("{place}.{key}"));
            }
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().expect("number"), b.as_f64().expect("number"));
            assert!((a - b).abs() < 1e-6, "{place}: {a} is not {b}");
        }
        _ => assert_eq!(theirs, ours, "{place}"),
    }
}

#[test]
fn the_slopes_of_its_phases_and_its_cooldown_come_out_as_it_wrote_them() {
    let (file, _, analysis) = full();
    let theirs = &file["scenarios"][2]["metadata"];
    let scenario = analysis.scenario("duration_leak").expect("duration");
    let ours = Value::Object(records::duration_metadata(&analysis, scenario));
    for key in ["phase_analysis", "leak_analysis", "cooldown_analysis"] {
        assert_same(&theirs[key], &ours[key], key);
    }
}

#[test]
fn its_scenario_summaries_come_out_as_it_wrote_them_but_for_its_slope() {
    let (file, data, analysis) = full();
    let ours = records::analysis(&analysis);
    let theirs = file["analysis"]["scenario_summaries"].as_array().expect("summaries");
    for (index, summary) in theirs.iter().enumerate() {
        let ticks = data.scenarios[index].time.len() as f64;
        let ours = &ours["scenario_summaries"][index];
        for key in ["total_samples", "containers_sampled", "scenario_name"] {
            assert_same(&summary[key], &ours[key], key);
        }
        for (name, theirs) in summary["containers"].as_object().expect("containers") {
            let stats = analysis.scenarios[index].container(name).expect("statistics");
            let (memory, cpu) = (stats.memory_mb().expect("mb"), stats.cpu_percent().expect("cpu"));
            let memory_slope = stats.memory_slope_mb_per_min.expect("a slope");
            let cpu_slope = stats.cpu_slope_percent_per_min.expect("a slope");
            // Its slope is n / (n - 1) times too large. Figures are rounded to 1 place, slopes to 3.
            let wrong = ticks / (ticks - 1.0);
            let table = [
                ("memory_mean_mb", memory.mean, 1.0, 0.05),
                ("memory_max_mb", memory.max, 1.0, 1e-6),
                ("memory_p95_mb", memory.p95, 1.0, 0.05),
                ("cpu_mean_percent", cpu.mean, 1.0, 0.05),
                ("cpu_max_percent", cpu.max, 1.0, 1e-6),
                ("memory_slope_mb_per_min", memory_slope, wrong, 5e-4),
                ("cpu_slope_percent_per_min", cpu_slope, wrong, 5e-4),
            ];
            for (key, exact, factor, rounding) in table {
                let is = |value: &Value, wanted: f64| {
                    let off = value.as_f64().expect("a number") - wanted;
                    assert!(off.abs() < rounding + 1e-6, "{name}.{key}: {value} is not {wanted}");
                };
                is(&theirs[key], exact * factor);
                is(&ours["containers"][name][key], exact);
            }
            assert_same(
                &theirs["memory_limit_mb"],
                &ours["containers"][name]["memory_limit_mb"],
                name,
            );
        }
    }
}

#[test]
fn the_interval_of_its_leak_holds_the_rate_and_no_steady_container_is_accused() {
    let (_, _, analysis) = full();
    let leak =
        |name: &str| analysis.container(name).and_then(|c| c.leak.clone()).expect("a verdict");
    let stream = leak("rideshare-stream-processor");
    // Nine blocks of a noisy working set: the estimate is right, five minutes are not sure of it.
    assert_eq!(stream.verdict, Verdict::Suspect, "{stream:?}");
    let (low, high) = (stream.ci_low.expect("low"), stream.ci_high.expect("high"));
    assert!(low <= 2.4 && 2.4 <= high, "{low} .. {high}");
    assert!((stream.slope_mb_per_min.expect("slope") - 2.4).abs() < 0.3, "{stream:?}");
    assert_eq!(stream.figure.as_deref(), Some("working_set"));
    for container in &analysis.containers {
        let verdict = container.leak.as_ref().map(|leak| leak.verdict);
        let may_leak = ["rideshare-stream-processor", "rideshare-redis"];
        if !may_leak.contains(&container.name.as_str()) {
            assert_ne!(verdict, Some(Verdict::Leak), "{}", container.name);
        }
    }
}

#[test]
fn what_stopped_it_is_read_off_its_record() {
    let (_, _, analysis) = full();
    let capacity = analysis.capacity.as_ref().expect("stress");
    let trigger = capacity.trigger.as_ref().expect("a trigger");
    assert_eq!(
        (trigger.container.as_str(), trigger.metric.as_str(), trigger.value),
        ("rideshare-simulation", "cpu", 92.54)
    );
    assert_eq!(capacity.max_level, Some(100));
    assert_eq!(capacity.sustained_level, None, "each level is shorter than a tick");
    let speed = analysis.speed.as_ref().expect("speed");
    assert_eq!(speed.max_speed_achieved, Some(128.0));
    assert_eq!(speed.max_speed_sustained, Some(64.0));
    assert!(speed.stopped_by_threshold);
}

#[test]
fn without_its_record_the_same_trigger_is_judged_from_the_ticks() {
    let (_, mut data) = load("full.results.json.gz");
    let limits = Settings::default().stress;
    data.scenarios[1].metadata = Value::Null;
    data.scenarios[3].metadata = Value::Null;
    let analysis = analyze(&data, &Settings { stress: limits, ..Settings::default() });
    let capacity = analysis.capacity.expect("stress");
    let trigger = capacity.trigger.expect("a trigger");
    assert_eq!(trigger.container, "rideshare-simulation");
    // Its window was five samples, which came every 3 s; ours is ten seconds.
    assert!((90.0..100.0).contains(&trigger.value), "{trigger:?}");
    assert_eq!(capacity.max_level, Some(100));
    let speed = analysis.speed.expect("speed");
    assert_eq!(speed.max_speed_sustained, Some(64.0));
    let step = speed.steps.last().and_then(|step| step.trigger.clone()).expect("a trigger");
    assert!((step.value - 141.42).abs() < 0.01, "{step:?}");
}

#[test]
fn a_restart_in_its_files_is_called_a_restart_and_the_run_aborted() {
    let (_, data) = load("oom.results.json.gz");
    let analysis = analyze(&data, &Settings::default());
    assert_eq!(analysis.status, Status::Aborted);
    let restart = analysis.findings.iter().find(|f| f.kind == FindingKind::Restart);
    let restart = restart.expect("a restart");
    assert!(restart.message.contains("cause not recorded"), "{}", restart.message);
    let container = analysis.container("rideshare-stream-processor").expect("container");
    assert_eq!((container.oom_kills, container.restarts), (0, 1));
    assert!(container.leak.is_none(), "there was no phase under steady load");
}

#[test]
fn an_interrupted_run_and_a_thin_one_are_analysed_as_far_as_they_go() {
    let (_, data) = load("interrupt.results.json.gz");
    let analysis = analyze(&data, &Settings::default());
    assert_eq!(analysis.status, Status::Aborted);
    assert_eq!(analysis.scenarios.len(), 2);
    let (_, data) = load("thin-20-containers.json.gz");
    let analysis = analyze(&data, &Settings::default());
    assert_eq!(analysis.containers.len(), 20);
    assert_eq!(analysis.speed.expect("speed").max_speed_sustained, Some(16.0));
}

#[test]
fn twice_gives_the_same_summary_and_it_survives_json() {
    let (_, data, analysis) = full();
    let first = serde_json::to_string(&Summary::of(&analysis)).expect("write");
    let again = analyze(&data, &Settings::default());
    assert_eq!(serde_json::to_string(&Summary::of(&again)).expect("write"), first);
    let back: Summary = serde_json::from_str(&first).expect("read");
    assert_eq!(serde_json::to_string(&back).expect("write"), first);
}
