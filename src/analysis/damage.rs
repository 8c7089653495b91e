//! What of an input could not be used.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};

/// Something in a file that could not be used; the rest was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// The file; only its name is written, since a run folder may be moved.
    #[serde(serialize_with = "name")]
    pub file: PathBuf,
    /// Its line, from 1, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What is wrong, and what was done about it.
    pub what: String,
}

fn name<S: Serializer>(file: &Path, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&file_name(file))
}

fn file_name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

impl Damage {
    /// As reports say it: the file by its name, the line, what is wrong.
    #[must_use]
    pub fn in_report(&self) -> String {
        let line = self.line.map(|line| format!(", line {line}")).unwrap_or_default();
        format!("{}{line}: {}", file_name(&self.file), self.what)
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {}", self.what)
    }
}
