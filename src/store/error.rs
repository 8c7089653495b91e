//! Errors of the store: they name the file, the place in it, and what to do.

use std::io;
use std::path::{Path, PathBuf};

pub use crate::analysis::damage::Damage;
use crate::os::is_out_of_descriptors;

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing is there.
    #[error("{}: no such file or folder; check the path", .path.display())]
    NotFound {
        /// What was asked for.
        path: PathBuf,
    },
    /// It is there, but nothing that this program reads.
    #[error(
        "{}: unknown format ({why}); a run folder, results.json, samples.jsonl, a series CSV (columns time_s, container and one of usage_bytes, working_set_bytes, anon_bytes; docs/series.md), a recording of docker stats or a folder of these is expected",
        .path.display()
    )]
    UnknownFormat {
        /// The file or folder.
        path: PathBuf,
        /// What it looked like.
        why: String,
    },
    /// The operating system refused.
    #[error("{}: {source}; {remedy}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
        /// What to do.
        remedy: &'static str,
    },
    /// It is broken beyond use.
    #[error("{}: {what} ({place}); {remedy}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Line and column, or byte.
        place: String,
        /// What is wrong.
        what: String,
        /// What to do.
        remedy: &'static str,
    },
}

impl StoreError {
    /// An error of the operating system at that path, with its remedy.
    #[must_use]
    pub fn io(path: &Path, source: io::Error) -> StoreError {
        if source.kind() == io::ErrorKind::NotFound {
            return StoreError::NotFound { path: path.to_path_buf() };
        }
        StoreError::Io { path: path.to_path_buf(), remedy: remedy(&source), source }
    }

    /// What kind of error of the operating system it is; `InvalidData` for one of content.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            StoreError::NotFound { .. } => io::ErrorKind::NotFound,
            StoreError::Io { source, .. } => source.kind(),
            StoreError::UnknownFormat { .. } | StoreError::Damaged { .. } => {
                io::ErrorKind::InvalidData
            }
        }
    }

    /// What is wrong, without the path: for a message that names it already.
    #[must_use]
    pub fn what(&self) -> String {
        match self {
            StoreError::NotFound { .. } => "is missing".into(),
            StoreError::UnknownFormat { why, .. } => why.clone(),
            StoreError::Io { source, .. } => source.to_string(),
            StoreError::Damaged { place, what, .. } => format!("{what} ({place})"),
        }
    }

    /// Whether this is a wrong argument (no such path, unknown format: exit code 2) rather than a
    /// damaged file (exit code 4).
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(self, StoreError::NotFound { .. } | StoreError::UnknownFormat { .. })
    }
}

/// What to do about an error of the operating system.
#[must_use]
pub fn remedy(error: &io::Error) -> &'static str {
    if is_out_of_descriptors(error) {
        return "too many files are open: raise the limit (ulimit -n)";
    }
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "give this user access to it, or choose another folder with --out"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full: free space, or choose another folder with --out"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "the file system is read-only: choose another folder with --out"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "something else is in the way there: move it, or choose another folder with --out"
        }
        io::ErrorKind::InvalidInput => "name a regular file",
        _ => "check the disk and the path",
    }
}

/// The same error with the path and the remedy in its message, for callers that only know
/// [`io::Error`].
#[must_use]
pub fn with_path(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), StoreError::io(path, error))
}

/// Collects damage without growing beyond reason on a file that is nothing but damage.
#[derive(Debug)]
pub(crate) struct DamageLog {
    file: PathBuf,
    found: Vec<Damage>,
    more: u64,
}

/// How many are listed one by one.
const LISTED: usize = 50;

impl DamageLog {
    pub(crate) fn new(file: &Path) -> DamageLog {
        DamageLog { file: file.to_path_buf(), found: Vec::new(), more: 0 }
    }

    pub(crate) fn note(&mut self, line: Option<u64>, what: impl FnOnce() -> String) {
        if self.is_full() {
            self.more += 1;
            return;
        }
        self.found.push(Damage { file: self.file.clone(), line, what: what() });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether what is noted from now on is only counted: its place need not be found.
    pub(crate) fn is_full(&self) -> bool {
        self.found.len() >= LISTED
    }

    pub(crate) fn into_vec(mut self) -> Vec<Damage> {
        if self.more > 0 {
            self.found.push(Damage {
                file: self.file,
                line: None,
                what: format!("and {} more places like these", self.more),
            });
        }
        self.found
    }
}
