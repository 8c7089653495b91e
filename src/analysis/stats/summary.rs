//! The eight numbers that describe a column.

use serde::Serialize;

use super::Sample;

/// A description of a sample, in its own unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// How many values.
    pub count: usize,
    /// Mean.
    pub mean: f64,
    /// Standard deviation (n - 1).
    pub sd: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// Median.
    pub p50: f64,
    /// 95th percentile (Hyndman-Fan 7).
    pub p95: f64,
    /// 99th percentile (Hyndman-Fan 7).
    pub p99: f64,
    /// The last value.
    pub last: f64,
}

impl Summary {
    /// Of the finite values; none where there is none.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Summary> {
        Sample::of(values).map(Summary::from)
    }

    /// The same in another unit: `factor` (> 0) times each value.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Summary {
        Summary {
            count: self.count,
            mean: self.mean * factor,
            sd: self.sd * factor,
            min: self.min * factor,
            max: self.max * factor,
            p50: self.p50 * factor,
            p95: self.p95 * factor,
            p99: self.p99 * factor,
            last: self.last * factor,
        }
    }
}

impl From<Sample> for Summary {
    fn from(sample: Sample) -> Summary {
        let (count, mean, sd, last) =
            (sample.values().len(), sample.mean(), sample.sd(), sample.last());
        let all = || sample.values().iter().copied();
        let min = all().min_by(f64::total_cmp).unwrap_or(f64::NAN);
        let max = all().max_by(f64::total_cmp).unwrap_or(f64::NAN);
        if min == max {
            return Summary { count, mean, sd, min, max, p50: min, p95: min, p99: min, last };
        }
        let mut values = sample.unordered();
        let [p50, p95, p99] = [0.50, 0.95, 0.99].map(|p| values.quantile(p));
        Summary { count, mean, sd, min, max, p50, p95, p99, last }
    }
}
