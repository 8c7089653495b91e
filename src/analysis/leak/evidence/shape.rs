//! What can be read off a series without a model: slopes of its lows, middles and highs, over all
//! of it and at its end, how even its growth is, and how it falls.

use super::super::teeth::{falls, range};
use super::series::{Known, Part, slope};
use super::{Evidence, Understood};

/// Of a phase: fine parts for middles, coarser ones for lows and highs, and a few long ones that hold
/// a whole tooth of a slow sawtooth.
const FINE: usize = 24;
const COARSE: usize = 12;
const LONG: usize = 5;

pub(super) fn add(phase: &Understood<'_>, series: &Known, all: &mut Evidence) {
    let threshold = phase.config.leak_mb_per_min.max(f64::MIN_POSITIVE);
    let whole = threshold * phase.minutes;
    let (fine, coarse) = (series.parts(FINE), series.parts(COARSE));
    let long = series.parts(LONG);
    let low = |p: &Part| p.low;
    let middle = |p: &Part| p.middle;
    let high = |p: &Part| p.high;
    slopes(["low", "low_half", "low_third", "low_start"], &coarse, low, threshold, all);
    slopes(
        ["middle", "middle_half", "middle_third", "middle_start"],
        &fine,
        middle,
        threshold,
        all,
    );
    slopes(["high", "high_half", "high_third", "high_start"], &coarse, high, threshold, all);
    let of_long = |of: fn(&Part) -> f64, from: usize| {
        let some = long.get(from..).unwrap_or_default();
        slope(some.iter().map(|p| (p.minute, of(p)))) / threshold
    };
    all.add("long_low", of_long(low, 0));
    all.add("long_low_end", of_long(low, 2));
    all.add("long_high", of_long(high, 0));
    all.add("long_high_end", of_long(high, 2));
    evenness(["middle_rises", "middle_largest", "middle_spread"], &fine, middle, all);
    evenness(["low_rises", "low_largest", "low_spread"], &coarse, low, all);
    reach(&fine, &coarse, whole, all);
    teeth(series, threshold, whole, all);
}

fn slopes(
    names: [&'static str; 4],
    parts: &[Part],
    of: fn(&Part) -> f64,
    threshold: f64,
    all: &mut Evidence,
) {
    let n = parts.len();
    for (name, some) in names.iter().zip([
        parts,
        &parts[n / 2..],
        &parts[n - n.div_ceil(3)..],
        &parts[..n.div_ceil(3)],
    ]) {
        all.add(name, slope(some.iter().map(|p| (p.minute, of(p)))) / threshold);
    }
}

/// How many changes are upwards, how much of the way is the largest one, and how much they differ
/// beside their mean.
fn evenness(names: [&'static str; 3], parts: &[Part], of: fn(&Part) -> f64, all: &mut Evidence) {
    let changes: Vec<f64> = parts.windows(2).map(|p| of(&p[1]) - of(&p[0])).collect();
    let n = changes.len().max(1) as f64;
    let way: f64 = changes.iter().map(|c| c.abs()).sum();
    let largest = changes.iter().map(|c| c.abs()).fold(0.0, f64::max);
    let mean = changes.iter().sum::<f64>() / n;
    let sd = (changes.iter().map(|c| (c - mean) * (c - mean)).sum::<f64>() / n).sqrt();
    all.add(names[0], changes.iter().filter(|c| **c > 0.0).count() as f64 / n);
    all.add(names[1], largest / way.max(f64::MIN_POSITIVE));
    all.add(names[2], (sd / mean.abs().max(1e-9)).min(1e3));
}

/// Where the series ends beside where it has been.
fn reach(fine: &[Part], coarse: &[Part], whole: f64, all: &mut Evidence) {
    let last = |parts: &[Part], of: fn(&Part) -> f64| parts.last().map_or(f64::NAN, of);
    let most = |parts: &[Part], of: fn(&Part) -> f64| {
        parts.iter().map(of).fold(f64::NEG_INFINITY, f64::max)
    };
    let least =
        |parts: &[Part], of: fn(&Part) -> f64| parts.iter().map(of).fold(f64::INFINITY, f64::min);
    let end = last(fine, |p| p.middle);
    all.add("below_highest", (most(fine, |p| p.middle) - end) / whole);
    all.add("above_first_half", (end - most(&fine[..fine.len() / 2], |p| p.middle)) / whole);
    all.add("above_second_third", {
        let third = &fine[fine.len() / 3..2 * fine.len() / 3];
        (end - most(third, |p| p.middle)) / whole
    });
    let end = last(coarse, |p| p.low);
    all.add("low_above_half", (end - least(&coarse[coarse.len() / 2..], |p| p.low)) / whole);
    let lows = |from: usize, to: usize| least(&coarse[from.min(to)..to], |p| p.low);
    let n = coarse.len();
    all.add(
        "low_of_end_above_middle",
        (lows(n - n.div_ceil(3), n) - lows(n / 3, 2 * n / 3)) / whole,
    );
    all.add("low_of_middle_above_start", (lows(n / 3, 2 * n / 3) - lows(0, n / 3)) / whole);
    let highs = |from: usize, to: usize| most(&coarse[from.min(to)..to], |p| p.high);
    all.add(
        "high_of_end_above_middle",
        (highs(n - n.div_ceil(3), n) - highs(n / 3, 2 * n / 3)) / whole,
    );
    all.add("high_of_middle_above_start", (highs(n / 3, 2 * n / 3) - highs(0, n / 3)) / whole);
    // The part of the phase after which the middles went up by no more than a tenth of all they did.
    let (low, high) = (least(fine, |p| p.middle), most(fine, |p| p.middle));
    let full = fine.iter().position(|p| p.middle >= high - 0.1 * (high - low));
    all.add("full_at", full.map_or(f64::NAN, |at| at as f64 / fine.len() as f64));
    all.add("range_of_middles", (high - low) / whole);
}

/// A sawtooth's own figures.
fn teeth(series: &Known, threshold: f64, whole: f64, all: &mut Evidence) {
    let trend = slope(series.parts(FINE).iter().map(|p| (p.minute, p.middle)));
    let trend = if trend.is_finite() { trend } else { 0.0 };
    let flat: Vec<f64> =
        series.minutes.iter().zip(&series.mb).map(|(t, mb)| mb - trend * t).collect();
    let range = range(&flat).unwrap_or(0.0);
    let found = if range > 0.0 { falls(&flat, 0.4 * range) } else { Vec::new() };
    let at = |row: usize| (series.minutes[row], series.mb[row]);
    let is_pattern = found.len() >= 2;
    let of = |some: Vec<(f64, f64)>| {
        if is_pattern { slope(some.into_iter()) / threshold } else { f64::NAN }
    };
    let later = found.len() / 2;
    all.add("falls", found.len() as f64);
    all.add("troughs", of(found.iter().map(|f| at(f.1)).collect()));
    all.add("peaks", of(found.iter().map(|f| at(f.0)).collect()));
    all.add("late_troughs", of(found[later..].iter().map(|f| at(f.1)).collect()));
    let step = |pair: &[f64]| pair[1] - pair[0];
    let steps = || series.mb.windows(2).map(step);
    let deepest = steps().fold(0.0, f64::min);
    let highest = steps().fold(0.0, f64::max);
    all.add("range", range / whole);
    all.add("deepest_fall", if range > 0.0 { -deepest / range } else { 0.0 });
    all.add("highest_jump", if range > 0.0 { highest / range } else { 0.0 });
    let mut sizes: Vec<f64> = steps().map(f64::abs).collect();
    let middle = sizes.len() / 2;
    let usual = if sizes.is_empty() {
        f64::NAN
    } else {
        *sizes.select_nth_unstable_by(middle, f64::total_cmp).1
    };
    all.add("usual_change", usual / whole);
}
