//! A second look before an accusation: two measurements have to agree.

use crate::config::LeakConfig;

use super::{LeakVerdict, Reason, Verdict};

/// Whether a verdict has to be confirmed by a second cycle, or a longer active phase, before it
/// fails a run: `leak.confirm` is on, it is a leak, and one below
/// `leak.confirm_below_mb_per_min`.
#[must_use]
pub fn needs_confirmation(found: &LeakVerdict, config: &LeakConfig) -> bool {
    let below = found.slope_mb_per_min.is_some_and(|s| s < config.confirm_below_mb_per_min);
    config.confirm && found.verdict == Verdict::Leak && below
}

/// A leak that nobody looked at twice is suspect.
#[must_use]
pub fn unconfirmed(found: LeakVerdict) -> LeakVerdict {
    LeakVerdict {
        verdict: Verdict::Suspect,
        reason: Some("not confirmed: one measurement below the rate that needs two".to_string()),
        reason_name: Some(Reason::NotConfirmed),
        confirmed: Some(false),
        ..found
    }
}

/// Two measurements of one container under load, as one verdict. The sharper one (the longer, else
/// the later) gives the figures.
///
/// A leak needs both: the other one a leak or suspect too. Where the later one clearly shows no growth
/// (`ok`), what grew before filled up: `ok`, at whatever rate it did. What one could not tell the
/// other may.
#[must_use]
pub fn combined(first: LeakVerdict, second: &LeakVerdict, config: &LeakConfig) -> LeakVerdict {
    use Verdict::{Inconclusive, InsufficientData, Leak, Ok, Suspect};
    let longer = second.minutes.unwrap_or(0.0) > 1.1 * first.minutes.unwrap_or(0.0);
    let is_growth = |v: Verdict| matches!(v, Leak | Suspect);
    match (first.verdict, second.verdict) {
        (InsufficientData, _) => second.clone(),
        (_, InsufficientData) => first,
        (a, b) if is_growth(a) && is_growth(b) => {
            let both = a == Leak && b == Leak;
            let sure = both || longer && b == Leak;
            let mut figures = if longer { second.clone() } else { first };
            figures.verdict = if sure { Leak } else { Suspect };
            figures.confirmed = Some(true);
            if sure {
                (figures.reason, figures.reason_name) = (None, None);
            }
            figures
        }
        (a, b) if is_growth(a) || is_growth(b) => {
            let (grown, other) = if is_growth(a) { (&first, second) } else { (second, &first) };
            // What is level in a later cycle filled in an earlier one, at whatever rate.
            if second.verdict == Ok {
                return second.clone();
            }
            if grown.verdict == Leak
                && grown.slope_mb_per_min.is_some_and(|s| s >= config.confirm_below_mb_per_min)
                && other.verdict == Inconclusive
            {
                return grown.clone();
            }
            LeakVerdict {
                verdict: Suspect,
                reason: Some(format!("not confirmed: another cycle is {}", other.verdict)),
                reason_name: Some(Reason::NotConfirmed),
                confirmed: Some(false),
                ..grown.clone()
            }
        }
        (Ok, Inconclusive) => first,
        (Inconclusive, Ok) => second.clone(),
        _ if longer => second.clone(),
        _ => first,
    }
}
