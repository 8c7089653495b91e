//! How likely a phase shows a leak: a few hundred small trees that weigh the evidence.
//!
//! Each tree asks the same question of a whole level (is this figure above that?), so that its answer
//! is one of 2^depth numbers; their sum is the log odds. `--example evaluate -- --train` makes
//! `table.rs` from simulated services; docs/leaks.md has what it gets right on services it was never
//! shown.

#[rustfmt::skip]
#[allow(clippy::approx_constant, reason = "a question may be near any number")]
mod table;

use super::evidence::Evidence;

/// Questions of a tree.
pub const DEPTH: usize = 5;

/// One tree: its questions (place of a figure among the evidence, and the value to compare with),
/// and what it adds to the log odds for each row of answers, in thousandths. The first question is
/// the lowest bit; a figure that is absent is above nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tree {
    /// Its questions.
    pub asks: [(u8, f32); DEPTH],
    /// Its answers.
    pub says: [i16; 1 << DEPTH],
}

impl Tree {
    fn of(&self, evidence: &Evidence) -> f64 {
        let bit = |(at, (figure, value)): (usize, &(u8, f32))| {
            usize::from(evidence.at(usize::from(*figure)) > f64::from(*value)) << at
        };
        let answer: usize = self.asks.iter().enumerate().map(bit).sum();
        f64::from(self.says[answer]) / 1000.0
    }
}

/// Probability of a lasting growth as fast as the threshold.
#[must_use]
pub fn probability(evidence: &Evidence) -> f64 {
    let odds: f64 = table::TREES.iter().map(|tree| tree.of(evidence)).sum();
    1.0 / (1.0 + (-odds).exp())
}
