//! Theil-Sen: the median of the slopes of all pairs of points, and its rank interval.

use crate::analysis::stats::Sample;

use super::Block;

/// Slopes of all pairs, a minute, ascending; empty with fewer than two points apart in time.
#[must_use]
pub fn pair_slopes(blocks: &[Block]) -> Vec<f64> {
    let mut slopes = Vec::with_capacity(blocks.len() * blocks.len().saturating_sub(1) / 2);
    for (index, left) in blocks.iter().enumerate() {
        for right in &blocks[index + 1..] {
            let minutes = (right.time - left.time) / 60.0;
            if minutes > 0.0 {
                slopes.push((right.value - left.value) / minutes);
            }
        }
    }
    slopes.sort_unstable_by(f64::total_cmp);
    slopes
}

/// Median of the pair slopes, a minute (Theil 1950, Sen 1968).
#[must_use]
pub fn theil_sen(blocks: &[Block]) -> Option<f64> {
    Some(Sample::of(pair_slopes(blocks))?.sorted().median())
}

/// Sen's interval: with N pair slopes and Var(S) the variance of Kendall's S, the ends are the
/// (N - C)/2 th and the ((N + C)/2 + 1) th smallest slope, C = z sqrt(Var(S)) (Sen 1968, as in
/// Hollander and Wolfe, 9.4).
///
/// `inflation` multiplies Var(S): 1 for independent points, n / n_eff for correlated ones (Yue and
/// Wang, Water Resources Management 18, 2004). Where C passes N the data cannot carry the level,
/// and the ends are the outermost slopes.
#[must_use]
pub fn rank_interval(
    sorted_slopes: &[f64],
    points: usize,
    z: f64,
    inflation: f64,
) -> Option<(f64, f64)> {
    let n = points as f64;
    let variance = n * (n - 1.0) * (2.0 * n + 5.0) / 18.0 * inflation;
    let reach = z * variance.sqrt();
    let count = sorted_slopes.len() as f64;
    let last = sorted_slopes.len().checked_sub(1)?;
    // Ranks count from 1; rounded outwards.
    let low = ((count - reach) / 2.0).floor().max(1.0) as usize - 1;
    let high = (((count + reach) / 2.0).ceil() as usize).min(last);
    Some((*sorted_slopes.get(low.min(last))?, *sorted_slopes.get(high)?))
}
