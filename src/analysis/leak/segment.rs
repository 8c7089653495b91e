//! The part of the active phase that can be judged: one life of the container, without its end
//! and its warm-up.
//!
//! Teardown and start-up reverse naive slopes: a real leak read -201 MB/min end to end because the
//! last sample was 0.

use std::ops::Range;

use super::LeakInput;

/// A usable part of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Its rows.
    pub rows: Range<usize>,
    /// How many lives of the container the active phase saw.
    pub lives: usize,
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
    Some(Segment { rows: start..longest.end, lives: lives.len() })
}

/// Stretches of the active phase: cut where the incarnation changes and at zeros, without absent
/// values at either end.
fn lives(input: &LeakInput<'_>) -> Vec<Range<usize>> {
    let mut lives: Vec<Range<usize>> = Vec::new();
    let mut is_open = false;
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
            Some(life) if incarnation(input, life.start) == incarnation(input, row) => {
                life.end = row + 1;
            }
            _ => lives.push(row..row + 1),
        }
        is_open = true;
    }
    lives
}

pub(super) fn incarnation(input: &LeakInput<'_>, row: usize) -> u32 {
    input.incarnation.get(row).copied().unwrap_or(0)
}
