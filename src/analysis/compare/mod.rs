//! Is one run worse than another? The differential verdict between two versions under the same
//! load.
//!
//! Comparing with a known-good version under the same load is the best-supported way to find
//! software aging (Matias et al. 2014, 2016): whatever both versions do (warm up, fill caches,
//! follow the load) cancels out, and what is left is what changed. So the two memory series are
//! put side by side phase by phase, subtracted, and the difference goes through the same leak
//! verdict as any other series.

use serde::Serialize;

use super::dataset::{Dataset, ScenarioData, clip, is_active};
use super::held::{Held, leak_scenario};
use super::{Analysis, Settings};

mod conditions;
mod difference;
mod pairing;
#[cfg(test)]
mod tests;

pub use difference::{Change, ContainerComparison, Slope};

/// Version of the shape of a comparison's JSON.
pub const SCHEMA_VERSION: u32 = 1;

/// A run with its analysis.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// What was measured.
    pub data: &'a Dataset,
    /// What it says.
    pub analysis: &'a Analysis,
}

/// What a comparison of two runs found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The run compared with.
    pub base: String,
    /// The run judged.
    pub current: String,
    /// The scenario whose memory was compared.
    pub scenario: String,
    /// Worst change of any container.
    pub verdict: Change,
    /// Conditions that differ between the runs, in words: what was forced, and what does not
    /// forbid the comparison but may explain a difference.
    pub conditions: Vec<String>,
    /// One for each container of either run, the worst first.
    pub containers: Vec<ContainerComparison>,
}

/// Why two runs are not compared.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// One of them has nothing to be compared by.
    #[error("{0}")]
    Nothing(String),
    /// They were made under conditions that differ too much.
    #[error("the runs are not comparable: {}", .0.join("; "))]
    Conditions(Vec<String>),
}

/// Compares two runs by `settings` (those of the current one).
///
/// # Errors
/// When a run has no scenario that held a load, when no container is in both, or when load, speed
/// or length differ; the last is noted instead of refused with `force`.
pub fn compare(
    base: Run<'_>,
    current: Run<'_>,
    settings: &Settings,
    force: bool,
) -> Result<Comparison, Refusal> {
    let (now, active) = held(current)?;
    let (then, active_then) = same_scenario(base, now)?;
    let differing = conditions::refusals((then, &active_then), (now, &active));
    if !differing.is_empty() && !force {
        return Err(Refusal::Conditions(differing));
    }
    let noted = conditions::notes(base.data, current.data);
    let mut containers = difference::containers((base, then), (current, now, active), settings);
    if !containers.iter().any(ContainerComparison::is_in_both) {
        let why = "no container was measured in both runs: are the names the same?";
        return Err(Refusal::Nothing(why.into()));
    }
    containers.sort_by_key(|c| std::cmp::Reverse(c.change.severity()));
    Ok(Comparison {
        schema_version: SCHEMA_VERSION,
        base: base.data.test_id.clone(),
        current: current.data.test_id.clone(),
        scenario: now.name.clone(),
        verdict: containers.first().map_or(Change::Inconclusive, |c| c.change),
        conditions: differing.into_iter().chain(noted).collect(),
        containers,
    })
}

fn held(run: Run<'_>) -> Result<Held<'_>, Refusal> {
    leak_scenario(run.data).ok_or_else(|| {
        Refusal::Nothing(format!(
            "{} has no scenario with an active phase: run `duration` (or a scenario of your own \
             with a phase named active)",
            run.data.test_id
        ))
    })
}

/// The base's scenario of the same name, else the one that held its load.
fn same_scenario<'a>(base: Run<'a>, now: &ScenarioData) -> Result<Held<'a>, Refusal> {
    let found = held(base)?;
    if found.0.name == now.name {
        return Ok(found);
    }
    let named = base.data.scenarios.iter().find(|s| s.name == now.name && !s.time.is_empty());
    let active = named.and_then(|s| Some((s, s.phases.iter().find(|p| is_active(&p.name))?)));
    match active {
        Some((scenario, phase)) => Ok((scenario, clip(&phase.ticks, scenario.time.len()))),
        None => Err(Refusal::Nothing(format!(
            "{} held its load in `{}`, {} in `{}`: compare runs of the same scenario",
            base.data.test_id, found.0.name, "the current run", now.name
        ))),
    }
}
