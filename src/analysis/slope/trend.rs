//! A trend: Theil-Sen over block medians, with an interval from the effective sample size.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal};

use crate::analysis::stats::{Sample, effective_size, lag1};

use super::theil_sen::pair_slopes;
use super::{Block, BlockRule, blocks, rank_interval};

/// A slope with its interval, in the figure's unit a minute.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Trend {
    /// Theil-Sen estimate.
    pub slope: f64,
    /// Lower end of the interval.
    pub ci_low: f64,
    /// Upper end of the interval.
    pub ci_high: f64,
    /// Confidence level of the interval.
    pub ci_level: f64,
    /// Blocks it rests on.
    pub blocks: usize,
    /// Blocks they are worth, given their autocorrelation.
    pub effective_blocks: f64,
    /// Time covered, minutes.
    pub minutes: f64,
    /// Value of the fitted line at the end of the series.
    pub level: f64,
}

/// Fits a trend to a series (times ascending; values may be NaN). None with fewer than three
/// blocks.
///
/// Method: block medians; Theil-Sen; the autocorrelation of the detrended blocks, corrected for
/// the bias that fitting a line brings (rho = (n r + 2) / (n - 4), van Giersbergen 2005, positive
/// only); Kendall's variance times n / n_eff; Sen's rank interval. `resolution` is the step in
/// which the figure is known (a page of memory, the rounding of a file): the interval is never
/// narrower than that step, and one tick's worth of growth, over the length of the series, however
/// clean the ramp.
#[must_use]
pub fn trend(
    time: &[f64],
    values: &[f64],
    rule: BlockRule,
    ci_level: f64,
    resolution: f64,
) -> Option<Trend> {
    let interval = median_interval(time)?;
    let blocks = blocks(time, values, interval, rule);
    let (first, last) = (time.first()?, time.last()?);
    let seconds = last - first + interval;
    if blocks.len() < 3 || seconds <= 0.0 {
        return None;
    }
    let slopes = pair_slopes(&blocks);
    let slope = Sample::of(slopes.iter().copied())?.sorted().median();
    let (rho, intercept) = residuals(&blocks, slope)?;
    let n = blocks.len() as f64;
    let effective = effective_size(n, rho);
    let (low, high) = rank_interval(&slopes, blocks.len(), z_of(ci_level), n / effective)?;
    let tick_worth = slope.abs() * interval / 60.0;
    let least = (tick_worth + resolution) / (seconds / 60.0);
    Some(Trend {
        slope,
        ci_low: low.min(slope - least),
        ci_high: high.max(slope + least),
        ci_level,
        blocks: blocks.len(),
        effective_blocks: effective,
        minutes: seconds / 60.0,
        level: intercept + slope * last / 60.0,
    })
}

/// Corrected autocorrelation of what the line leaves, and the line's intercept (the median one).
fn residuals(blocks: &[Block], slope: f64) -> Option<(f64, f64)> {
    let left = |b: &Block| b.value - slope * b.time / 60.0;
    let sample = Sample::of(blocks.iter().map(left))?;
    let n = sample.size();
    let r = lag1(&sample);
    let rho = if r == 0.0 || n <= 5.0 { r } else { (n * r + 2.0) / (n - 4.0) };
    Some((rho, sample.sorted().median()))
}

/// Median distance of neighbouring ticks, seconds.
pub(crate) fn median_interval(time: &[f64]) -> Option<f64> {
    let gaps = time.windows(2).map(|pair| pair[1] - pair[0]);
    Some(Sample::of(gaps)?.unordered().quantile(0.5))
}

/// Two-sided normal quantile; levels outside of (0, 1) are read as 95 %.
fn z_of(level: f64) -> f64 {
    let level = if level > 0.0 && level < 1.0 { level } else { 0.95 };
    Normal::standard().inverse_cdf(0.5 + level / 2.0)
}
