//! Every figure against what was recorded: the answer itself, and the control group's own files.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use super::parse_tests::{all_sets, parse};
use crate::model::{Figure, FigureSet};
use crate::testing::shared;

const V1: &str = "/memory_stats/stats/total_";
const V2: &str = "/memory_stats/stats/";

fn at(body: &Value, pointer: &str) -> Option<f64> {
    body.pointer(pointer).and_then(Value::as_f64)
}

fn sum(parts: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    parts.flatten().fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
}

fn block_io(body: &Value, list: &str, op: &str) -> Option<f64> {
    let entries = body.pointer(&format!("/blkio_stats/{list}"))?.as_array()?;
    let of = |e: &&Value| e["op"].as_str().is_some_and(|o| o.to_lowercase() == op);
    sum(entries.iter().filter(of).map(|e| e["value"].as_f64()))
}

fn network(body: &Value, keys: &[&str]) -> Option<f64> {
    let all = body.get("networks")?.as_object()?;
    let other = all.iter().filter(|(name, _)| *name != "lo");
    sum(other.flat_map(|(_, n)| keys.iter().map(|key| n[*key].as_f64())))
}

/// What each figure of a frame must be, worked out from the answer by another way.
fn expected(body: &Value, host: f64) -> Vec<(Figure, Option<f64>)> {
    let v1 = at(body, "/memory_stats/stats/total_rss").is_some();
    let memory = |v1_key: &str, v2_key: &str| match v1 {
        true if v1_key.is_empty() => None,
        true => at(body, &format!("{V1}{v1_key}")),
        false => at(body, &format!("{V2}{v2_key}")),
    };
    let usage = at(body, "/memory_stats/usage");
    let file = memory("inactive_file", "inactive_file");
    let cache = memory("cache", "file");
    let active = memory("active_file", "active_file");
    let shmem = match v1 {
        true => cache.zip(active).zip(file).map(|((c, a), i)| c - a - i),
        false => memory("", "shmem"),
    };
    let kernel = memory("", "kernel").or_else(|| {
        memory("", "slab")?;
        sum(["kernel_stack", "pagetables", "percpu", "slab"].map(|key| memory("", key)).into_iter())
    });
    let cpu = "/cpu_stats/throttling_data";
    vec![
        (Figure::CpuUsageNs, at(body, "/cpu_stats/cpu_usage/total_usage")),
        (Figure::CpuPeriods, at(body, &format!("{cpu}/periods"))),
        (Figure::CpuThrottledPeriods, at(body, &format!("{cpu}/throttled_periods"))),
        (Figure::CpuThrottledNs, at(body, &format!("{cpu}/throttled_time"))),
        (Figure::MemoryUsageBytes, usage),
        (
            Figure::MemoryWorkingSetBytes,
            usage.zip(file).map(|(u, f)| if f < u { u - f } else { u }),
        ),
        (Figure::MemoryPeakBytes, at(body, "/memory_stats/max_usage")),
        (Figure::MemoryLimitBytes, at(body, "/memory_stats/limit").filter(|limit| *limit < host)),
        (Figure::AnonBytes, memory("rss", "anon")),
        (Figure::CacheBytes, cache),
        (Figure::ShmemBytes, shmem),
        (Figure::ActiveFileBytes, active),
        (Figure::InactiveFileBytes, file),
        (Figure::MappedFileBytes, memory("mapped_file", "file_mapped")),
        (Figure::KernelBytes, kernel),
        (Figure::SlabReclaimableBytes, memory("", "slab_reclaimable")),
        (Figure::SockBytes, memory("", "sock")),
        (Figure::SwapBytes, if v1 { memory("swap", "") } else { None }),
        (Figure::IoReadBytes, block_io(body, "io_service_bytes_recursive", "read")),
        (Figure::IoWriteBytes, block_io(body, "io_service_bytes_recursive", "write")),
        (Figure::IoReadOps, block_io(body, "io_serviced_recursive", "read")),
        (Figure::IoWriteOps, block_io(body, "io_serviced_recursive", "write")),
        (Figure::NetRxBytes, network(body, &["rx_bytes"])),
        (Figure::NetTxBytes, network(body, &["tx_bytes"])),
        (Figure::NetErrors, network(body, &["rx_errors", "tx_errors", "rx_dropped", "tx_dropped"])),
        (Figure::Pids, at(body, "/pids_stats/current")),
    ]
}

#[test]
fn every_figure_of_every_engine_s_answers_is_what_the_answer_holds() {
    let mut compared = 0;
    for (set, recorded) in all_sets() {
        let host = recorded["mem_total"].as_f64().expect("mem_total");
        for (call, body) in recorded["snapshots"].as_object().expect("snapshots") {
            let Ok(frame) = parse(body, host) else { continue };
            let all = expected(body, host);
            for (figure, value) in &all {
                assert_eq!(frame.figures.get(*figure), *value, "{set} {call} {figure}");
                compared += usize::from(value.is_some());
            }
            let known = |figure| all.iter().any(|(known, _)| *known == figure);
            assert!(frame.figures.iter().all(|(figure, _)| known(figure)), "{set} {call}");
        }
    }
    assert!(compared > 2000, "{compared}");
}

fn lines(path: &Path) -> Vec<Value> {
    let mut text = String::new();
    let file = std::fs::File::open(path).expect("recording");
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("gzip");
    text.lines().map(|line| serde_json::from_str(line).expect("json")).collect()
}

/// Figures of a control group's files, as recorded beside the engine's answers.
fn group_figures(files: &Value) -> FigureSet {
    let text = |name: &str| files.get(name).and_then(Value::as_str).unwrap_or_default();
    let whole = |name: &str| text(name).trim().parse::<f64>().ok();
    let keyed = |name: &str, key: &str| {
        let line = text(name).lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(' '))?;
        line.trim().parse::<f64>().ok()
    };
    let v1 = files.get("memory/memory.stat").is_some();
    let mut figures = FigureSet::new();
    let all = if v1 {
        [
            (Figure::CpuUsageNs, whole("cpuacct/cpuacct.usage")),
            (Figure::CpuThrottledNs, keyed("cpu/cpu.stat", "throttled_time")),
            (Figure::AnonBytes, keyed("memory/memory.stat", "total_rss")),
            (Figure::CacheBytes, keyed("memory/memory.stat", "total_cache")),
            (Figure::Pids, whole("pids/pids.current")),
        ]
    } else {
        [
            (Figure::CpuUsageNs, keyed("cpu.stat", "usage_usec").map(|us| us * 1e3)),
            (Figure::CpuThrottledNs, keyed("cpu.stat", "throttled_usec").map(|us| us * 1e3)),
            (Figure::AnonBytes, keyed("memory.stat", "anon")),
            (Figure::CacheBytes, keyed("memory.stat", "file")),
            (Figure::Pids, whole("pids.current")),
        ]
    };
    for (figure, value) in all {
        figures.set_some(figure, value);
    }
    figures
}

/// Each answer of the engine lies between the kernel's own figures just before and just after.
/// Only containers whose memory grows steadily or stays: of others nothing is known in between.
#[test]
fn figures_lie_between_those_of_the_kernel_before_and_after() {
    let Some(root) = shared() else { return };
    let mut compared: BTreeMap<String, usize> = BTreeMap::new();
    for set in std::fs::read_dir(root.join("fixtures")).expect("fixtures") {
        let set = set.expect("entry");
        let engine = set.path().join("engine/stats-oneshot-series.jsonl.gz");
        let group = set.path().join("cgroup/series.jsonl.gz");
        if !engine.exists() || !group.exists() {
            continue;
        }
        let name = set.file_name().to_string_lossy().into_owned();
        let group = lines(&group);
        for line in lines(&engine) {
            let container = &line["container"];
            if !["steady", "choked", "shmem", "nolimit"].iter().any(|c| container == *c) {
                continue;
            }
            let Ok(frame) = parse(&line["body"], 1e12) else { continue };
            let of = |l: &&Value| l["container"] == *container && l.get("files").is_some();
            let t = |l: &Value| l["t"].as_f64().expect("t");
            // The recorder read the files up to some 0.2 s after its stamp.
            let before = group.iter().filter(of).rfind(|l| t(l) < frame.read - 0.5);
            let after = group.iter().filter(of).find(|l| t(l) > frame.read + 0.5);
            let Some((before, after)) = before.zip(after) else { continue };
            if before["ino"] != after["ino"] {
                continue;
            }
            let (low, high) = (group_figures(&before["files"]), group_figures(&after["files"]));
            for (figure, low) in low.iter() {
                let Some(value) = frame.figures.get(figure) else { continue };
                let high = high.get(figure).expect("the same files");
                let place = format!("{name} {container} {figure}: {low} {value} {high}");
                // A page cache may shrink; the kernel counts memory in batches of 64 pages a core.
                let slack = if figure == Figure::CacheBytes || figure == Figure::AnonBytes {
                    2.0 * 64.0 * 4096.0
                } else {
                    0.0
                };
                assert!(
                    low.min(high) - slack <= value && value <= low.max(high) + slack,
                    "{place}"
                );
                *compared.entry(name.clone()).or_default() += 1;
            }
        }
    }
    println!("{compared:?}");
    assert!(compared.len() >= 9, "{compared:?}");
}
