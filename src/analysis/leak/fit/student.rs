//! Quantiles of a mixture of Student's t distributions: what is known of a coefficient when the
//! autocorrelation is not.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// One component: where it is centred, how wide, and its weight (weights sum to 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Component {
    /// Centre.
    pub centre: f64,
    /// Standard error.
    pub error: f64,
    /// Degrees of freedom.
    pub freedom: f64,
    /// Weight.
    pub weight: f64,
}

/// The value below which a share `p` of the mixture lies.
pub fn quantile(mixture: &[Component], p: f64) -> f64 {
    // The components of one explanation have the same degrees of freedom: one quantile does.
    let mut known = (f64::NAN, 0.0);
    let mut of = |c: &Component| {
        if known.0 != c.freedom {
            let z = StudentsT::new(0.0, 1.0, c.freedom).map_or(0.0, |t| t.inverse_cdf(p));
            known = (c.freedom, z);
        }
        c.centre + c.error * known.1
    };
    let heavy = || mixture.iter().filter(|c| c.weight > 1e-4);
    // The answer lies between the components' own quantiles.
    let (mut low, mut high) = heavy()
        .map(&mut of)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), q| (l.min(q), h.max(q)));
    if !low.is_finite() || !high.is_finite() {
        return mean(mixture);
    }
    let missing = |x: f64| heavy().map(|c| c.weight * below(c, x)).sum::<f64>() - p;
    // False position (Illinois): a distribution costs a lot more to evaluate than a few operations.
    let (mut at_low, mut at_high) = (missing(low), missing(high));
    let mut side = 0;
    for _ in 0..40 {
        let room = 1e-4 * (high.abs() + low.abs()).max(1e-9);
        if high - low <= room || at_low >= 0.0 || at_high <= 0.0 {
            break;
        }
        let next = (low * at_high - high * at_low) / (at_high - at_low);
        let there = missing(next);
        if there.abs() <= 1e-6 {
            return next;
        }
        if there < 0.0 {
            (low, at_low) = (next, there);
            at_high /= if side == -1 { 2.0 } else { 1.0 };
            side = -1;
        } else {
            (high, at_high) = (next, there);
            at_low /= if side == 1 { 2.0 } else { 1.0 };
            side = 1;
        }
    }
    f64::midpoint(low, high)
}

/// Weighted mean of the centres.
pub fn mean(mixture: &[Component]) -> f64 {
    mixture.iter().map(|c| c.weight * c.centre).sum()
}

/// The share of a component below a value.
pub fn below(component: &Component, value: f64) -> f64 {
    if component.error <= 0.0 {
        return f64::from(u8::from(value >= component.centre));
    }
    let z = (value - component.centre) / component.error;
    StudentsT::new(0.0, 1.0, component.freedom).map_or(0.5, |t| t.cdf(z))
}
