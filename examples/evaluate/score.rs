//! Verdicts counted.

use runner::analysis::leak::{LeakVerdict, Verdict};

/// What became of a number of containers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Score {
    pub leaks: u32,
    pub found: u32,
    pub called_leak: u32,
    pub healthy: u32,
    pub accused: u32,
    pub accused_of_leak: u32,
    pub undecided: u32,
    /// Leaks above 1 MB/min called ok.
    pub reassured: u32,
    pub called_ok: u32,
    pub intervals: u32,
    pub covered: u32,
}

impl Score {
    /// Counts a verdict. `rates` are the true rates of which the interval has to hold one; empty where
    /// there is none to hold it to.
    pub fn add(&mut self, found: &LeakVerdict, leaks: bool, rates: &[f64]) {
        let accused = matches!(found.verdict, Verdict::Leak | Verdict::Suspect);
        let of_leak = found.verdict == Verdict::Leak;
        self.undecided +=
            u32::from(matches!(found.verdict, Verdict::Inconclusive | Verdict::InsufficientData));
        self.called_ok += u32::from(found.verdict == Verdict::Ok);
        if leaks {
            self.leaks += 1;
            self.found += u32::from(accused);
            self.called_leak += u32::from(of_leak);
            let is_fast = rates.first().is_some_and(|rate| *rate >= 1.0);
            self.reassured += u32::from(is_fast && found.verdict == Verdict::Ok);
        } else {
            self.healthy += 1;
            self.accused += u32::from(accused);
            self.accused_of_leak += u32::from(of_leak);
        }
        if let (false, Some(low), Some(high)) = (rates.is_empty(), found.ci_low, found.ci_high) {
            self.intervals += 1;
            self.covered += u32::from(rates.iter().any(|rate| holds(low, high, *rate)));
        }
    }

    pub fn and(self, other: Score) -> Score {
        Score {
            leaks: self.leaks + other.leaks,
            found: self.found + other.found,
            called_leak: self.called_leak + other.called_leak,
            healthy: self.healthy + other.healthy,
            accused: self.accused + other.accused,
            accused_of_leak: self.accused_of_leak + other.accused_of_leak,
            undecided: self.undecided + other.undecided,
            reassured: self.reassured + other.reassured,
            called_ok: self.called_ok + other.called_ok,
            intervals: self.intervals + other.intervals,
            covered: self.covered + other.covered,
        }
    }

    pub fn f1(&self) -> f64 {
        let missed = self.leaks - self.found;
        2.0 * f64::from(self.found) / f64::from((2 * self.found + self.accused + missed).max(1))
    }

    pub fn total(&self) -> u32 {
        self.leaks + self.healthy
    }
}

/// Within 5 % of the rate.
pub fn holds(low: f64, high: f64, rate: f64) -> bool {
    let room = 0.05 * rate.abs();
    low <= rate + room && rate - room <= high
}
