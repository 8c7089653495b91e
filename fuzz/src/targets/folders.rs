//! Parsers that read files: each call has a folder of its own.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use runner::store::input::{Input, detect, read};
use runner::store::{journal, series_csv};

use super::parts;

/// A run folder's journal: `== run.json`, `== samples.jsonl`, `== events.jsonl`.
pub fn journal_folder(data: &[u8]) {
    let folder = Folder::new();
    for (name, text) in parts(data) {
        if matches!(name.as_str(), "run.json" | "samples.jsonl" | "events.jsonl") {
            folder.write(&name, text.as_bytes());
        }
    }
    folder.read_journal();
}

/// A series CSV.
pub fn series(data: &[u8]) {
    let folder = Folder::new();
    let path = folder.write("series.csv", data);
    let _ = series_csv::read_series(&path, &runner::config::SeriesConfig::default());
}

/// Names that a run, an archive of runs or a baseline may have.
const NAMES: [&str; 10] = [
    "baseline.json",
    "events.jsonl",
    "results.json",
    "results.json.gz",
    "run.json",
    "samples.cols",
    "samples.jsonl",
    "samples.jsonl.gz",
    "series.csv",
    "summary.json",
];

/// What `analyze` and `compare` are given: a file, or a folder of files (each behind a line
/// `== NAME`), of which those named `run/NAME` lie one folder deeper, as in an archive.
pub fn run_input(data: &[u8]) {
    let folder = Folder::new();
    let files = files(data);
    for (name, bytes) in &files {
        let bare = name.strip_prefix("run/").unwrap_or(name);
        if NAMES.contains(&bare) {
            folder.write(name, bytes);
        }
    }
    let path = match files.as_slice() {
        [(name, bytes)] if name.is_empty() => folder.write("input", bytes),
        _ => folder.0.clone(),
    };
    match detect(&path) {
        Ok(Input::Archive { members, .. }) => {
            members.iter().for_each(|member| drop(read(member)));
        }
        Ok(input) => drop(read(&input)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Files behind lines `== NAME`, byte for byte; without such a line one file without a name.
fn files(data: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        match (line.strip_prefix(b"== "), files.last_mut()) {
            (Some(name), _) => {
                files.push((String::from_utf8_lossy(name).trim().to_owned(), Vec::new()));
            }
            (None, Some((_, file))) => file.extend_from_slice(line),
            (None, None) => files.push((String::new(), line.to_vec())),
        }
    }
    files
}

/// A folder of its own for each call, gone afterwards.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Folder {
        static CALLS: AtomicU64 = AtomicU64::new(0);
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("runner-fuzz-{}-{call}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for temporary files");
        Folder(path)
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).expect("a folder for temporary files");
        std::fs::write(&path, bytes).expect("a temporary file");
        path
    }

    /// Reads it as a run folder: times never fall.
    pub(super) fn read_journal(&self) {
        let Ok((data, _)) = journal::read_journal(&self.0) else { return };
        for scenario in &data.scenarios {
            assert!(scenario.time.windows(2).all(|pair| pair[0] <= pair[1]));
        }
        let _ = runner::analysis::incidents::of_dataset(&data);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
