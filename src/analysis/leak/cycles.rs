//! Several cycles of load and rest: floors that rise tell a leak from memory that was only kept.

use crate::config::LeakConfig;

use super::floors::{Floor, growth_of};
use super::{LeakVerdict, Reason, Verdict};

/// Two standard errors of a floor.
const ERRORS: f64 = 2.0;

/// Brings in the floors of the cycles, where there are two or more. Floors that do not rise acquit:
/// what grew under load was given back, or used again. Floors that rise as fast as the threshold
/// settle what could not be told from one cycle.
#[must_use]
pub fn settle(found: LeakVerdict, floors: &[Floor], config: &LeakConfig) -> LeakVerdict {
    let Some((rate, error)) = growth_of(floors) else { return found };
    if found.verdict == Verdict::InsufficientData {
        return found;
    }
    let (low, high) = (rate - ERRORS * error, rate + ERRORS * error);
    if high < config.suspect_mb_per_min {
        return LeakVerdict {
            verdict: Verdict::Ok,
            reason: None,
            reason_name: None,
            more_minutes: None,
            slope_mb_per_min: Some(rate),
            ci_low: Some(low),
            ci_high: Some(high),
            minutes_to_limit: None,
            ..found
        };
    }
    let is_open = found.verdict == Verdict::Inconclusive;
    if is_open
        && floors.len() >= 3
        && low > config.floor_mb_per_min
        && rate >= config.suspect_mb_per_min
    {
        let verdict = if rate >= config.leak_mb_per_min { Verdict::Leak } else { Verdict::Suspect };
        return LeakVerdict {
            verdict,
            reason: None,
            reason_name: None,
            more_minutes: None,
            slope_mb_per_min: Some(rate),
            ci_low: Some(low),
            ci_high: Some(high),
            confirmed: Some(true),
            ..found
        };
    }
    if is_open
        && found.reason_name == Some(Reason::ConfoundedByLoad)
        && high < config.leak_mb_per_min
    {
        return LeakVerdict { verdict: Verdict::Ok, reason: None, reason_name: None, ..found };
    }
    found
}
