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
    /// Probability of a lasting growth as fast as the threshold.
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
const BELIEVED: f64 = 6.0;

/// From this probability of growth above the floor it is called a leak.
const CERTAIN: f64 = 0.94;

/// Judges; `all` is sorted, the best first. None where nothing could be fitted.
///
/// `probability` is that of a lasting growth as fast as the threshold: it decides, and the fitted
/// explanations say how fast. The interval is that of the growth where growth is sure, that of what
/// is no leak where a leak is ruled out, and else it holds both.
#[must_use]
pub fn decide(all: &[Explanation], mut probability: f64, config: &LeakConfig) -> Option<Decision> {
    let best = all.first()?;
    let growth = growth(all, config);
    let fills =
        !best.grows && matches!(best.shape, Shape::Saturating { .. } | Shape::Filled { .. });
    let is_slow = fills && growth.rate < config.leak_mb_per_min;
    let needed = if is_slow { LIKELY_SLOW } else { LIKELY };
    let is_likely = probability >= needed && growth.rate >= config.suspect_mb_per_min;
    let is_sure = probability >= CERTAIN;
    let outcome = if is_likely && is_sure && growth.rate >= config.leak_mb_per_min {
        Outcome::Leak
    } else if is_likely {
        Outcome::Suspect
    } else if probability <= RULED_OUT
        || (best.shape == Shape::Even && growth.is_surely_slow(config))
    {
        probability = probability.min(RULED_OUT);
        Outcome::Ok
    } else {
        unsettled(all)
    };
    let (rate, low, high) = match outcome {
        Outcome::Leak => (growth.rate, growth.low.max(config.floor_mb_per_min), growth.high),
        Outcome::Suspect if is_sure => (growth.rate, growth.low.max(0.0), growth.high),
        Outcome::Suspect => (growth.rate, growth.low.min(0.0), growth.high),
        Outcome::Ok => {
            let most = MOST_OK * config.leak_mb_per_min;
            let rate = if best.grows { growth.rate.min(most) } else { 0.0 };
            (rate, growth.low.min(0.0), growth.high.clamp(rate.max(0.0), most))
        }
        _ => {
            let rate = if best.grows { growth.rate } else { 0.0 };
            (rate, growth.low.min(0.0), growth.high.max(0.0))
        }
    };
    Some(Decision {
        outcome,
        rate,
        low: low.min(rate),
        high: high.max(rate),
        probability,
        best: best.clone(),
    })
}

/// From this probability on it is suspect.
const LIKELY: f64 = 0.6;

/// The same for growth that is slower than the threshold where the series looks filled at its end.
const LIKELY_SLOW: f64 = 0.8;

/// Up to this probability a leak is ruled out.
const RULED_OUT: f64 = 0.1;

/// An acquittal holds growth of less than this part of the threshold.
const MOST_OK: f64 = 0.99;

/// How fast it grows, if it does.
struct Growth {
    rate: f64,
    low: f64,
    high: f64,
}

impl Growth {
    /// All that is believed grows more slowly than what is suspect, and that is known closely.
    fn is_surely_slow(&self, config: &LeakConfig) -> bool {
        self.high < config.suspect_mb_per_min && self.high - self.low < config.leak_mb_per_min
    }
}

fn growth(all: &[Explanation], config: &LeakConfig) -> Growth {
    let (low, high) = interval(all, config);
    let rate = all.iter().find(|e| e.grows).map_or(0.0, |e| e.rate.mean);
    Growth { rate, low: low.min(rate), high: high.max(rate) }
}

/// Union of the intervals of the growths that are believed: of those near the best of them.
fn interval(all: &[Explanation], config: &LeakConfig) -> (f64, f64) {
    let tail = (1.0 - config.ci_level) / 2.0;
    let Some(best) = all.iter().find(|e| e.grows) else { return (0.0, 0.0) };
    // Whether steps will come again is not known, so the line through everything is believed too.
    let steps = |e: &Explanation| matches!(e.shape, Shape::Steps { .. });
    let with_line = steps(best) || all.first().is_some_and(steps);
    let is_believed = |e: &&Explanation| {
        e.grows && (e.aicc <= best.aicc + BELIEVED || (e.shape == Shape::Even && with_line))
    };
    let (low, high) = all
        .iter()
        .filter(is_believed)
        .map(|e| (e.rate.quantile(tail), e.rate.quantile(1.0 - tail)))
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), (low, high)| (l.min(low), h.max(high)));
    let again = match all.first().map(|best| best.shape) {
        Some(Shape::Steps { again, .. }) => again,
        _ => 0.0,
    };
    (low, high.max(again))
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
