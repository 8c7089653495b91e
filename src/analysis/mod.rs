//! What the figures say: statistics, slopes, leak verdicts, retention, capacity, findings.
//!
//! Pure: no clock, no file, no print. Input is a [`Dataset`], however it was stored; output is an
//! [`Analysis`], which reports and charts read from.

mod analyze;
pub mod capacity;
pub mod compare;
mod containers;
pub mod damage;
pub mod dataset;
pub mod findings;
pub mod forensics;
#[cfg(test)]
mod golden;
pub mod gpu;
mod held;
mod incident_counts;
pub mod incidents;
pub mod isolate;
pub mod leak;
pub mod limits;
pub mod load;
pub mod metrics;
pub mod needs;
pub mod noise;
pub(crate) mod parallel;
pub mod provenance;
pub mod records;
pub mod resources;
pub mod retention;
pub mod scenario_stats;
pub mod settings;
pub mod slope;
pub mod stats;
pub mod summary;

pub use analyze::{Analysis, RUNNING, Status, add_unfinished, analyze, analyze_with};
pub use containers::ContainerAnalysis;
pub use damage::Damage;
pub use dataset::{Columns, Dataset, Format, HealthSeries, OomEvent, Phase, ScenarioData, Series};
pub use findings::{Finding, FindingKind, Severity};
pub use incident_counts::{IncidentCounts, recorded};
pub use settings::Settings;
pub use summary::Summary;
