//! run.json: what was known before the first tick.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{Container, Device, Figure, SourceKind};

/// Version of the run folder's formats.
pub const SCHEMA_VERSION: u32 = 1;

/// The content of run.json.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFile {
    /// Version of this format ([`SCHEMA_VERSION`]).
    pub schema_version: u32,
    /// Name of the run.
    pub test_id: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Version of the runner that wrote it.
    pub runner_version: String,
    /// The process that writes the run, while it goes on (`stack::holder`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// The resolved configuration, without credentials.
    #[serde(default)]
    pub config: Value,
    /// The machine: kernel, cores, memory.
    #[serde(default)]
    pub host: Value,
    /// The engine: kind, version, cgroup version.
    #[serde(default)]
    pub engine: Value,
    /// The containers as they were found.
    #[serde(default)]
    pub containers: Vec<Container>,
    /// The GPUs that are read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<Device>,
    /// Scenarios and phases that are going to run.
    #[serde(default)]
    pub plan: Value,
    /// Figure -> source that gives it. A sample names its source only where it differs.
    #[serde(default)]
    pub sources: BTreeMap<String, SourceKind>,
}

impl RunFile {
    /// A run file of this version with nothing in it yet.
    #[must_use]
    pub fn new(test_id: &str, started_at: &str) -> RunFile {
        RunFile {
            schema_version: SCHEMA_VERSION,
            test_id: test_id.to_string(),
            started_at: started_at.to_string(),
            runner_version: env!("CARGO_PKG_VERSION").to_string(),
            holder: None,
            config: Value::Null,
            host: Value::Null,
            engine: Value::Null,
            containers: Vec::new(),
            devices: Vec::new(),
            plan: Value::Null,
            sources: BTreeMap::new(),
        }
    }
}

/// Which source gives a figure when a sample does not say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FigureSources(Vec<(Figure, SourceKind)>);

impl FigureSources {
    /// From the `sources` of run.json; figures of other versions are skipped.
    #[must_use]
    pub fn new(sources: &BTreeMap<String, SourceKind>) -> FigureSources {
        let known = |(name, source): (&String, &SourceKind)| {
            Figure::by_name(name).map(|figure| (figure, *source))
        };
        FigureSources(sources.iter().filter_map(known).collect())
    }

    /// The source of a figure.
    #[must_use]
    pub fn get(&self, figure: Figure) -> Option<SourceKind> {
        self.0.iter().find(|(f, _)| *f == figure).map(|(_, source)| *source)
    }
}
