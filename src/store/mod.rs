//! What is kept: the run folder with its journal and results.json, and the files of others that
//! the analysis can read.
//!
//! Everything here is plain files through `std`; only the [`crate::session::ports::Recorder`] of
//! the journal needs the feature `app`. Readers come back with a [`crate::analysis::Dataset`] and
//! a list of [`Damage`]: what could not be used is named, the rest is kept.

pub mod atomic;
pub mod baseline;
mod columnar;
mod columns;
pub mod error;
mod files;
pub mod input;
pub mod journal;
mod json;
pub mod private;
pub mod results;
pub mod run_folder;
pub mod series_csv;

pub use error::{Damage, StoreError};
pub use files::MAX_INPUT_BYTES;
pub use run_folder::RunFolder;
