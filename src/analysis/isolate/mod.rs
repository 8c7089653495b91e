//! Which task leaks, and how many bytes a unit of its work.
//!
//! The isolate scenario gives each task turns alone, with rests between and turns of no task at all
//! (the control), in randomised blocks. For every turn the memory that was *kept* is what the
//! container holds in the rest after it less what it held in the rest before it: what a task only
//! borrows does not count. From each task's turn the control of the same round is taken off, so that
//! growth without any task is nobody's. One figure a round comes out, and the rounds tell how sure it
//! is ([`trimmed_interval`]).

use serde::{Deserialize, Serialize};

mod attribute;
mod interval;
mod turns;

pub use attribute::{Attribution, attribute};
pub use interval::{Interval, trimmed_interval};

#[cfg(test)]
mod tests;

use crate::analysis::dataset::Dataset;
use crate::analysis::settings::Settings;

/// What the isolate scenario found out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Isolation {
    /// Seed of the order of the turns.
    pub seed: u64,
    /// Rounds that were begun.
    pub rounds: u32,
    /// What growth is counted by: `request` or `agent-minute`.
    pub unit: String,
    /// The tasks, by name.
    pub tasks: Vec<TaskWork>,
    /// The containers that were sampled, in order of first sight.
    pub containers: Vec<IsolatedContainer>,
}

/// What was done of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskWork {
    /// The task.
    pub task: String,
    /// Turns that were measured.
    pub turns: u32,
    /// Units of work done in them.
    pub units: f64,
    /// Units a minute while it had its turn.
    pub units_per_min: f64,
}

/// A container and what each task makes of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IsolatedContainer {
    /// Its key.
    pub container: String,
    /// The memory that was looked at (`anon+shmem+swap`, `working_set`).
    pub figure: String,
    /// Growth by task, in the same order.
    pub effects: Vec<TaskEffect>,
    /// Which task it is, or why none is named.
    pub attribution: Attribution,
}

/// How much a container keeps of a task's work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskEffect {
    /// The task.
    pub task: String,
    /// Rounds it rests on.
    pub rounds: u32,
    /// Bytes a unit of work, the control taken off; absent with fewer than 3 rounds.
    pub bytes_per_unit: Option<f64>,
    /// Lower end of its interval.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// Level of the interval: that of all of a container's tasks together is `leak.ci_level`.
    pub ci_level: f64,
    /// The same as a rate while the task has its turn, MB (2^20 bytes) a minute.
    pub mb_per_min: Option<f64>,
}

impl Isolation {
    /// The tasks that are named, as (container, task).
    pub fn culprits(&self) -> impl Iterator<Item = (&IsolatedContainer, &TaskEffect)> {
        self.containers.iter().flat_map(|container| {
            let named = container.attribution.culprits();
            let is_named = move |effect: &&TaskEffect| named.contains(&effect.task);
            container.effects.iter().filter(is_named).map(move |effect| (container, effect))
        })
    }
}

/// Takes the isolate scenario of a run apart; none where it did not run.
#[must_use]
pub fn isolate(data: &Dataset, settings: &Settings) -> Option<Isolation> {
    let scenario = data.scenarios.iter().find(|scenario| scenario.name == "isolate")?;
    let turns = turns::measured(scenario)?;
    let containers = scenario
        .containers
        .iter()
        .filter(|series| !settings.ignores(&series.name))
        .filter_map(|series| {
            let (figure, kept) = turns::kept(scenario, series, &turns)?;
            let leak = settings.leak_of(&series.name);
            let effects = turns::effects(&turns, &kept, leak.ci_level);
            let attribution = attribute(&effects, &leak);
            Some(IsolatedContainer { container: series.name.clone(), figure, effects, attribution })
        })
        .collect();
    Some(Isolation {
        seed: turns.seed,
        rounds: turns.rounds(),
        unit: turns.unit.to_string(),
        tasks: turns.work(),
        containers,
    })
}
