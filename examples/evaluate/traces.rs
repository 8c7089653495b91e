//! Verdicts on recorded containers with the truth beside them.

use std::path::Path;

use runner::analysis::leak::Verdict;

use crate::score::{Score, holds};

#[path = "../../tests/support/traces.rs"]
#[allow(clippy::unwrap_used, reason = "files of known form")]
mod recorded;

use recorded::{Judged, judged};

/// Prints a line a set, and one a container where `list` asks for it.
pub fn evaluate(folder: &Path, list: bool) {
    let mut all = Score::default();
    for set in ["short", "long"] {
        let mut score = Score::default();
        for one in judged(folder, set) {
            score.add(&one.verdict, one.leaks, &one.rates);
            if list {
                print_one(&one);
            }
        }
        print(set, &score);
        all = all.and(score);
    }
    print("both", &all);
}

fn print_one(one: &Judged) {
    let Judged { name, kind, leaks, rates, verdict: found } = one;
    let accused = matches!(found.verdict, Verdict::Leak | Verdict::Suspect);
    let wrong = if accused == *leaks { " " } else { "!" };
    let (low, high) = (found.ci_low.unwrap_or(f64::NAN), found.ci_high.unwrap_or(f64::NAN));
    let missed = !rates.is_empty() && !rates.iter().any(|rate| holds(low, high, *rate));
    let parts: Vec<String> =
        found.parts.iter().map(|p| format!("{} {:.2}", p.part, p.per_min)).collect();
    println!(
        "{wrong}{} {name} {kind:<22} {:>7.3} {:<13} {:>7.3} [{low:>7.3},{high:>7.3}] p {:.2} finds {:.2} \
         {} {}",
        if missed { "x" } else { " " },
        rates.first().copied().unwrap_or(f64::NAN),
        found.verdict.to_string(),
        found.slope_mb_per_min.unwrap_or(f64::NAN),
        found.probability.unwrap_or(f64::NAN),
        found.detectable_mb_per_min.unwrap_or(f64::NAN),
        parts.join(" "),
        found.reason.as_deref().unwrap_or_default(),
    );
}

fn print(set: &str, score: &Score) {
    println!(
        "recorded {set}: F1 {:.3}, {} of {} leaks found ({} called leak), {} of {} healthy accused, \
         {} of {} undecided, {} leaks above 1 MB/min called ok, {} of {} intervals hold",
        score.f1(),
        score.found,
        score.leaks,
        score.called_leak,
        score.accused,
        score.healthy,
        score.undecided,
        score.total(),
        score.reassured,
        score.covered,
        score.intervals,
    );
}
