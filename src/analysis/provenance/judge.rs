//! What pairs of readings say of two sources: a systematic difference, agreement, or too little.
//!
//! The median of the relative differences with their sign is told: noise of readings that are not
//! quite simultaneous goes both ways and cancels, a source that counts otherwise does not. Its
//! interval comes from order statistics (the sign test), which assumes no distribution.

use serde::{Deserialize, Serialize};

use super::matching::Pair;
use super::thinned::{quantile, sorted};
use crate::model::figure::Kind;
use crate::model::units::MB;
use crate::model::{Figure, SourceKind};

/// Sources further apart than this disagree, percent of the larger value.
pub const APART_PERCENT: f64 = 5.0;
/// With fewer pairs nothing is judged.
pub const LEAST_PAIRS: u64 = 8;
/// Two-sided 95 % of the normal distribution.
const Z: f64 = 1.96;

/// What is known of two sources' agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// They differ by no more than [`APART_PERCENT`], or by an amount too small to matter.
    Agree,
    /// They differ by more, and the whole interval says so.
    Differ,
    /// The interval does not say.
    Unclear,
    /// Fewer than [`LEAST_PAIRS`] pairs: not judged.
    TooFew,
}

/// Two sources of one figure of one container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// The figure; counters are compared as rates.
    pub figure: String,
    /// The container's key.
    pub container: String,
    /// The source whose value counts.
    pub first: SourceKind,
    /// The other one.
    pub second: SourceKind,
    /// Pairs of readings.
    pub pairs: u64,
    /// Median of (second - first) in percent of the larger one; 0 where both are 0.
    pub median_percent: f64,
    /// Lower end of the median's interval (95 %), percent; absent with too few pairs.
    pub low_percent: Option<f64>,
    /// Upper end.
    pub high_percent: Option<f64>,
    /// 95th percentile of the difference without its sign, percent.
    pub p95_percent: f64,
    /// Median of the difference without its sign, in the figure's unit (a second, for counters).
    pub median_apart: f64,
    /// What that comes to.
    pub verdict: Verdict,
}

impl Agreement {
    /// The median is further off than [`APART_PERCENT`], and not by next to nothing.
    #[must_use]
    pub fn matters(&self) -> bool {
        let least = Figure::by_name(&self.figure).map_or(0.0, negligible);
        self.median_percent.abs() > APART_PERCENT && self.median_apart >= least
    }
}

/// Judges `pairs` (a sample of `seen` ones); none without a pair.
#[must_use]
pub fn judge(
    figure: Figure,
    container: &str,
    (first, second): (SourceKind, SourceKind),
    pairs: &[Pair],
    seen: u64,
) -> Option<Agreement> {
    let relative = sorted(pairs.iter().map(relative_percent));
    let median = quantile(&relative, 0.5)?;
    let sizes = sorted(relative.iter().map(|v| v.abs()));
    let apart = sorted(pairs.iter().map(|pair| (pair.second - pair.first).abs()));
    let median_apart = quantile(&apart, 0.5)?;
    let interval = (seen >= LEAST_PAIRS).then(|| interval(&relative)).flatten();
    Some(Agreement {
        figure: figure.name().to_owned(),
        container: container.to_owned(),
        first,
        second,
        pairs: seen,
        median_percent: median,
        low_percent: interval.map(|(low, _)| low),
        high_percent: interval.map(|(_, high)| high),
        p95_percent: quantile(&sizes, 0.95)?,
        median_apart,
        verdict: verdict(interval, median_apart < negligible(figure)),
    })
}

/// (second - first) in percent of the larger one.
#[must_use]
pub fn relative_percent(pair: &Pair) -> f64 {
    let larger = pair.first.abs().max(pair.second.abs());
    if larger == 0.0 { 0.0 } else { 100.0 * (pair.second - pair.first) / larger }
}

fn verdict(interval: Option<(f64, f64)>, negligible: bool) -> Verdict {
    match interval {
        None => Verdict::TooFew,
        Some(_) if negligible => Verdict::Agree,
        Some((low, high)) if low > APART_PERCENT || high < -APART_PERCENT => Verdict::Differ,
        Some((low, high)) if low >= -APART_PERCENT && high <= APART_PERCENT => Verdict::Agree,
        Some(_) => Verdict::Unclear,
    }
}

/// The interval of the median of ascending values: the values at ranks (n - z sqrt n) / 2 from both
/// ends (binomial distribution of the number below the median, by its normal approximation).
fn interval(ascending: &[f64]) -> Option<(f64, f64)> {
    let n = ascending.len() as f64;
    let rank = ((n - Z * n.sqrt()) / 2.0).floor().max(1.0) as usize;
    let low = ascending.get(rank.checked_sub(1)?)?;
    let high = ascending.get(ascending.len().checked_sub(rank)?)?;
    Some((*low, *high))
}

/// Differences below this are of no interest however large their share, in the figure's unit (a
/// second, for counters): a megabyte, a hundredth of a core, a kilobyte a second, half a task.
fn negligible(figure: Figure) -> f64 {
    let row = figure.row();
    match (row.kind, row.unit) {
        (Kind::Counter, "bytes") => 1024.0,
        (Kind::Counter, "ns") => 1e7,
        (Kind::Counter, "us") => 1e4,
        (_, "bytes") => MB,
        (_, "bytes/s") => 1024.0,
        (_, "%") => 1.0,
        (_, "cores") => 0.005,
        _ => 0.5,
    }
}
