//! One function for each parser of text from outside. It may refuse any input, and must not panic,
//! hang, or give a figure that is no measurement.

use std::path::{Path, PathBuf};

use runner::config::{ConfigText, judgement, read};
use runner::model::{FigureSet, Kind};
use runner::source::cadvisor::events::parse_kills;
use runner::source::cadvisor::parse::{Machine, parse_machine, parse_stats};
use runner::source::cgroup::paths::{Layout, Membership, Mounts};
use runner::source::cgroup::{FileSpec, complete, v1, v2};
use runner::source::{docker, host, kernel_text, procfs};
use runner::store::journal::{self, FigureSources};
use runner::store::results;

// By their paths: `tests/corpus.rs` has this file in another place.
#[path = "targets/answers.rs"]
mod answers;
#[path = "targets/columns.rs"]
mod columns;
#[path = "targets/folders.rs"]
mod folders;

pub use answers::{amdgpu, exposition, prometheus, resources};
pub use columns::samples_cols;
pub use folders::{journal_folder, run_input, series};

/// A target: bytes from outside.
pub type Target = fn(&[u8]);

/// All targets by the names of their folders in `corpus/`.
///
/// A new parser gets a function here or in `targets/`, a row, a file in `fuzz_targets/` and a
/// `[[bin]]` in `Cargo.toml`. What lies behind the feature `app` cannot be reached from here.
pub const TARGETS: &[(&str, Target)] = &[
    ("cgroup_v1", cgroup_v1),
    ("cgroup_v2", cgroup_v2),
    ("cgroup_paths", cgroup_paths),
    ("kernel_text", kernel_texts),
    ("docker_stats", docker_stats),
    ("cadvisor_stats", cadvisor_stats),
    ("cadvisor_events", cadvisor_events),
    ("config", config),
    ("journal_line", journal_line),
    ("journal", journal_folder),
    ("results", results_json),
    ("series_csv", series),
    ("prometheus", prometheus),
    ("exposition", exposition),
    ("resources", resources),
    ("amdgpu", amdgpu),
    ("recorded_config", recorded_config),
    ("run_input", run_input),
    ("samples_cols", samples_cols),
];

/// Gauges and counters of a source are never negative.
fn measured(figures: &FigureSet) {
    for (figure, value) in figures.iter() {
        assert!(value.is_finite(), "{figure}: {value}");
        assert!(value >= 0.0 || figure.row().kind == Kind::Rate, "{figure}: {value}");
    }
}

/// Texts of several files, each behind a line `== NAME`.
fn parts(data: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(data);
    let mut parts: Vec<(String, String)> = Vec::new();
    for line in text.split_inclusive('\n') {
        match (line.strip_prefix("== "), parts.last_mut()) {
            (Some(name), _) => parts.push((name.trim().to_owned(), String::new())),
            (None, Some((_, part))) => part.push_str(line),
            (None, None) => parts.push((String::new(), line.to_owned())),
        }
    }
    parts
}

fn cgroup_files(data: &[u8], files: &[FileSpec]) {
    let mut figures = FigureSet::new();
    let parts = parts(data);
    // In the order in which the source reads them, as one depends on the one before.
    for spec in files {
        for (_, text) in parts.iter().filter(|(name, _)| name.is_empty() || name == spec.name) {
            (spec.parse)(text, &mut figures);
        }
    }
    complete(&mut figures);
    measured(&figures);
}

/// Files of a version 1 group.
pub fn cgroup_v1(data: &[u8]) {
    cgroup_files(data, v1::FILES);
}

/// Files of a version 2 group, and the total of the group above.
pub fn cgroup_v2(data: &[u8]) {
    cgroup_files(data, v2::FILES);
    let kills = v2::kills_below(&String::from_utf8_lossy(data));
    assert!(kills.is_none_or(|kills| kills >= 0.0));
}

/// `mountinfo` and `/proc/PID/cgroup`: whatever they say, files are below the place looked at.
pub fn cgroup_paths(data: &[u8]) {
    let root = Path::new("/sys/fs/cgroup");
    let parts = parts(data);
    let part = |name: &str| parts.iter().find(|(n, _)| n == name).map_or("", |(_, t)| t.as_str());
    let mounts = Mounts::parse(part("mountinfo"), root);
    let (own, theirs) = (Membership::parse(part("own")), Membership::parse(part("cgroup")));
    let layout = Layout::find(&mounts, &theirs, &own, part("id").trim());
    for (path, _) in layout.files() {
        let up = |path: &PathBuf| path.components().any(|c| c.as_os_str() == "..");
        assert!(!up(&path) || part("mountinfo").contains(".."), "{}", path.display());
    }
    let _ = (layout.identity(), layout.parent_events(), mounts.version());
}

/// Formats of `/proc`.
pub fn kernel_texts(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = (kernel_text::number(&text), kernel_text::keyed(&text).count());
    let _ = (kernel_text::pressure(&text), kernel_text::net_dev(&text));
    let _ = (procfs::parse::stat(&text), procfs::parse::memory(&text), procfs::parse::io(&text));
    let mut figures = FigureSet::new();
    host::parse::stat(&text, &mut figures);
    host::parse::loadavg(&text, &mut figures);
    host::parse::meminfo(&text, &mut figures);
    host::parse::vmstat(&text, &mut figures);
    host::parse::cpu_pressure(&text, &mut figures);
    host::parse::memory_pressure(&text, &mut figures);
    host::parse::io_pressure(&text, &mut figures);
    measured(&figures);
}

/// A frame of the engine's stats.
pub fn docker_stats(data: &[u8]) {
    for host_memory in [None, Some(8e9)] {
        if let Ok(frame) = docker::parse::parse_frame(data, host_memory) {
            measured(&frame.figures);
        }
    }
}

/// Answers of cAdvisor's stats calls (v1.3 and v2.1) and about its machine.
pub fn cadvisor_stats(data: &[u8]) {
    let _ = parse_machine(data);
    let known = Machine { memory_bytes: Some(8e9), cores: Some(2.0) };
    for machine in [Machine::default(), known] {
        for snapshot in parse_stats(data, &machine).unwrap_or_default() {
            assert_eq!(snapshot.id.len(), 64);
            if let Ok(sample) = snapshot.sample {
                assert!(sample.at.is_finite() && !sample.figures.is_empty());
                measured(&sample.figures);
            }
        }
    }
}

/// cAdvisor's events.
pub fn cadvisor_events(data: &[u8]) {
    for kill in parse_kills(data).unwrap_or_default() {
        assert!(kill.at.is_finite() && kill.id.len() == 64);
    }
}

/// A config, all of whose problems are told.
pub fn config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let base_dir = Path::new("/nonexistent");
    let nothing = |_: &str| None;
    let input = ConfigText {
        text: &text,
        origin: "runner.toml",
        base_dir,
        set: &[],
        environment: &nothing,
    };
    if let Err(problems) = read(&input) {
        assert!(!problems.to_string().is_empty());
    }
}

/// The recorded config of a run, behind lines `--set KEY=VALUE` that are laid over it.
pub fn recorded_config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (mut set, mut json) = (Vec::new(), text.as_ref());
    while let Some((typed, rest)) = json.strip_prefix("--set ").and_then(|r| r.split_once('\n')) {
        set.push(typed.to_owned());
        json = rest;
    }
    let recorded = serde_json::from_str(json).unwrap_or_default();
    if let Err(problems) = judgement(&recorded, "run.json", &set) {
        assert!(!problems.to_string().is_empty());
    }
}

/// A line of samples.jsonl: what was read is written and read again the same.
pub fn journal_line(data: &[u8]) {
    let sources = FigureSources::default();
    let Ok(tick) = journal::read_line(data, &sources) else { return };
    let mut line = Vec::new();
    journal::write_line(&tick, &sources, &mut line);
    let again = journal::read_line(&line, &sources);
    assert!(again.is_ok(), "{again:?}\n{}", String::from_utf8_lossy(&line));
}

/// A results.json, ours or the replaced framework's.
pub fn results_json(data: &[u8]) {
    let _ = results::parse_results(data, Path::new("results.json"));
}
