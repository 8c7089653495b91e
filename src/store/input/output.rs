//! Where the analysis of an input goes.

use std::path::{Path, PathBuf};

use super::Input;
use super::detect::{HEAD_BYTES, is_ours};
use crate::store::files;
use crate::store::run_folder::RUN;

/// A file's name without the endings that tell its form.
#[must_use]
pub fn stem(name: &str) -> &str {
    let name = name.strip_suffix(".gz").unwrap_or(name);
    let endings = [".results.json", ".jsonl", ".json", ".csv"];
    endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

/// Where the analysis of an input goes when `--out` says nothing else, and below `--out` when it
/// does; `several`: more than one run is analyzed in this call.
#[must_use]
pub fn out_dir_for(input: &Input, out: Option<&Path>, several: bool) -> PathBuf {
    match out {
        Some(out) if several => out.join(name(input)),
        Some(out) => out.to_path_buf(),
        None => beside(input),
    }
}

/// A folder name for a run among others.
fn name(input: &Input) -> String {
    let path = input.path();
    let named = path.file_name().unwrap_or_default().to_string_lossy();
    let parent = path.parent().and_then(Path::file_name);
    match (stem(&named), parent) {
        ("results" | "samples", Some(parent)) if !path.is_dir() => {
            parent.to_string_lossy().into_owned()
        }
        ("", _) => "run".into(),
        (stem, _) => stem.to_string(),
    }
}

fn beside(input: &Input) -> PathBuf {
    let parent = |path: &Path| path.parent().map(Path::to_path_buf).unwrap_or_default();
    match input {
        Input::RunFolder(folder) => folder.clone(),
        Input::ForeignFolder(folder, _) => folder.join("runner"),
        Input::SeriesCsv(_) => Path::new("results").join(name(input)),
        Input::Results(path) | Input::Samples(path) => {
            let named = path.file_name().unwrap_or_default().to_string_lossy();
            let folder = parent(path);
            let ours = || files::head(path, HEAD_BYTES).is_ok_and(|head| is_ours(&head));
            match stem(&named) {
                "results" if folder.join(RUN).is_file() || ours() => folder,
                "results" | "samples" => folder.join("runner"),
                // Several such files may lie in one folder.
                stem => folder.join("runner").join(stem),
            }
        }
        Input::Archive { path, .. } => path.clone(),
    }
}
