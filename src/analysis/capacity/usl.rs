//! The Universal Scalability Law: how throughput bends as load rises, and where its peak lies.
//!
//! X(N) = l N / (1 + s (N - 1) + k N (N - 1)), with contention s >= 0 and coherency k >= 0
//! (Gunther 2007). The peak is at N* = sqrt((1 - s) / k). Beyond what was measured N* is a guess:
//! with 3 % of noise and a true peak of 44, measuring to 16 gives anything from 23 to 106. So it
//! is told only when the peak was passed, with an interval; else the highest load tested is a
//! lower bound.

use serde::{Deserialize, Serialize};

use super::random::Random;

/// Fewer levels than this are no curve.
const MIN_LEVELS: usize = 6;
/// Resamples of the residuals for the interval.
const RESAMPLES: usize = 400;
/// The interval's confidence level.
const CI_LEVEL: f64 = 0.95;

/// A throughput at a level.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The level, 1 or more.
    pub level: f64,
    /// Work done a second.
    pub throughput: f64,
}

/// What the law says about a stack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scalability {
    /// The metric that stands for throughput.
    pub metric: String,
    /// Throughput a unit of load would have alone.
    pub lambda: f64,
    /// Contention: the share that is done one after the other.
    pub sigma: f64,
    /// Coherency: what every pair costs.
    pub kappa: f64,
    /// Root mean square of the relative residuals.
    pub relative_error: f64,
    /// Levels it rests on.
    pub levels: usize,
    /// Highest level tested.
    pub tested_to: f64,
    /// Level with the highest throughput; only where the peak was passed.
    pub peak: Option<Peak>,
}

/// The peak of the curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    /// N*.
    pub level: f64,
    /// Lower end of its interval.
    pub ci_low: f64,
    /// Upper end of its interval.
    pub ci_high: f64,
    /// The interval's confidence level.
    pub ci_level: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Law {
    lambda: f64,
    sigma: f64,
    kappa: f64,
}

impl Law {
    fn at(&self, n: f64) -> f64 {
        self.lambda * n / (1.0 + self.sigma * (n - 1.0) + self.kappa * n * (n - 1.0))
    }

    fn peak(&self) -> Option<f64> {
        let peak = ((1.0 - self.sigma) / self.kappa).sqrt();
        (self.kappa > 0.0 && self.sigma < 1.0 && peak.is_finite()).then_some(peak)
    }
}

/// Fits the law to throughputs by level. None with fewer than six levels, or where they make no
/// sense of it.
///
/// Method: N / X = (1 + s (N - 1) + k N (N - 1)) / l is linear in 1/l, s/l and k/l; weighted least
/// squares of the relative error, none of the three below zero. The interval of the peak comes
/// from resampled residuals (a fixed seed: the same data give the same answer).
#[must_use]
pub fn scalability(metric: &str, points: &[Point]) -> Option<Scalability> {
    let usable = |p: &&Point| p.level >= 1.0 && p.throughput > 0.0 && p.throughput.is_finite();
    let points: Vec<Point> = points.iter().filter(usable).copied().collect();
    if points.len() < MIN_LEVELS {
        return None;
    }
    let law = fit(&points)?;
    let residual = |p: &Point| p.throughput / law.at(p.level) - 1.0;
    let residuals: Vec<f64> = points.iter().map(residual).collect();
    let square: f64 = residuals.iter().map(|r| r * r).sum();
    let tested_to = points.iter().map(|p| p.level).fold(0.0, f64::max);
    Some(Scalability {
        metric: metric.to_string(),
        lambda: law.lambda,
        sigma: law.sigma,
        kappa: law.kappa,
        relative_error: (square / points.len() as f64).sqrt(),
        levels: points.len(),
        tested_to,
        peak: peak(&law, &points, &residuals, tested_to),
    })
}

/// The peak, where nearly every resample has it below the highest level tested.
fn peak(law: &Law, points: &[Point], residuals: &[f64], tested_to: f64) -> Option<Peak> {
    let level = law.peak().filter(|peak| *peak < tested_to)?;
    let mut random = Random::new(0x5eed);
    // Residuals of a fit with three parameters are too small by this.
    let widen = (points.len() as f64 / (points.len() as f64 - 3.0)).sqrt();
    let mut peaks: Vec<f64> = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        let drawn: Vec<Point> = points
            .iter()
            .map(|p| {
                let residual = residuals[random.below(residuals.len())] * widen;
                Point { level: p.level, throughput: law.at(p.level) * (1.0 + residual).max(0.01) }
            })
            .collect();
        peaks.push(fit(&drawn).and_then(|law| law.peak()).unwrap_or(f64::INFINITY));
    }
    peaks.sort_by(f64::total_cmp);
    let at = |share: f64| peaks[((RESAMPLES - 1) as f64 * share).round() as usize];
    let (low, high) = (at((1.0 - CI_LEVEL) / 2.0), at((1.0 + CI_LEVEL) / 2.0));
    (high < tested_to).then_some(Peak { level, ci_low: low, ci_high: high, ci_level: CI_LEVEL })
}

/// Least squares without negative parts: the best of the fits with some of the two bends left out.
fn fit(points: &[Point]) -> Option<Law> {
    let subsets = [[true, true], [true, false], [false, true], [false, false]];
    let fits = subsets.into_iter().filter_map(|with| {
        let (a, b, c) = solve(points, with)?;
        (a > 0.0 && b >= 0.0 && c >= 0.0).then(|| Law {
            lambda: 1.0 / a,
            // Elimination gives a part that is left at nothing as -0.0.
            sigma: b / a + 0.0,
            kappa: c / a + 0.0,
        })
    });
    let error = |law: &Law| -> f64 {
        points.iter().map(|p| (law.at(p.level) / p.throughput - 1.0).powi(2)).sum()
    };
    fits.map(|law| (error(&law), law)).min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, law)| law)
}

/// Weighted normal equations of N / X = a + b (N - 1) + c N (N - 1), with b and c where wanted.
fn solve(points: &[Point], with: [bool; 2]) -> Option<(f64, f64, f64)> {
    let columns: Vec<usize> =
        std::iter::once(0).chain((0..2).filter(|i| with[*i]).map(|i| i + 1)).collect();
    let size = columns.len();
    let mut matrix = vec![vec![0.0; size + 1]; size];
    for p in points {
        let n = p.level;
        let y = n / p.throughput;
        let x = [1.0, n - 1.0, n * (n - 1.0)];
        for (i, a) in columns.iter().enumerate() {
            for (j, b) in columns.iter().enumerate() {
                matrix[i][j] += x[*a] * x[*b] / (y * y);
            }
            matrix[i][size] += x[*a] / y;
        }
    }
    let found = eliminate(matrix)?;
    let mut all = [0.0; 3];
    for (column, value) in columns.iter().zip(found) {
        all[*column] = value;
    }
    Some((all[0], all[1], all[2]))
}

/// Gauss with pivots, for at most three unknowns.
fn eliminate(mut m: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let size = m.len();
    for column in 0..size {
        let best =
            (column..size).max_by(|a, b| m[*a][column].abs().total_cmp(&m[*b][column].abs()))?;
        m.swap(column, best);
        let pivot = m[column].clone();
        if pivot[column].abs() < 1e-300 {
            return None;
        }
        for (row, line) in m.iter_mut().enumerate() {
            if row != column {
                let factor = line[column] / pivot[column];
                line.iter_mut().zip(&pivot).for_each(|(v, p)| *v -= factor * p);
            }
        }
    }
    Some((0..size).map(|i| m[i][size] / m[i][i]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// l = 10, s = 0.02, k = 0.0005: the peak is at 44.3.
    fn measured(to: usize, noise: f64, seed: u64) -> Vec<Point> {
        let law = Law { lambda: 10.0, sigma: 0.02, kappa: 0.0005 };
        let mut random = Random::new(seed);
        (1..=to / 4)
            .map(|i| {
                let level = (i * 4) as f64;
                let wobble = 1.0 + noise * random.normal();
                Point { level, throughput: law.at(level) * wobble }
            })
            .collect()
    }

    #[test]
    fn clean_points_give_the_law_back() {
        let found = scalability("jobs/s", &measured(80, 0.0, 1)).expect("a fit");
        assert!((found.lambda - 10.0).abs() < 1e-6 && (found.sigma - 0.02).abs() < 1e-8);
        assert!((found.kappa - 0.0005).abs() < 1e-9 && found.relative_error < 1e-9);
        let peak = found.peak.expect("the peak was passed");
        assert!((peak.level - 44.27).abs() < 0.01, "{peak:?}");
    }

    #[test]
    fn the_interval_of_the_peak_holds_the_truth_about_as_often_as_it_says() {
        let held = |seed: u64| {
            let found = scalability("x", &measured(96, 0.03, seed + 1)).expect("a fit");
            let peak = found.peak?;
            Some((peak.ci_low..=peak.ci_high).contains(&44.27))
        };
        let told: Vec<bool> = (0..100).filter_map(held).collect();
        let right = told.iter().filter(|held| **held).count();
        assert!(told.len() >= 95 && right * 100 >= told.len() * 85, "{right} of {}", told.len());
    }

    #[test]
    fn no_contention_is_a_plain_zero() {
        for to in 6..30 {
            let linear = |n| Point { level: f64::from(n), throughput: f64::from(n) * 2.0 };
            let points: Vec<Point> = (1..=to).map(linear).collect();
            let found = scalability("x", &points).expect("a fit");
            assert!(found.sigma.is_sign_positive() && found.kappa.is_sign_positive(), "{found:?}");
        }
    }

    #[test]
    fn a_peak_that_was_not_passed_is_not_told() {
        for seed in 1..50 {
            let found = scalability("x", &measured(32, 0.03, seed)).expect("a fit");
            assert!(found.peak.is_none(), "seed {seed}: {found:?}");
            assert_eq!(found.tested_to, 32.0);
        }
    }

    #[test]
    fn what_scales_without_end_has_no_bend_and_too_little_has_no_fit() {
        let linear: Vec<Point> = (1..20)
            .map(|n| Point { level: f64::from(n), throughput: f64::from(n) * 5.0 })
            .collect();
        let found = scalability("x", &linear).expect("a fit");
        assert!(found.sigma < 1e-9 && found.kappa < 1e-9 && found.peak.is_none());
        assert!(scalability("x", &linear[..5]).is_none());
        let nonsense = vec![Point { level: 3.0, throughput: f64::NAN }; 10];
        assert!(scalability("x", &nonsense).is_none());
        let one_level = vec![Point { level: 3.0, throughput: 2.0 }; 10];
        assert!(scalability("x", &one_level).is_none_or(|s| s.peak.is_none()));
    }
}
