//! The parser against recorded answers of Docker 20.10, 25, 28 and 29 on both cgroup versions.

use crate::testing::shared;
use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};

use super::parse::{Frame, FrameError, parse_frame};
use crate::model::{Figure, Part, Sample, SourceKind, rates};

fn recorded(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/docker").join(name);
    let file = std::fs::File::open(&path).expect("fixture");
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("gzip");
    serde_json::from_str(&text).expect("json")
}

pub(super) fn all_sets() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/docker");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("folder")
        .map(|entry| entry.expect("entry").file_name().into_string().expect("name"))
        .filter(|name| name.ends_with(".json.gz"))
        .collect();
    names.sort();
    assert_eq!(names.len(), 11, "{names:?}");
    names.into_iter().map(|name| (name.clone(), recorded(&name))).collect()
}

pub(super) fn parse(body: &Value, host: f64) -> Result<Frame, FrameError> {
    parse_frame(body.to_string().as_bytes(), Some(host))
}

fn sample(frame: &Frame) -> Sample {
    Sample {
        name: "c".into(),
        incarnation: 0,
        parts: vec![Part {
            source: SourceKind::Docker,
            at: frame.read,
            figures: frame.figures.clone(),
        }],
    }
}

#[test]
fn every_engine_s_answers_parse_and_a_container_that_does_not_run_has_no_figures() {
    for (set, recorded) in all_sets() {
        let host = recorded["mem_total"].as_f64().expect("mem_total");
        for (call, body) in recorded["snapshots"].as_object().expect("snapshots") {
            let frame = parse(body, host);
            if call.starts_with("exited/") {
                assert_eq!(frame, Err(FrameError::NotRunning), "{set} {call}");
                continue;
            }
            let frame = frame.unwrap_or_else(|e| panic!("{set} {call}: {e}"));
            for figure in [
                Figure::CpuUsageNs,
                Figure::CpuThrottledNs,
                Figure::MemoryUsageBytes,
                Figure::MemoryWorkingSetBytes,
                Figure::AnonBytes,
                Figure::CacheBytes,
                Figure::ShmemBytes,
                Figure::Pids,
            ] {
                assert!(frame.figures.get(figure).is_some(), "{set} {call} {figure}");
            }
        }
    }
}

#[test]
fn the_machine_s_memory_in_place_of_a_limit_is_no_limit() {
    for (set, recorded) in all_sets() {
        let body = &recorded["snapshots"]["nolimit/stats"];
        if body.is_null() {
            continue;
        }
        let host = recorded["mem_total"].as_f64().expect("mem_total");
        let limit = |host| {
            let frame = parse_frame(body.to_string().as_bytes(), host).expect("frame");
            frame.figures.get(Figure::MemoryLimitBytes)
        };
        assert_eq!(limit(Some(host)), None, "{set}");
        assert_eq!(limit(None), None, "{set}: unknown machine");
    }
}

#[test]
fn shared_memory_is_there_on_both_cgroup_versions() {
    let mut seen = 0;
    for (set, recorded) in all_sets() {
        let body = &recorded["snapshots"]["shmem/stats"];
        if body.is_null() {
            continue;
        }
        let host = recorded["mem_total"].as_f64().expect("mem_total");
        let frame = parse(body, host).expect("frame");
        let shmem = frame.figures.get(Figure::ShmemBytes).expect("shmem");
        // It fills /dev/shm from 0 to 64 MiB at 1 MB/s.
        assert!(shmem > 1e6 && shmem <= 67_108_864.0, "{set}: {shmem}");
        seen += 1;
    }
    assert_eq!(seen, 9);
}

#[test]
fn all_interfaces_are_summed_and_host_networking_has_no_network_figures() {
    for (set, recorded) in all_sets() {
        let host = recorded["mem_total"].as_f64().expect("mem_total");
        let body = &recorded["snapshots"]["nettysrv/stats"];
        let sent: f64 = body["networks"]
            .as_object()
            .expect("networks")
            .values()
            .map(|n| n["tx_bytes"].as_f64().expect("tx_bytes"))
            .sum();
        let figures = parse(body, host).expect("frame").figures;
        assert_eq!(figures.get(Figure::NetTxBytes), Some(sent), "{set}");
        let body = &recorded["snapshots"]["hostnet/stats"];
        if !body.is_null() {
            let figures = parse(body, host).expect("frame").figures;
            assert_eq!(figures.get(Figure::NetRxBytes), None, "{set}");
            assert_eq!(figures.get(Figure::NetErrors), None, "{set}");
        }
    }
}

#[test]
fn block_io_is_read_in_either_case_of_the_operation_and_absent_where_there_is_none() {
    let v2 = recorded("docker-28-cgroup2-systemd.json.gz");
    let figures = parse(&v2["snapshots"]["pagecache/stats"], 2e9).expect("frame").figures;
    assert_eq!(figures.get(Figure::IoWriteBytes), Some(100_691_968.0));
    assert_eq!(figures.get(Figure::IoReadBytes), Some(0.0));
    assert_eq!(figures.get(Figure::IoWriteOps), None);
    let nolimit = parse(&v2["snapshots"]["nolimit/stats"], 2e9).expect("frame").figures;
    assert_eq!(nolimit.get(Figure::IoWriteBytes), None);
    let v1 = json!({"read": "2026-11-20T21:03:15.2Z",
        "cpu_stats": {"cpu_usage": {"total_usage": 5}},
        "blkio_stats": {
            "io_service_bytes_recursive": [
                {"op": "Read", "value": 1}, {"op": "Read", "value": 2},
                {"op": "Write", "value": 4}, {"op": "Total", "value": 7}],
            "io_serviced_recursive": [{"op": "Write", "value": 9}]}});
    let figures = parse(&v1, 2e9).expect("frame").figures;
    assert_eq!(figures.get(Figure::IoReadBytes), Some(3.0));
    assert_eq!(figures.get(Figure::IoWriteBytes), Some(4.0));
    assert_eq!(figures.get(Figure::IoWriteOps), Some(9.0));
    assert_eq!(figures.get(Figure::IoReadOps), None);
}

#[test]
fn cpu_percent_of_two_frames_equals_the_engine_s_own_formula() {
    let mut compared = 0;
    for (set, recorded) in all_sets() {
        let Some(frames) = recorded["streams"]["steady-calm"].as_array() else {
            continue;
        };
        let bodies = (&frames[0], &frames[frames.len() - 1]);
        let number =
            |body: &Value, path: &str| body.pointer(path).and_then(Value::as_f64).expect("number");
        let delta = |path: &str| number(bodies.1, path) - number(bodies.0, path);
        let engine = delta("/cpu_stats/cpu_usage/total_usage")
            / delta("/cpu_stats/system_cpu_usage")
            * number(bodies.1, "/cpu_stats/online_cpus")
            * 100.0;
        let first = parse(bodies.0, 1e12).expect("frame");
        let last = parse(bodies.1, 1e12).expect("frame");
        let ours = rates::derive(Some(&sample(&first)), &sample(&last))
            .get(Figure::CpuPercent)
            .expect("cpu");
        // system_cpu_usage moves in ticks of 10 ms a core, and both counters are read a moment
        // apart: within 5 % over the four seconds compared.
        assert!((ours - engine).abs() < 0.05 * engine + 0.05, "{set}: {ours} against {engine}");
        compared += 1;
    }
    assert!(compared >= 5, "{compared}");
}

#[test]
fn a_restart_in_a_stream_gives_no_rate() {
    for (set, recorded) in all_sets() {
        let Some(frames) = recorded["streams"]["leaky"].as_array() else {
            continue;
        };
        let frames: Vec<Frame> = frames.iter().filter_map(|f| parse(f, 1e12).ok()).collect();
        for pair in frames.windows(2) {
            let cpu =
                rates::derive(Some(&sample(&pair[0])), &sample(&pair[1])).get(Figure::CpuPercent);
            let before = pair[0].figures.get(Figure::CpuUsageNs);
            let fell = pair[1].figures.get(Figure::CpuUsageNs) < before;
            assert!(cpu.is_none_or(|cpu| cpu < 250.0), "{set}: {cpu:?}");
            assert!(!fell || cpu.is_none(), "{set}");
        }
    }
}

#[test]
fn working_set_is_usage_where_inactive_file_is_not_smaller() {
    let body = json!({"read": "2026-11-20T21:03:15.2Z",
        "memory_stats": {"usage": 100, "stats": {"inactive_file": 100, "anon": 1}}});
    let figures = parse(&body, 1e9).expect("frame").figures;
    assert_eq!(figures.get(Figure::MemoryWorkingSetBytes), Some(100.0));
}

#[test]
fn numbers_of_2_to_the_64_less_1_neither_break_the_frame_nor_become_limits() {
    let text =
        br#"{"read":"2026-11-20T21:03:15Z","pids_stats":{"current":3,"limit":18446744073709551615},
        "memory_stats":{"usage":5,"limit":18446744073709551615,"stats":{"inactive_file":0}}}"#;
    let frame = parse_frame(text, Some(1e30)).expect("frame");
    assert_eq!(frame.figures.get(Figure::Pids), Some(3.0));
    assert_eq!(frame.figures.get(Figure::MemoryLimitBytes), None);
}

#[test]
fn what_is_no_frame_says_why() {
    let not_found = br#"{"message":"No such container: nosuch"}"#;
    let error = parse_frame(not_found, None).expect_err("an error");
    assert_eq!(error.to_string(), "the engine says: No such container: nosuch");
    assert!(matches!(parse_frame(b"page not found", None), Err(FrameError::Malformed(_))));
    assert!(matches!(parse_frame(b"", None), Err(FrameError::Malformed(_))));
    assert!(matches!(parse_frame(br#"{"read":7}"#, None), Err(FrameError::Malformed(_))));
    let timeless = br#"{"memory_stats":{"usage":5}}"#;
    assert_eq!(parse_frame(timeless, None), Err(FrameError::NoTime));
}

/// Every stats answer of the full recordings, where they are at hand.
#[test]
fn all_shared_recordings_parse() {
    let Some(root) = shared() else { return };
    let mut frames = 0;
    for set in std::fs::read_dir(root.join("fixtures")).expect("fixtures") {
        let engine = set.expect("entry").path().join("engine");
        let Ok(entries) = std::fs::read_dir(&engine) else {
            continue;
        };
        for path in entries.map(|e| e.expect("entry").path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with("stream-") && name.contains(".jsonl") {
                frames += parse_lines(&path, |line| Some(line.clone()));
            } else if name.starts_with("stats-") && name.ends_with("series.jsonl.gz") {
                frames += parse_lines(&path, |line| line.get("body").cloned());
            }
        }
    }
    println!("{frames} frames of the shared recordings parsed");
    assert!(frames > 1000, "{frames}");
}

fn parse_lines(path: &Path, body: impl Fn(&Value) -> Option<Value>) -> usize {
    let bytes = std::fs::read(path).expect("file");
    let mut text = String::new();
    if path.extension().is_some_and(|e| e == "gz") {
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("gzip");
    } else {
        text = String::from_utf8(bytes).expect("text");
    }
    let mut parsed = 0;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let line: Value = serde_json::from_str(line).expect("json");
        let Some(body) = body(&line).filter(Value::is_object) else {
            continue;
        };
        match parse(&body, 1e12) {
            Ok(_) | Err(FrameError::NotRunning | FrameError::Engine(_)) => parsed += 1,
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }
    parsed
}
