//! What the fitted explanations say.

use super::super::fit::{Explanation, Shape};
use super::{Evidence, Understood};

/// Criteria further apart than this all mean "certain".
const FARTHEST: f64 = 50.0;

/// A rate is hardly lower than so many of its standard deviations below its mean.
const LOW: f64 = 1.645;

pub(super) fn add(phase: &Understood<'_>, all: &mut Evidence) {
    let threshold = phase.config.leak_mb_per_min.max(f64::MIN_POSITIVE);
    let whole = threshold * phase.minutes;
    let explanations = phase.explanations;
    let find = |is: &dyn Fn(&Explanation) -> bool| explanations.iter().find(|e| is(e));
    let growing = find(&|e| e.grows);
    let line = find(&|e| e.grows && e.shape == Shape::Even);
    let level = find(&|e| !e.grows && e.shape == Shape::Even);
    let curve = find(&|e| !e.grows && matches!(e.shape, Shape::Saturating { .. }));
    let curve_and_line = find(&|e| e.grows && matches!(e.shape, Shape::Saturating { .. }));
    let filled = find(&|e| !e.grows && matches!(e.shape, Shape::Filled { .. }));
    let filled_and_line = find(&|e| e.grows && matches!(e.shape, Shape::Filled { .. }));
    let steps = find(&|e| !e.grows && matches!(e.shape, Shape::Steps { .. }));
    let steps_and_line = find(&|e| e.grows && matches!(e.shape, Shape::Steps { .. }));
    let late = find(&|e| matches!(e.shape, Shape::Late { .. }));
    let ends_level = find(&|e| !e.grows);

    all.add("akaike_growth", akaike(explanations, phase.config.floor_mb_per_min));
    for (names, one) in [
        (["growing_rate", "growing_low"], growing),
        (["line_rate", "line_low"], line),
        (["curve_line_rate", "curve_line_low"], curve_and_line),
        (["filled_line_rate", "filled_line_low"], filled_and_line),
        (["steps_line_rate", "steps_line_low"], steps_and_line),
        (["late_rate", "late_low"], late),
    ] {
        let of = |value: fn(&Explanation) -> f64| one.map_or(f64::NAN, |e| value(e) / threshold);
        all.add(names[0], of(|e| e.rate.mean));
        all.add(names[1], of(|e| e.rate.mean - LOW * e.rate.spread()));
    }
    let apart = |a: Option<&Explanation>, b: Option<&Explanation>| match (a, b) {
        (Some(a), Some(b)) => (a.aicc - b.aicc).clamp(-FARTHEST, FARTHEST),
        _ => f64::NAN,
    };
    all.add("level_end_against_growth", apart(ends_level, growing));
    all.add("level_against_line", apart(level, line));
    all.add("curve_against_line", apart(curve, line));
    all.add("filled_against_line", apart(filled, line));
    all.add("steps_against_line", apart(steps, line));
    all.add("late_against_line", apart(late, line));
    all.add("curve_against_curve_line", apart(curve, curve_and_line));
    all.add("filled_against_filled_line", apart(filled, filled_and_line));
    all.add("steps_against_steps_line", apart(steps, steps_and_line));
    let first = phase.prepared.points.minutes.first().copied().unwrap_or(0.0);
    let part = |at: f64| (at - first) / phase.minutes;
    let of_shape = |one: Option<&Explanation>| {
        one.map_or(f64::NAN, |e| match e.shape {
            Shape::Saturating { tau } => tau / phase.minutes,
            Shape::Filled { at } | Shape::Late { at } => part(at),
            Shape::Steps { last, .. } => part(last),
            Shape::Even => f64::NAN,
        })
    };
    all.add("curve_time_constant", of_shape(curve));
    all.add("curve_rate_at_end", curve.map_or(f64::NAN, |e| e.rate_now / threshold));
    all.add("filled_at", of_shape(filled));
    all.add("last_step_at", of_shape(steps));
    all.add("late_from", of_shape(late));
    let best = explanations.first();
    all.add("noise", best.map_or(f64::NAN, |e| e.sd / whole));
    all.add("noise_of_line", line.map_or(f64::NAN, |e| e.sd / whole));
    all.add("correlation", best.map_or(f64::NAN, |e| e.correlation));
}

/// Probability of growth above the floor, over all explanations by their Akaike weights.
fn akaike(all: &[Explanation], floor: f64) -> f64 {
    let Some(best) = all.first() else { return f64::NAN };
    let weight = |e: &Explanation| ((best.aicc - e.aicc) / 2.0).exp();
    let total: f64 = all.iter().map(weight).sum();
    all.iter().filter(|e| e.grows).map(|e| weight(e) * e.rate.above(floor)).sum::<f64>() / total
}
