//! What the fuzz targets run; the package's `tests/corpus.rs` runs the same over the kept inputs.

pub mod targets;
