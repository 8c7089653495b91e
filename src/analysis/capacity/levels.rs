//! The levels of a ramp, each judged by its own mean: over the ticks wholly within it.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::analysis::dataset::ScenarioData;
use crate::config::StressLimits;
use crate::model::event::Trigger;

use super::readings::push_tick;
use super::{ContainerLimits, RollingMeans};

/// A stretch of ticks at one level.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelMean {
    /// The level.
    pub level: u32,
    /// The first of its ticks.
    pub first_tick: usize,
    /// Ticks wholly within it: its rates cover no time at another level.
    pub whole_ticks: usize,
    /// The threshold that its own mean reached.
    pub reached: Option<Trigger>,
}

/// The stretches of ticks at one level, each as long as the level holds; a level that is not known
/// is the same as no other.
pub(super) fn stretches(queued: &[f64]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    queued.chunk_by(|a, b| a == b).map(move |stretch| {
        let rows = start..start + stretch.len();
        start = rows.end;
        rows
    })
}

/// The levels of a scenario in order, those above 0.
#[must_use]
pub fn levels(
    scenario: &ScenarioData,
    limits: &StressLimits,
    containers: &BTreeMap<String, ContainerLimits>,
) -> Vec<LevelMean> {
    let loaded = stretches(&scenario.queued).filter(|rows| scenario.queued[rows.start] > 0.0);
    loaded.map(|rows| level(scenario, rows, limits, containers)).collect()
}

fn level(
    scenario: &ScenarioData,
    rows: Range<usize>,
    limits: &StressLimits,
    containers: &BTreeMap<String, ContainerLimits>,
) -> LevelMean {
    let mut means = RollingMeans::new(f64::INFINITY);
    // The rates of the first tick reach back into the level before.
    for row in rows.start + 1..rows.end {
        push_tick(&mut means, scenario, row);
    }
    LevelMean {
        level: scenario.queued[rows.start] as u32,
        first_tick: rows.start,
        whole_ticks: rows.len() - 1,
        reached: means.judge(limits, containers),
    }
}

/// The highest level below the first whose own mean reached a threshold (`stopped`: below the last
/// one, where only the rolling mean did). Absent where the ramp was too fast for the ticks to
/// tell: a level below it has no tick of its own.
#[must_use]
pub fn sustained(levels: &[LevelMean], stopped: bool) -> Option<u32> {
    let first_bad = levels.iter().position(|level| level.reached.is_some());
    let below = match first_bad {
        Some(at) => at,
        None if stopped => levels.len().checked_sub(1)?,
        None => levels.len(),
    };
    let carried = &levels[..below];
    let all_seen = carried.iter().all(|level| level.whole_ticks > 0);
    carried.last().filter(|_| all_seen).map(|level| level.level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_as_long_as_its_level_holds() {
        let queued = [0.0, 1.0, 1.0, f64::NAN, f64::NAN, 1.0];
        assert!(stretches(&queued).eq([0..1, 1..3, 3..4, 4..5, 5..6]));
        assert_eq!(stretches(&[]).count(), 0);
    }
}
