//! Lives in one series: a container that climbs to its limit and is killed there, again and again,
//! leaks in each of its lives, however short they are.

use crate::analysis::slope::{BlockRule, blocks, median_interval, theil_sen};
use crate::config::LeakConfig;

use super::segment::{AT_LIMIT, lives, whole_memory};
use super::{LeakInput, LeakVerdict, Verdict};

/// Fewer climbs may be chance.
const LEAST_CLIMBS: usize = 3;

/// A climb has at least so many samples.
const LEAST_SAMPLES: usize = 6;

/// A climb takes at least this part of the limit.
const LEAST_RISE: f64 = 0.25;

/// One life that ended at the limit.
struct Climb {
    /// MB/min.
    rate: f64,
    minutes: f64,
}

/// The verdict on climbs to the limit; none where there are fewer than three.
#[must_use]
pub fn judge(input: &LeakInput<'_>, config: &LeakConfig) -> Option<LeakVerdict> {
    let limit = input.limit_mb.filter(|limit| *limit > 0.0)?;
    let lives = lives(input);
    let ended = lives.split_last()?.1;
    let climbs: Vec<Climb> =
        ended.iter().filter_map(|rows| climb(input, rows.clone(), limit)).collect();
    // All lives but a few ended there.
    if climbs.len() < LEAST_CLIMBS || 4 * climbs.len() < 3 * ended.len() {
        return None;
    }
    let mut rates: Vec<f64> = climbs.iter().map(|climb| climb.rate).collect();
    rates.sort_unstable_by(f64::total_cmp);
    let (low, high) = (rates[0], rates[rates.len() - 1]);
    let rate = rates[rates.len() / 2];
    if low <= config.floor_mb_per_min || rate < config.leak_mb_per_min {
        return None;
    }
    let minutes: f64 = climbs.iter().map(|climb| climb.minutes).sum();
    // What the lives do not tell apart: their samples are rounded to where they were taken.
    let room = rate * 0.05;
    let empty = LeakVerdict::insufficient(String::new(), config);
    Some(LeakVerdict {
        verdict: Verdict::Leak,
        reason: None,
        reason_name: None,
        slope_mb_per_min: Some(rate),
        ci_low: Some((low - room).max(0.0)),
        ci_high: Some(high + room),
        approximate: true,
        figure: Some(input.figure.name.clone()),
        minutes: Some(minutes),
        probability: Some(0.99),
        confirmed: Some(true),
        ..empty
    })
}

fn climb(input: &LeakInput<'_>, rows: std::ops::Range<usize>, limit: f64) -> Option<Climb> {
    let whole = whole_memory(input).get(rows.clone())?;
    let known = || whole.iter().copied().filter(|mb| mb.is_finite());
    let (first, last) = (known().next()?, known().next_back()?);
    let is_climb = rows.len() >= LEAST_SAMPLES
        && last >= AT_LIMIT * limit
        && last - first >= LEAST_RISE * limit;
    if !is_climb {
        return None;
    }
    let (time, mb) = (input.time.get(rows.clone())?, input.figure.mb.get(rows)?);
    let interval = median_interval(time)?;
    let rule = BlockRule { seconds: interval, at_most: 20 };
    let minutes = (time[time.len() - 1] - time[0]) / 60.0;
    Some(Climb { rate: theil_sen(&blocks(time, mb, interval, rule))?, minutes })
}
