//! A run that is kept to be compared with.
//!
//! A baseline is a copy of what was measured, in a folder that carries a marker, so that keeping a
//! new one never replaces a folder that is something else.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::error::StoreError;
use super::input::Input;
use super::{atomic, run_folder};

/// Says that a folder is a baseline of ours.
const MARKER: &str = "baseline.json";

/// Keeps a copy of a run in `folder`, in place of the baseline that is there.
///
/// # Errors
/// When `folder` is something else than a baseline, when it holds the run itself, or when copying
/// fails.
pub fn save(run: &Input, folder: &Path) -> Result<(), StoreError> {
    let refuse = |why: &str| StoreError::UnknownFormat { path: folder.into(), why: why.into() };
    if folder.exists() && !is_replaceable(folder) {
        return Err(refuse(
            "it is not a baseline that --save-baseline wrote, so it is not replaced",
        ));
    }
    let files = files_of(run);
    if files.is_empty() {
        return Err(refuse("the current run has no file that could be kept"));
    }
    if let (Ok(a), Ok(b)) = (folder.canonicalize(), run.path().canonicalize())
        && (a == b || b.starts_with(&a))
    {
        return Err(refuse("it holds the current run itself"));
    }
    // Beside its place first: a baseline is there whole, or the earlier one still is.
    let fresh = beside(folder, "new");
    let earlier = beside(folder, "old");
    let io = |path: &Path, e| StoreError::io(path, e);
    for left in [&fresh, &earlier] {
        if left.exists() {
            std::fs::remove_dir_all(left).map_err(|e| io(left, e))?;
        }
    }
    std::fs::create_dir_all(&fresh).map_err(|e| io(&fresh, e))?;
    for file in &files {
        let Some(name) = file.file_name() else { continue };
        std::fs::copy(file, fresh.join(name)).map_err(|e| io(file, e))?;
    }
    let from = run.path().file_name().map(|n| n.to_string_lossy().into_owned());
    let mark = json!({"baseline_of": from}).to_string();
    atomic::write(&fresh.join(MARKER), mark.as_bytes())?;
    if folder.exists() {
        std::fs::rename(folder, &earlier).map_err(|e| io(folder, e))?;
    }
    std::fs::rename(&fresh, folder).map_err(|e| io(folder, e))?;
    if earlier.exists() {
        std::fs::remove_dir_all(&earlier).map_err(|e| io(&earlier, e))?;
    }
    Ok(())
}

fn is_replaceable(folder: &Path) -> bool {
    let is_empty = || std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    folder.join(MARKER).is_file() || is_empty()
}

fn beside(folder: &Path, what: &str) -> PathBuf {
    let name = folder.file_name().map_or_else(Default::default, |n| n.to_string_lossy());
    folder.with_file_name(format!(".{name}.{what}"))
}

/// What was measured; what is made of it can be made again.
fn files_of(run: &Input) -> Vec<PathBuf> {
    match run {
        Input::RunFolder(folder) => {
            let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| path.is_file() && is_measured(path))
                .collect();
            files.sort();
            files
        }
        Input::ForeignFolder(_, file)
        | Input::Results(file)
        | Input::Samples(file)
        | Input::SeriesCsv(file) => vec![file.clone()],
        Input::Archive { .. } => Vec::new(),
    }
}

fn is_measured(path: &Path) -> bool {
    let name = path.file_name().map_or_else(Default::default, |n| n.to_string_lossy());
    let bare = name.strip_suffix(".gz").unwrap_or(&name);
    let ours = [run_folder::RUN, run_folder::SAMPLES, run_folder::EVENTS, run_folder::RESULTS];
    ours.contains(&bare)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::input::{detect, read};

    fn csv(path: &Path, mb: u32) -> Input {
        let rows = (0..40).map(|t| format!("{t},web,{}\n", (mb + t) << 20));
        let text = format!("time_s,container,anon_bytes\n{}", rows.collect::<String>());
        std::fs::write(path, text).expect("series");
        detect(path).expect("a series")
    }

    fn measured(folder: &Path) -> f64 {
        let Ok(Input::Archive { members, .. }) = detect(folder) else { panic!("a baseline") };
        let run = read(&members[0]).expect("readable").dataset;
        let series = run.scenarios[0].series("web").expect("web");
        series.columns.at(crate::model::Figure::AnonBytes, 0).expect("a figure")
    }

    #[test]
    fn a_baseline_is_replaced_by_the_next_one() {
        let dir = tempfile::tempdir().expect("folder");
        let base = dir.path().join("base");
        for mb in [10, 20] {
            save(&csv(&dir.path().join("series.csv"), mb), &base).expect("kept");
            assert!((measured(&base) - f64::from(mb << 20)).abs() < 1.0);
        }
        let left = std::fs::read_dir(dir.path()).expect("folder").count();
        assert_eq!(left, 2, "nothing lies beside it");
    }

    #[test]
    fn a_folder_that_is_something_else_is_never_replaced() {
        let dir = tempfile::tempdir().expect("folder");
        let run = csv(&dir.path().join("series.csv"), 10);
        let theirs = dir.path().join("theirs");
        std::fs::create_dir(&theirs).expect("folder");
        std::fs::write(theirs.join("thesis.txt"), "years of work").expect("file");
        let error = save(&run, &theirs).expect_err("refused");
        assert!(error.is_usage() && error.to_string().contains("not replaced"), "{error}");
        assert!(theirs.join("thesis.txt").is_file());
    }

    #[test]
    fn a_baseline_is_not_replaced_by_itself() {
        let dir = tempfile::tempdir().expect("folder");
        let base = dir.path().join("base");
        save(&csv(&dir.path().join("series.csv"), 10), &base).expect("kept");
        let inside = detect(&base.join("series.csv")).expect("the copy");
        assert!(save(&inside, &base).is_err());
        assert!(base.join("series.csv").is_file());
    }
}
