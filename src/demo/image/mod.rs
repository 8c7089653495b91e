//! The demo's image, made of the running executable: no network, no builder, no second build.
//!
//! FROM scratch with four things: the executable, the loader that its ELF header names, the
//! shared objects it needs (found among those this process has mapped), and two empty folders.
//! It is tagged with a hash of the executable, so it is made once and again only when the binary
//! has changed.

mod archive;
mod elf;
mod engine;
mod fingerprint;
mod objects;

use std::path::{Path, PathBuf};

pub use engine::{DemoImage, ensure};

/// The repository name of every demo image.
pub const REPOSITORY: &str = "runner-demo";

/// The label that marks them.
pub const LABEL: &str = "runner.demo";

/// Where the executable lies in the image.
const EXECUTABLE: &str = "/runner";

/// The executable of this process: readable even when the file it came from is gone or replaced.
pub fn running_executable() -> &'static Path {
    Path::new("/proc/self/exe")
}

/// Why the image could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A file that belongs into the image cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// A file is not an ELF file of this machine.
    #[error("{} is not a 64-bit ELF file: {reason}", path.display())]
    Elf {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        reason: String,
    },
    /// A shared object that the executable needs is neither mapped nor beside the others.
    #[error("the executable needs {name}, which is in none of the folders of its other libraries")]
    MissingObject {
        /// Its soname.
        name: String,
    },
    /// The engine stopped reading before the end and gave no reason.
    #[error("the engine stopped reading the image before its end")]
    Unfinished,
    /// The engine refused.
    #[error("the engine did not take the image: {0}")]
    Engine(#[from] bollard::errors::Error),
}
