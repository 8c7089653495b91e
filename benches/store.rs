//! How fast files become columns: `cargo bench --bench store`.
//!
//! The largest run, 200 containers over ten hours, is measured on a folder that
//! `examples/make_run.rs` writes.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use runner::model::{Figure, FigureSet, LoadReport, Part, Sample, SourceKind, Tick};
use runner::store::RunFolder;
use runner::store::journal::{
    Depth, FigureSources, Journal, RunFile, read_journal, read_journal_for, write_line,
};
use runner::store::results::{Extras, parse_results, read_results, write_results};

fn main() {
    divan::main();
}

fn thin() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/fixtures/predecessor/thin-20-containers.json.gz")
}

fn unpacked(path: &Path) -> Vec<u8> {
    let packed = std::fs::read(path).expect("fixture");
    let mut text = Vec::new();
    let mut gz = flate2::read::GzDecoder::new(packed.as_slice());
    std::io::Read::read_to_end(&mut gz, &mut text).expect("gzip");
    text
}

/// A file of the predecessor's form: 200 containers, about 159 MB.
fn large() -> Vec<u8> {
    let mut text = String::from(
        "{\n  \"test_id\": \"x\",\n  \"scenarios\": [\n    {\n      \"scenario_name\": \"baseline\",\n      \"samples\": [",
    );
    for row in 0..3900u32 {
        let comma = if row > 0 { "," } else { "" };
        let time = 1_769_783_422 + 2 * row;
        let _ = write!(
            text,
            "{comma}\n        {{\n          \"timestamp\": {time}.05,\n          \"timestamp_iso\": \"2026-01-30T14:30:22.050000\",\n          \"containers\": {{"
        );
        for container in 0..200u32 {
            let comma = if container > 0 { "," } else { "" };
            let used = f64::from(row % 97) + f64::from(container) + 0.3;
            let _ = write!(
                text,
                "{comma}\n            \"rideshare-service-{container}\": {{\n              \"memory_used_mb\": {used:.1},\n              \"memory_limit_mb\": 512.0,\n              \"memory_percent\": {:.1},\n              \"cpu_percent\": {:.1}\n            }}",
                used / 5.12,
                used / 3.0,
            );
        }
        text.push_str("\n          }\n        }");
    }
    text.push_str("\n      ]\n    }\n  ]\n}\n");
    text.into_bytes()
}

#[divan::bench(sample_count = 20)]
fn results_of_20_containers(bencher: Bencher) {
    let text = unpacked(&thin());
    bencher
        .counter(BytesCount::new(text.len()))
        .bench_local(|| parse_results(&text, Path::new("results.json")).expect("readable"));
}

#[divan::bench(sample_count = 20)]
fn results_of_20_containers_gzipped_from_disk(bencher: Bencher) {
    let path = thin();
    bencher.bench_local(|| read_results(&path).expect("readable"));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn results_of_200_containers(bencher: Bencher) {
    let text = large();
    bencher
        .counter(BytesCount::new(text.len()))
        .bench_local(|| parse_results(&text, Path::new("results.json")).expect("readable"));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn results_of_200_containers_from_disk(bencher: Bencher) {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("results.json");
    std::fs::write(&path, large()).expect("write");
    bencher.bench_local(|| read_results(&path).expect("readable"));
}

#[divan::bench(sample_count = 10)]
fn writing_results_of_20_containers(bencher: Bencher) {
    let data = read_results(&thin()).expect("readable").dataset;
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("results.json");
    bencher.bench_local(|| write_results(&path, &data, &Extras::default()).expect("write"));
}

const FIGURES: [Figure; 13] = [
    Figure::CpuUsageNs,
    Figure::CpuPeriods,
    Figure::CpuThrottledPeriods,
    Figure::MemoryUsageBytes,
    Figure::MemoryWorkingSetBytes,
    Figure::MemoryLimitBytes,
    Figure::AnonBytes,
    Figure::CacheBytes,
    Figure::KernelBytes,
    Figure::IoReadBytes,
    Figure::IoWriteBytes,
    Figure::Pids,
    Figure::OomKills,
];

fn tick(seq: u32, containers: u32) -> Tick {
    let at = f64::from(seq) + 0.001_234;
    let sample = |container: u32| {
        let value = |(index, figure): (usize, &Figure)| {
            let value = u64::from(seq) * 4096 * (index as u64 + 1) + u64::from(container);
            (*figure, value as f64)
        };
        let figures: FigureSet = FIGURES.iter().enumerate().map(value).collect();
        Sample {
            name: format!("rideshare-service-{container}"),
            incarnation: 0,
            parts: vec![Part {
                source: SourceKind::Cgroup,
                at: at + f64::from(container) * 1e-5,
                figures,
            }],
        }
    };
    Tick {
        seq: u64::from(seq),
        at,
        t: 1_769_783_422.0 + at,
        scenario: "soak".into(),
        phase: "active".into(),
        phase_index: 0,
        priming: false,
        late_s: None,
        samples: (0..containers).map(sample).collect(),
        host: FigureSet::new(),
        devices: Default::default(),
        runner: FigureSet::new(),
        load: LoadReport::default(),
        watched: Default::default(),
        gaps: Vec::new(),
    }
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn journal_of_a_million_container_samples(bencher: Bencher) {
    let folder = tempfile::tempdir().expect("tempdir");
    let mut text = Vec::new();
    for seq in 0..5000 {
        write_line(&tick(seq, 200), &FigureSources::default(), &mut text);
    }
    std::fs::write(folder.path().join("samples.jsonl"), &text).expect("write");
    bencher
        .counter(BytesCount::new(text.len()))
        .counter(ItemsCount::new(1_000_000u32))
        .bench_local(|| read_journal(folder.path()).expect("readable"));
}

/// The same with the columns beside it that the recorder writes, read for what is needed.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn columns_of_a_million_container_samples(bencher: Bencher) {
    let folder = tempfile::tempdir().expect("tempdir");
    let run = RunFile::new("x", "2026-01-30T14:30:22Z");
    let mut journal = Journal::create(&RunFolder::at(folder.path()), &run).expect("create");
    for seq in 0..5000 {
        journal.tick(&tick(seq, 200)).expect("append");
    }
    journal.finish().expect("finish");
    bencher
        .counter(ItemsCount::new(1_000_000u32))
        .bench_local(|| read_journal_for(folder.path(), Depth::Needed(0)).expect("readable"));
}

/// Columns included: one sample in five hundred also writes a block.
#[divan::bench(sample_count = 2000, sample_size = 1)]
fn appending_a_tick_of_200_containers(bencher: Bencher) {
    let folder = tempfile::tempdir().expect("tempdir");
    let run = RunFile::new("x", "2026-01-30T14:30:22Z");
    let mut journal = Journal::create(&RunFolder::at(folder.path()), &run).expect("create");
    let tick = tick(7, 200);
    bencher.bench_local(|| journal.tick(&tick).expect("append"));
}
