//! How much a value tells about the next one, and what that costs.

use super::Sample;

/// Autocorrelation at lag 1; 0 where nothing varies or there are fewer than 3 values.
#[must_use]
pub fn lag1(sample: &Sample) -> f64 {
    let values = sample.values();
    if values.len() < 3 {
        return 0.0;
    }
    let mean = sample.mean();
    let variance: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    if variance <= f64::EPSILON * mean.abs().max(1.0) {
        return 0.0;
    }
    let covariance: f64 = values.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    covariance / variance
}

/// Effective size of `n` values whose neighbours correlate with `rho` (an AR(1) process):
/// n (1 - rho) / (1 + rho), between 2 and n. Negative correlation earns nothing.
#[must_use]
pub fn effective_size(n: f64, rho: f64) -> f64 {
    let rho = rho.clamp(0.0, 0.99);
    (n * (1.0 - rho) / (1.0 + rho)).max(2.0_f64.min(n))
}
