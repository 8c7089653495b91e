//! The parsers over minutes of recorded file texts, checked against a slow and obvious twin.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use proptest::prelude::*;

use super::{FileSpec, complete, v1, v2};
use crate::model::{Figure, FigureSet};

#[derive(serde::Deserialize)]
struct Line {
    #[serde(default)]
    files: BTreeMap<String, String>,
}

fn lines(path: &Path) -> Vec<Line> {
    let file = std::fs::File::open(path).expect("series");
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("gzip");
    text.lines().map(|line| serde_json::from_str(line).expect("line")).collect()
}

/// Version 1 files are recorded as `CONTROLLER/FILE`.
fn parse(line: &Line) -> FigureSet {
    let mut figures = FigureSet::new();
    for spec in v1::FILES {
        if let Some(text) = line.files.get(&format!("{}/{}", spec.controller, spec.name)) {
            (spec.parse)(text, &mut figures);
        }
    }
    for spec in v2::FILES {
        if let Some(text) = line.files.get(spec.name) {
            (spec.parse)(text, &mut figures);
        }
    }
    complete(&mut figures);
    figures
}

/// Figure, file, key and factor; an empty key means that the file is the number.
const TWIN: &[(Figure, &str, &str, u64)] = &[
    (Figure::CpuUsageNs, "cpuacct/cpuacct.usage", "", 1),
    (Figure::CpuUsageNs, "cpu.stat", "usage_usec", 1000),
    (Figure::CpuThrottledPeriods, "cpu/cpu.stat", "nr_throttled", 1),
    (Figure::CpuThrottledPeriods, "cpu.stat", "nr_throttled", 1),
    (Figure::CpuThrottledNs, "cpu/cpu.stat", "throttled_time", 1),
    (Figure::CpuThrottledNs, "cpu.stat", "throttled_usec", 1000),
    (Figure::MemoryUsageBytes, "memory/memory.usage_in_bytes", "", 1),
    (Figure::MemoryUsageBytes, "memory.current", "", 1),
    (Figure::AnonBytes, "memory/memory.stat", "total_rss", 1),
    (Figure::AnonBytes, "memory.stat", "anon", 1),
    (Figure::ShmemBytes, "memory/memory.stat", "total_shmem", 1),
    (Figure::ShmemBytes, "memory.stat", "shmem", 1),
    (Figure::KernelBytes, "memory/memory.kmem.usage_in_bytes", "", 1),
    (Figure::KernelBytes, "memory.stat", "kernel", 1),
    (Figure::SlabReclaimableBytes, "memory.stat", "slab_reclaimable", 1),
    (Figure::SwapBytes, "memory.swap.current", "", 1),
    (Figure::OomKills, "memory/memory.oom_control", "oom_kill", 1),
    (Figure::OomKills, "memory.events", "oom_kill", 1),
    (Figure::Pids, "pids/pids.current", "", 1),
    (Figure::Pids, "pids.current", "", 1),
];

fn twin(line: &Line, file: &str, key: &str) -> Option<u64> {
    let text = line.files.get(file)?;
    if key.is_empty() {
        return text.trim().parse().ok();
    }
    let rows = text.lines().map(|row| row.split(' ').collect::<Vec<_>>());
    rows.into_iter().find(|row| row.first() == Some(&key)).and_then(|row| row.get(1)?.parse().ok())
}

fn check(path: &Path) {
    let lines = lines(path);
    let mut compared = 0;
    for line in &lines {
        let figures = parse(line);
        for &(figure, file, key, factor) in TWIN {
            if let Some(value) = twin(line, file, key) {
                assert_eq!(figures.get(figure), Some((value * factor) as f64), "{figure}");
                compared += 1;
            }
        }
        let used = figures.get(Figure::MemoryWorkingSetBytes);
        assert!(used <= figures.get(Figure::MemoryUsageBytes));
    }
    assert!(compared > lines.len(), "{} compares nothing", path.display());
}

#[test]
fn recorded_seconds_of_both_versions_read_as_the_texts_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cgroup");
    for series in ["series-v1.jsonl.gz", "series-v2.jsonl.gz"] {
        check(&root.join(series));
    }
}

#[test]
fn all_recorded_minutes_read_as_the_texts_say() {
    let Some(shared) = crate::testing::shared() else { return };
    let sets = std::fs::read_dir(Path::new(&shared).join("fixtures")).expect("fixtures");
    let mut checked = 0;
    for set in sets.flatten() {
        let series = set.path().join("cgroup/series.jsonl.gz");
        let ours = set.file_name().to_string_lossy().starts_with("docker-");
        if ours && series.exists() {
            check(&series);
            checked += 1;
        }
    }
    assert!(checked >= 9, "only {checked} sets with a series");
}

fn any_spec() -> impl Strategy<Value = &'static FileSpec> {
    prop::sample::select(v1::FILES.iter().chain(v2::FILES).collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn no_text_makes_a_parser_panic(
        spec in any_spec(),
        text in "([a-z_]{1,12}[ =:]-?[0-9]{0,25}|8:0 (Read|Write) [0-9]{0,22}|\\PC{0,20}| |\n){0,12}",
    ) {
        let mut figures = FigureSet::new();
        (spec.parse)(&text, &mut figures);
        complete(&mut figures);
        for (_, value) in figures.iter() {
            prop_assert!(value.is_finite() && value >= 0.0);
        }
    }
}
