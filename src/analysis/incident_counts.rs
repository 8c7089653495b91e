//! How often a container was killed or restarted: counted by whoever knows best.
//!
//! A journal's events tell OOM kills, crashes and stops apart; an old results.json only knows that
//! a restart count rose, which may be a crash.

use serde::{Deserialize, Serialize};

use super::dataset::Dataset;

/// What happened to one container in one scenario.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct IncidentCounts {
    /// The scenario's key.
    pub scenario: String,
    /// The container's key.
    pub container: String,
    /// OOM kills, of its main process or a child.
    pub oom_kills: u64,
    /// Restarts, for whatever cause.
    pub restarts: u64,
    /// Ends of the main process that were neither an OOM kill nor asked for.
    pub crashes: u64,
    /// The number of OOM kills is not certain: witnesses contradict each other.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub about: bool,
    /// Why it was started again, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// In words, one line each.
    pub lines: Vec<String>,
}

/// Incidents as the results file itself records them.
#[must_use]
pub fn recorded(data: &Dataset) -> Vec<IncidentCounts> {
    let mut all: Vec<IncidentCounts> = Vec::new();
    for scenario in &data.scenarios {
        for event in &scenario.oom_events {
            let at = all
                .iter()
                .position(|i| i.scenario == scenario.name && i.container == event.container_name);
            let at = at.unwrap_or_else(|| {
                all.push(IncidentCounts {
                    scenario: scenario.name.clone(),
                    container: event.container_name.clone(),
                    ..IncidentCounts::default()
                });
                all.len() - 1
            });
            let Some(counts) = all.get_mut(at) else { continue };
            let restarts = event.current_restart_count.saturating_sub(event.previous_restart_count);
            counts.restarts += restarts;
            let what = match event.kind.as_deref() {
                Some(kind) if kind.contains("oom") => {
                    counts.oom_kills += 1;
                    kind.replace('_', " ")
                }
                Some(kind) => {
                    counts.crashes += u64::from(kind.contains("crash"));
                    kind.replace('_', " ")
                }
                None => "restarted, cause not recorded".to_string(),
            };
            counts.lines.push(format!("{}: {what}", event.container_name));
        }
    }
    all
}
