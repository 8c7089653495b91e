//! A sample in the order it was taken, and the same sorted.

/// Finite values, at least one, in the order they were taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample(Vec<f64>);

impl Sample {
    /// The finite values of `values`; none where there is none.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Sample> {
        let finite: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
        (!finite.is_empty()).then_some(Sample(finite))
    }

    /// The values.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// How many there are, as a divisor.
    #[must_use]
    pub fn size(&self) -> f64 {
        self.0.len() as f64
    }

    /// Arithmetic mean.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.size()
    }

    /// Standard deviation of the sample (divisor n - 1), 0 for a single value.
    #[must_use]
    pub fn sd(&self) -> f64 {
        if self.0.len() < 2 {
            return 0.0;
        }
        let mean = self.mean();
        let squares: f64 = self.0.iter().map(|v| (v - mean).powi(2)).sum();
        (squares / (self.size() - 1.0)).sqrt()
    }

    /// The last value.
    #[must_use]
    pub fn last(&self) -> f64 {
        self.0.last().copied().unwrap_or(f64::NAN)
    }

    /// The same values, not in order: cheaper than [`Sample::sorted`] where a few quantiles of many
    /// values are wanted.
    #[must_use]
    pub fn unordered(self) -> Unordered {
        Unordered { values: self.0, done: 0 }
    }

    /// The same values in ascending order.
    #[must_use]
    pub fn sorted(self) -> Sorted {
        let mut values = self.0;
        values.sort_unstable_by(f64::total_cmp);
        Sorted(values)
    }
}

/// Finite values, at least one, in any order. Quantiles are asked for from low to high.
#[derive(Debug, Clone, PartialEq)]
pub struct Unordered {
    values: Vec<f64>,
    /// So many of the lowest values stand at the front.
    done: usize,
}

impl Unordered {
    /// As [`Sorted::quantile`], for a `p` that is not below the one asked for before.
    #[must_use]
    pub fn quantile(&mut self, p: f64) -> f64 {
        let position = p.clamp(0.0, 1.0) * (self.values.len() - 1) as f64;
        let below = position.floor() as usize;
        let share = position - below as f64;
        let from = self.done.min(below);
        let rest = self.values.get_mut(from..).unwrap_or_default();
        let (_, low, above) = rest.select_nth_unstable_by(below - from, f64::total_cmp);
        let low = *low;
        self.done = below;
        let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
        low + share * (high - low)
    }
}

/// Finite values, at least one, ascending.
#[derive(Debug, Clone, PartialEq)]
pub struct Sorted(Vec<f64>);

impl Sorted {
    /// The values.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// Smallest value.
    #[must_use]
    pub fn min(&self) -> f64 {
        self.0.first().copied().unwrap_or(f64::NAN)
    }

    /// Largest value.
    #[must_use]
    pub fn max(&self) -> f64 {
        self.0.last().copied().unwrap_or(f64::NAN)
    }

    /// Quantile `p` (0 to 1, clamped): linear interpolation between order statistics, definition 7
    /// of Hyndman and Fan (The American Statistician 50, 1996), as in NumPy and R's default.
    #[must_use]
    pub fn quantile(&self, p: f64) -> f64 {
        let position = p.clamp(0.0, 1.0) * (self.0.len() - 1) as f64;
        let below = position.floor() as usize;
        let above = (below + 1).min(self.0.len() - 1);
        let share = position - below as f64;
        self.0[below] + share * (self.0[above] - self.0[below])
    }

    /// Median.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// Median absolute deviation from the median, unscaled.
    #[must_use]
    pub fn mad(&self) -> f64 {
        let median = self.median();
        let mut deviations: Vec<f64> = self.0.iter().map(|v| (v - median).abs()).collect();
        deviations.sort_unstable_by(f64::total_cmp);
        Sorted(deviations).median()
    }
}
