//! The isolate scenario: which task has its turn when.
//!
//! A randomised complete block design: each round has every task once, and once no task at all (the
//! control), in an order of its own. What a container keeps is read in the rests before and after a
//! turn, so that memory that a task only borrows is not counted; what it keeps without any task is
//! taken off.

use std::time::Duration;

use serde::Serialize;

use crate::config::{
    Action, Isolate, Level, LoadConfig, PhaseConfig, ScenarioConfig, StressLimits, Until,
};

/// One turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Turn {
    /// The round, from 1.
    pub round: u32,
    /// The task; absent: none, the control.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Name of its phase.
    pub phase: String,
    /// Name of the rest before it.
    pub before: String,
    /// Name of the rest after it.
    pub after: String,
}

/// Name of the rest before the first turn.
const FIRST_REST: &str = "rest_0";

/// The tasks that are taken apart: those of the config, else all of the load's.
#[must_use]
pub fn tasks(config: &Isolate, load: Option<&LoadConfig>) -> Vec<String> {
    if !config.tasks.is_empty() {
        return config.tasks.clone();
    }
    load.map(|load| load.tasks().into_iter().map(str::to_string).collect()).unwrap_or_default()
}

/// The turns in their order. The same seed gives the same order.
#[must_use]
pub fn turns(tasks: &[String], rounds: u32, seed: u32) -> Vec<Turn> {
    let mut random = SplitMix(u64::from(seed));
    let mut all = Vec::new();
    let mut before = FIRST_REST.to_string();
    for round in 1..=rounds {
        let mut block: Vec<Option<&String>> = tasks.iter().map(Some).chain([None]).collect();
        shuffle(&mut block, &mut random);
        for task in block {
            let after = format!("rest_{}", all.len() + 1);
            all.push(Turn {
                round,
                task: task.cloned(),
                phase: format!("r{round}_{}", task.map_or("nothing", String::as_str)),
                before: std::mem::replace(&mut before, after.clone()),
                after,
            });
        }
    }
    all
}

/// The scenario.
#[must_use]
pub fn scenario(
    config: &Isolate,
    load: Option<&LoadConfig>,
    limits: &StressLimits,
) -> ScenarioConfig {
    let tasks = tasks(config, load);
    let phase = |name: String, sampled: bool, length: Duration, actions: Vec<Action>| PhaseConfig {
        name,
        interval: config.interval,
        sampled,
        actions,
        until: Until { after: Some(length), ..Until::default() },
        threshold_ends_scenario: false,
    };
    let only = |task: &String| {
        vec![Action::Only(task.clone()), Action::Start, Action::Reach(Level::Fixed(config.level))]
    };
    let mut phases = Vec::new();
    if !config.warmup.is_zero() {
        for task in &tasks {
            phases.push(phase(format!("warmup_{task}"), false, config.warmup, only(task)));
            let rest = vec![Action::Reset];
            phases.push(phase(format!("warmup_{task}_rest"), false, config.interval, rest));
        }
    }
    phases.push(phase(FIRST_REST.to_string(), true, config.rest, vec![]));
    for turn in turns(&tasks, config.rounds, config.seed.unwrap_or(0)) {
        let actions = turn.task.as_ref().map(only).unwrap_or_default();
        let ends = if actions.is_empty() { vec![] } else { vec![Action::Reset] };
        phases.push(phase(turn.phase, true, config.slot, actions));
        phases.push(phase(turn.after, true, config.rest, ends));
    }
    ScenarioConfig {
        name: "isolate".to_string(),
        reset: None,
        stop_on_oom: true,
        expect_oom: false,
        limits: limits.clone(),
        phases,
    }
}

/// What the analysis has to know of the design: recorded with the scenario's parameters.
#[must_use]
pub fn params(config: &Isolate, load: Option<&LoadConfig>) -> serde_json::Value {
    let tasks = tasks(config, load);
    let seed = config.seed.unwrap_or(0);
    let agents = match load {
        Some(LoadConfig::Agents(agents)) => {
            let per_level = |task: &String| {
                agents.spawn.iter().find(|spawn| spawn.name == *task).map_or(1.0, |s| s.per_level)
            };
            let counts = tasks.iter().map(|task| {
                let count = super::record::agents_for(config.level, per_level(task));
                (task.clone(), serde_json::json!(count))
            });
            serde_json::Value::Object(counts.collect())
        }
        _ => serde_json::Value::Null,
    };
    serde_json::json!({
        "seed": seed,
        "level": config.level,
        "agents": agents,
        "turns": turns(&tasks, config.rounds, seed),
    })
}

/// Fisher and Yates.
fn shuffle<T>(items: &mut [T], random: &mut SplitMix) {
    for last in (1..items.len()).rev() {
        let other = (random.next() % (last as u64 + 1)) as usize;
        items.swap(last, other);
    }
}

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): small, and the same on every machine.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        ["a", "b", "c"].map(str::to_string).to_vec()
    }

    #[test]
    fn every_round_has_each_task_and_the_control_once() {
        for seed in 0..50 {
            let turns = turns(&names(), 4, seed);
            assert_eq!(turns.len(), 16);
            for round in turns.chunks(4) {
                let mut tasks: Vec<_> = round.iter().map(|turn| turn.task.as_deref()).collect();
                tasks.sort_unstable();
                assert_eq!(tasks, [None, Some("a"), Some("b"), Some("c")]);
            }
            for pair in turns.windows(2) {
                assert_eq!(pair[0].after, pair[1].before);
            }
        }
    }

    #[test]
    fn the_order_differs_between_rounds_and_seeds_and_repeats_with_the_seed() {
        assert_eq!(turns(&names(), 4, 7), turns(&names(), 4, 7));
        let order = |seed| turns(&names(), 1, seed).into_iter().map(|t| t.task).collect::<Vec<_>>();
        let different: std::collections::BTreeSet<_> = (0..40).map(order).collect();
        assert!(different.len() > 12, "of 24 orders only {}", different.len());
    }

    #[test]
    fn each_turn_is_one_task_alone_between_rests_without_load() {
        let config = Isolate { tasks: names(), rounds: 3, ..Isolate::default() };
        let scenario = scenario(&config, None, &StressLimits::default());
        let sampled: Vec<_> = scenario.phases.iter().filter(|phase| phase.sampled).collect();
        assert_eq!(sampled.len(), 1 + 2 * 3 * 4);
        assert_eq!(sampled[0].name, FIRST_REST);
        for (turn, rest) in sampled[1..].chunks(2).map(|pair| (pair[0], pair[1])) {
            assert!(rest.name.starts_with("rest_"));
            match turn.name.ends_with("_nothing") {
                true => assert!(turn.actions.is_empty() && rest.actions.is_empty()),
                false => {
                    assert!(
                        matches!(&turn.actions[0], Action::Only(task) if turn.name.ends_with(task))
                    );
                    assert_eq!(rest.actions, [Action::Reset]);
                }
            }
        }
    }
}
