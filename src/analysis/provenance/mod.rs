//! Where each figure came from, how old it was, and whether sources that were read side by side
//! agree.
//!
//! A [`Collector`] is fed tick by tick, from a journal or live, and keeps a bounded amount for each
//! figure and container. Agreement is judged only where all parts were recorded
//! (`sources.cross_check`): [`matching`] pairs readings in time, [`judge`] says what the pairs show.

mod collector;
pub mod judge;
pub mod matching;
#[cfg(test)]
mod tests;
mod thinned;

use serde::{Deserialize, Serialize};

pub use collector::Collector;
pub use judge::{Agreement, Verdict};

use crate::model::SourceKind;
use crate::model::units::round_to;

/// Sources of a run's figures.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Provenance {
    /// Ticks that were looked at, priming ones included.
    pub ticks: u64,
    /// All ticks were looked at; of a long run without cross-check it is the first part.
    pub whole: bool,
    /// By figure, in the order of the table of figures.
    pub figures: Vec<FigureSources>,
    /// Sources side by side; empty where figures were not read twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agreement: Vec<Agreement>,
}

impl Provenance {
    /// The same with numbers as long as people read them: milliseconds, thousandths of a percent.
    #[must_use]
    pub fn rounded(&self) -> Provenance {
        let round = |value: &mut f64| *value = round_to(*value, 3);
        let mut all = self.clone();
        for share in all.figures.iter_mut().flat_map(|figure| &mut figure.sources) {
            round(&mut share.given_percent);
            round(&mut share.counted_percent);
            round(&mut share.median_age_s);
            round(&mut share.p95_age_s);
        }
        for found in &mut all.agreement {
            round(&mut found.median_percent);
            round(&mut found.p95_percent);
            round(&mut found.median_apart);
            found.low_percent.iter_mut().chain(&mut found.high_percent).for_each(round);
        }
        all
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.figures.is_empty()
    }
}

/// A figure and who gave it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FigureSources {
    /// The figure's name.
    pub figure: String,
    /// Its sources, the one that counted most often first.
    pub sources: Vec<SourceShare>,
}

/// What one source gave of one figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceShare {
    /// The source.
    pub source: SourceKind,
    /// Share of all container samples in which it gave the figure, percent.
    pub given_percent: f64,
    /// Share of all container samples in which its value was the one that counts, percent.
    pub counted_percent: f64,
    /// Median age at the tick, seconds.
    pub median_age_s: f64,
    /// 95th percentile of the age, seconds.
    pub p95_age_s: f64,
    /// Gaps recorded for the source, whatever the figure.
    pub gaps: u64,
}
