//! The series as it is, less what it owes to the load.

use crate::analysis::slope::{Block, theil_sen};

use super::Understood;

/// Measured values under load, in order.
pub(in super::super) struct Known {
    /// Minutes from the first one.
    pub minutes: Vec<f64>,
    /// MB, less what follows the load.
    pub mb: Vec<f64>,
    /// MB as measured.
    pub raw: Vec<f64>,
    /// MB by which memory moves with a load that varies by one standard deviation.
    pub with_load: f64,
}

/// Lowest, middle and highest of a part of the phase.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub minute: f64,
    pub low: f64,
    pub middle: f64,
    pub high: f64,
}

/// Memory follows the load this many seconds later, or later still.
const LAGS: [f64; 3] = [1.0, 15.0, 45.0];

/// Parts in which memory and load are compared.
const COMPARED: usize = 48;

impl Known {
    pub fn of(phase: &Understood<'_>) -> Known {
        let time = &phase.input.time[phase.rows.clone()];
        let mb = &phase.input.figure.mb[phase.rows.clone()];
        let first = time.first().copied().unwrap_or(0.0);
        let is_known = |at: &usize| mb[*at].is_finite();
        let known: Vec<usize> = (0..time.len()).filter(is_known).collect();
        let raw: Vec<f64> = known.iter().map(|at| mb[*at]).collect();
        let minutes: Vec<f64> = known.iter().map(|at| (time[*at] - first) / 60.0).collect();
        let mut all = Known { mb: raw.clone(), raw, minutes, with_load: 0.0 };
        if phase.load.values.len() == time.len() {
            let load: Vec<f64> = known.iter().map(|at| phase.load.values[*at]).collect();
            all.take_off_load(&load);
        }
        all
    }

    /// Takes off what moves with the load, by the changes from part to part: a lasting growth changes
    /// nothing in them but their mean.
    fn take_off_load(&mut self, load: &[f64]) {
        let ours = changes(&middles(&self.minutes, &self.raw, COMPARED));
        let mut best: Option<(f64, f64, Vec<f64>)> = None;
        for lag in LAGS {
            let lagged = lagged(&self.minutes, load, lag / 60.0);
            let theirs = changes(&middles(&self.minutes, &lagged, COMPARED));
            let Some((slope, explained)) = regression(&theirs, &ours) else { continue };
            if best.as_ref().is_none_or(|(most, ..)| explained > *most) {
                best = Some((explained, slope, lagged));
            }
        }
        let Some((_, slope, lagged)) = best else { return };
        let n = lagged.len().max(1) as f64;
        let mean = lagged.iter().sum::<f64>() / n;
        let variance = lagged.iter().map(|l| (l - mean) * (l - mean)).sum::<f64>() / n;
        self.with_load = slope * variance.sqrt();
        self.mb = self.raw.iter().zip(&lagged).map(|(mb, l)| mb - slope * (l - mean)).collect();
    }

    /// Parts of equal length.
    pub fn parts(&self, count: usize) -> Vec<Part> {
        cut(&self.minutes, count)
            .into_iter()
            .filter_map(|rows| {
                let mut some = self.mb[rows.clone()].to_vec();
                if some.is_empty() {
                    return None;
                }
                let middle = some.len() / 2;
                let (_, median, _) = some.select_nth_unstable_by(middle, f64::total_cmp);
                let median = *median;
                let fold = |of: fn(f64, f64) -> f64| some.iter().copied().reduce(of);
                Some(Part {
                    minute: f64::midpoint(self.minutes[rows.start], self.minutes[rows.end - 1]),
                    low: fold(f64::min)?,
                    middle: median,
                    high: fold(f64::max)?,
                })
            })
            .collect()
    }
}

/// Theil and Sen's slope over points, MB/min; NaN with fewer than two.
pub(super) fn slope(points: impl Iterator<Item = (f64, f64)>) -> f64 {
    let blocks: Vec<Block> =
        points.map(|(minute, value)| Block { time: 60.0 * minute, value }).collect();
    theil_sen(&blocks).unwrap_or(f64::NAN)
}

/// Rows of parts of equal length, the empty ones too.
fn cut(minutes: &[f64], count: usize) -> Vec<std::ops::Range<usize>> {
    let length = minutes.last().copied().unwrap_or(0.0);
    let mut from = 0;
    (0..count)
        .map(|part| {
            let end = length * (part + 1) as f64 / count as f64;
            let to = if part + 1 == count {
                minutes.len()
            } else {
                from + minutes[from..].partition_point(|t| *t < end)
            };
            let rows = from..to;
            from = to;
            rows
        })
        .collect()
}

/// Means of parts; NaN for an empty one.
fn middles(minutes: &[f64], values: &[f64], count: usize) -> Vec<f64> {
    let mean = |rows: std::ops::Range<usize>| {
        let some = &values[rows];
        some.iter().sum::<f64>() / some.len() as f64
    };
    cut(minutes, count).into_iter().map(mean).collect()
}

fn changes(values: &[f64]) -> Vec<f64> {
    values.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Slope of the second on the first, and the sum of squares it explains.
fn regression(x: &[f64], y: &[f64]) -> Option<(f64, f64)> {
    let both = || x.iter().zip(y).filter(|(x, y)| x.is_finite() && y.is_finite());
    let n = both().count() as f64;
    if n < 4.0 {
        return None;
    }
    let (mx, my) = (both().map(|p| p.0).sum::<f64>() / n, both().map(|p| p.1).sum::<f64>() / n);
    let xx: f64 = both().map(|(x, _)| (x - mx) * (x - mx)).sum();
    let xy: f64 = both().map(|(x, y)| (x - mx) * (y - my)).sum();
    (xx > 1e-9).then(|| (xy / xx, xy * xy / xx))
}

/// A load as something that answers `lag` minutes later knows it.
fn lagged(minutes: &[f64], load: &[f64], lag: f64) -> Vec<f64> {
    let mut before = minutes.first().copied().unwrap_or(0.0);
    let mut now = load.iter().copied().find(|l| l.is_finite()).unwrap_or(0.0);
    let one = |(minute, load): (&f64, &f64)| {
        if load.is_finite() {
            now += (load - now) * (1.0 - (-(minute - before) / lag).exp());
        }
        before = *minute;
        now
    };
    minutes.iter().zip(load).map(one).collect()
}
