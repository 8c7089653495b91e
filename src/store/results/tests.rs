//! Promises of results.json: the predecessor's files are read as they are, ours hold all its keys
//! and come back, and nothing that a file holds makes a reader panic or grow without end.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::analysis::{Dataset, Format};
use crate::model::Figure;
use crate::model::units::MB;
use crate::store::StoreError;

fn fixture(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/fixtures/predecessor").join(name)
}

fn read(name: &str) -> Dataset {
    let read = read_results(&fixture(name)).expect("readable");
    assert_eq!(read.damage, []);
    read.dataset
}

fn parse(text: &str) -> Result<Results, StoreError> {
    parse_results(text.as_bytes(), Path::new("results.json"))
}

/// A results file of one scenario whose samples are given as text.
fn with_samples(samples: &str) -> String {
    format!(
        r#"{{"test_id":"x","scenarios":[{{"scenario_name":"baseline","samples":[{samples}]}}]}}"#
    )
}

#[test]
fn a_complete_run_of_the_predecessor_is_read_with_its_phases_and_steps() {
    let data = read("full.results.json.gz");
    assert_eq!(data.format, Format::Predecessor);
    assert_eq!(data.test_id, "20260130_143022");
    let rows: Vec<(&str, usize)> =
        data.scenarios.iter().map(|s| (s.name.as_str(), s.time.len())).collect();
    let expected =
        [("baseline", 15), ("stress_test", 15), ("duration_leak", 236), ("speed_scaling", 1680)];
    assert_eq!(rows, expected);
    let duration = &data.scenarios[2];
    let ticks: Vec<_> =
        duration.phases.iter().map(|p| (p.name.as_str(), p.ticks.clone())).collect();
    assert_eq!(ticks[0], ("active", 0..150));
    assert_eq!(ticks[2].1.end, 236);
    assert!(duration.phases.windows(2).all(|w| w[0].end <= w[1].start));
    let steps = &data.scenarios[3].phases;
    assert_eq!(steps.len(), 7);
    assert_eq!(
        (steps[6].name.as_str(), steps[6].speed, steps[6].level),
        ("128x", Some(128.0), Some(1))
    );
    assert_eq!(steps[6].ticks, 1440..1680);
}

#[test]
fn figures_keep_their_units_and_a_container_without_a_limit_has_none() {
    let data = read("full.results.json.gz");
    let stress = &data.scenarios[1];
    let last = stress.time.len() - 1;
    let kafka = &stress.series("rideshare-kafka").expect("kafka").columns;
    assert_eq!(kafka.at(Figure::MemoryWorkingSetBytes, last), Some(521.3 * MB));
    assert_eq!(kafka.at(Figure::MemoryLimitBytes, last), Some(1024.0 * MB));
    assert_eq!(kafka.at(Figure::MemoryPercent, last), Some(50.9));
    assert_eq!(kafka.at(Figure::CpuPercent, last), Some(63.6));
    let minio = &stress.series("rideshare-minio").expect("minio").columns;
    assert_eq!(minio.at(Figure::MemoryLimitBytes, last), None);
    assert_eq!(minio.at(Figure::MemoryPercent, last), None);
    assert_eq!(stress.queued.last(), Some(&100.0));
    assert!(data.scenarios[2].queued.is_empty());
}

#[test]
fn aborted_runs_keep_their_reason_and_events() {
    let oom = read("oom.results.json.gz");
    assert_eq!(oom.abort_reason.as_deref(), Some("stress_test_oom"));
    assert!(oom.scenarios[1].aborted);
    let event = &oom.scenarios[1].oom_events[0];
    assert_eq!(event.container_name, "rideshare-stream-processor");
    assert_eq!((event.previous_restart_count, event.current_restart_count), (0, 1));
    let interrupt = read("interrupt.results.json.gz");
    assert_eq!(interrupt.abort_reason.as_deref(), Some("user_interrupt"));
    assert_eq!(interrupt.scenarios.len(), 2);
}

#[test]
fn the_large_file_is_read_whole() {
    let data = read("thin-20-containers.json.gz");
    let samples: usize = data.scenarios.iter().map(|s| s.time.len() * s.containers.len()).sum();
    assert_eq!(samples, 26_640);
}

/// Our file of the predecessor's run, as the program itself would see it.
fn rewritten(name: &str) -> (Dataset, Value, Results) {
    let data = read(name);
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("results.json");
    let written = write_results(&path, &data, &Extras::default()).expect("write");
    assert!(written.inline);
    let text = std::fs::read(&path).expect("read");
    let value = serde_json::from_slice(&text).expect("valid JSON without NaN");
    (data, value, read_results(&path).expect("readable"))
}

#[test]
fn our_file_has_every_key_of_the_predecessor_with_its_kind() {
    let theirs: Value = {
        let mut damage = crate::store::error::DamageLog::new(Path::new(""));
        let bytes = crate::store::files::read_all(
            &fixture("full.results.json.gz"),
            u64::MAX - 1,
            &mut damage,
        );
        serde_json::from_slice(&bytes.expect("read")).expect("JSON")
    };
    let (_, ours, _) = rewritten("full.results.json.gz");
    let mut missing = Vec::new();
    compare(&theirs, &ours, "", &mut missing);
    // What analysis adds is the caller's.
    missing.retain(|key| !key.starts_with(".analysis."));
    assert_eq!(missing, Vec::<String>::new());
}

/// Keys of `theirs` that `ours` lacks or has in another kind or, for the four figures, value.
fn compare(theirs: &Value, ours: &Value, path: &str, missing: &mut Vec<String>) {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            for (key, value) in theirs {
                let path = format!("{path}.{key}");
                match ours.get(key) {
                    Some(own) => compare(value, own, &path, missing),
                    None => missing.push(path),
                }
            }
        }
        (Value::Array(theirs), Value::Array(ours)) if theirs.len() == ours.len() => {
            for (value, own) in theirs.iter().zip(ours) {
                compare(value, own, &format!("{path}[]"), missing);
            }
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
            // Their rolling averages are rounded, and a window of five samples, not of 10 s.
            let same = path.contains("rolling_averages") || (a - b).abs() <= 1e-3;
            if !same {
                missing.push(format!("{path}: {a} against {b}"));
            }
        }
        (Value::String(_), Value::String(_))
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Null, _) => {}
        _ => missing.push(path.to_string()),
    }
}

#[test]
fn our_file_comes_back_as_it_was() {
    for name in ["full.results.json.gz", "oom.results.json.gz"] {
        let (before, _, back) = rewritten(name);
        assert_eq!(back.damage, []);
        assert_eq!(back.dataset.format, Format::Runner);
        for (a, b) in before.scenarios.iter().zip(&back.dataset.scenarios) {
            assert_eq!(
                (&a.name, a.time.len(), &a.phases.len()),
                (&b.name, b.time.len(), &b.phases.len())
            );
            assert!(a.time.iter().zip(&b.time).all(|(a, b)| (a - b).abs() < 1e-5));
            for (a, b) in a.containers.iter().zip(&b.containers) {
                assert_eq!(a.name, b.name);
                for figure in a.columns.figures() {
                    let bits = |v: &[f64]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                    let (a, b) = (a.columns.get(figure), b.columns.get(figure));
                    assert_eq!(a.map(bits), b.map(bits), "{figure}");
                }
            }
            for (a, b) in a.phases.iter().zip(&b.phases) {
                assert_eq!((&a.name, &a.ticks, a.speed), (&b.name, &b.ticks, b.speed));
            }
        }
    }
}

#[test]
fn a_run_with_too_many_samples_names_its_journal_instead() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("results.json");
    let extras = Extras { inline_samples: 100, ..Extras::default() };
    let written = write_results(&path, &read("full.results.json.gz"), &extras).expect("write");
    assert!(!written.inline && written.container_samples > 100);
    let value: Value = serde_json::from_slice(&std::fs::read(&path).expect("read")).expect("JSON");
    let scenario = &value["scenarios"][0];
    assert_eq!(scenario["samples"], json!([]));
    assert_eq!(
        (&scenario["samples_file"], &scenario["sample_count"]),
        (&json!("samples.jsonl"), &json!(15))
    );
    let back = read_results(&path).expect("readable");
    assert_eq!(back.samples_file.as_deref(), Some("samples.jsonl"));
}

#[test]
fn what_the_caller_adds_is_merged_over_what_was_recorded() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("results.json");
    let mut extras = Extras::default();
    extras.top.insert("recovered".into(), json!(true));
    extras.top.insert("analysis".into(), json!({"scenario_summaries": [1]}));
    let leak = json!({"leak_analysis": {"web": 1}, "drain_duration_seconds": 4.5});
    let leak = leak.as_object().cloned().unwrap_or_default();
    extras.metadata.insert("duration_leak".into(), leak);
    write_results(&path, &read("full.results.json.gz"), &extras).expect("write");
    let value: Value = serde_json::from_slice(&std::fs::read(&path).expect("read")).expect("JSON");
    assert_eq!(value["recovered"], json!(true));
    assert_eq!(value["analysis"], json!({"scenario_summaries": [1]}));
    let metadata = &value["scenarios"][2]["metadata"];
    assert_eq!(metadata["leak_analysis"], json!({"web": 1}));
    assert_eq!(metadata["drain_duration_seconds"], json!(4.5));
    assert_eq!(metadata["phase_sample_counts"]["active"], json!(150));
}

#[test]
fn a_wrong_value_costs_only_that_value() {
    let text = with_samples(
        r#"{"timestamp":1.0,"containers":{"web":{"memory_used_mb":"12","cpu_percent":NaN,"memory_limit_mb":0.0,"later":{}},"db":7}},
           {"timestamp":2.0,"containers":{"web":{"memory_used_mb":12,"cpu_percent":3,"cpu_percent":4}}}, 5"#,
    );
    let read = parse(&text).expect("readable");
    let web = &read.dataset.scenarios[0].series("web").expect("web").columns;
    assert_eq!(web.at(Figure::MemoryWorkingSetBytes, 0), None);
    assert_eq!(web.at(Figure::MemoryWorkingSetBytes, 1), Some(12.0 * MB));
    assert_eq!(web.at(Figure::CpuPercent, 0), None);
    assert_eq!(web.at(Figure::CpuPercent, 1), Some(4.0));
    let told: String = read.damage.iter().map(|d| format!("{d}\n")).collect();
    assert!(
        told.contains("memory_used_mb is not a number") && told.contains("1 samples"),
        "{told}"
    );
}

#[test]
fn a_file_that_breaks_off_gives_what_is_complete() {
    let text = with_samples(
        r#"{"timestamp":1.0,"containers":{"web":{"cpu_percent":1}}},{"timestamp":2.0,"containers":{"web":{"cpu_percent":2}}}"#,
    );
    let cut = text.find("2}}").expect("second sample");
    let read = parse(&text[..cut]).expect("salvaged");
    let scenario = &read.dataset.scenarios[0];
    assert_eq!(scenario.time.len(), 1);
    assert!(scenario.aborted);
    assert_eq!(scenario.containers[0].columns.get(Figure::CpuPercent), Some(&[1.0][..]));
    assert!(read.damage[0].to_string().contains("results.json, line 1"), "{}", read.damage[0]);
}

#[test]
fn a_clock_that_was_set_back_costs_no_sample() {
    let one =
        |t: f64| format!(r#"{{"timestamp":{t:?},"containers":{{"web":{{"cpu_percent":1}}}}}}"#);
    let text = with_samples(&[100.0, 102.0, 50.0, 52.0].map(one).join(","));
    let read = parse(&text).expect("readable");
    assert_eq!(read.dataset.scenarios[0].time, [0.0, 2.0, 4.0, 6.0]);
    assert_eq!(read.damage.len(), 1);
}

#[test]
fn counts_that_do_not_fit_are_not_believed() {
    for counts in [
        r#"{"active":-3,"drain":1}"#,
        r#"{"active":900,"drain":1}"#,
        r#"{"active":18446744073709551615,"drain":9}"#,
    ] {
        let text = format!(
            r#"{{"scenarios":[{{"scenario_name":"duration_leak","samples":[{{"timestamp":1,"containers":{{"a":{{"cpu_percent":1}}}}}}],
               "metadata":{{"phase_sample_counts":{counts}}}}}]}}"#
        );
        let read = parse(&text).expect("readable");
        assert!(read.dataset.scenarios[0].phases.is_empty());
        assert_eq!(read.damage.len(), 1, "{counts}");
    }
}

#[test]
fn a_list_that_is_wrong_throughout_does_not_cost_its_square() {
    let wrong = "1,\n".repeat(1_000_000);
    let sample = r#"{"timestamp":1,"containers":{"web":{"cpu_percent":1}}}"#;
    let scenario = format!(r#"{{"scenario_name":"baseline","samples":[{sample}]}}"#);
    let read = parse(&format!(r#"{{"scenarios":[{wrong}{scenario}]}}"#)).expect("readable");
    assert_eq!(read.dataset.scenarios.len(), 1);
    assert_eq!((read.damage[2].line, read.damage.len()), (Some(3), 51));
}

#[test]
fn useless_files_are_errors_that_name_file_place_and_remedy() {
    let deep = format!(r#"{{"config":{}"#, "[".repeat(1_000_000));
    let many: String = (0..20_000)
        .map(|i| format!(r#"{{"timestamp":{i},"containers":{{"c{i}":{{"cpu_percent":1}}}}}},"#))
        .collect();
    let sparse = with_samples(many.trim_end_matches(','));
    for text in ["", "  \n", "{", "[]", "nonsense", "{}", r#"{"scenarios":7}"#, &deep, &sparse] {
        let error = parse(text).expect_err("refused");
        assert!(!error.is_usage());
        let message = error.to_string();
        assert!(
            message.starts_with("results.json: ") && message.contains("samples.jsonl"),
            "{message}"
        );
    }
}

proptest! {
    #[test]
    fn no_change_of_bytes_makes_the_reader_panic(
        at in 0..400usize,
        bytes in proptest::collection::vec(any::<u8>(), 1..6),
        cut in 0..500usize,
    ) {
        let text = with_samples(
            r#"{"timestamp":1.0,"containers":{"web":{"memory_used_mb":1.5,"cpu_percent":1}},"agents_queued":{"drivers":3}},{"timestamp":2.0,"load":{"queued":2},"host":{"host_load1":1},"containers":{"web":{"cpu_percent":2}}}"#,
        );
        let mut text = text.into_bytes();
        for (offset, byte) in bytes.into_iter().enumerate() {
            if let Some(cell) = text.get_mut(at + offset) {
                *cell = byte;
            }
        }
        text.truncate(cut);
        if let Ok(read) = parse_results(&text, Path::new("x")) {
            for scenario in &read.dataset.scenarios {
                let rows = scenario.time.len();
                prop_assert!(scenario.containers.iter().all(|s| s.columns.len() == rows));
                prop_assert!(scenario.time.windows(2).all(|w| w[0] < w[1]));
            }
        }
    }
}
