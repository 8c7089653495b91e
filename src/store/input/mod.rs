//! What a path given to `analyze` is, told by content and not by name alone, and how to read it.

use std::path::{Path, PathBuf};

use super::error::{Damage, StoreError};
use super::journal::{
    Depth, MAX_RUN_BYTES, ReadJournal, is_journal, read_journal_for, read_samples,
};
use super::results::{INLINE_SAMPLES, Results, is_recovered, read_results};
use super::run_folder::{RUN, SAMPLES};
use super::series_csv;
use crate::analysis::{Dataset, Format};
use crate::config::SeriesConfig;
use crate::outside;

mod detect;
mod output;
#[cfg(test)]
mod tests;

pub use detect::detect;
use detect::results_in;
pub use output::{out_dir_for, stem};

/// Something that can be analyzed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A run folder of ours, with or without a results.json.
    RunFolder(PathBuf),
    /// A folder with a results.json of the predecessor: the folder and the file.
    ForeignFolder(PathBuf, PathBuf),
    /// A results.json.
    Results(PathBuf),
    /// A samples.jsonl without its folder's other files.
    Samples(PathBuf),
    /// A series CSV.
    SeriesCsv(PathBuf),
    /// A folder of the others, in the order of their names.
    Archive {
        /// The folder.
        path: PathBuf,
        /// What is in it.
        members: Vec<Input>,
    },
}

impl Input {
    /// The file or folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Input::RunFolder(path)
            | Input::ForeignFolder(path, _)
            | Input::Results(path)
            | Input::Samples(path)
            | Input::SeriesCsv(path)
            | Input::Archive { path, .. } => path,
        }
    }
}

/// A run that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The run.
    pub dataset: Dataset,
    /// What could not be used.
    pub damage: Vec<Damage>,
    /// What is worth a word and is no damage.
    pub notes: Vec<String>,
    /// The files or folders it was read from.
    pub sources: Vec<PathBuf>,
    /// The journal was read and there is no results.json, or only one that was recovered from it
    /// earlier: it is the caller's to write it, with `"recovered": true` where the run has no end.
    pub needs_results: bool,
}

/// Reads one run. An archive's members are read one by one by the caller.
///
/// # Errors
/// When nothing of it is of use.
pub fn read(input: &Input) -> Result<Loaded, StoreError> {
    read_as(input, &SeriesConfig::default())
}

/// The same, told what a series CSV leaves open.
///
/// # Errors
/// When nothing of it is of use.
pub fn read_as(input: &Input, series: &SeriesConfig) -> Result<Loaded, StoreError> {
    match input {
        Input::RunFolder(folder) => read_folder(folder),
        Input::ForeignFolder(_, file) | Input::Results(file) => read_file(file),
        Input::Samples(path) => Ok(loaded(read_samples(path)?, path)),
        Input::SeriesCsv(path) => {
            let read = series_csv::read_series(path, series)?;
            let loaded = loaded((read.dataset, read.damage), path);
            Ok(Loaded { notes: read.notes, ..loaded })
        }
        Input::Archive { path, .. } => Err(StoreError::UnknownFormat {
            path: path.clone(),
            why: "an archive is read one run at a time".into(),
        }),
    }
}

fn loaded((dataset, damage): (Dataset, Vec<Damage>), path: &Path) -> Loaded {
    Loaded {
        dataset,
        damage,
        notes: Vec::new(),
        sources: vec![path.to_path_buf()],
        needs_results: false,
    }
}

/// The journal is the fullest record of a run; results.json stands in where it is missing.
fn read_folder(folder: &Path) -> Result<Loaded, StoreError> {
    let results = results_in(folder);
    if is_journal(folder) {
        // What was made of half a run stays half when the run goes on.
        let last = results.filter(|path| !is_recovered(path));
        let depth = if last.is_some() { Depth::Needed(0) } else { depth(folder) };
        let ReadJournal { dataset, damage, notes } = read_journal_for(folder, depth)?;
        let mut read = loaded((dataset, damage), folder);
        read.notes = notes;
        match last {
            Some(file) => {
                read.dataset.format = Format::Runner;
                stand_in(&mut read, &file);
            }
            None => read.needs_results = true,
        }
        return Ok(read);
    }
    match results {
        Some(file) => read_file(&file),
        None => Err(StoreError::UnknownFormat {
            path: folder.to_path_buf(),
            why: "there is neither samples.jsonl nor results.json in it".into(),
        }),
    }
}

/// Where nothing of a journal can be read, what results.json repeats of it is used.
fn stand_in(read: &mut Loaded, file: &Path) {
    let ticks = |data: &Dataset| data.scenarios.iter().any(|scenario| !scenario.time.is_empty());
    if ticks(&read.dataset) {
        return;
    }
    let Ok(results) = read_results(file) else { return };
    if ticks(&results.dataset) {
        read.dataset = results.dataset;
        read.damage.extend(results.damage);
        let what = "it holds no tick; results.json was read instead".to_string();
        read.damage.push(Damage { file: file.with_file_name(SAMPLES), line: None, what });
    }
}

/// A results.json that is still to be written may hold the samples, with every figure.
fn depth(folder: &Path) -> Depth {
    let run = outside::bytes(&folder.join(RUN), MAX_RUN_BYTES).ok();
    let run = run.and_then(|run| serde_json::from_slice::<serde_json::Value>(&run).ok());
    let inline = run.and_then(|run| run.pointer("/config/results/inline_samples")?.as_u64());
    Depth::Needed(inline.unwrap_or(INLINE_SAMPLES as u64))
}

fn read_file(path: &Path) -> Result<Loaded, StoreError> {
    let Results { dataset, mut damage, samples_file } = read_results(path)?;
    if let Some(name) = samples_file {
        let folder = path.parent().unwrap_or(Path::new("."));
        if is_journal(folder) {
            return read_folder(folder);
        }
        damage.push(Damage {
            file: path.to_path_buf(),
            line: None,
            what: format!("its samples are in {name}, which is not beside it; put it there"),
        });
    }
    Ok(loaded((dataset, damage), path))
}
