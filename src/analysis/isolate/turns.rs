//! The turns of the isolate scenario: work done in each, and memory kept of it.

use std::ops::Range;

use serde::Deserialize;

use crate::analysis::dataset::{Phase, ScenarioData, Series, clip};
use crate::analysis::leak::choose;
use crate::analysis::stats::Sample;
use crate::model::units::{PAGE_MB, bytes_to_mb, mb_to_bytes};

use super::interval::{LEAST, trimmed_interval};
use super::{TaskEffect, TaskWork};

/// The design as the session recorded it with the scenario's parameters.
#[derive(Debug, Deserialize)]
struct Design {
    seed: u64,
    #[serde(default)]
    agents: Option<std::collections::BTreeMap<String, f64>>,
    turns: Vec<Planned>,
}

#[derive(Debug, Deserialize)]
struct Planned {
    round: u32,
    #[serde(default)]
    task: Option<String>,
    phase: String,
    before: String,
    after: String,
}

/// A turn that ran to its end.
#[derive(Debug, Clone)]
struct Turn {
    round: u32,
    /// Index of the task; none for the control.
    task: Option<usize>,
    /// Second half of the rest before it, and of the one after.
    before: Range<usize>,
    after: Range<usize>,
    /// From the middle of the one to the middle of the other, minutes.
    minutes: f64,
    /// Length of the turn itself, minutes.
    own_minutes: f64,
    units: f64,
}

/// All turns.
#[derive(Debug)]
pub(super) struct Turns {
    pub(super) seed: u64,
    pub(super) unit: &'static str,
    tasks: Vec<String>,
    turns: Vec<Turn>,
}

/// The turns that were measured; none where the design is not recorded.
pub(super) fn measured(scenario: &ScenarioData) -> Option<Turns> {
    let design: Design = serde_json::from_value(scenario.params.get("isolate")?.clone()).ok()?;
    let mut tasks: Vec<String> = Vec::new();
    for task in design.turns.iter().filter_map(|turn| turn.task.as_ref()) {
        if !tasks.contains(task) {
            tasks.push(task.clone());
        }
    }
    tasks.sort_unstable();
    let turns = design.turns.iter().filter_map(|turn| measure(scenario, &design, turn, &tasks));
    Some(Turns {
        seed: design.seed,
        unit: if design.agents.is_some() { "agent-minute" } else { "request" },
        turns: turns.collect(),
        tasks,
    })
}

fn measure(
    scenario: &ScenarioData,
    design: &Design,
    planned: &Planned,
    tasks: &[String],
) -> Option<Turn> {
    let own = scenario.phase(&planned.phase)?;
    let before = second_half(scenario, scenario.phase(&planned.before)?)?;
    let after = second_half(scenario, scenario.phase(&planned.after)?)?;
    let middle = |rows: &Range<usize>| {
        let (first, last) = (scenario.time.get(rows.start)?, scenario.time.get(rows.end - 1)?);
        Some((first + last) / 2.0)
    };
    let minutes = (middle(&after)? - middle(&before)?) / 60.0;
    let own_minutes = (own.end - own.start) / 60.0;
    let units = match (&planned.task, &design.agents) {
        (None, _) => 0.0,
        (Some(task), Some(agents)) => agents.get(task)? * own_minutes,
        (Some(task), None) => requests(scenario, task, &before, &after)?,
    };
    let task = match &planned.task {
        Some(name) => Some(tasks.iter().position(|task| task == name)?),
        None => None,
    };
    // A task that did nothing tells nothing of what its work leaves behind.
    let worked = task.is_none() || units > 0.0;
    (minutes > 0.0 && worked).then_some(Turn {
        round: planned.round,
        task,
        before,
        after,
        minutes,
        own_minutes,
        units,
    })
}

/// The ticks of the second half of a rest that ran to its end.
fn second_half(scenario: &ScenarioData, rest: &Phase) -> Option<Range<usize>> {
    let rows = clip(&rest.ticks, scenario.time.len());
    let middle = (rest.start + rest.end) / 2.0;
    let start = rows.clone().find(|row| scenario.time[*row] >= middle)?;
    (rest.end > rest.start && start < rows.end).then_some(start..rows.end)
}

/// Requests that were answered between the two rests, by the load's own count.
fn requests(
    scenario: &ScenarioData,
    task: &str,
    before: &Range<usize>,
    after: &Range<usize>,
) -> Option<f64> {
    let column = |kind: &str| {
        let name = format!("{kind}.{task}");
        scenario.load_metrics.iter().find(|(known, _)| *known == name).map(|(_, column)| column)
    };
    let last = |column: &[f64], rows: &Range<usize>| {
        column.get(rows.clone())?.iter().rev().copied().find(|v| v.is_finite())
    };
    let between = |column: &Vec<f64>| Some(last(column, after)? - last(column, before)?);
    // A request that failed may leave as much behind as one that did not.
    let failed = column("failures").and_then(between).unwrap_or(0.0);
    Some(between(column("requests")?)? + failed)
}

/// MB that a container kept of each turn, and the figure it was read in. A turn in which it was
/// restarted, or not measured, has none.
pub(super) fn kept(
    scenario: &ScenarioData,
    series: &Series,
    turns: &Turns,
) -> Option<(String, Vec<Option<f64>>)> {
    let figure = choose(&series.columns)?;
    let level = |rows: &Range<usize>| {
        Some(Sample::of(figure.mb.get(rows.clone())?.iter().copied())?.sorted().median())
    };
    let one_life = |turn: &Turn| {
        let lives = series.incarnation.get(turn.before.start..turn.after.end);
        lives.is_none_or(|lives| lives.windows(2).all(|pair| pair[0] == pair[1]))
    };
    let kept = turns.turns.iter().map(|turn| {
        let lasts = turn.after.end <= scenario.time.len() && one_life(turn);
        lasts.then(|| Some(level(&turn.after)? - level(&turn.before)?)).flatten()
    });
    let kept: Vec<Option<f64>> = kept.collect();
    Some((figure.name, kept))
}

/// What each task makes a container keep. `level` is that of all intervals together: each of K
/// tasks has 1 - (1 - level) / K (Bonferroni), for the leaking task is looked for among them.
pub(super) fn effects(turns: &Turns, kept: &[Option<f64>], level: f64) -> Vec<TaskEffect> {
    let own_level = 1.0 - (1.0 - level) / turns.tasks.len().max(1) as f64;
    let work = turns.work();
    turns
        .tasks
        .iter()
        .enumerate()
        .map(|(task, name)| {
            let figures = per_round(turns, kept, task);
            let units: Vec<f64> = figures.iter().map(|(_, units)| *units).collect();
            let mean_units = units.iter().sum::<f64>() / units.len().max(1) as f64;
            // Four readings, two of the turn and two of the control, each to a page.
            let step = 2.0 * mb_to_bytes(PAGE_MB) / mean_units.max(f64::MIN_POSITIVE);
            let resolution = step / (figures.len().max(1) as f64).sqrt();
            let per_unit: Vec<f64> = figures.iter().map(|(bytes, _)| *bytes).collect();
            let interval = trimmed_interval(&per_unit, own_level, resolution);
            let rate = work.iter().find(|work| work.task == *name).map(|work| work.units_per_min);
            TaskEffect {
                task: name.clone(),
                rounds: u32::try_from(per_unit.len()).unwrap_or(u32::MAX),
                bytes_per_unit: interval.map(|i| i.estimate),
                ci_low: interval.map(|i| i.low),
                ci_high: interval.map(|i| i.high),
                ci_level: own_level,
                mb_per_min: interval.zip(rate).map(|(i, rate)| bytes_to_mb(i.estimate * rate)),
            }
        })
        .collect()
}

/// Bytes a unit, and units, of each round of a task: the control of the same round taken off in
/// proportion to time.
fn per_round(turns: &Turns, kept: &[Option<f64>], task: usize) -> Vec<(f64, f64)> {
    let of = |wanted: Option<usize>, round: u32| {
        let all = turns.turns.iter().zip(kept);
        let mut found = all.filter(|(turn, _)| turn.task == wanted && turn.round == round);
        found.find_map(|(turn, kept)| Some((turn, (*kept)?)))
    };
    (1..=turns.rounds())
        .filter_map(|round| {
            let (turn, kept) = of(Some(task), round)?;
            let (idle, idle_kept) = of(None, round)?;
            let without = idle_kept * turn.minutes / idle.minutes;
            Some((mb_to_bytes(kept - without) / turn.units, turn.units))
        })
        .collect()
}

impl Turns {
    /// Rounds of which anything was measured.
    pub(super) fn rounds(&self) -> u32 {
        self.turns.iter().map(|turn| turn.round).max().unwrap_or(0)
    }

    /// What was done of each task.
    pub(super) fn work(&self) -> Vec<TaskWork> {
        let one = |(task, name): (usize, &String)| {
            let own: Vec<&Turn> = self.turns.iter().filter(|t| t.task == Some(task)).collect();
            let units: f64 = own.iter().map(|turn| turn.units).sum();
            let minutes: f64 = own.iter().map(|turn| turn.own_minutes).sum();
            TaskWork {
                task: name.clone(),
                turns: u32::try_from(own.len()).unwrap_or(u32::MAX),
                units,
                units_per_min: if minutes > 0.0 { units / minutes } else { 0.0 },
            }
        };
        self.tasks.iter().enumerate().map(one).collect()
    }
}

/// Fewer rounds than this give no interval.
pub(super) const LEAST_ROUNDS: usize = LEAST;
