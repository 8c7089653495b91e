//! The run folder `results/<test_id>/`: its name and the paths of its files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::error::StoreError;
use super::private;

/// run.json: what was known before the first tick.
pub const RUN: &str = "run.json";
/// One line a tick.
pub const SAMPLES: &str = "samples.jsonl";
/// The containers' figures of [`SAMPLES`] by column; can be missing.
pub const COLUMNS: &str = "samples.cols";
/// One line an event.
pub const EVENTS: &str = "events.jsonl";
/// The results.
pub const RESULTS: &str = "results.json";
/// The summary for machines.
pub const SUMMARY: &str = "summary.json";
/// Folder of last words.
pub const CONTAINERS: &str = "containers";
/// Folder of what hooks said.
pub const HOOKS: &str = "hooks";
/// Folder of charts.
pub const CHARTS: &str = "charts";

/// How many runs may start in one second in one archive.
const MAX_SAME_SECOND: u32 = 1000;

/// The folder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
    test_id: String,
}

impl RunFolder {
    /// Makes a new folder in the archive `results` (made too, where it is missing), named after
    /// `start` in UTC: `YYYYMMDD_HHMMSS`, with `_2`, `_3` ... where another run has the name. `mode` says who may
    /// read it (0o700: its user).
    ///
    /// # Errors
    /// When the folder cannot be made: no permission, full disk, a file in its place.
    pub fn create(
        results: &Path,
        start: DateTime<Utc>,
        mode: u32,
    ) -> Result<RunFolder, StoreError> {
        fs::create_dir_all(results).map_err(|e| StoreError::io(results, e))?;
        let name = start.format("%Y%m%d_%H%M%S").to_string();
        for count in 1..=MAX_SAME_SECOND {
            let test_id = match count {
                1 => name.clone(),
                _ => format!("{name}_{count}"),
            };
            let path = results.join(&test_id);
            // Making a folder is atomic: of two runs that start together only one gets the name.
            match private::create_new_dir(&path, mode) {
                Ok(()) => return Ok(RunFolder { path, test_id }),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(StoreError::io(&path, e)),
            }
        }
        let path = results.join(name);
        let taken = io::Error::from(io::ErrorKind::AlreadyExists);
        Err(StoreError::io(&path, taken))
    }

    /// An existing folder; its name is taken as the test id.
    #[must_use]
    pub fn at(path: &Path) -> RunFolder {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
        RunFolder { path: path.to_path_buf(), test_id: name.unwrap_or_else(|| "run".into()) }
    }

    /// Removes the folder where nothing was written to it: the run never began.
    pub fn remove_if_empty(&self) {
        // The system refuses to remove a folder that holds something.
        let _ = fs::remove_dir(&self.path);
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The run's name.
    #[must_use]
    pub fn test_id(&self) -> &str {
        &self.test_id
    }

    /// Path of a file in the folder ([`RUN`], [`RESULTS`], ...).
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_230_893, 0).expect("a date")
    }

    #[test]
    fn runs_of_the_same_second_get_names_of_their_own() {
        let folder = tempfile::tempdir().expect("tempdir");
        let archive = folder.path().join("results");
        let names: Vec<String> = (0..3)
            .map(|_| RunFolder::create(&archive, start(), 0o700).expect("create"))
            .map(|run| run.test_id().to_string())
            .collect();
        let first = start().format("%Y%m%d_%H%M%S").to_string();
        assert_eq!(names, [first.clone(), format!("{first}_2"), format!("{first}_3")]);
    }

    #[test]
    fn a_file_in_the_place_of_the_archive_is_an_error_with_path_and_remedy() {
        let folder = tempfile::tempdir().expect("tempdir");
        let archive = folder.path().join("results");
        fs::write(&archive, "").expect("write");
        let message = RunFolder::create(&archive, start(), 0o700).expect_err("refused").to_string();
        assert!(message.contains("results") && message.contains("--out"), "{message}");
    }
}
