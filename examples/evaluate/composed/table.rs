//! Verdicts against the truth, counted: by length, by part, and by probability.

use std::collections::BTreeMap;

use runner::analysis::leak::{LeakVerdict, Verdict};

use super::draw::Truth;
use super::leaks::is_even;

/// Counts of one length, or of all.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    leaks: u32,
    sure_leaks: u32,
    found: u32,
    reassured: u32,
    healthy: u32,
    accused: u32,
    called_leak: u32,
    sure: u32,
    undecided: u32,
    large: u32,
    convicted: u32,
    intervals: u32,
    hold: u32,
}

/// All that is counted.
#[derive(Debug, Default)]
pub struct Table {
    by_minutes: BTreeMap<u64, Counts>,
    /// Containers, wrong ones, undecided ones.
    by_part: BTreeMap<String, [u32; 3]>,
    /// Verdicts and leaks by tenth of probability, with the sum of the probabilities.
    calibration: [(u32, u32, f64); 12],
    mistakes: Vec<String>,
}

pub fn accuses(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Leak | Verdict::Suspect)
}

/// A leak slower than this is not asked to be found, MB/min.
const LEAST: f64 = 1.0;

impl Table {
    pub fn add(&mut self, truth: &Truth, found: &LeakVerdict) {
        let before = self.all();
        let counts = self.by_minutes.entry((truth.minutes * 100.0) as u64).or_default();
        let hit = accuses(found.verdict);
        let is_open = !hit && found.verdict != Verdict::Ok;
        let sure = !truth.unsure;
        if truth.leaks && truth.rate >= LEAST {
            counts.leaks += 1;
            counts.reassured += u32::from(found.verdict == Verdict::Ok);
            if sure {
                counts.sure_leaks += 1;
                counts.found += u32::from(hit);
                counts.sure += 1;
                counts.undecided += u32::from(is_open);
                if let (true, true, Some(low), Some(high)) =
                    (hit, is_even(&truth.kind), found.ci_low, found.ci_high)
                {
                    counts.intervals += 1;
                    let holds = low <= 1.05 * truth.rate && high >= 0.95 * truth.rate;
                    counts.hold += u32::from(holds);
                }
            }
        }
        if !truth.leaks {
            counts.healthy += 1;
            let called = found.verdict == Verdict::Leak;
            counts.accused += u32::from(if sure { hit } else { called });
            counts.called_leak += u32::from(called);
            counts.sure += u32::from(sure);
            counts.undecided += u32::from(sure && is_open);
        }
        if truth.leaks && truth.rate >= 2.0 && truth.minutes >= 10.0 && sure {
            counts.large += 1;
            counts.convicted += u32::from(found.verdict == Verdict::Leak);
        }
        let now = self.all();
        let wrong = now.reassured + now.accused > before.reassured + before.accused;
        self.by_part(truth, wrong, now.undecided > before.undecided);
        let is_fast = !truth.leaks || truth.rate >= LEAST;
        if let (true, Some(p)) = (is_fast, found.probability) {
            let edges = [0.01, 0.04, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.96, 0.99];
            let bin = &mut self.calibration[edges.iter().filter(|e| p >= **e).count()];
            *bin = (bin.0 + 1, bin.1 + u32::from(truth.leaks), bin.2 + p);
        }
        let open = now.undecided > before.undecided;
        if wrong || open {
            self.mistakes.push(format!(
                "{}  {} {} {}|{}|{} {:.2} MB/min, {} min: {} {:.2} [{:.2}, {:.2}] p {:.3} {}",
                if wrong { "WRONG" } else { "open " },
                truth.run,
                truth.container,
                truth.parts.join("+"),
                truth.kind,
                truth.shape,
                truth.rate,
                truth.minutes,
                found.verdict,
                found.slope_mb_per_min.unwrap_or(f64::NAN),
                found.ci_low.unwrap_or(f64::NAN),
                found.ci_high.unwrap_or(f64::NAN),
                found.probability.unwrap_or(f64::NAN),
                found.reason.as_deref().unwrap_or_default(),
            ));
        }
    }

    fn by_part(&mut self, truth: &Truth, wrong: bool, open: bool) {
        let names = truth.parts.iter().chain([&truth.kind, &truth.shape]);
        for name in names {
            let counts = self.by_part.entry(name.clone()).or_default();
            counts[0] += 1;
            counts[1] += u32::from(wrong);
            counts[2] += u32::from(open);
        }
    }

    fn all(&self) -> Counts {
        self.by_minutes.values().fold(Counts::default(), |a, b| a.and(*b))
    }

    pub fn print(&self) {
        println!(
            "| minutes | F1 | found | accused | called leak | called ok | undecided | convicted | interval holds |"
        );
        println!("|---|---|---|---|---|---|---|---|---|");
        for (minutes, counts) in &self.by_minutes {
            println!("| {} | {}", *minutes as f64 / 100.0, counts.cells());
        }
        println!("| all | {}", self.all().cells());
        let long = self.by_minutes.iter().filter(|(minutes, _)| **minutes >= 2000);
        let long = long.fold(Counts::default(), |a, (_, b)| a.and(*b));
        println!("| from 20 | {}", long.cells());
        let mut worst: Vec<_> = self.by_part.iter().collect();
        let share = |c: &[u32; 3], at: usize| 100.0 * f64::from(c[at]) / f64::from(c[0].max(1));
        worst.sort_by(|a, b| share(b.1, 1).total_cmp(&share(a.1, 1)));
        let words: Vec<String> = worst
            .iter()
            .map(|(name, c)| format!("{name} {:.1}/{:.1}", share(c, 1), share(c, 2)))
            .collect();
        println!("wrong/undecided by part, %: {}", words.join(", "));
        let bins: Vec<String> = self
            .calibration
            .iter()
            .filter(|bin| bin.0 > 0)
            .map(|(n, leaks, sum)| {
                let (n, leaks) = (f64::from(*n), f64::from(*leaks));
                format!("{:.3}: {:.3} of {n}", sum / n, leaks / n)
            })
            .collect();
        println!("of the verdicts with probability p so many leak: {}", bins.join(", "));
    }

    pub fn print_mistakes(&self) {
        self.mistakes.iter().for_each(|line| println!("{line}"));
    }
}

impl Counts {
    fn and(self, o: Counts) -> Counts {
        Counts {
            leaks: self.leaks + o.leaks,
            sure_leaks: self.sure_leaks + o.sure_leaks,
            found: self.found + o.found,
            reassured: self.reassured + o.reassured,
            healthy: self.healthy + o.healthy,
            accused: self.accused + o.accused,
            called_leak: self.called_leak + o.called_leak,
            sure: self.sure + o.sure,
            undecided: self.undecided + o.undecided,
            large: self.large + o.large,
            convicted: self.convicted + o.convicted,
            intervals: self.intervals + o.intervals,
            hold: self.hold + o.hold,
        }
    }

    fn cells(&self) -> String {
        let share = |a: u32, b: u32| match b {
            0 => "-".to_string(),
            b => format!("{:.1} %", 100.0 * f64::from(a) / f64::from(b)),
        };
        let missed = self.sure_leaks - self.found;
        let f1 = 2.0 * f64::from(self.found)
            / f64::from((2 * self.found + self.accused + missed).max(1));
        format!(
            "{f1:.3} | {} | {} | {} | {} | {} | {} | {} |",
            share(self.found, self.sure_leaks),
            share(self.accused, self.healthy),
            share(self.called_leak, self.healthy),
            share(self.reassured, self.leaks),
            share(self.undecided, self.sure),
            share(self.convicted, self.large),
            share(self.hold, self.intervals),
        )
    }
}
