//! From competing explanations to a verdict.

use crate::config::LeakConfig;

use super::fit::{Explanation, Shape};

/// What the explanations come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Which way.
    pub outcome: Outcome,
    /// Lasting growth, MB/min.
    pub rate: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Probability of lasting growth above the floor.
    pub probability: f64,
    /// The best explanation.
    pub best: Explanation,
}

/// Which way, and what stands against it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// It grows as fast as the threshold.
    Leak,
    /// It grows more slowly, or not certainly.
    Suspect,
    /// It grows more slowly than the threshold, if at all.
    Ok,
    /// It may grow, or it may do that and then stay level.
    Unsettled(Shape),
    /// The interval is too wide.
    Wide,
}

/// Explanations within so much of the best one are all believed: the interval covers them.
const BELIEVED: f64 = 4.0;

/// From this probability of growth above the floor it is called a leak.
const CERTAIN: f64 = 0.9;

/// Judges; `all` is sorted, the best first, `minutes` the length they rest on. None where nothing
/// could be fitted.
///
/// The probability of growth is the mean over all explanations, each with its Akaike weight
/// (Burnham and Anderson, Model Selection and Multimodel Inference, 2002, 2.9); one without growth
/// counts as none.
#[must_use]
pub fn decide(all: &[Explanation], minutes: f64, config: &LeakConfig) -> Option<Decision> {
    let best = all.first()?;
    let (low, high) = interval(all, config);
    let weight = |e: &Explanation| ((best.aicc - e.aicc) / 2.0).exp();
    let total: f64 = all.iter().map(weight).sum();
    let above = |e: &Explanation| weight(e) * e.rate.above(config.floor_mb_per_min);
    let in_steps = |e: &&Explanation| !e.grows && !ends_level(e);
    let probability = (all.iter().filter(|e| e.grows).map(above).sum::<f64>()
        + all.iter().filter(in_steps).map(weight).sum::<f64>())
        / total;
    let estimate = all.iter().find(|e| e.grows).map_or(0.0, |e| e.rate.mean);
    let is_likely = probability >= needed(minutes) && estimate >= config.suspect_mb_per_min;
    let is_sure = probability >= CERTAIN && low > 0.0;
    let outcome = if is_likely && is_sure && estimate >= config.leak_mb_per_min {
        Outcome::Leak
    } else if is_likely {
        Outcome::Suspect
    } else if high < config.leak_mb_per_min {
        Outcome::Ok
    } else {
        unsettled(all)
    };
    let rate = if is_likely || best.grows { estimate } else { 0.0 };
    Some(Decision {
        outcome,
        rate,
        low: low.min(rate),
        high: high.max(rate),
        probability,
        best: best.clone(),
    })
}

/// Least probability of growth for an accusation. The shorter the measurement, the more of what it
/// sees is a runtime that still warms up (6 to 12 minutes), so the more is asked for.
fn needed(minutes: f64) -> f64 {
    (1.05 - 0.026 * minutes).clamp(0.55, 0.85)
}

/// Union of the intervals of what is believed. An explanation that ends level stands for the same
/// one with growth beside it, and for no growth.
fn interval(all: &[Explanation], config: &LeakConfig) -> (f64, f64) {
    let tail = (1.0 - config.ci_level) / 2.0;
    let best = all.first();
    let is_near = |e: &Explanation| best.is_some_and(|best| e.aicc <= best.aicc + BELIEVED);
    // Growth beside steps: whether the steps will come again is not known, so the line through
    // everything is believed too.
    let steps_recur = best.is_some_and(|b| matches!(b.shape, Shape::Steps { .. }) && b.grows)
        || best.is_some_and(|b| matches!(b.shape, Shape::Steps { regular: true, .. }));
    let is_believed = |e: &&Explanation| {
        let stands_for = |l: &Explanation| !l.grows && is_near(l) && same_shape(l.shape, e.shape);
        e.grows
            && (is_near(e) || (e.shape == Shape::Even && steps_recur) || all.iter().any(stands_for))
    };
    let (low, high) = all
        .iter()
        .filter(is_believed)
        .map(|e| (e.rate.quantile(tail), e.rate.quantile(1.0 - tail)))
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), (low, high)| (l.min(low), h.max(high)));
    let is_level = all.iter().any(|e| ends_level(e) && is_near(e));
    let again = match best.map(|best| best.shape) {
        Some(Shape::Steps { again, .. }) => again,
        _ => 0.0,
    };
    let high = high.max(again);
    if is_level || low > high { (low.min(0.0), high.max(0.0)) } else { (low, high) }
}

/// It has no lasting growth. Steps that are alike and evenly spaced are growth.
fn ends_level(e: &Explanation) -> bool {
    !e.grows && !matches!(e.shape, Shape::Steps { regular: true, .. })
}

/// The best explanation without growth, where it is believed and more than a level.
fn unsettled(all: &[Explanation]) -> Outcome {
    let best = all.iter().map(|e| e.aicc).fold(f64::INFINITY, f64::min);
    match all.iter().find(|e| ends_level(e) && e.aicc <= best + BELIEVED).map(|e| e.shape) {
        Some(shape) if shape != Shape::Even => Outcome::Unsettled(shape),
        _ => Outcome::Wide,
    }
}

fn same_shape(level: Shape, grown: Shape) -> bool {
    match (level, grown) {
        (Shape::Steps { count: a, .. }, Shape::Steps { count: b, .. }) => a.min(2) == b,
        (a, b) => std::mem::discriminant(&a) == std::mem::discriminant(&b),
    }
}
