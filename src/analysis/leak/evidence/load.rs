//! Load beside memory, and memory when the load is gone.

use crate::analysis::stats::Sample;

use super::super::floors::rest_without_load;
use super::series::Known;
use super::{Evidence, Understood};

pub(super) fn add(phase: &Understood<'_>, series: &Known, all: &mut Evidence) {
    let whole = phase.config.leak_mb_per_min.max(f64::MIN_POSITIVE) * phase.minutes;
    let load = phase.load;
    let varies = !load.values.is_empty();
    let signed = if load.rises { load.with_time } else { -load.with_time };
    all.add("load_with_time", if varies { signed } else { f64::NAN });
    all.add("load_variation", if varies { variation(&load.values) } else { 0.0 });
    all.add("with_load", series.with_load / whole);
    after(phase, series, whole, all);
}

fn variation(values: &[f64]) -> f64 {
    Sample::of(values.iter().copied().filter(|v| v.is_finite())).map_or(f64::NAN, |s| s.sd())
}

/// Levels after the load against levels under it. What the load held comes back; what leaked does
/// not.
fn after(phase: &Understood<'_>, series: &Known, whole: f64, all: &mut Evidence) {
    let input = phase.input;
    let from = input.active.end;
    let mut values: Vec<f64> = Vec::new();
    let mut minutes = 0.0;
    if from < input.time.len() && phase.rows.end == from {
        let rows = from..rest_without_load(input, from);
        if let (Some(first), Some(last)) =
            (input.time.get(rows.start), rows.end.checked_sub(1).and_then(|r| input.time.get(r)))
        {
            minutes = (last - first) / 60.0;
        }
        let half = rows.start + rows.len() / 2;
        values = input.figure.mb.get(half..rows.end).unwrap_or_default().to_vec();
        values.retain(|v| v.is_finite());
    }
    let n = series.raw.len();
    let median =
        |some: &[f64]| Sample::of(some.iter().copied()).map_or(f64::NAN, |s| s.sorted().median());
    let low = |some: &[f64]| some.iter().copied().fold(f64::INFINITY, f64::min);
    let left = if minutes >= LEAST_MINUTES { median(&values) } else { f64::NAN };
    all.add("left_above_end", (left - median(&series.raw[n - n / 12..])) / whole);
    all.add("left_above_start", (left - median(&series.raw[..n.div_ceil(12)])) / whole);
    all.add("left_above_low_of_start", (left - low(&series.raw[..n.div_ceil(5)])) / whole);
    all.add("left_above_low_of_end", (left - low(&series.raw[n - n.div_ceil(5)..])) / whole);
    all.add(
        "left_above_low_of_middle",
        (left - low(&series.raw[n * 2 / 5..n * 3 / 5 + 1])) / whole,
    );
}

/// A shorter rest shows no level, minutes.
const LEAST_MINUTES: f64 = 0.5;
