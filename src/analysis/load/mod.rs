//! What became of the load's work, by task (or kind of agents): how much was answered, how much failed
//! and of what. By the load's own counters, which go on over all scenarios of a run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::EventKind;

use super::capacity::Capacity;
use super::dataset::{Dataset, ScenarioData};

/// The load of a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct LoadAnalysis {
    /// Its scenarios in order, those whose load counts its work.
    pub scenarios: Vec<ScenarioLoad>,
    /// The last thing that the load could not do, with the driven system's own words.
    pub error: Option<String>,
}

/// The load of one scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScenarioLoad {
    /// Its key.
    pub scenario: String,
    /// What became of each task.
    pub tasks: Vec<TaskLoad>,
}

/// What a count is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Requests of a task.
    Request,
    /// Calls that ask for agents of a kind.
    Call,
}

impl Unit {
    /// The beginning of the names of its counters, which is its plural too.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Unit::Request => "requests",
            Unit::Call => "calls",
        }
    }
}

/// One task of the load, or one kind of agents.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskLoad {
    /// Its name in the config.
    pub task: String,
    /// What is counted.
    pub unit: Unit,
    /// Answered with success.
    pub answered: u64,
    /// Failed, or answered with an error.
    pub failed: u64,
    /// Of what they failed, the most frequent first; absent from older recordings.
    pub causes: Vec<(String, u64)>,
    /// The most that failed within [`BURST_SECONDS`] where it was half of what came to an end or more.
    pub burst: Option<Burst>,
}

/// Answers of a task within a short time, half of them failures or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Burst {
    /// All that came to an end.
    pub all: u64,
    /// Those that failed.
    pub failed: u64,
}

/// The time in which half of a task's answers fail to be a finding, seconds.
pub const BURST_SECONDS: f64 = 10.0;
/// Fewer answers than this tell nothing.
const LEAST_ANSWERS: f64 = 20.0;

impl TaskLoad {
    /// All that came to an end.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.answered + self.failed
    }

    /// Share that failed, percent; none where nothing came to an end.
    #[must_use]
    pub fn error_percent(&self) -> Option<f64> {
        (self.all() > 0).then(|| 100.0 * self.failed as f64 / self.all() as f64)
    }

    /// `12 of 40 requests failed (404)`, with the causes that are known, the most frequent first.
    #[must_use]
    pub fn in_words(&self) -> String {
        let causes: Vec<&str> = self.causes.iter().take(3).map(|(cause, _)| &**cause).collect();
        let causes =
            if causes.is_empty() { String::new() } else { format!(" ({})", causes.join(", ")) };
        format!("{} of {} {} failed{causes}", self.failed, self.all(), self.unit.word())
    }

    fn add(&mut self, other: &TaskLoad) {
        self.answered += other.answered;
        self.failed += other.failed;
        let mut causes: BTreeMap<String, u64> = self.causes.drain(..).collect();
        for (cause, count) in &other.causes {
            *causes.entry(cause.clone()).or_default() += count;
        }
        self.causes = most_frequent_first(causes);
    }
}

impl LoadAnalysis {
    /// The tasks over the whole run.
    #[must_use]
    pub fn tasks(&self) -> Vec<TaskLoad> {
        let mut all: Vec<TaskLoad> = Vec::new();
        for task in self.scenarios.iter().flat_map(|scenario| &scenario.tasks) {
            match all.iter_mut().find(|known| known.task == task.task && known.unit == task.unit) {
                Some(known) => known.add(task),
                None => all.push(TaskLoad { burst: None, ..task.clone() }),
            }
        }
        all
    }

    /// A scenario of which nothing was answered though something was asked.
    #[must_use]
    pub fn unanswered(&self) -> Option<&ScenarioLoad> {
        let is_dead = |load: &&ScenarioLoad| {
            load.tasks.iter().all(|task| task.answered == 0)
                && load.tasks.iter().any(|task| task.failed > 0)
        };
        self.scenarios.iter().find(is_dead)
    }
}

/// Reads it off a run. Stress drives the stack to its end on purpose: there only what failed at levels
/// that were carried counts as a burst, or all of it where none was.
#[must_use]
pub fn load(data: &Dataset, capacity: Option<&Capacity>) -> LoadAnalysis {
    let mut before: BTreeMap<&str, f64> = BTreeMap::new();
    let mut scenarios = Vec::new();
    for scenario in &data.scenarios {
        let tasks = tasks(scenario, &before, judged_rows(scenario, capacity));
        if !tasks.is_empty() {
            scenarios.push(ScenarioLoad { scenario: scenario.name.clone(), tasks });
        }
        for (name, column) in &scenario.load_metrics {
            if let Some(last) = last(column) {
                before.insert(name, last);
            }
        }
    }
    let error = data.events.iter().rev().find_map(|event| match &event.kind {
        EventKind::Load { action, value, error: Some(error), .. } => {
            let value = value.map(|value| format!(" {value}")).unwrap_or_default();
            Some(format!("{action}{value}: {error}"))
        }
        _ => None,
    });
    LoadAnalysis { scenarios, error }
}

/// How many of a scenario's ticks, from its first, are judged for bursts.
fn judged_rows(scenario: &ScenarioData, capacity: Option<&Capacity>) -> usize {
    let all = scenario.time.len();
    let up_to = |level: f64| {
        scenario.queued.iter().position(|queued| *queued > level).unwrap_or(all).min(all)
    };
    match (scenario.name.as_str(), capacity) {
        ("stress_test", Some(capacity)) if !capacity.carries_nothing => {
            let lowest = scenario.queued.iter().copied().find(|queued| *queued > 0.0);
            up_to(capacity.sustained_level.map_or(lowest.unwrap_or(0.0), f64::from))
        }
        // It approaches again what stress found to be too much.
        ("stress_trials", _) => 0,
        _ => all,
    }
}

fn tasks(scenario: &ScenarioData, before: &BTreeMap<&str, f64>, rows: usize) -> Vec<TaskLoad> {
    let column = |name: &str| {
        let found = scenario.load_metrics.iter().find(|(known, _)| known == name);
        found.map(|(_, column)| column.as_slice())
    };
    // A counter that is lower than in the scenario before began anew.
    let done = |name: &str, column: &[f64]| {
        let (now, before) = (last(column)?, before.get(name).copied().unwrap_or(0.0));
        let done = if now >= before { now - before } else { now };
        Some(done.max(0.0) as u64)
    };
    let task = |(name, answers): &(String, Vec<f64>)| {
        let (unit, task) = unit_of(name)?;
        let failures = format!("failures.{task}");
        let failed = column(&failures);
        Some(TaskLoad {
            unit,
            answered: done(name, answers)?,
            failed: failed.and_then(|failed| done(&failures, failed)).unwrap_or(0),
            causes: most_frequent_first(causes(scenario, task, done)),
            burst: failed.and_then(|failed| burst(scenario, answers, failed, rows)),
            task: task.to_string(),
        })
    };
    let mut tasks: Vec<TaskLoad> = scenario.load_metrics.iter().filter_map(task).collect();
    tasks.retain(|task| task.all() > 0);
    tasks.sort_by(|a, b| a.task.cmp(&b.task));
    tasks
}

fn unit_of(name: &str) -> Option<(Unit, &str)> {
    let (word, task) = name.split_once('.')?;
    let unit = [Unit::Request, Unit::Call].into_iter().find(|unit| unit.word() == word)?;
    Some((unit, task))
}

/// The counts of `causes.CAUSE.TASK`: no cause has a point in its name, a kind of agents may.
fn causes(
    scenario: &ScenarioData,
    task: &str,
    done: impl Fn(&str, &[f64]) -> Option<u64>,
) -> BTreeMap<String, u64> {
    let one = |(name, column): &(String, Vec<f64>)| {
        let (cause, of) = name.strip_prefix("causes.")?.split_once('.')?;
        let count = done(name, column).filter(|count| *count > 0 && of == task)?;
        Some((cause.to_string(), count))
    };
    scenario.load_metrics.iter().filter_map(one).collect()
}

fn most_frequent_first(causes: BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut causes: Vec<(String, u64)> = causes.into_iter().collect();
    causes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    causes
}

fn last(column: &[f64]) -> Option<f64> {
    column.iter().rev().copied().find(|value| value.is_finite())
}

/// The stretch of ticks of [`BURST_SECONDS`] at most (or of one interval) in which most failed, of those
/// in which half of enough answers did.
fn burst(scenario: &ScenarioData, answers: &[f64], failures: &[f64], rows: usize) -> Option<Burst> {
    let counted: Vec<(f64, f64, f64)> = scenario
        .time
        .iter()
        .zip(answers)
        .zip(failures)
        .take(rows)
        .map(|((at, answered), failed)| (*at, *answered, *failed))
        .filter(|(_, answered, failed)| answered.is_finite() && failed.is_finite())
        .collect();
    let mut first = 0;
    let mut worst: Option<(f64, f64)> = None;
    for now in 1..counted.len() {
        while first + 1 < now && counted[now].0 - counted[first].0 > BURST_SECONDS + 1e-3 {
            first += 1;
        }
        let failed = counted[now].2 - counted[first].2;
        let all = counted[now].1 - counted[first].1 + failed;
        let is_burst = all >= LEAST_ANSWERS && 2.0 * failed >= all;
        if is_burst && worst.is_none_or(|(_, most)| failed > most) {
            worst = Some((all, failed));
        }
    }
    worst.map(|(all, failed)| Burst { all: all as u64, failed: failed as u64 })
}

#[cfg(test)]
mod tests;
