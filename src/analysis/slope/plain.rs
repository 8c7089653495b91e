//! The two plain slopes of the replaced framework. Both are moved by a single odd sample at an
//! end, which is why no verdict of ours rests on them.

/// (last - first) / minutes over the finite values; none without two of them apart in time.
#[must_use]
pub fn endpoint(time: &[f64], values: &[f64]) -> Option<f64> {
    let mut points = finite(time, values);
    let first = points.next()?;
    let last = points.last()?;
    let minutes = (last.0 - first.0) / 60.0;
    (minutes > 0.0).then(|| (last.1 - first.1) / minutes)
}

/// Least-squares slope a minute over the finite values; none without two of them apart in time.
#[must_use]
pub fn least_squares(time: &[f64], values: &[f64]) -> Option<f64> {
    let (n, sum_t, sum_v) = finite(time, values)
        .fold((0.0, 0.0, 0.0), |(n, t, v), point| (n + 1.0, t + point.0, v + point.1));
    if n < 2.0 {
        return None;
    }
    let (mean_t, mean_v) = (sum_t / n, sum_v / n);
    let (with, own) = finite(time, values).fold((0.0, 0.0), |(with, own), (t, v)| {
        let from_mean = t - mean_t;
        (with + from_mean * (v - mean_v), own + from_mean * from_mean)
    });
    (own > 0.0).then(|| 60.0 * with / own)
}

fn finite<'a>(time: &'a [f64], values: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
    time.iter().copied().zip(values.iter().copied()).filter(|(t, v)| t.is_finite() && v.is_finite())
}
