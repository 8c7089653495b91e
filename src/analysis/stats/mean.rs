//! The mean of what is there.

/// Arithmetic mean of the finite values; none where there is none.
#[must_use]
pub fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let finite = values.into_iter().filter(|v| v.is_finite());
    let (sum, count) = finite.fold((0.0, 0u32), |(sum, count), v| (sum + v, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}
