//! What cAdvisor answers, as one snapshot a container: its id, a time, figures.
//!
//! One parser serves v2.1 (`/api/v2.1/stats?type=docker&recursive=true`) and v1.3
//! (`/api/v1.3/docker/`), versions 0.49 to 0.60.

use chrono::{DateTime, Datelike};
use serde::Deserialize;

use super::figures;
use super::wire::{Answer, Entry, Stats};
use crate::model::{FigureSet, Limits};
use crate::source::lenient::number;

/// A container as cAdvisor sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The engine's id: from the cgroup path, else from the aliases. Names and labels can be
    /// missing, and a name outlives a recreation.
    pub id: String,
    /// What limits it. The CPU limit is there in v1.3 only.
    pub limits: Limits,
    /// The newest sample, or why there is none.
    pub sample: Result<Figures, String>,
}

/// Figures and when they were true.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Unix seconds of cAdvisor's clock.
    pub at: f64,
    /// The figures: gauges and counters as read.
    pub figures: FigureSet,
}

/// What cAdvisor knows about the machine; needed to tell a limit from none.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// Memory of the machine, bytes.
    #[serde(rename = "memory_capacity", deserialize_with = "number")]
    pub memory_bytes: Option<f64>,
    /// Logical cores.
    #[serde(rename = "num_cores", deserialize_with = "number")]
    pub cores: Option<f64>,
}

/// The answer is not what the call promises.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("cAdvisor's answer cannot be understood: {0}")]
pub struct ParseError(String);

impl ParseError {
    pub(super) fn new(error: &serde_json::Error) -> ParseError {
        ParseError(error.to_string())
    }
}

/// Reads an answer of the stats call. Entries that are no containers (no id) are left out.
///
/// # Errors
/// When it is no JSON, or not a map of containers.
pub fn parse_stats(text: &[u8], machine: &Machine) -> Result<Vec<Snapshot>, ParseError> {
    let answer: Answer = serde_json::from_slice(text).map_err(|error| ParseError::new(&error))?;
    let entries = answer.0.into_iter().filter_map(|(path, entry)| Some((path, entry.0?)));
    let snapshots = entries.filter_map(|(path, entry)| snapshot(&path, entry, machine));
    Ok(snapshots.collect())
}

/// Reads `/api/v2.1/machine`.
///
/// # Errors
/// When it is no JSON of a machine.
pub fn parse_machine(text: &[u8]) -> Result<Machine, ParseError> {
    serde_json::from_slice(text).map_err(|error| ParseError::new(&error))
}

fn snapshot(path: &str, entry: Entry, machine: &Machine) -> Option<Snapshot> {
    let spec = entry.spec.unwrap_or_default();
    let aliases = entry.aliases.iter().chain(&spec.aliases).flatten();
    let id = id_in(path)
        .or(entry.id.as_deref().and_then(id_in))
        .or_else(|| aliases.map(String::as_str).find_map(id_in))?
        .to_owned();
    let limits = Limits {
        memory_bytes: figures::memory_limit(&spec, machine).map(|bytes| bytes as u64),
        cpus: spec.cpu.as_ref().and_then(|cpu| cpu.cores()),
        pids: None,
    };
    let stats = entry.stats.unwrap_or_default();
    let sample = newest(&stats).and_then(|(at, stats)| {
        let figures = figures::of(&spec, stats, machine, at);
        if figures.is_empty() {
            return Err("cAdvisor has neither CPU nor memory of it".to_owned());
        }
        Ok(Figures { at, figures })
    });
    Some(Snapshot { id, limits, sample })
}

/// The newest sample; their order is not promised.
fn newest(stats: &[Stats]) -> Result<(f64, &Stats), String> {
    stats
        .iter()
        .filter_map(|one| Some((one.timestamp.as_deref().and_then(unix_seconds)?, one)))
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .ok_or_else(|| "cAdvisor has no sample of it".to_owned())
}

/// The container id in a cgroup path, whatever the driver and runtime put around it:
/// `/docker/ID`, `/system.slice/docker-ID.scope`, `.../libpod-ID.scope`.
pub(super) fn id_in(path: &str) -> Option<&str> {
    const ID_LENGTH: usize = 64;
    let last = path.rsplit('/').next()?;
    last.split(['-', '.', ':', '_'])
        .find(|part| part.len() == ID_LENGTH && part.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Unix seconds of an RFC 3339 time stamp; none for the year 1, which is Go's "no time".
pub(super) fn unix_seconds(text: &str) -> Option<f64> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    (time.year() > 1)
        .then(|| time.timestamp() as f64 + f64::from(time.timestamp_subsec_nanos()) * 1e-9)
}
