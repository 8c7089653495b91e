//! What a phase shows, as a few dozen figures: what the fitted explanations say, and what can be
//! read off the series without a model. Rates and amounts are told in thresholds (growth of one
//! threshold over the phase is 1), so that they mean the same for any unit and threshold.
//!
//! `super::learned` weighs them into a probability.

mod fitted;
mod load;
mod series;
mod shape;

use std::ops::Range;

use crate::config::LeakConfig;

use super::LeakInput;
use super::covariate::Load;
use super::fit::Explanation;
use super::points::Prepared;

/// Figures by name, always the same ones in the same order; NaN where one could not be measured.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evidence {
    figures: Vec<(&'static str, f64)>,
}

impl Evidence {
    fn add(&mut self, name: &'static str, value: f64) {
        self.figures.push((name, value));
    }

    /// All figures, in order.
    #[must_use]
    pub fn figures(&self) -> &[(&'static str, f64)] {
        &self.figures
    }

    /// The figure at that place; NaN where there is none.
    #[must_use]
    pub fn at(&self, place: usize) -> f64 {
        self.figures.get(place).map_or(f64::NAN, |(_, value)| *value)
    }

    /// The figure of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

/// A phase as far as it is understood before it is judged.
pub(super) struct Understood<'a> {
    pub input: &'a LeakInput<'a>,
    pub config: &'a LeakConfig,
    /// Rows judged.
    pub rows: Range<usize>,
    pub minutes: f64,
    pub load: &'a Load,
    pub prepared: &'a Prepared,
    /// The best first.
    pub explanations: &'a [Explanation],
}

/// What a phase shows.
#[must_use]
pub(super) fn of(phase: &Understood<'_>) -> Evidence {
    let mut all = Evidence::default();
    all.add("minutes", phase.minutes);
    fitted::add(phase, &mut all);
    let series = series::Known::of(phase);
    load::add(phase, &series, &mut all);
    shape::add(phase, &series, &mut all);
    all
}
