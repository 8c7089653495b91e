//! How leaks go on: MB leaked until a time under load, `rate` MB/min in the mean over the phase.

use crate::random::Random;

/// A leak as it was drawn.
pub struct Leak {
    pub leaked: Box<dyn Fn(f64) -> f64>,
    /// What was measured cannot tell it.
    pub unsure: bool,
}

pub const COMMON: [&str; 5] = ["steady", "per_unit", "late", "chunks", "bursts"];

/// Leaks that the verdicts were not made with.
pub const FURTHER: [&str; 5] = ["pauses", "growing", "plateau", "sessions", "slowing"];

/// Leaks that are even in time, so that an interval has to hold their mean rate.
pub fn is_even(kind: &str) -> bool {
    matches!(kind, "steady" | "per_unit" | "chunks" | "bursts" | "sessions")
}

/// Draws a leak. `work` is the load until each moment, by time.
pub fn leak(kind: &str, length: f64, rate: f64, work: &[(f64, f64)], r: &mut Random) -> Leak {
    let all = rate * length / 60.0;
    let sure = |leaked: Box<dyn Fn(f64) -> f64>| Leak { leaked, unsure: false };
    match kind {
        "per_unit" => {
            let work = work.to_vec();
            let total = work.last().map_or(1.0, |w| w.1).max(1e-9);
            sure(Box::new(move |t| {
                let at = work.partition_point(|w| w.0 < t).min(work.len() - 1);
                all * work[at].1 / total
            }))
        }
        "late" => {
            let from = r.between(0.15, 0.5) * length;
            sure(Box::new(move |t| all * (t - from).max(0.0) / (length - from)))
        }
        "chunks" => {
            let count = 3 + r.pick(23);
            let chunks = move |t: f64| (t / length * count as f64 + 0.5).floor();
            Leak { leaked: Box::new(move |t| all / count as f64 * chunks(t)), unsure: count < 6 }
        }
        "bursts" => {
            let (period, busy) = (r.between(20.0, 90.0), r.between(0.1, 0.5));
            sure(Box::new(move |t| {
                let (whole, part) = ((t / period).floor(), (t / period).fract());
                rate / 60.0 * period * (whole + (part / busy).min(1.0))
            }))
        }
        // Stops for a while and goes on, twice at least.
        "pauses" => {
            let (period, busy) = (r.between(0.12, 0.35) * length, r.between(0.4, 0.8));
            let at = move |t: f64| (t / period).floor() + ((t / period).fract() / busy).min(1.0);
            let total = at(length);
            sure(Box::new(move |t| all * at(t) / total))
        }
        // Ever larger chunks.
        "growing" => {
            let (count, factor) = (8 + r.pick(20), r.between(1.02, 1.15));
            let sum = move |n: f64| (f64::powf(factor, n) - 1.0) / (factor - 1.0);
            let total = sum(count as f64);
            sure(Box::new(move |t| all * sum((t / length * count as f64).floor()) / total))
        }
        // A long pause in the middle.
        "plateau" => {
            let (from, long) = (r.between(0.2, 0.4) * length, r.between(0.1, 0.25) * length);
            let at = move |t: f64| t.min(from) + (t - from - long).max(0.0);
            let total = at(length);
            sure(Box::new(move |t| all * at(t) / total))
        }
        // Whole sessions are kept, at random moments.
        "sessions" => {
            let count = 15 + r.pick(60);
            let mut times: Vec<f64> = (0..count).map(|_| r.share() * length).collect();
            times.sort_unstable_by(f64::total_cmp);
            sure(Box::new(move |t| {
                all * times.partition_point(|at| *at <= t) as f64 / count as f64
            }))
        }
        // As a table that grows with the root of the work: slower, and without end.
        "slowing" => {
            let power = r.between(0.6, 0.9);
            sure(Box::new(move |t| all * (t / length).powf(power)))
        }
        _ => sure(Box::new(move |t| rate * t / 60.0)),
    }
}
