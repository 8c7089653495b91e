//! Which containers share times and phases: each such group becomes one scenario, so that phase,
//! load and time of every container are what its own rows say.

use std::collections::HashMap;

use super::{Row, Track};
use crate::store::columns::{Budget, TooSparse};

/// Containers with times and phases in common.
#[derive(Default)]
pub(super) struct Group {
    /// When any of them was sampled, ascending, and the phase then.
    pub moments: Vec<Moment>,
    /// Their rows.
    pub tracks: Vec<Track>,
}

/// A time and the phase that rows name at it.
pub(super) type Moment = (f64, Option<usize>);

/// Groups that a container is held against: a file where each has times of its own stays quick.
const COMPARED: usize = 64;

/// What a group costs of the budget: a scenario of its own is more than its cells.
const CELLS: usize = 4096;

/// Puts every container to the first group that it fits.
///
/// # Errors
/// When nearly every row begins a group.
pub(super) fn groups(tracks: Vec<Track>, budget: &mut Budget) -> Result<Vec<Group>, TooSparse> {
    let mut groups: Vec<Group> = Vec::new();
    // Nearly always the moments are exactly those of containers before.
    let mut same: HashMap<Vec<(u64, Option<usize>)>, usize> = HashMap::new();
    for track in tracks {
        let moments: Vec<Moment> = track.rows.iter().map(|row| (row.time, row.phase)).collect();
        let key: Vec<_> = moments.iter().map(|(time, phase)| (time.to_bits(), *phase)).collect();
        let recent = groups.len().saturating_sub(COMPARED);
        if let Some(group) = same.get(&key).and_then(|at| groups.get_mut(*at)) {
            group.tracks.push(track);
            continue;
        }
        let found = groups.iter().skip(recent).position(|group| fits(&group.moments, &moments));
        let at = match found.map(|at| at + recent) {
            Some(at) => at,
            None => {
                budget.spend(CELLS)?;
                groups.push(Group::default());
                groups.len() - 1
            }
        };
        same.insert(key, at);
        if let Some(group) = groups.get_mut(at) {
            group.moments = merged(&group.moments, &moments);
            group.tracks.push(track);
        }
    }
    Ok(groups)
}

/// Whether half of the moments of the shorter one are those of the other, and nowhere two phases
/// overlap.
fn fits(a: &[Moment], b: &[Moment]) -> bool {
    let times =
        |moments: &[Moment]| -> Vec<u64> { moments.iter().map(|m| m.0.to_bits()).collect() };
    let (left, right) = (times(a), times(b));
    let shared = left.iter().filter(|time| right.binary_search_by(|t| order(*t, **time)).is_ok());
    2 * shared.count() >= a.len().min(b.len()) && agrees(a, b) && agrees(b, a)
}

fn order(a: u64, b: u64) -> std::cmp::Ordering {
    f64::from_bits(a).total_cmp(&f64::from_bits(b))
}

/// At each of the moments of `b` the phase is that of `a` at that time, or of its neighbours.
fn agrees(a: &[Moment], b: &[Moment]) -> bool {
    let mut at = 0;
    b.iter().all(|(time, phase)| {
        while a.get(at).is_some_and(|moment| moment.0 < *time) {
            at += 1;
        }
        let before = at.checked_sub(1).and_then(|at| a.get(at));
        match (before, a.get(at)) {
            (_, Some(here)) if here.0 == *time => here.1 == *phase,
            (Some(before), Some(after)) => before.1 == *phase || after.1 == *phase,
            _ => true,
        }
    })
}

fn merged(a: &[Moment], b: &[Moment]) -> Vec<Moment> {
    let mut all: Vec<Moment> = a.iter().chain(b).copied().collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all.dedup_by(|a, b| a.0 == b.0);
    all
}

impl Track {
    /// The usual distance of its rows, seconds.
    pub fn spacing(&self) -> Option<f64> {
        let mut steps: Vec<f64> =
            self.rows.windows(2).map(|pair| pair[1].time - pair[0].time).collect();
        steps.sort_unstable_by(f64::total_cmp);
        steps.get(steps.len() / 2).copied()
    }
}

/// Each container's rows in the order of time, one a moment. Where there are several the later one
/// in the file counts, and what it lacks is taken from those before. Also: how many rows came
/// again, and of which container the first.
pub(super) fn tracks(rows: Vec<Row>, containers: usize) -> (Vec<Track>, Option<(usize, usize)>) {
    let mut tracks: Vec<Track> =
        (0..containers).map(|container| Track { container, rows: Vec::new() }).collect();
    for row in rows {
        if let Some(track) = tracks.get_mut(row.container) {
            track.rows.push(row);
        }
    }
    let mut again: Option<(usize, usize)> = None;
    for track in &mut tracks {
        track.rows.sort_by(|a, b| a.time.total_cmp(&b.time));
        let before = track.rows.len();
        track.rows.dedup_by(|later, earlier| {
            let is_same = later.time == earlier.time;
            if is_same {
                std::mem::swap(later, earlier);
                earlier.complete(later);
            }
            is_same
        });
        let repeated = before - track.rows.len();
        if repeated > 0 {
            again = Some(again.map_or((repeated, track.container), |(n, at)| (n + repeated, at)));
        }
    }
    (tracks, again)
}

impl Row {
    /// Takes from `other` what it lacks.
    fn complete(&mut self, other: &Row) {
        self.phase = self.phase.or(other.phase);
        self.load = self.load.or(other.load);
        self.figures.fill_from(&other.figures);
    }
}
