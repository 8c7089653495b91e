//! A tick: one round of sampling, and one line of `samples.jsonl`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::figure::FigureSet;
use super::sample::{Sample, SourceKind};
use super::watched::Watched;

/// A figure set that was asked for and did not come: who did not answer, about what, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// Who did not answer.
    pub source: SourceKind,
    /// About which container; absent when the whole source failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Why, in words.
    pub reason: String,
}

impl Gap {
    /// Of one container.
    #[must_use]
    pub fn about(source: SourceKind, container: &str, reason: String) -> Gap {
        Gap { source, container: Some(container.to_owned()), reason }
    }

    /// Of a whole source.
    #[must_use]
    pub fn of_all(source: SourceKind, reason: String) -> Gap {
        Gap { source, container: None, reason }
    }
}

/// What the load says about itself at a tick.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LoadReport {
    /// Level asked for so far (drivers, users, jobs in flight).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued: Option<u32>,
    /// Level that is really there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<u32>,
    /// Speed multiplier in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<f64>,
    /// The driven system's own word for its state (`RUNNING`, `DRAINING`, `PAUSED`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Any other number the load reports, by name (`real_time_ratio`, `active_trips`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, f64>,
    /// Seconds since the report was taken, where that is more than half an interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_s: Option<f64>,
}

/// One round of sampling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tick {
    /// Counts the ticks of a run from 0.
    pub seq: u64,
    /// Monotonic seconds since the start of the run.
    pub at: f64,
    /// Wall clock, Unix seconds: a label.
    pub t: f64,
    /// The scenario's key in results.json (`baseline`, `stress_test`, ...).
    pub scenario: String,
    /// The phase within the scenario.
    pub phase: String,
    /// Index of the phase within the scenario, from 0.
    pub phase_index: u32,
    /// Taken before the first tick of a scenario, so that the first sample has rates.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub priming: bool,
    /// Seconds by which the tick began after its schedule, where that is more than a tenth of the
    /// interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_s: Option<f64>,
    /// One sample a container that answered.
    pub samples: Vec<Sample>,
    /// The machine; `host.at` is the tick's.
    #[serde(default, skip_serializing_if = "FigureSet::is_empty")]
    pub host: FigureSet,
    /// GPUs, by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub devices: BTreeMap<String, FigureSet>,
    /// The runner itself.
    #[serde(default, skip_serializing_if = "FigureSet::is_empty")]
    pub runner: FigureSet,
    /// The load.
    #[serde(default)]
    pub load: LoadReport,
    /// Metrics and health checks of the config.
    #[serde(default, skip_serializing_if = "Watched::is_empty")]
    pub watched: Watched,
    /// What did not answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}
