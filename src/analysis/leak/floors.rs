//! What is left when the load is gone: the floor under what may have leaked.
//!
//! Leaked memory never comes back. Where the floor after the load is no higher than before it,
//! nothing leaked meanwhile, whatever memory did under load; and floors that rise from cycle to cycle
//! tell a leak from an allocator that keeps what it took once.

use std::ops::Range;

use crate::analysis::dataset::is_active;
use crate::analysis::stats::Sample;

use super::LeakInput;
use super::segment::incarnation;

/// A floor after load: how high, how sure, and how many minutes of load came before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Floor {
    /// MB.
    pub mb: f64,
    /// Standard deviation of the values it was taken from, MB.
    pub sd: f64,
    /// Minutes under load up to it, from the start of the scenario.
    pub load_minutes: f64,
}

/// A shorter time without load shows no floor, seconds.
const LEAST_SECONDS: f64 = 60.0;

/// Growth that the level after the load allows for: from the idle level before the load to the one
/// after it, MB/min. None where either was not measured, or in another life of the container: the
/// start of the phase under load bounds nothing, as what the load holds is held there already.
#[must_use]
pub fn growth_allowed(input: &LeakInput<'_>) -> Option<f64> {
    let active = input.active.clone();
    let (first, last) =
        (*input.time.get(active.start)?, *input.time.get(active.end.checked_sub(1)?)?);
    let after = active.end..rest_without_load(input, active.end);
    let before = idle_before(input, active.start)?;
    let life = incarnation(input, active.end - 1);
    let long = |rows: &Range<usize>| -> Option<f64> {
        Some(input.time.get(rows.end.checked_sub(1)?)? - input.time.get(rows.start)?)
    };
    let is_known = long(&after)? >= LEAST_SECONDS && incarnation(input, before.start) == life;
    if !is_known || after.is_empty() {
        return None;
    }
    let (from, end) = (quiet_level(input, before)?, quiet_level(input, after)?);
    let error = (from.sd * from.sd + end.sd * end.sd).sqrt();
    let minutes = (last - first) / 60.0;
    (minutes > 0.0).then(|| (end.mb + 2.0 * error - from.mb) / minutes)
}

/// The last stretch before the phase under load that was measured without load; none where it is
/// shorter than ten seconds.
pub fn idle_before(input: &LeakInput<'_>, active: usize) -> Option<Range<usize>> {
    let before = input.phases.iter().find(|phase| phase.name == BEFORE).map(|p| p.ticks.clone());
    let is_idle = |row: &usize| {
        let has_no_load = input.load.get(*row).is_some_and(|load| *load == 0.0);
        has_no_load || before.as_ref().is_some_and(|ticks| ticks.contains(row))
    };
    let is_measured = |row: &usize| input.figure.mb.get(*row).is_some_and(|mb| *mb > 0.0);
    let end = (0..active).rev().find(|row| is_idle(row) && is_measured(row))? + 1;
    let start = (0..end).rev().find(|row| !is_idle(row)).map_or(0, |row| row + 1);
    let seconds = input.time.get(end - 1)? - input.time.get(start)?;
    (seconds >= LEAST_IDLE).then_some(start..end)
}

/// A shorter time before the load shows no level, seconds.
const LEAST_IDLE: f64 = 10.0;

/// The phase in which a level before the load is taken.
const BEFORE: &str = "before";

/// The floors of the cycles, each after its active phase; empty with fewer than two.
#[must_use]
pub fn of_cycles(input: &LeakInput<'_>) -> Vec<Floor> {
    let mut load_minutes = 0.0;
    let mut floors = Vec::new();
    let actives: Vec<_> = input.phases.iter().filter(|p| is_active(&p.name)).collect();
    // As long after the load each time: what is given back slowly would look lower after a long rest.
    let until = |at: usize| {
        let end = actives[at].ticks.end.min(input.time.len());
        let next = actives.get(at + 1).map_or(input.time.len(), |next| next.ticks.start);
        (end, next.min(rest_without_load(input, end)))
    };
    let seconds = |(from, to): (usize, usize)| match (input.time.get(from), to.checked_sub(1)) {
        (Some(first), Some(last)) if to > from => input.time[last] - first,
        _ => 0.0,
    };
    let rests: Vec<f64> = (0..actives.len()).map(|at| seconds(until(at))).collect();
    let shortest = rests.into_iter().filter(|s| *s > 0.0).fold(f64::INFINITY, f64::min);
    for (at, phase) in actives.iter().enumerate() {
        load_minutes += (phase.end - phase.start) / 60.0;
        let (end, to) = until(at);
        let long = input.time[end.min(to)..to]
            .partition_point(|t| *t <= input.time[end.min(to)] + shortest);
        let life = incarnation(input, input.active.start);
        let rows = end..end.max((end + long).min(to));
        let is_same = rows.clone().all(|row| incarnation(input, row) == life);
        if let Some((mb, sd)) =
            quiet_level(input, rows).filter(|_| is_same).map(|level| (level.mb, level.sd))
        {
            floors.push(Floor { mb, sd, load_minutes });
        }
    }
    if floors.len() < 2 { Vec::new() } else { floors }
}

/// Growth from the first floor to the last, MB/min of load, with a standard error.
#[must_use]
pub fn growth_of(floors: &[Floor]) -> Option<(f64, f64)> {
    let (first, last) = (floors.first()?, floors.last()?);
    let minutes = last.load_minutes - first.load_minutes;
    let error = (first.sd * first.sd + last.sd * last.sd).sqrt();
    (minutes > 0.0).then(|| ((last.mb - first.mb) / minutes, error / minutes))
}

/// Level of the second half of a stretch: medians, so that a collection or a health check counts
/// for nothing.
fn quiet_level(input: &LeakInput<'_>, rows: Range<usize>) -> Option<Floor> {
    let half = rows.start + rows.len() / 2;
    let values = input.figure.mb.get(half..rows.end)?;
    let sample = Sample::of(values.iter().copied().filter(|mb| *mb > 0.0))?;
    let sd = sample.sd();
    Some(Floor { mb: sample.sorted().median(), sd, load_minutes: 0.0 })
}

/// Where the next active phase begins, or the container ends.
pub(super) fn rest_without_load(input: &LeakInput<'_>, from: usize) -> usize {
    let next = input.phases.iter().filter(|p| is_active(&p.name)).map(|p| p.ticks.start);
    let until = next.filter(|start| *start >= from).min().unwrap_or(input.time.len());
    let until = until.min(input.time.len());
    (from..until)
        .find(|row| {
            input.figure.mb[*row] <= 0.0 || incarnation(input, *row) != incarnation(input, from)
        })
        .unwrap_or(until)
}
