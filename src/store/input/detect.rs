//! Finds out what a file or folder is from its first bytes.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Input, stem};
use crate::store::error::StoreError;
use crate::store::files;
use crate::store::journal::is_journal;
use crate::store::run_folder::{RESULTS, RUN};
use crate::store::series_csv;

/// How much of a file is looked at.
pub(super) const HEAD_BYTES: u64 = 64 << 10;

/// Finds out what a path is.
///
/// # Errors
/// [`StoreError::NotFound`] or [`StoreError::UnknownFormat`]; other errors of the system as such.
pub fn detect(path: &Path) -> Result<Input, StoreError> {
    let about = fs::metadata(path).map_err(|e| StoreError::io(path, e))?;
    if !about.is_dir() {
        return detect_file(path);
    }
    if let Some(input) = detect_folder(path)? {
        return Ok(input);
    }
    let members = members(path)?;
    if members.is_empty() {
        return Err(StoreError::UnknownFormat {
            path: path.to_path_buf(),
            why: "the folder holds no run".into(),
        });
    }
    Ok(Input::Archive { path: path.to_path_buf(), members })
}

/// A folder that is one run.
fn detect_folder(path: &Path) -> Result<Option<Input>, StoreError> {
    if is_journal(path) {
        return Ok(Some(Input::RunFolder(path.to_path_buf())));
    }
    let Some(results) = results_in(path) else {
        return Ok(None);
    };
    // One that cannot be read is told when it is read.
    let head = || files::head(&results, HEAD_BYTES);
    let ours = path.join(RUN).is_file() || head().is_ok_and(|head| is_ours(&head));
    Ok(Some(match ours {
        true => Input::RunFolder(path.to_path_buf()),
        false => Input::ForeignFolder(path.to_path_buf(), results),
    }))
}

pub(super) fn results_in(folder: &Path) -> Option<PathBuf> {
    let names = [RESULTS.to_string(), format!("{RESULTS}.gz")];
    names
        .iter()
        .map(|name| folder.join(name))
        .find(|path| fs::metadata(path).is_ok_and(|m| !m.is_dir()))
}

/// The runs in a folder. What is no run (a summary, a picture) is passed over; a results.json that
/// cannot be read is a member, so that it is named when it is read.
fn members(folder: &Path) -> Result<Vec<Input>, StoreError> {
    let list = fs::read_dir(folder).map_err(|e| StoreError::io(folder, e))?;
    let mut paths: Vec<PathBuf> = list.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    let mut members = Vec::new();
    for path in paths {
        let found = if path.is_dir() { detect_folder(&path) } else { detect_file(&path).map(Some) };
        match found {
            Ok(Some(input)) => members.push(input),
            Ok(None) | Err(StoreError::UnknownFormat { .. } | StoreError::NotFound { .. }) => {}
            Err(_) => members.push(Input::Results(path)),
        }
    }
    Ok(members)
}

fn detect_file(path: &Path) -> Result<Input, StoreError> {
    let head = files::head(path, HEAD_BYTES)?;
    let text = head.trim_ascii_start();
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let own = path.to_path_buf();
    let named = path.file_name().unwrap_or_default().to_string_lossy();
    // An empty or broken file with the right name is a damaged run, not a wrong argument.
    let by_name = stem(&named) == "results" && named.contains(".json");
    if text.first() == Some(&b'{') {
        let line = text.split(|b| *b == b'\n').next().unwrap_or_default();
        if has(line, "\"seq\"") && has(line, "\"at\"") && has(line, "\"scenario\"") {
            return Ok(samples(path));
        }
        if by_name || is_results(text) {
            return Ok(Input::Results(own));
        }
    }
    let no_series = match series_csv::is_series(text) {
        Ok(()) => return Ok(Input::SeriesCsv(own)),
        Err(why) => why,
    };
    if by_name {
        return Ok(Input::Results(own));
    }
    Err(StoreError::UnknownFormat { path: own, why: looks_like(text, &no_series) })
}

/// A summary names the run too, and run.json has its configuration.
fn is_results(text: &[u8]) -> bool {
    let begun = has(text, "\"test_id\"") && has(text, "\"config\"") && !has(text, "\"plan\"");
    begun || has(text, "\"scenarios\"") || has(text, "\"scenario_name\"")
}

/// A samples.jsonl that still lies in its run folder stands for the folder.
fn samples(path: &Path) -> Input {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let named = path.file_name().unwrap_or_default().to_string_lossy();
    if named.starts_with("samples.jsonl") && folder.join(RUN).is_file() {
        return Input::RunFolder(folder.to_path_buf());
    }
    Input::Samples(path.to_path_buf())
}

fn looks_like(text: &[u8], no_series: &str) -> String {
    if text.is_empty() {
        return "it is empty".into();
    }
    if text.first() == Some(&b'{') {
        return "JSON without test_id and scenarios".into();
    }
    let line = text.split(|b| *b == b'\n').next().unwrap_or_default();
    let shown: String = String::from_utf8_lossy(line).chars().take(60).collect();
    let shown: String = shown.chars().map(|c| if c.is_control() { '.' } else { c }).collect();
    format!("its first line is '{shown}'; as a series CSV: {no_series}")
}

fn has(text: &[u8], word: &str) -> bool {
    text.windows(word.len()).any(|window| window == word.as_bytes())
}

pub(super) fn is_ours(head: &[u8]) -> bool {
    has(head, "\"schema_version\"")
}
