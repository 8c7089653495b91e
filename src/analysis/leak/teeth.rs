//! A sawtooth: memory that is collected, or taken and given back by periodic jobs. Its troughs are
//! what lasts.

/// A series that falls sharply again and again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Teeth {
    /// Median distance of the falls, seconds.
    pub period: f64,
    /// How many falls.
    pub falls: usize,
}

/// Fewer falls are no pattern.
const LEAST_FALLS: usize = 3;

/// A fall is at least this part of the range (5th to 95th percentile).
const LEAST_FALL: f64 = 0.4;

/// A sharp fall does this part of its way within three ticks.
const SHARP: f64 = 0.6;

/// Teeth go up and down once a cycle; noise goes many times the way of its largest falls.
const MOST_WAY: f64 = 1.8;

/// Whether the series is a sawtooth. `flat` is the series without its trend, free of NaN;
/// `least` is the smallest range that matters.
#[must_use]
pub fn teeth(time: &[f64], flat: &[f64], least: f64) -> Option<Teeth> {
    let range = range(flat)?;
    if range < least {
        return None;
    }
    let falls = falls(flat, LEAST_FALL * range);
    let sharp: Vec<usize> =
        falls.iter().filter(|fall| is_sharp(&flat[fall.0..=fall.1])).map(|fall| fall.1).collect();
    if sharp.len() < LEAST_FALLS || 3 * sharp.len() < 2 * falls.len() {
        return None;
    }
    let resting = sharp.windows(2).filter(|pair| is_at_rest(&flat[pair[0]..=pair[1]])).count();
    if 2 * resting > sharp.len() - 1 {
        return None;
    }
    let fallen: f64 = falls.iter().map(|fall| flat[fall.0] - flat[fall.1]).sum();
    let way: f64 = flat.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
    if way > MOST_WAY * 2.0 * fallen {
        return None;
    }
    let mut gaps: Vec<f64> = sharp.windows(2).map(|pair| time[pair[1]] - time[pair[0]]).collect();
    gaps.sort_unstable_by(f64::total_cmp);
    Some(Teeth { period: gaps[gaps.len() / 2], falls: sharp.len() })
}

/// A cycle that is near its lowest most of the time has a peak, not a tooth: the median of a block is
/// its trough already.
const AT_REST: f64 = 0.15;

fn is_at_rest(cycle: &[f64]) -> bool {
    let some = some_sorted(cycle);
    let (Some(low), Some(high)) = (some.first(), some.last()) else { return true };
    some[some.len() / 2] - low < AT_REST * (high - low)
}

/// From the 5th to the 95th percentile, of at most some two thousand values.
pub fn range(values: &[f64]) -> Option<f64> {
    let some = some_sorted(values);
    let last = some.len().checked_sub(1)?;
    Some(some[last - last / 20] - some[last / 20])
}

fn some_sorted(values: &[f64]) -> Vec<f64> {
    let stride = values.len().div_ceil(2000).max(1);
    let mut some: Vec<f64> = values.iter().copied().step_by(stride).collect();
    some.sort_unstable_by(f64::total_cmp);
    some
}

/// Falls of at least `least` from a peak to a trough, by their places: a zigzag.
pub(super) fn falls(values: &[f64], least: f64) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let (mut peak, mut trough) = (0, 0);
    let mut is_falling = false;
    for (at, value) in values.iter().enumerate() {
        if is_falling {
            if *value < values[trough] {
                trough = at;
            } else if *value > values[trough] + least {
                found.push((peak, trough));
                (is_falling, peak) = (false, at);
            }
        } else if *value > values[peak] {
            peak = at;
        } else if *value < values[peak] - least {
            (is_falling, trough) = (true, at);
        }
    }
    if is_falling {
        found.push((peak, trough));
    }
    found
}

fn is_sharp(fall: &[f64]) -> bool {
    let (Some(first), Some(last)) = (fall.first(), fall.last()) else { return false };
    let width = 3.min(fall.len() - 1);
    let steepest = (0..fall.len() - width).map(|at| fall[at] - fall[at + width]);
    steepest.fold(0.0, f64::max) >= SHARP * (first - last)
}

/// The troughs: the lowest value within `window` seconds around every `step` seconds, each place
/// once.
#[must_use]
pub fn troughs(time: &[f64], mb: &[f64], window: f64, step: f64) -> Vec<usize> {
    let (Some(&first), Some(&last)) = (time.first(), time.last()) else { return Vec::new() };
    let window = window.min(last - first);
    let mut places: Vec<usize> = Vec::new();
    let mut from = first;
    while from <= last - window {
        let rows =
            time.partition_point(|t| *t < from)..time.partition_point(|t| *t <= from + window);
        let lowest = rows.min_by(|a, b| mb[*a].total_cmp(&mb[*b]));
        places.extend(lowest.filter(|row| places.last() != Some(row)));
        from += step;
    }
    places
}
