//! Pairs readings of one figure by two sources that were taken at (nearly) the same time.
//!
//! Sources read at moments of their own, so a gauge is compared with the other source's reading
//! nearest in time, and a counter by its rate: each source's growth over the time between its own
//! readings. Pairs are spread out, since neighbouring readings say the same thing again.

use crate::model::rates::counter;

/// A reading: when it was true (seconds) and its value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Seconds on the run's axis.
    pub at: f64,
    /// In the figure's unit.
    pub value: f64,
}

/// How readings are paired.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Readings further apart than this are no pair, seconds.
    pub tolerance: f64,
    /// Least time between two pairs, and least length of a rate, seconds.
    pub spacing: f64,
}

/// What two sources say of the same moment (gauges) or the same stretch (rates a second).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Time of the first source's reading, seconds.
    pub at: f64,
    /// What the first source says.
    pub first: f64,
    /// What the second source says.
    pub second: f64,
}

/// Gauges, each with the nearest reading of the other source. Both series ascend in time.
#[must_use]
pub fn gauges(first: &[Point], second: &[Point], rule: Rule) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = Vec::new();
    for point in first {
        if pairs.last().is_some_and(|pair| point.at - pair.at < rule.spacing) {
            continue;
        }
        if let Some(other) = nearest(second, point.at, rule.tolerance) {
            pairs.push(Pair { at: point.at, first: point.value, second: other.value });
        }
    }
    pairs
}

/// Counters of one life as rates a second. Both series ascend in time; a counter that falls makes
/// no pair.
#[must_use]
pub fn counters(first: &[Point], second: &[Point], rule: Rule) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut start: Option<(Point, Point)> = None;
    for point in first {
        let Some(other) = nearest(second, point.at, rule.tolerance) else { continue };
        let Some((from, other_from)) = start else {
            start = Some((*point, other));
            continue;
        };
        let long = |from: Point, to: Point| to.at > from.at && to.at - from.at >= rule.spacing;
        if !long(from, *point) || other.at <= other_from.at {
            continue;
        }
        let rate = |from: Point, to: Point| counter((from.value, from.at), (to.value, to.at));
        if let (Some(a), Some(b)) = (rate(from, *point), rate(other_from, other)) {
            pairs.push(Pair { at: point.at, first: a, second: b });
        }
        start = Some((*point, other));
    }
    pairs
}

/// The median time between readings, seconds; none of a single one.
#[must_use]
pub fn usual_spacing(points: &[Point]) -> Option<f64> {
    let gaps = points.windows(2).map(|pair| pair[1].at - pair[0].at);
    super::thinned::quantile(&super::thinned::sorted(gaps), 0.5)
}

fn nearest(points: &[Point], at: f64, tolerance: f64) -> Option<Point> {
    let after = points.partition_point(|point| point.at < at);
    let around = [after.checked_sub(1), Some(after)];
    let near = around.into_iter().flatten().filter_map(|index| points.get(index).copied());
    near.filter(|point| (point.at - at).abs() <= tolerance)
        .min_by(|a, b| (a.at - at).abs().total_cmp(&(b.at - at).abs()))
}
