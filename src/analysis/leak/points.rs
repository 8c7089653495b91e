//! From ticks to a few dozen points: block medians, or the troughs of a sawtooth.

use crate::analysis::slope::{Block, BlockRule, blocks, theil_sen};

use super::fit::{Covariate, Points};
use super::teeth::{Teeth, range, teeth, troughs};

/// Points that can be explained, and how they were made.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// The points.
    pub points: Points,
    /// The sawtooth whose troughs they are.
    pub teeth: Option<Teeth>,
}

/// Series to be made into points; all as long as `time`.
#[derive(Debug, Clone, Copy)]
pub struct Raw<'a> {
    /// Seconds, ascending.
    pub time: &'a [f64],
    /// MB; NaN where absent.
    pub mb: &'a [f64],
    /// What memory may follow; empty where it is unknown or does not vary.
    pub covariate: &'a [f64],
    /// Step in which MB are known.
    pub resolution: f64,
    /// Usual distance of ticks, seconds.
    pub interval: f64,
}

/// No service follows a curve more exactly than this part of the range it moves in.
const IMPERFECTION: f64 = 0.01;

/// The lower envelope spans so many periods of a sawtooth: one trough is in each.
const ENVELOPE_PERIODS: f64 = 1.3;

/// Teeth smaller than this part of the whole range are noise on something larger.
const LEAST_PART: f64 = 0.25;

/// The median of a block that holds so many periods does not depend on where they begin.
const PERIODS_IN_A_BLOCK: f64 = 2.0;

/// Fewer troughs are not judged as such.
const LEAST_TROUGHS: usize = 6;

/// Makes points.
#[must_use]
pub fn prepare(raw: Raw<'_>, rule: BlockRule) -> Prepared {
    let medians = blocks(raw.time, raw.mb, raw.interval, rule);
    if let Some((teeth, points)) = of_teeth(raw, rule, &medians) {
        return Prepared { points, teeth: Some(teeth) };
    }
    let covariate = (!raw.covariate.is_empty()).then(|| {
        let of = blocks(raw.time, raw.covariate, raw.interval, rule);
        medians.iter().map(|block| nearest(&of, block.time)).collect()
    });
    let made = points(medians.iter().map(|b| (b.time, b.value)).collect(), covariate, raw);
    Prepared { points: made, teeth: None }
}

fn of_teeth(raw: Raw<'_>, rule: BlockRule, medians: &[Block]) -> Option<(Teeth, Points)> {
    let slope = theil_sen(medians)? / 60.0;
    let rows: Vec<usize> = (0..raw.time.len()).filter(|row| raw.mb[*row].is_finite()).collect();
    let time: Vec<f64> = rows.iter().map(|row| raw.time[*row]).collect();
    let mb: Vec<f64> = rows.iter().map(|row| raw.mb[*row]).collect();
    let flat: Vec<f64> = time.iter().zip(&mb).map(|(t, mb)| mb - slope * t).collect();
    let least = (20.0 * raw.resolution).max(LEAST_PART * range(&mb)?);
    let teeth = teeth(&time, &flat, least)?;
    if PERIODS_IN_A_BLOCK * teeth.period <= block_length(medians) {
        return None;
    }
    let length = time.last()? - time.first()?;
    let window = (ENVELOPE_PERIODS * teeth.period).max(length / rule.at_most as f64);
    let places = troughs(&time, &mb, window, window / 2.0);
    if places.len() < LEAST_TROUGHS {
        return None;
    }
    let covariate = (!raw.covariate.is_empty())
        .then(|| places.iter().map(|place| raw.covariate[rows[*place]]).collect());
    let values = places.iter().map(|place| (time[*place], mb[*place])).collect();
    Some((teeth, points(values, covariate, raw)))
}

fn points(values: Vec<(f64, f64)>, covariate: Option<Vec<f64>>, raw: Raw<'_>) -> Points {
    let (minutes, mb): (Vec<f64>, Vec<f64>) =
        values.into_iter().map(|(t, v)| (t / 60.0, v)).unzip();
    // What rounding to steps of `resolution` leaves: a uniform error of a step's width.
    let rounding = raw.resolution / 12f64.sqrt();
    let least_sd = rounding.max(IMPERFECTION * moved(&mb));
    Points { minutes, mb, covariate: covariate.map(Covariate), least_sd }
}

/// How far the series moves, other than by its three largest steps.
fn moved(mb: &[f64]) -> f64 {
    let (low, high) =
        mb.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    let mut moves: Vec<f64> = mb.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    moves.sort_unstable_by(f64::total_cmp);
    let steps = moves.len().saturating_sub(3);
    moves[..steps].iter().sum::<f64>().min(high - low)
}

fn block_length(blocks: &[Block]) -> f64 {
    let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else { return 0.0 };
    (last.time - first.time) / (blocks.len().max(2) - 1) as f64
}

fn nearest(blocks: &[Block], time: f64) -> f64 {
    let after = blocks.partition_point(|block| block.time < time);
    let around = [after.checked_sub(1), Some(after)];
    around
        .into_iter()
        .flatten()
        .filter_map(|at| blocks.get(at))
        .min_by(|a, b| (a.time - time).abs().total_cmp(&(b.time - time).abs()))
        .map_or(f64::NAN, |block| block.value)
}
