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

/// Growth that the floor after the load allows for: from the lowest level of the first third of the
/// active phase to the lowest one after it, MB/min. None where nothing was measured after the load,
/// or in another life of the container.
#[must_use]
pub fn growth_allowed(input: &LeakInput<'_>) -> Option<f64> {
    let active = input.active.clone();
    let (first, last) =
        (*input.time.get(active.start)?, *input.time.get(active.end.checked_sub(1)?)?);
    let life = incarnation(input, active.end - 1);
    let after = active.end..rest_without_load(input, active.end);
    let seconds = input.time.get(after.end.checked_sub(1)?)? - last;
    if after.is_empty() || seconds < LEAST_SECONDS || incarnation(input, active.start) != life {
        return None;
    }
    let end = quiet_level(input, after.clone())?;
    let third = input.time.partition_point(|t| *t < first + (last - first) / 3.0);
    let (from, lowest) = lowest(input, active.start..third)?;
    let minutes = (last - input.time[from]) / 60.0;
    (minutes > 0.0).then(|| (end.mb + 2.0 * end.sd - lowest) / minutes)
}

/// The floors of the cycles, each after its active phase; empty with fewer than two.
#[must_use]
pub fn of_cycles(input: &LeakInput<'_>) -> Vec<Floor> {
    let mut load_minutes = 0.0;
    let mut floors = Vec::new();
    let actives: Vec<_> = input.phases.iter().filter(|p| is_active(&p.name)).collect();
    for (at, phase) in actives.iter().enumerate() {
        load_minutes += (phase.end - phase.start) / 60.0;
        let until = actives.get(at + 1).map_or(input.time.len(), |next| next.ticks.start);
        let end = phase.ticks.end.min(input.time.len());
        let life = incarnation(input, input.active.start);
        let rows = end..until.min(rest_without_load(input, end));
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

fn lowest(input: &LeakInput<'_>, rows: Range<usize>) -> Option<(usize, f64)> {
    rows.filter_map(|row| Some((row, input.figure.mb.get(row).copied().filter(|mb| *mb > 0.0)?)))
        .min_by(|a, b| a.1.total_cmp(&b.1))
}

/// Where the next active phase begins, or the container ends.
fn rest_without_load(input: &LeakInput<'_>, from: usize) -> usize {
    let next = input.phases.iter().filter(|p| is_active(&p.name)).map(|p| p.ticks.start);
    let until = next.filter(|start| *start >= from).min().unwrap_or(input.time.len());
    let until = until.min(input.time.len());
    (from..until)
        .find(|row| {
            input.figure.mb[*row] <= 0.0 || incarnation(input, *row) != incarnation(input, from)
        })
        .unwrap_or(until)
}
