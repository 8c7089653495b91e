//! The part of the active phase that can be judged: one life of the container, without its end
//! and its warm-up.
//!
//! Teardown and start-up reverse naive slopes: a real leak read -201 MB/min end to end because the
//! last sample was 0.

use std::ops::Range;

use crate::model::Figure;

use super::LeakInput;

/// A usable part of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Its rows.
    pub rows: Range<usize>,
    /// How many lives of the container the active phase saw.
    pub lives: usize,
    /// Length of the life before trimming, minutes.
    pub minutes: f64,
}

/// The longest stretch of the active phase within one incarnation and without zeros (a container
/// that ended reads zero), less `trim` of its length at the start. None where nothing was
/// measured.
#[must_use]
pub fn usable(input: &LeakInput<'_>, trim: f64) -> Option<Segment> {
    let lives = lives(input);
    let length = |rows: &Range<usize>| input.time[rows.end - 1] - input.time[rows.start];
    let longest = lives.iter().max_by(|a, b| length(a).total_cmp(&length(b)))?.clone();
    let from = input.time[longest.start] + trim.clamp(0.0, 0.9) * length(&longest);
    let start = longest.start + input.time[longest.clone()].partition_point(|t| *t < from);
    let minutes = length(&longest) / 60.0;
    Some(Segment { rows: start..longest.end, lives: lives.len(), minutes })
}

/// Stretches of the active phase: cut where the incarnation changes and at zeros, without absent
/// values at either end.
pub(super) fn lives(input: &LeakInput<'_>) -> Vec<Range<usize>> {
    let mut lives: Vec<Range<usize>> = Vec::new();
    let mut is_open = false;
    let ends = Ends::of(input);
    for row in input.active.clone() {
        let value = input.figure.mb[row];
        if value.is_nan() {
            continue;
        }
        if value <= 0.0 {
            is_open = false;
            continue;
        }
        match lives.last_mut().filter(|_| is_open) {
            Some(life)
                if incarnation(input, life.start) == incarnation(input, row)
                    && !ends.is_between(life.end - 1, row) =>
            {
                life.end = row + 1;
            }
            _ => lives.push(row..row + 1),
        }
        is_open = true;
    }
    lives
}

/// Ends of lives that nobody told: in a bare series a container that was killed at its limit shows as a
/// fall from there, and as a CPU counter that begins again.
struct Ends<'a> {
    memory: &'a [f64],
    cpu: Option<&'a [f64]>,
    limit: Option<f64>,
}

/// A container that is killed for its memory was this near to its limit, in parts of it.
pub(super) const AT_LIMIT: f64 = 0.85;

/// A new life begins below this part of what the one before it ended at.
const FALLEN: f64 = 0.6;

impl<'a> Ends<'a> {
    fn of(input: &'a LeakInput<'_>) -> Ends<'a> {
        let is_whole = !input.columns.is_partial();
        let cpu = is_whole.then(|| input.columns.get(Figure::CpuUsageNs)).flatten();
        let is_told = !input.incarnation.is_empty();
        Ends {
            memory: whole_memory(input),
            cpu: cpu.filter(|_| !is_told),
            limit: input.limit_mb.filter(|_| !is_told),
        }
    }

    fn is_between(&self, before: usize, row: usize) -> bool {
        let value = |row: usize| self.memory.get(row).copied().unwrap_or(f64::NAN);
        let has_fallen = value(row) < FALLEN * value(before);
        if let Some(cpu) = self.cpu {
            return cpu.get(row).zip(cpu.get(before)).is_some_and(|(now, then)| now < then);
        }
        has_fallen && self.limit.is_some_and(|limit| value(before) >= AT_LIMIT * limit)
    }
}

/// The whole of what a limit counts, as far as it is known.
pub(super) fn whole_memory<'a>(input: &'a LeakInput<'_>) -> &'a [f64] {
    let is_known = input.working_set_mb.iter().any(|mb| mb.is_finite());
    if is_known { &input.working_set_mb } else { &input.figure.mb }
}

pub(super) fn incarnation(input: &LeakInput<'_>, row: usize) -> u32 {
    input.incarnation.get(row).copied().unwrap_or(0)
}
